"""Pruning: what nobody used for long goes, also while other processes use the cache."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from npusim import user_cache
from npusim.kernels import cache


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder: this process's kernels, and some of others."""
    own = tmp_path / "kernels-own"
    own.mkdir()
    monkeypatch.setattr(cache, "folder", lambda: own)
    return tmp_path


def make(path: Path, days: float) -> Path:
    """A file that was last used so many days ago."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"x")
    used = time.time() - days * 86400
    for entry in (path, path.parent):
        os.utime(entry, (used, used))
    return path


def test_what_is_old_goes(folder: Path) -> None:
    make(folder / "kernels-old" / "a", 91)
    kept = [
        make(folder / "kernels-recent" / "a", 89),
        make(folder / "kernels-own" / "a", 500),
        make(folder / "other" / "a", 500),
        make(folder / "float" / "new.npz", 89),
        make(folder / "float" / "notes.txt", 500),
    ]
    gone = make(folder / "float" / "old.npz", 91)
    assert user_cache.prune() == [folder / "kernels-old", gone]
    assert not (folder / "kernels-old").exists()
    assert not gone.exists()
    assert all(path.exists() for path in kept)
    assert not list(folder.glob(".pruned*"))


def test_a_folder_that_is_read_is_in_use(folder: Path) -> None:
    """One file read lately keeps the folder, though all were written long ago."""
    old = make(folder / "kernels-used" / "a", 400)
    recent = make(folder / "kernels-used" / "b", 400)
    os.utime(recent, (time.time(), recent.stat().st_mtime))
    assert user_cache.prune() == []
    assert old.exists()


def test_links_are_left_alone(folder: Path) -> None:
    target = make(folder / "elsewhere" / "a", 400)
    (folder / "kernels-link").symlink_to(target.parent)
    assert user_cache.prune(days=0) == []
    assert target.exists()


def test_a_folder_that_cannot_be_renamed_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process was quicker."""
    make(folder / "kernels-old" / "a", 91)

    def refuse(self: Path, target: Path) -> Path:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "rename", refuse)
    assert user_cache.prune() == []


def test_float_answers_have_a_folder(folder: Path) -> None:
    found = user_cache.float_folder()
    assert found == folder / "float"
    assert found.is_dir()


def test_no_float_answers_are_kept_in_a_temporary_cache(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "folder", lambda: folder / "npusim-kernels-temporary")
    assert user_cache.float_folder() is None
