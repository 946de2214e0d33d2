"""Every accumulator through the shipped kernels, against thresholds that the spec alone found.

The slow tier, about twenty minutes on two processors: ``pytest -m slow tests/analysis/test_exhaustive.py``.
It says a line for each thing it checks; each part is a test, which ``-k`` can pick. The lemma that makes
thresholds enough is stated in npusim.analysis.monotone and tested in test_monotone.
"""

from __future__ import annotations

import pytest

from npusim.analysis.exhaustive import check_kernel, spec_thresholds
from npusim.analysis.rescale import Rescale
from npusim.errors import InputError
from npusim.kernels import isa
from npusim.kernels.isa import InstructionSet
from npusim.spec.interval import Interval
from npusim.spec.rounding import Rounding
from npusim.spec.stages import Clamp, Multiply, Wrap
from npusim.spec.width import Width
from tests.analysis.exhaustive_bundle import ALL, INT8, STAGES, What, check_one_pass, checks, rescale
from tests.kernels.processes import run_lines


@pytest.mark.parametrize("rounding", Rounding)
def test_a_16_bit_accumulator_and_every_rule(rounding: Rounding) -> None:
    found = check_kernel(rescale(45056, 23, 1, rounding), 0, Interval.of(Width(16)), INT8)
    assert (found.accumulators, found.first_wrong) == (1 << 16, None)


def test_a_wrong_kernel_is_found() -> None:
    """The plan of another rule under the thresholds of the spec."""
    wrong = rescale(45056, 23, 1, Rounding.HALF_EVEN)
    object.__setattr__(wrong, "stages", STAGES)  # what the spec and the plan read
    wrong.__dict__["plan"] = rescale(45056, 23, 1, Rounding.FLOOR).plan

    class Lying(Rescale):
        def columns(self, chosen: object) -> Rescale:
            return wrong

    found = check_kernel(Lying(STAGES, wrong.fields, 1), 0, Interval.of(Width(16)), INT8)
    right, floor = (rescale(45056, 23, 1, rule) for rule in (Rounding.HALF_UP, Rounding.FLOOR))
    assert found.first_wrong is not None
    assert right.spec(found.first_wrong, 0) != floor.spec(found.first_wrong, 0)


def test_thresholds_of_the_spec_bound_every_code() -> None:
    one = rescale(45056, 18, 0)
    found = spec_thresholds(one, 0, Interval(-1000, 1000))
    assert [one.spec(at, 0) >= code > one.spec(at - 1, 0) for code, at in found.items()] == [True] * len(
        found
    )


def test_pipelines_that_are_not_monotone_are_refused() -> None:
    stages = (Multiply(by="multiplier"), Wrap(to=8), Clamp(low=-9, high=9))
    with pytest.raises(InputError, match="nondecreasing"):
        check_kernel(Rescale(stages, {"multiplier": 3}, 1), 0, ALL, INT8)


def test_a_check_of_each_set_in_this_process() -> None:
    """What the slow tier runs, but for its size."""
    names = {what: [check.name for check in checks(what)] for what in What}
    assert len(names[What.SHARED]) > 40
    assert len(names[What.PER_CHANNEL]) > 400
    assert names[What.PER_CHANNEL] == names[What.PER_CHANNEL_PROVEN]
    assert set(names[What.ONE_PASS]) == {*names[What.SHARED], *names[What.PATTERNS]}
    found = checks(What.PER_CHANNEL_PROVEN)[7].run()
    assert (found.accumulators, found.first_wrong) == (1 << 24, None)


@pytest.mark.skipif(
    isa.selected() is not InstructionSet.AVX512_VNNI, reason="needs AVX-512 VNNI, which this machine lacks"
)
def test_the_kernel_in_one_pass() -> None:
    """Multiplier 51111 and no shift: results leave 32 bits early, so few accumulators are accepted."""
    found = check_one_pass(rescale(51111, 0, 0))
    assert found.first_wrong is None
    assert 1 << 16 < found.accumulators < 1 << 18


# What the slow tier runs in full, 2^32 accumulators through each instruction set's own machine code: every
# triple where a layer has one multiplier, and the patterns. The triples of per-channel multipliers are eight
# times as many: in full on the best set, on the others over more accumulators than the networks can reach. It
# suffices: all sets compile one loop, whose code does not depend on the multiplier's value.
BEST = isa.available()[-1]
OTHERS = tuple(choice for choice in InstructionSet if choice is not BEST)
SETS: dict[What, tuple[int, tuple[InstructionSet, ...]]] = {
    What.PATTERNS: (2, tuple(InstructionSet)),
    What.SHARED: (4, tuple(InstructionSet)),
    What.PER_CHANNEL: (16, (BEST,)),
    What.PER_CHANNEL_PROVEN: (1, OTHERS),
    What.ONE_PASS: (6, (InstructionSet.AVX512_VNNI,)),
}
TARGETS = {
    InstructionSet.GENERIC: {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""},
    InstructionSet.AVX2: {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,-avx512f"},
    InstructionSet.AVX512_VNNI: {},
}
"""What numba compiles for, so that loops without dot products are each set's own as well."""
CASES = [
    pytest.param(what, choice, part, parts, id=f"{what}-{choice.value}-{part + 1} of {parts}")
    for what, (parts, choices) in SETS.items()
    for choice in choices
    for part in range(parts)
]


@pytest.mark.slow
@pytest.mark.parametrize(("what", "choice", "part", "parts"), CASES)
def test_every_accumulator(
    what: What, choice: InstructionSet, part: int, parts: int, capsys: pytest.CaptureFixture[str]
) -> None:
    if choice not in isa.available():
        pytest.skip(f"needs {choice.value}, which this machine lacks")
    said = []
    for line in run_lines(
        "-m", "tests.analysis.exhaustive_bundle", what, str(part), str(parts),
        NPUSIM_ISA=choice.value, **TARGETS[choice],
    ):  # fmt: skip
        said.append(line)
        with capsys.disabled():
            print(f"\n  {line}", end="", flush=True)
    assert said
    assert all(line.endswith(": right") for line in said)
