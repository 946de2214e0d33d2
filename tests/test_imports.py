"""What importing costs: ``import npusim`` and ``npusim --help`` load nothing heavy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = {"h5py", "llvmlite", "mpmath", "numba", "numpy", "onnx", "pydantic", "torch", "yaml"}
REPORT = "import sys; print('LOADED', *sorted({name.partition('.')[0] for name in sys.modules}))"

IMPORT = "import npusim"
NAMES = "import npusim; dir(npusim); npusim.__version__; npusim.__all__"
HELP = """
import sys
from npusim.cli import main
sys.argv = ["npusim", "--help"]
try:
    main()
except SystemExit as left:
    assert not left.code, left.code
"""


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def loaded(statements: str) -> set[str]:
    code = f"{statements}\n{REPORT}"
    done = python("-c", code)
    assert done.returncode == 0, done.stderr
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("LOADED"))
    return set(line.split()[1:])


@pytest.mark.parametrize("statements", [IMPORT, NAMES, HELP], ids=["import", "names", "help"])
def test_nothing_heavy_is_loaded(statements: str) -> None:
    assert loaded(statements) & HEAVY == set()


def test_the_measure_sees_what_is_loaded() -> None:
    assert {"numpy", "pydantic", "yaml"} <= loaded("import npusim; npusim.load_datapath('wes_npu')")


def test_every_public_name_can_be_fetched() -> None:
    import npusim

    assert {name for name in npusim.__all__ if getattr(npusim, name, None) is None} == set()
    assert set(npusim.__all__) <= set(dir(npusim))


def test_an_unknown_name_is_an_attribute_error() -> None:
    import npusim

    with pytest.raises(AttributeError, match="compil_"):
        _ = npusim.compil_


def test_module_and_command_are_one() -> None:
    import npusim

    done = python("-m", "npusim", "--version")
    assert (done.returncode, done.stdout.strip()) == (0, npusim.__version__)
