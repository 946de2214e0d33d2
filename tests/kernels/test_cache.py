"""The kernel cache: never stale, never a traceback, one warning at most."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.kernels.processes import ROOT, run_python

SCRIPT = """
import numpy as np
from npusim.kernels.jit import KERNELS
from npusim.kernels.pipeline import compile_pipeline
from npusim.kernels.rescale import rescale
from npusim.spec.rounding import Rounding
from npusim.spec.stages import Clamp, Multiply, ShiftRight
stages = [Multiply(by=3), ShiftRight(by=(1,), rounding=Rounding.HALF_UP), Clamp(low=-9, high=9)]
plan = compile_pipeline(stages, {}, 1)
codes = rescale(plan, np.array([[-100], [-1], [1], [2], [100]], np.int32), np.int8)
hits = sum(sum(k.dispatcher.stats.cache_hits.values()) for k in KERNELS.values())
print(codes.reshape(-1).tolist(), hits)
"""
CODES = "[-9, -1, 2, 3, 9]"


def _run(cache: Path, root: Path = ROOT) -> tuple[str, int]:
    """What the script printed and how often it warned."""
    done = run_python("-W", "always", "-c", SCRIPT, root=root, NPUSIM_CACHE_DIR=str(cache))
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout.strip(), done.stderr.count("CacheWarning")


def _files(cache: Path) -> list[Path]:
    return [path for path in cache.rglob("*") if path.is_file()]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache that holds the script's kernel."""
    folder = tmp_path / "cache"
    assert _run(folder) == (f"{CODES} 0", 0)
    assert len(_files(folder)) == 1
    return folder


def test_the_second_process_compiles_nothing(cache: Path) -> None:
    assert _run(cache) == (f"{CODES} 1", 0)


def test_damaged_files_are_compiled_again(cache: Path) -> None:
    (kept,) = _files(cache)
    whole = kept.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    for damaged in (b"garbage", b"", whole[:-1], flipped):
        kept.write_bytes(damaged)
        assert _run(cache) == (f"{CODES} 0", 1)
        assert _run(cache) == (f"{CODES} 1", 0)  # repaired


def test_a_folder_in_a_files_place(cache: Path) -> None:
    (kept,) = _files(cache)
    kept.unlink()
    (kept / "inside").mkdir(parents=True)
    assert _run(cache) == (f"{CODES} 0", 1)


@pytest.mark.parametrize("place", ["parent", "folder"])
def test_a_file_in_the_folders_place(cache: Path, place: str) -> None:
    blocked = cache if place == "parent" else next(cache.iterdir())
    shutil.rmtree(blocked)
    blocked.write_text("not a folder")
    assert _run(cache) == (f"{CODES} 0", 1)
    assert blocked.read_text() == "not a folder"


def test_edits_of_called_helpers_change_the_bits(tmp_path: Path) -> None:
    """numba's own cache keys on the entry point's file alone: it kept the old bits."""
    tree = tmp_path / "tree"
    for part in ("__init__.py", "errors.py"):
        (tree / "npusim").mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "npusim" / part, tree / "npusim" / part)
    shutil.copytree(ROOT / "npusim" / "spec", tree / "npusim" / "spec")
    shutil.copytree(ROOT / "kernels", tree / "kernels")
    (tree / "npusim" / "kernels").symlink_to("../kernels")
    cache = tmp_path / "cache"
    assert _run(cache, tree) == (f"{CODES} 0", 0)
    assert _run(cache, tree) == (f"{CODES} 1", 0)
    _edit(tree / "kernels" / "ops.py", "return low if value < low", "return low + 1 if value < low")
    assert _run(cache, tree) == ("[-8, -1, 2, 3, 9] 0", 0)
    _edit(tree / "npusim" / "spec" / "rounding.py", '"""A1: shift right', '"""Edited. A1: shift right')
    assert _run(cache, tree) == ("[-8, -1, 2, 3, 9] 0", 0)


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def test_what_is_compiled_is_told(tmp_path: Path) -> None:
    told = "import logging, sys\nlogging.basicConfig(level=logging.INFO, stream=sys.stderr)\n"
    for kernels in (1, 0):
        done = run_python("-c", told + SCRIPT, NPUSIM_CACHE_DIR=str(tmp_path))
        assert done.stderr.count("compiling kernels (only the first time): _rescale") == kernels, done.stderr
