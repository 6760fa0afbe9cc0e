"""How long a long run is: the whole test takes a tenth of it with the same checks, `scripts/dev/test soak` all of it."""
import os


def long_run(whole):
    """`whole`, or a tenth of it. Never less than one. Its scenario is marked `soak`."""
    return whole if os.environ.get("POSTERN_TEST_SOAK") else max(1, whole // 10)
