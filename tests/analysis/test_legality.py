from __future__ import annotations

import numpy as np

from npusim.analysis import legality
from npusim.analysis.legality import unnormalised
from npusim.datapath import load_datapath
from npusim.datapath.load import change_datapath
from tests.analysis.builders import WES, conv, program

WIDE = load_datapath("wes_npu_per_channel")
MADE = program(
    conv(
        np.full((3, 1, 1, 1), -127),
        [0, 1 << 20, 5],
        {"multiplier": np.array([65535, 32768, 40000]), "shift": 40, "inverse_shift": np.array([0, 9, 3])},
    ),
    shape=(2, 2, 1),
    datapath=WIDE,
)


def test_a_program_fits_its_own_datapath() -> None:
    assert legality(MADE, WIDE) == ()


def test_everything_that_does_not_fit_is_told_and_what_would_do_does() -> None:
    small = change_datapath(
        WES,
        {
            "fields.shift.bits": 5,
            "fields.inverse_shift.bits": 3,
            "mac.bias.bits": 16,
            "fields.multiplier.bits": 15,
            "scale.magnitude_bits": 15,
        },
        "small",
    )
    found = legality(MADE, small)
    told = {misfit.key: misfit.sufficient for misfit in found}
    assert told.keys() == {"fields.multiplier", "fields.shift", "fields.inverse_shift", "bias"}
    assert told["fields.shift"] == "fields.shift: {bits: 6, signed: false, per: layer}"
    assert told["fields.inverse_shift"] == "fields.inverse_shift: {bits: 4, signed: false, per: channel}"
    assert told["bias"] == "mac.bias.bits: 22"
    assert "fields.multiplier.per: channel" in {misfit.sufficient for misfit in found}
    changes = {
        "fields.shift.bits": 6,
        "fields.inverse_shift.bits": 4,
        "mac.bias.bits": 22,
        "fields.multiplier": {"bits": 16, "signed": False, "per": "channel"},
    }
    assert legality(MADE, change_datapath(small, changes, "enough")) == ()
    assert len(legality(MADE, change_datapath(small, {**changes, "fields.shift.bits": 5}, "short"))) == 1


def test_other_codes_and_weights_are_told() -> None:
    narrow = change_datapath(WIDE, {"weight.low": -100}, "narrow")
    (misfit,) = legality(MADE, narrow)
    assert (misfit.key, misfit.sufficient) == ("weights", "weight.low: -127")
    only_mac = WIDE.replace(pipelines={"mac": WIDE.pipelines["mac"]})
    changes = {"activation.signed": False, "fields.low.signed": False, "fields.high.signed": False}
    keys = {misfit.key for misfit in legality(MADE, change_datapath(only_mac, changes, "unsigned"))}
    assert "fields.low" in keys


def test_unnormalised_multipliers_are_noted() -> None:
    assert unnormalised(MADE, WIDE) == ()
    assert unnormalised(program(conv([[[[1]]]], fields={"multiplier": 77}), shape=(1, 1, 1)), WES) == (
        "conv",
    )
