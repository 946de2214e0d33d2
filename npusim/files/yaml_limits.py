"""Bounds on YAML files, the same for the reader and the writer."""

from __future__ import annotations

MAX_BYTES = 64 << 20
MAX_DEPTH = 32
MAX_NODES = 1_000_000
MAX_KEY_LENGTH = 1000
"""Characters of a written key: YAML parsers look no further than 1024 for its colon."""
