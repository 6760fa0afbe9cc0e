"""Gives the scenarios below this folder their fixtures: tests/support."""
from support.fixtures import backend, browser, browsers, gateway, h2_upstream, postern, upstream, websocket_server  # noqa: F401
