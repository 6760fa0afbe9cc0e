"""The benchmark behind scripts/dev/bench."""
