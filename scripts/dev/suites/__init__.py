"""What scripts/dev/test runs: which tests belong to a path, the parts of a run, and the sums at its end."""
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[3]
RESULTS = ROOT / "build/test-results"
