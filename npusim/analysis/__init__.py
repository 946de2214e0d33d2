"""Proofs instead of samples: accumulator bounds, equivalence of rescales, causes of divergences."""

from __future__ import annotations

from npusim.analysis.bounds import End, Moment
from npusim.analysis.divergence import DiffReport, diff
from npusim.analysis.equivalence import EquivalenceReport, equivalence
from npusim.analysis.inference import InferenceReport, infer
from npusim.analysis.legality import Misfit, legality
from npusim.analysis.proof import ProofReport, StepProof, prove
from npusim.analysis.scales import refilled_for
from npusim.analysis.taps import TapSet, load_taps
from npusim.analysis.witness import Replay, replay

__all__ = [
    "DiffReport",
    "End",
    "EquivalenceReport",
    "InferenceReport",
    "Misfit",
    "Moment",
    "ProofReport",
    "Replay",
    "StepProof",
    "TapSet",
    "diff",
    "equivalence",
    "infer",
    "legality",
    "load_taps",
    "prove",
    "refilled_for",
    "replay",
]
