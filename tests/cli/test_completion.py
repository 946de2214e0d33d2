"""Shell completion of presets and recipes, by typer's own protocol."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from npusim.compiler.recipe import recipe_names
from npusim.datapath import preset_names


def complete(words: str) -> list[str]:
    """What bash is offered for the last word."""
    said = {
        "_NPUSIM_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-m", "npusim"], env=os.environ | said, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    "words", ["npusim compile net.yaml --datapath wes_npu_s", "npusim datapath show wes_npu_s"]
)
def test_presets(words: str) -> None:
    found = complete(words)
    assert found == [name for name in preset_names() if name.startswith("wes_npu_s")]
    assert len(found) >= 3


def test_recipes() -> None:
    found = complete("npusim compile net.yaml --recipe we")
    assert found == [name for name in recipe_names() if name.startswith("we")]
    assert "wes" in found


def test_commands() -> None:
    assert {"demo", "datapath", "doctor"} <= set(complete("npusim d"))
