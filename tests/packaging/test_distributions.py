"""Wheel, source distribution and editable install: complete, and nothing but npusim."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
BUILD = "import sys; from setuptools import build_meta; getattr(build_meta, sys.argv[1])(sys.argv[2])"
PYTHON_CACHE = shutil.ignore_patterns("__pycache__")


def build(kind: str, source: Path, target: Path) -> Path:
    """Run one hook of the build backend, without network and without touching the checkout."""
    target.mkdir(exist_ok=True)
    command = [sys.executable, "-c", BUILD, kind, str(target)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (made,) = (path for path in target.iterdir() if path.suffix in {".whl", ".gz"})
    return made


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a clone holds, as far as building needs it; folders that must not be packed as well."""
    target = tmp_path_factory.mktemp("build") / "clone"
    for part in ("npusim", "kernels", "configs", "golden", "tests/packaging", "tools"):
        shutil.copytree(ROOT / part, target / part, symlinks=True, ignore=PYTHON_CACHE)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, target)
    return target


@pytest.fixture(scope="module")
def wheel(tree: Path) -> Path:
    return build("build_wheel", tree, tree.parent / "wheel")


@pytest.fixture(scope="module")
def sdist(tree: Path) -> Path:
    return build("build_sdist", tree, tree.parent / "sdist")


def package_files(tree: Path) -> set[str]:
    """Every file of the package as imported, through its links."""
    found = set()
    for folder, _, names in os.walk(tree / "npusim", followlinks=True):
        for path in (Path(folder, name).relative_to(tree) for name in names):
            if "__pycache__" not in path.parts:
                found.add(path.as_posix())
    return found


def names_in_wheel(wheel: Path) -> set[str]:
    with ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def names_in_sdist(sdist: Path) -> set[str]:
    with tarfile.open(sdist) as archive:
        members = archive.getmembers()
    assert [m.name for m in members if m.issym() or m.islnk()] == []
    return {str(PurePosixPath(*PurePosixPath(m.name).parts[1:])) for m in members if m.isfile()}


def test_the_links_are_links() -> None:
    links = {name: (ROOT / "npusim" / name).readlink() for name in ("kernels", "configs", "rtl")}
    assert links == {
        "kernels": Path("../kernels"),
        "configs": Path("../configs"),
        "rtl": Path("../golden/rtl"),
    }


def test_the_wheel_holds_the_whole_package_and_nothing_else(tree: Path, wheel: Path) -> None:
    assert names_in_wheel(wheel) == package_files(tree)


def test_the_sdist_holds_the_whole_package(tree: Path, sdist: Path) -> None:
    assert package_files(tree) | {"pyproject.toml", "README.md", "LICENSE"} <= names_in_sdist(sdist)


def test_the_sdist_builds_the_same_wheel(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    again = build("build_wheel", unpacked, tmp_path / "wheel")
    with ZipFile(wheel) as one, ZipFile(again) as two:
        assert {i.filename: i.CRC for i in one.infolist()} == {i.filename: i.CRC for i in two.infolist()}


def test_an_editable_install_is_a_path_file(tree: Path) -> None:
    """An import hook would work for Python but not for type checkers."""
    made = build("build_editable", tree, tree.parent / "editable")
    (name,) = names_in_wheel(made)
    assert name.endswith(".pth")
    with ZipFile(made) as archive:
        assert archive.read(name).decode().strip() == str(tree)


CHECK = """
import sys
import npusim, npusim.kernels
from npusim.datapath import preset_names
from npusim.compiler import recipe_names
for name in preset_names():
    npusim.load_datapath(name)
print(npusim.__file__, npusim.kernels.__file__, len(preset_names()), len(recipe_names()), sep="\\n")
"""


def test_an_installed_wheel_runs(tree: Path, wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    with ZipFile(wheel) as archive:
        archive.extractall(site)
    # First on the path, ahead of an editable install of this checkout.
    environment = {**os.environ, "PYTHONPATH": str(site)}
    command = [sys.executable, "-c", CHECK]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    package, kernels, presets, recipes = done.stdout.split()
    assert Path(package) == site / "npusim" / "__init__.py"
    assert Path(kernels) == site / "npusim" / "kernels" / "__init__.py"
    assert int(presets) == len(list((tree / "configs" / "datapaths").glob("*.yaml")))
    assert int(recipes) == len(list((tree / "configs" / "recipes").glob("*.yaml")))


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        meta = {Path(n).name: archive.read(n).decode() for n in archive.namelist() if ".dist-info/" in n}
    assert "npusim = npusim.cli:main" in meta["entry_points.txt"]
    assert meta["top_level.txt"].split() == ["npusim"]
    assert "Requires-Python: >=3.11" in meta["METADATA"]
    assert "Apache License" in meta["LICENSE"]
