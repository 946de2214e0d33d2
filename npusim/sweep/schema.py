"""The JSON Schema of sweep files, for editors."""

from __future__ import annotations

from typing import Any

from npusim.sweep.model import Sweep


def sweep_schema() -> dict[str, Any]:
    """A sweep as its file stands; ``axes`` and ``points`` take names of one's own."""
    made = Sweep.model_json_schema()
    definitions = made.pop("$defs")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **made,
        "title": "npusim sweep",
        "$defs": dict(sorted(definitions.items())),
    }
