"""What can be wrong in a datapath file: the line is that of the key, also where checks span several keys."""

from __future__ import annotations

from pathlib import Path

import pytest

import npusim
from npusim.errors import InputError
from tests.cli.files import Mistake

PRESET = Path(npusim.__file__).parent / "configs" / "datapaths" / "wes_npu.yaml"
RESULT = "pipelines.mac.result[0]"

MISTAKES = [
    Mistake("lanes: 16", "lanez: 16", "mac.lanez", "lanez", "did you mean 'lanes'"),
    Mistake("lanes: 16", "lanes: 0", "mac.lanes", "lanes: 0", "1"),
    Mistake("lanes: 16", "lanes: sixteen", "mac.lanes", "sixteen", "integer"),
    Mistake("bits: 49", "bits: 47", RESULT, "bits: 47", "declare more bits or an overflow rule"),
    Mistake("by: multiplier,", "by: multiplyer,", RESULT, "multiplyer", "did you mean 'multiplier'"),
    Mistake("stage: multiply", "stage: multiplyy", f"{RESULT}.stage", "multiplyy", "did you mean 'multiply'"),
    Mistake(
        "rounding: half_up", "rounding: up", "pipelines.mac.result[1].rounding", "rounding: up", "half_up"
    ),
    Mistake(
        "{bits: 32, place: preload}", "{bits: 33, place: preload}", "mac.bias", "bits: 33", "place: late"
    ),
    Mistake("magnitude_bits: 16", "magnitude_bits: 17", "scale.magnitude_bits", "17", "0..65535"),
    Mistake("low: -127", "low: -129", "weight", "low: -129", "-128..127"),
    Mistake("  concat:", "  concatt:", "pipelines.concatt", "concatt", "did you mean 'concat'"),
    Mistake("bits: 6, per: layer", "bits: 66, per: layer", "fields.shift.bits", "bits: 66", "64"),
    Mistake("status: checked", "status: sure", "evidence.status", "sure", "checked, cited"),
    Mistake("overflow: saturate", "overflow: clip", "mac.accumulator.overflow", "clip", "saturate"),
    Mistake("npusim-datapath-1", "npusim-recipe-1", "format", "npusim-recipe-1", "npusim-datapath-1"),
]
VARIANTS = [
    Mistake("lanes: 8", "lanes: 0", "mac.lanes", "mac.lanes: 0", "1"),
    Mistake("mac.lanes", "mac.lane.s", "mac.lane.s", "mac.lane.s", "did you mean 'lanes'"),
    Mistake("extends: wes_npu", "extends: wes_np", "extends", "extends: wes_np", "did you mean 'wes_npu'"),
    Mistake("title: mine", "titel: mine", "titel", "titel", "did you mean 'title'"),
]


def check(mistake: Mistake, path: Path) -> None:
    mistake.make(path)
    with pytest.raises(InputError) as caught:
        npusim.load_datapath(path)
    mistake.check(caught.value, path)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.new)
def test_mistakes_in_a_whole_datapath(tmp_path: Path, mistake: Mistake) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(PRESET.read_text(encoding="utf-8"), encoding="utf-8")
    assert npusim.load_datapath(path).name == "wes_npu"
    check(mistake, path)


@pytest.mark.parametrize("mistake", VARIANTS, ids=lambda mistake: mistake.new)
def test_mistakes_in_a_variant(tmp_path: Path, mistake: Mistake) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("extends: wes_npu\nname: mine\ntitle: mine\nset:\n  mac.lanes: 8\n", encoding="utf-8")
    assert npusim.load_datapath(path).mac.lanes == 8
    check(mistake, path)
