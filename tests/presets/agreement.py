"""Hold a preset's pipeline against a naive transcription of its source: corners and 100,000 random cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from npusim.datapath import Datapath, load_datapath
from npusim.datapath.operations import PipelineRole
from npusim.kernels.pipeline import compile_pipeline
from npusim.kernels.pipeline import run as run_kernels
from npusim.spec.pipeline import run as run_spec
from npusim.steps.pipelines import require_pipeline

Words = npt.NDArray[np.int64]
Columns = Mapping[str, Words]
Formula = Callable[[int, Mapping[str, int]], int]

CASES = 100_000
_SAMPLE = 50
"""One in so many cases also goes through the spec."""


def integers(rng: np.random.Generator, low: int, high: int, count: int = CASES) -> Words:
    """Integers of all magnitudes, the ends and what is next to zero among them."""
    magnitude = rng.integers(0, max(abs(low), abs(high)).bit_length() + 1, count)
    drawn = rng.integers(-(2**62), 2**62, count) >> (62 - magnitude)
    drawn = np.where((drawn < low) | (drawn > high), rng.integers(low, high, count, endpoint=True), drawn)
    corners = [value for value in (low, low + 1, -1, 0, 1, high - 1, high) if low <= value <= high]
    places = rng.random(count) < 0.05
    return np.where(places, rng.choice(corners, count), drawn)


def near_steps(
    rng: np.random.Generator, ratio: npt.NDArray[np.float64], low: int, high: int, reach: int = 140
) -> Words:
    """Values at and next to where ``value * ratio`` crosses a half; every fourth is any value."""
    with np.errstate(divide="ignore", over="ignore"):
        target = (rng.integers(-reach, reach, CASES) + 0.5) / ratio
    target = np.clip(np.nan_to_num(target), float(low), min(float(high), 2.0**62))
    near = np.clip(np.rint(target).astype(np.int64) + rng.integers(-2, 3, CASES), low, high)
    return np.where(rng.random(CASES) < 0.25, integers(rng, low, high), near)


def bounds(rng: np.random.Generator, low: int, high: int) -> dict[str, Words]:
    """`low` and `high` in order, mostly the whole range of codes."""
    ends = np.sort(rng.integers(low, high, (2, CASES), endpoint=True), axis=0)
    whole = rng.random(CASES) < 0.7
    return {"low": np.where(whole, low, ends[0]), "high": np.where(whole, high, ends[1])}


def assert_agree(
    preset: str | Datapath,
    operation: str,
    fields: Columns,
    values: Words,
    formula: Formula,
    role: PipelineRole = PipelineRole.RESULT,
) -> None:
    """Every case through the kernels, a sample through the spec, all against the formula in Python.

    Case i is the value ``values[i]`` with the fields ``fields[name][i]``.
    """
    datapath = load_datapath(preset)
    stages = require_pipeline(datapath, operation, role)
    for name, column in fields.items():
        limits = datapath.fields[name].interval
        assert column.min() in limits, name
        assert column.max() in limits, name
    plain = {name: column.tolist() for name, column in fields.items()}
    rows = [{name: column[i] for name, column in plain.items()} for i in range(len(values))]
    expected = [formula(value, row) for value, row in zip(values.tolist(), rows, strict=True)]
    plan = compile_pipeline(stages, dict(fields), len(values))
    made = run_kernels(plan, np.array(values, np.int64).reshape(1, -1))
    np.testing.assert_array_equal(made[0], expected)
    for i in range(0, len(values), _SAMPLE):
        assert run_spec(stages, int(values[i]), rows[i]).result == expected[i]
    assert_varied(expected)


def assert_varied(results: Sequence[int]) -> None:
    """A comparison of one and the same result over and over would mean nothing."""
    _, counts = np.unique(results, return_counts=True)
    assert len(counts) > 100
    assert counts.max() < 0.7 * len(results)
