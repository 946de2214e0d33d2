"""Datapaths so small that everything they can do can be looked at."""

from __future__ import annotations

from npusim.datapath import Datapath, load_datapath
from npusim.datapath.load import datapath_from

SMALL = {
    "activation.bits": 3,
    "weight.bits": 3,
    "weight.low": None,
    "mac.lanes": 1,
    "mac.accumulator.bits": 6,
    "mac.bias.bits": 6,
    "fields.multiplier.bits": 2,
    "fields.shift.bits": 3,
    "fields.inverse_shift.bits": 0,
    "fields.x_zero.bits": 3,
    "fields.y_zero.bits": 3,
    "fields.low.bits": 3,
    "fields.high.bits": 3,
    "scale.magnitude_bits": 2,
}


def toy(rounding: str = "half_up", **changes: object) -> Datapath:
    """wes_npu with 3-bit operands, a 6-bit accumulator, one lane."""
    plain = load_datapath("wes_npu").model_dump(mode="json", exclude_none=True)
    plain["pipelines"] = {"mac": plain["pipelines"]["mac"]}
    plain["pipelines"]["mac"]["result"][1]["rounding"] = rounding
    plain["name"] = "toy"
    return datapath_from(plain, changes={**SMALL, **changes})
