"""Files are written whole or not at all."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from npusim.errors import InputError
from npusim.files.atomic import LOCK_NAME, atomic_path, output_folder, write_bytes, write_text


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_writes_and_replaces(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "é\n")
    write_bytes(tmp_path / "a.txt", b"new")
    assert (tmp_path / "a.txt").read_bytes() == b"new"
    assert entries(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, ValueError, SystemExit])
def test_interrupted_write_leaves_the_old_file(tmp_path: Path, kind: type[BaseException]) -> None:
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(kind), atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        assert temporary.parent == tmp_path
        raise kind
    assert (tmp_path / "a.txt").read_text() == "old"
    assert entries(tmp_path) == ["a.txt"]


def test_interrupted_first_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), atomic_path(tmp_path / "a.txt"):
        raise KeyboardInterrupt
    assert entries(tmp_path) == []


def test_umask_decides_permissions(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "a.txt", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o640


def test_symbolic_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_text(tmp_path / "link", "x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "x"


def test_bad_targets(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    os.mkfifo(tmp_path / "pipe")
    for target, problem in [
        (tmp_path, "folder, not a file"),
        (tmp_path / "none" / "a.txt", "folder does not exist"),
        (tmp_path / "file" / "a.txt", "folder does not exist"),
        (tmp_path / "pipe", "device or pipe"),
        (Path("/dev/null"), "device or pipe"),
        (tmp_path / ("n" * 300), "usable path|cannot be written"),
        (Path("a\0b"), "not a usable path"),
    ]:
        with pytest.raises(InputError, match=problem):
            write_text(target, "x")
    assert entries(tmp_path) == ["file", "pipe"]


def test_folder_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("npusim.files.atomic.os.open", refuse)
    with pytest.raises(InputError, match="cannot be written: Permission denied"):
        write_text(tmp_path / "a.txt", "x")


def test_full_disk_is_bad_input_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No space left"), atomic_path(tmp_path / "a.txt"):
        raise OSError(28, "No space left on device")
    assert entries(tmp_path) == []


def test_output_folder_is_held(tmp_path: Path) -> None:
    with output_folder(tmp_path / "new" / "out") as folder:
        assert folder.is_dir()
        with pytest.raises(InputError, match="another npusim process"), output_folder(folder):
            pass
        program = (
            "import sys\nfrom npusim.errors import InputError\n"
            "from npusim.files.atomic import output_folder\n"
            "try:\n  output_folder(sys.argv[1]).__enter__()\nexcept InputError as error:\n  print(error)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, str(folder)],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert "another npusim process" in done.stdout
    with output_folder(folder):
        assert entries(folder) == [LOCK_NAME]


def test_output_folder_on_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file", tmp_path / "file" / "deeper"):
        with pytest.raises(InputError), output_folder(path):
            pass
