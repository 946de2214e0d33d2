"""Which instruction set the kernels are compiled for: asked of numba's target, not of the host."""

from __future__ import annotations

import os
from enum import Enum
from functools import cache

from npusim.errors import InputError

VARIABLE = "NPUSIM_ISA"
"""The environment variable that forces an instruction set."""


class InstructionSet(Enum):
    """The instruction sets that dot products are written for; the later, the better."""

    GENERIC = "generic"
    """Whatever LLVM makes of plain loops for numba's target."""
    AVX2 = "avx2"
    AVX512_VNNI = "avx512_vnni"

    @property
    def features(self) -> frozenset[str]:
        """The target features it needs, by their LLVM names."""
        return _FEATURES[self]


_FEATURES = {
    InstructionSet.GENERIC: frozenset[str](),
    InstructionSet.AVX2: frozenset({"avx2"}),
    InstructionSet.AVX512_VNNI: frozenset({"avx512f", "avx512bw", "avx512vl", "avx512vnni"}),
}


def target_features() -> frozenset[str]:
    """The features numba compiles for.

    They differ from the host's under ``NUMBA_CPU_NAME``, ``NUMBA_CPU_FEATURES`` and ``NUMBA_ENABLE_AVX``;
    an intrinsic outside them aborts the process.
    """
    from numba.core.registry import cpu_target

    _triple, _cpu, features = cpu_target.target_context.codegen().magic_tuple()
    return frozenset(name[1:] for name in features.split(",") if name.startswith("+"))


def available() -> tuple[InstructionSet, ...]:
    """The instruction sets numba's target supports, the best last."""
    features = target_features()
    return tuple(choice for choice in InstructionSet if choice.features <= features)


@cache
def selected() -> InstructionSet:
    """The instruction set of this process: `NPUSIM_ISA`, or the best available one.

    Raises
    ------
    InputError
        If `NPUSIM_ISA` names an unknown set, or one that numba's target lacks.
    """
    choices = available()
    forced = os.environ.get(VARIABLE, "").strip().lower()
    if not forced:
        return choices[-1]
    for choice in choices:
        if choice.value == forced:
            return choice
    known = forced in {choice.value for choice in InstructionSet}
    raise InputError(
        "this instruction set is not supported by numba's target" if known else "unknown instruction set",
        key=VARIABLE,
        found=forced,
        allowed=", ".join(choice.value for choice in choices),
    )
