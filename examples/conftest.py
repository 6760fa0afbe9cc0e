"""Gives the scenarios below this folder their fixtures: tests/support."""
from support.fixtures import gateway, postern, upstream  # noqa: F401
