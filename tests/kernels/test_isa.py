"""Instruction sets: chosen from numba's target, forced by the environment, the same bits on each (A10)."""

from __future__ import annotations

import pytest

from npusim.kernels import isa
from npusim.kernels.dot import IMPLEMENTED, dot_product
from npusim.kernels.isa import InstructionSet
from tests.kernels import bundle
from tests.kernels.processes import ROOT, run_python

BUNDLE = ROOT / "tests" / "kernels" / "bundle.py"
SELECTED = "from npusim.kernels import isa; print(isa.selected().value, [c.value for c in isa.available()])"


@pytest.mark.parametrize(
    "environment",
    [
        {"NPUSIM_ISA": "generic"},
        *[{"NPUSIM_ISA": choice.value} for choice in isa.available()[1:]],
        {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""},
        {"NUMBA_ENABLE_AVX": "0"},
    ],
    ids=["forced", *[choice.value for choice in isa.available()[1:]], "baseline", "without avx"],
)
def test_every_target_computes_the_same_bits(environment: dict[str, str]) -> None:
    done = run_python(BUNDLE, **environment)
    assert done.stdout.strip() == bundle.digest(), done.stderr


def test_the_best_available_set_is_selected() -> None:
    assert isa.selected() is isa.available()[-1]
    assert isa.available()[0] is InstructionSet.GENERIC


def test_sets_are_asked_of_numba_not_of_the_host() -> None:
    done = run_python("-c", SELECTED, NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="")
    assert done.stdout.strip() == "generic ['generic']", done.stderr
    done = run_python("-c", SELECTED, NUMBA_CPU_NAME="haswell", NUMBA_CPU_FEATURES="+avx2,-avx512f")
    assert done.stdout.strip() == "avx2 ['generic', 'avx2']", done.stderr


def test_the_environment_forces_one() -> None:
    assert run_python("-c", SELECTED, NPUSIM_ISA=" Generic ").stdout.startswith("generic [")


@pytest.mark.parametrize(
    ("forced", "words"), [("sse9", "unknown instruction set"), ("avx2", "not supported by numba's target")]
)
def test_what_cannot_be_forced_is_an_input_error(forced: str, words: str) -> None:
    script = (
        "from npusim.errors import InputError\n"
        "try:\n    from npusim.kernels import mac\n"
        "except InputError as error:\n    print(error)"
    )
    done = run_python("-c", script, NPUSIM_ISA=forced, NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="")
    assert done.stdout.strip().startswith("NPUSIM_ISA: "), done.stderr
    assert words in done.stdout
    assert f"found '{forced}'; allowed: generic" in done.stdout


def test_the_dot_product_is_the_best_implemented_one() -> None:
    implemented = [choice for choice in isa.available() if choice in IMPLEMENTED]
    assert IMPLEMENTED[implemented[-1]] == type(dot_product()).__module__
