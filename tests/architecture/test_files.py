"""The shape of the files: short, one thing each, found under its own name."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

import npusim.compiler.passes
import npusim.layers
import npusim.steps
from npusim.compiler.base import Pass
from npusim.layers.base import Layer
from npusim.model import Model
from npusim.registry import find
from npusim.steps.base import Step

ROOT = Path(__file__).parents[2]
MOST_LINES = 300
SOURCES = sorted(
    path.relative_to(ROOT)
    for folder in ("npusim", "kernels")
    for path in (ROOT / folder).rglob("*.py")
    if "__pycache__" not in path.parts
)
REGISTERED = {
    "layer": (npusim.layers, Layer),
    "step": (npusim.steps, Step),
    "pass_": (npusim.compiler.passes, Pass),
}


def test_all_sources_were_found() -> None:
    assert {Path("npusim/simulator.py"), Path("kernels/mac.py"), Path("npusim/layers/conv2d.py")} <= set(
        SOURCES
    )


def test_no_module_is_long() -> None:
    lengths = {str(path): len((ROOT / path).read_text().splitlines()) for path in SOURCES}
    assert {path: lines for path, lines in lengths.items() if lines > MOST_LINES} == {}


def test_every_module_says_what_it_is() -> None:
    texts = {path: (ROOT / path).read_text().lstrip() for path in SOURCES}
    assert [str(path) for path, text in texts.items() if not text.startswith(('"""', 'r"""'))] == []


@pytest.mark.parametrize("tag", REGISTERED)
def test_each_kind_has_a_file_of_its_own_name(tag: str) -> None:
    package, base = REGISTERED[tag]
    kinds = find(package, base, tag)
    homes = {kind: found.__module__ for kind, found in kinds.items()}
    assert homes == {kind: f"{package.__name__}.{kind}" for kind in homes}
    assert homes, f"no {tag} found"


@pytest.mark.parametrize("tag", REGISTERED)
def test_kind_and_tag_agree(tag: str) -> None:
    package, base = REGISTERED[tag]
    for kind, found in _kinds(package, base, tag).items():
        assert found.kind == kind


def _kinds(package: ModuleType, base: type[Model], tag: str) -> dict[str, type[Layer | Step | Pass]]:
    return find(package, base, tag)  # type: ignore[return-value]
