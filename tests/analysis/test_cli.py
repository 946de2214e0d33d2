from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import npusim
from npusim.analysis import load_taps
from npusim.cli.app import app
from npusim.datapath.load import change_datapath
from npusim.errors import CheckFailed, InputError
from npusim.files.data import save_data
from tests.analysis.builders import WES, conv, program
from tests.analysis.mutants import taps_of

RNG = np.random.default_rng(6)
FIELDS = {"inverse_shift": np.arange(4), "shift": 18, "multiplier": 45056}
NARROW = change_datapath(WES, {"mac.accumulator.bits": 18, "mac.bias.bits": 18}, "narrow")


def saved(folder: Path, datapath: npusim.Datapath = WES) -> Path:
    step = conv(RNG.integers(-99, 99, (4, 3, 3, 4)), [1, 2, 3, 4], FIELDS)
    program(step, shape=(5, 4, 4), datapath=datapath).save(folder / "p.yaml")
    return folder / "p.yaml"


def run(*arguments: object) -> tuple[str, BaseException | None]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.stdout, result.exception


def test_prove_tables_and_json(tmp_path: Path) -> None:
    path = saved(tmp_path)
    text, error = run("prove", path, "--rescale", "--witnesses", tmp_path / "w")
    assert error is None
    assert "kernel and spec agree" in text
    assert "fast_32" in text
    plain = json.loads(run("prove", path, "--json", "--input-range", "-5..5")[0])
    (step,) = plain["steps"]
    assert not plain["overflow_possible"]
    assert len(step["channels"]["reachable.final.low"]) == 4
    assert step["reachable_bits"] < step["safe_bits"]

    witness = npusim.load_program(tmp_path / "w" / "conv.yaml")
    text, error = run("run", tmp_path / "w" / "conv.yaml", "--input", tmp_path / "w" / "conv.inputs.h5",
                      "--taps", "conv", "-o", tmp_path / "out.npz")  # fmt: skip
    assert error is None
    taps = np.load(tmp_path / "out.npz")["taps/conv/accumulator"]
    proof = npusim.load_program(path)
    assert witness.datapath == proof.datapath
    found = json.loads(run("prove", path, "--json")[0])["steps"][0]["channels"]
    assert (taps.min(), taps.max()) == (min(found["any.final.low"]), max(found["any.final.high"]))


def test_witnesses_become_vectors(tmp_path: Path) -> None:
    """What reaches the bounds, as golden vectors: their accumulators are the bounds."""
    path = saved(tmp_path)
    folder = tmp_path / "w"
    plain = json.loads(run("prove", path, "--witnesses", folder, "--json")[0])
    given = folder / "conv.yaml", "--input", folder / "conv.inputs.h5", "--images", "2", "-o", tmp_path / "v"
    assert run("vectors", *given)[1] is None
    sums = load_taps(tmp_path / "v").taps["conv", "accumulator"].values
    found = plain["steps"][0]["channels"]
    assert (sums[0].min(), sums[1].max()) == (min(found["any.final.low"]), max(found["any.final.high"]))


def test_long_names_are_shortened_in_tables(tmp_path: Path) -> None:
    steps = []
    for index, kind in enumerate("abc"):
        names = {"name": f"net/block/{kind}", "inputs": ("y" * index or "x",), "output": "y" * (index + 1)}
        steps.append(conv(np.ones((4, 1, 1, 4)), **names))
    program(*steps, shape=(2, 2, 4)).save(tmp_path / "p.yaml")
    text, error = run("prove", tmp_path / "p.yaml")
    assert error is None
    assert "~ is net/block\n" in text
    assert "\n~/b " in text
    assert "of 32 bits (3 steps, this is the widest)" in text


def test_prove_fails_where_overflow_is_possible(tmp_path: Path) -> None:
    path = saved(tmp_path)
    with pytest.raises(CheckFailed, match="can overflow in 1 steps"):
        raise run("prove", saved(tmp_path, NARROW))[1] or AssertionError
    assert run("prove", path, "--input-range", "-3..3")[1] is None
    for wrong in ("3", "a..b", "9..3"):
        assert isinstance(run("prove", path, "--input-range", wrong)[1], InputError)
    assert isinstance(run("prove", path, "--datapath", "wes_npu_inverse0")[1], InputError)


def test_equiv(tmp_path: Path) -> None:
    path = saved(tmp_path)
    text, error = run("equiv", "wes_npu", "wes_npu_half_even", "--program", path)
    assert isinstance(error, CheckFailed)
    assert "rounds half_even, not half_up" in text
    plain = json.loads(run("equiv", "wes_npu", "wes_npu_half_even", "--program", path, "--json")[0])
    assert not plain["equal"]
    assert plain["differing"] == sum(unit["differing"] for unit in plain["units"])
    one = plain["units"][0]["counterexamples"][0]
    assert one["left"] != one["right"]
    assert plain["explanations"][0]["changes"][0][0]["set"] == "pipelines.mac.result[1].rounding: half_even"
    text, error = run("equiv", "wes_npu", "wes_npu_subtract")
    assert error is None
    assert "no difference" in text
    assert isinstance(run("equiv", "wes_npu")[1], InputError)


def test_equiv_tells_what_is_not_decided(tmp_path: Path) -> None:
    """Codes that were wrapped already are wrapped once more: equal, but not by being the same stages."""
    twice = tmp_path / "twice.yaml"
    result = """
    - {stage: shift_left, by: left_shift, bits: 32, overflow: wrap}
    - {stage: shift_right, by: [shift], rounding: floor}
    - {stage: clamp, low: low, high: high}
    - {stage: wrap, to: 8}
    - {stage: wrap, to: 8}"""
    twice.write_text(
        f"extends: vta\nname: twice\ntitle: wraps twice\nset:\n  pipelines.mac.result:{result}\n"
    )
    text, error = run("equiv", "vta", twice, "--seconds", "0")
    assert isinstance(error, CheckFailed)
    plain = json.loads(run("equiv", "vta", twice, "--seconds", "0", "--json")[0])
    assert plain["undecided"] == sum(unit["undecided"] for unit in plain["units"]) > 0
    assert f"NOT DECIDED: {plain['undecided']:,} patterns" in text
    assert "no difference in what was decided" in text


def test_a_datapath_equals_itself_without_a_look() -> None:
    plain = json.loads(run("equiv", "vta", "vta", "--seconds", "0", "--json")[0])
    assert plain["equal"]
    assert plain["undecided"] == 0


def test_infer(tmp_path: Path) -> None:
    samples = {"accumulator": np.arange(-8, 8), "multiplier": np.full(16, 32768), "shift": np.full(16, 16)}
    np.savez(tmp_path / "up.npz", **samples, output=np.arange(-8, 8) + 1 >> 1)
    text, error = run("equiv", "--infer", tmp_path / "up.npz")
    assert error is None
    assert "\n  wes_npu\n" in text
    assert "wes_npu_half_even" not in text.split("preset")[0]
    np.savez(tmp_path / "none.npz", **samples, output=np.arange(16) ** 2)
    assert isinstance(run("equiv", "--infer", tmp_path / "none.npz")[1], CheckFailed)
    assert isinstance(run("equiv", "--infer", tmp_path / "missing.npz")[1], InputError)
    assert json.loads(run("equiv", "--infer", tmp_path / "up.npz", "--json")[0])["samples"] == 16


def test_diff(tmp_path: Path) -> None:
    path = saved(tmp_path)
    made = npusim.load_program(path)
    images = RNG.integers(-128, 128, (2, 5, 4, 4)).astype(np.int8)
    save_data(tmp_path / "x.h5", {"inputs": images})
    save_data(tmp_path / "a.h5", taps_of(made, images))
    save_data(tmp_path / "b.h5", taps_of(made, images, npusim.load_datapath("wes_npu_floor")))
    text, error = run("diff", tmp_path / "a.h5", tmp_path / "a.h5")
    assert error is None
    assert "no difference" in text
    arguments = (
        "diff",
        tmp_path / "a.h5",
        tmp_path / "b.h5",
        "--program",
        path,
        "--input",
        tmp_path / "x.h5",
    )
    text, error = run(*arguments)
    assert isinstance(error, CheckFailed)
    assert "conv:output, image 0, row" in str(error)
    assert "pipelines.mac.result[1].rounding: floor" in text
    plain = json.loads(run(*arguments, "--json")[0])
    assert plain["first"]["step"] == "conv"
    assert plain["explanations"][0][0]["rule"] == "rounding"
    assert isinstance(
        run("diff", tmp_path / "a.h5", tmp_path / "b.h5", "--input", tmp_path / "x.h5")[1], InputError
    )
