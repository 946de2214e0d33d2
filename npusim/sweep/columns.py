"""The columns of a sweep's table."""

from __future__ import annotations

QUALITIES = ("float_top1", "top1", "agreement", "output_sqnr_db", "worst_sqnr_db")
"""Shares of images (0..1), and SQNR in dB."""

COSTS = (
    "accumulator_bits",
    "multiplier_bits",
    "shift_bits",
    "inverse_shift_bits",
    "rescale_bits",
    "parameter_bits",
    "weight_bytes",
    "macs",
    "cells",
)
"""What hardware pays for: `npusim.sweep.costs` says what each is, `npusim.sweep.cells` fills ``cells``."""

COUNTS = ("images", "proven_bits", "seen_bits", "overflows", "overflowing_steps")
"""How much was run; the accumulator bits that `npusim prove` proves and the run needed; overflows."""

NUMBERS = ("images", *QUALITIES, *COUNTS[1:], *COSTS)
"""Measured columns that hold numbers."""

TEXTS = ("worst_step", "compiled_for", "notes")
"""Measured columns that hold text."""

MEASURED = (
    "images",
    *QUALITIES,
    "worst_step",
    *COUNTS[1:],
    *COSTS,
    "compiled_for",
    "notes",
)
"""What a computed point has, in the table's order."""

LEADING = ("point", "network", "datapath", "recipe")
OUTCOME = ("status", "reason")
TRAILING = ("pareto", "digest")

RESERVED = frozenset((*LEADING, *OUTCOME, *MEASURED, *TRAILING))
"""Names that an axis cannot have."""
