"""Paths in configs cannot leave their folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from npusim.errors import InputError
from npusim.files.paths import inside


def test_inside(tmp_path: Path) -> None:
    assert inside(tmp_path, "a.h5") == tmp_path / "a.h5"
    assert inside(tmp_path, "sub/./a.h5") == tmp_path / "sub" / "a.h5"


@pytest.mark.parametrize(
    "relative",
    ["", "..", "../a.h5", "sub/../../a", "a/..", "/etc/passwd", "C:/a", "a\\b", "a\0b", "n" * 300 + "/.."],
)
def test_outside(tmp_path: Path, relative: str) -> None:
    with pytest.raises(InputError):
        inside(tmp_path, relative)


def test_symbolic_links(tmp_path: Path) -> None:
    folder = tmp_path / "nets"
    folder.mkdir()
    (folder / "out").symlink_to(tmp_path)
    (folder / "within").symlink_to(folder / "real.h5")
    assert inside(folder, "within") == folder / "within"
    for relative in ("out", "out/a.h5"):
        with pytest.raises(InputError, match="out of its folder"):
            inside(folder, relative)
