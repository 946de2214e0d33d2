"""An architect moves one stage of a datapath's YAML: other bits, same command; the spec agrees."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import npusim
from npusim.datapath import load_datapath
from tests.simulator.programs import batch, compiled
from tests.simulator.spec_network import spec_network

PRESET = Path(npusim.__file__).parent / "configs" / "datapaths" / "wes_npu.yaml"

TOGETHER = """\
      - {stage: multiply, by: multiplier, bits: 49, rule: W4}
      - {stage: shift_right, by: [shift, inverse_shift], rounding: half_up, rule: W4}
"""
MOVED = """\
      - {stage: shift_right, by: [inverse_shift], rounding: half_up, rule: W4}
      - {stage: multiply, by: multiplier, bits: 49, rule: W4}
      - {stage: shift_right, by: [shift], rounding: half_up, rule: W4}
"""


def edited(folder: Path) -> Path:
    text = PRESET.read_text(encoding="utf-8")
    assert text.count(TOGETHER) == 1
    path = folder / "mine.yaml"
    path.write_text(text.replace(TOGETHER, MOVED).replace("name: wes_npu", "name: mine"), encoding="utf-8")
    return path


def test_moving_the_inverse_shift_changes_bits_and_nothing_else(tmp_path: Path) -> None:
    mine = load_datapath(edited(tmp_path))
    program = compiled()
    before = npusim.simulate(program, batch(64), taps=["conv"])
    after = npusim.simulate(program, batch(64), taps=["conv"], datapath=mine)
    a, b = before.taps["conv"], after.taps["conv"]
    np.testing.assert_array_equal(a["accumulator"], b["accumulator"])
    difference = b["output"].astype(int) - a["output"].astype(int)
    # A second rounding, of at most half a step before the multiply, moves a code by one.
    assert np.count_nonzero(difference) > 0
    assert np.abs(difference).max() == 1
    assert any((before.outputs[name] != after.outputs[name]).any() for name in before.outputs)


def test_the_edited_datapath_computes_what_its_text_says(tmp_path: Path) -> None:
    mine = load_datapath(edited(tmp_path))
    program = compiled().replace(datapath=mine)
    rng = np.random.default_rng(4)
    codes = {name: rng.integers(-128, 128, (1, 5, 5, 3)).astype(np.int8) for name in "ab"}
    expected = spec_network(program, {name: batch[0] for name, batch in codes.items()})
    made = npusim.simulate(program, codes).outputs
    for name, values in made.items():
        np.testing.assert_array_equal(values[0], expected.tensors[name])


def test_the_shipped_variant_is_the_same_edit(tmp_path: Path) -> None:
    mine, shipped = load_datapath(edited(tmp_path)), load_datapath("wes_npu_shift_before_multiply")
    assert mine.pipelines == shipped.pipelines
