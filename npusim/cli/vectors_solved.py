"""``npusim vectors PROG.yaml --step S --solved``: a step alone, on inputs that coverage solves for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from npusim.cli import options

if TYPE_CHECKING:
    from npusim.vectors import Manifest

COVERAGE_NAME = "coverage.json"
"""Beside the manifest: what the set covers."""


def write_solved(
    program: Path, output: Path, steps: Sequence[str], format_: str, sample: int | None, seed: int
) -> Manifest:
    """Write the set; ``coverage.json`` in it says which image, pixel and channel hits which bin."""
    from json import dumps

    import npusim
    from npusim.analysis.witness import alone
    from npusim.cli.progress import Progress
    from npusim.errors import InputError
    from npusim.files.atomic import write_text
    from npusim.step_coverage import cover_steps
    from npusim.vectors import VectorFormat, write_vectors
    from npusim.vectors.bench.emit import emit_set

    chosen = options.choice(VectorFormat, format_, "--format")
    loaded = npusim.load_program(program)
    if len(steps) != 1:
        raise InputError("inputs are solved for one step", key="--solved", allowed="one --step S")
    (cover,) = cover_steps(loaded, steps, seed=seed)
    if not cover.inputs:
        raise InputError("nothing to solve for", key="--step", found=steps[0], allowed=cover.report.why_not)
    single = alone(loaded, steps[0])
    with Progress("writing vectors") as progress:
        manifest = write_vectors(
            single,
            dict(cover.inputs),
            output,
            format=chosen,
            images=cover.report.images,
            sample_pixels=sample,
            progress=progress.count,
        )
    if chosen is VectorFormat.HEX:
        emit_set(output, manifest)
    write_text(output / COVERAGE_NAME, dumps(cover.report.plain()) + "\n")
    return manifest
