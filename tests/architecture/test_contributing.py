"""CONTRIBUTING.md is enough: each section's files, written into a copy, are found and run."""

from __future__ import annotations

import re
import shlex
import shutil
import textwrap
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.architecture.commands import lint_imports, need, python

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
BLOCK = re.compile(
    r"^ *```(?P<language>\w+)(?: (?P<path>\S+))?\n(?P<body>.*?)^ *```$", re.MULTILINE | re.DOTALL
)

SECTIONS = {
    "Add a layer": 2,
    "Add a step": 5,
    "Add a pass": 3,
    "Add a datapath preset": 2,
}
"""How many files each section writes."""


class Block(NamedTuple):
    """A piece of code in CONTRIBUTING.md; `path` is the file it is, if it is one."""

    language: str
    path: str | None
    body: str


def blocks(section: str) -> list[Block]:
    (text,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    return [Block(m["language"], m["path"], textwrap.dedent(m["body"])) for m in BLOCK.finditer(text)]


def files(section: str) -> dict[str, str]:
    return {block.path: block.body for block in blocks(section) if block.path is not None}


def follow(section: str, tree: Path) -> list[str]:
    """Write a section's files, all of them new; return the Python ones."""
    for name, body in files(section).items():
        path = tree / name
        assert not path.exists(), f"{name} exists: the example must be a new file"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body)
    return [name for name in files(section) if name.endswith(".py")]


@pytest.fixture
def clone(copied_tree: Path) -> Path:
    """The copy with the tests that are there already."""
    ours = shutil.ignore_patterns("__pycache__", "architecture", "packaging")
    shutil.copytree(ROOT / "tests", copied_tree / "tests", ignore=ours)
    return copied_tree


def test_every_section_is_tried() -> None:
    assert re.findall(r"^## (Add .*)$", TEXT, re.MULTILINE) == list(SECTIONS)
    assert {section: len(files(section)) for section in SECTIONS} == SECTIONS


@pytest.mark.parametrize("section", SECTIONS)
def test_the_steps_suffice(section: str, clone: Path) -> None:
    sources = follow(section, clone)
    tests = [name for name in sources if name.startswith("tests/")]
    assert len(tests) == 1
    done = python(clone, "-m", "pytest", "-q", *sources)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("section", SECTIONS)
def test_the_examples_keep_the_house_style(section: str, clone: Path) -> None:
    need("ruff")
    sources = follow(section, clone)
    for command in (("check",), ("format", "--check")):
        done = python(clone, "-m", "ruff", *command, "--no-cache", *sources)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_walls_stand_with_all_examples(clone: Path) -> None:
    for section in SECTIONS:
        follow(section, clone)
    done = lint_imports(clone)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_preset_is_told_in_words(clone: Path) -> None:
    follow("Add a datapath preset", clone)
    (command,) = (block.body for block in blocks("Add a datapath preset") if block.language == "sh")
    done = python(clone, "-m", *shlex.split(command))
    assert done.returncode == 0, done.stderr
    assert re.search(r"accumulator +s20", done.stdout)
