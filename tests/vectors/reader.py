"""Reads vector sets with nothing but json and int(): shares no code with what wrote them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Words:
    """A hex file: each word as its lanes' codes, lane 0 first."""

    entry: dict[str, Any]
    words: list[list[int]]

    @property
    def codes(self) -> list[int]:
        """For files of one code a word."""
        assert self.entry["lanes"] == 1
        return [word[0] for word in self.words]


def manifest(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return found


def step(folder: Path, name: str) -> tuple[dict[str, Any], dict[str, Words]]:
    """A step's entry in the manifest and its files by name."""
    entry = next(entry for entry in manifest(folder)["steps"] if entry["name"] == name)
    return entry, {file["name"]: read(folder, file) for file in entry["files"]}


def network(folder: Path) -> dict[str, Words]:
    return {file["name"]: read(folder, file) for file in manifest(folder)["network"]["files"]}


def read(folder: Path, entry: dict[str, Any]) -> Words:
    comment, *lines = (folder / entry["path"]).read_text().splitlines()
    assert comment == f"// {entry['name']}, {entry['word_bits']} bits, {entry['words']} words"
    assert len(lines) == entry["words"]
    assert entry["word_bits"] == entry["bits"] * entry["lanes"]
    assert {len(line) for line in lines} == {(entry["word_bits"] + 3) // 4}
    return Words(entry, [_lanes(int(line, 16), entry) for line in lines])


def _lanes(word: int, entry: dict[str, Any]) -> list[int]:
    assert word < 1 << entry["word_bits"]
    codes = []
    for lane in range(entry["lanes"]):
        code = word >> lane * entry["bits"] & (1 << entry["bits"]) - 1
        negative = entry["signed"] and code >> entry["bits"] - 1
        codes.append(code - (1 << entry["bits"]) if negative else code)
    return codes
