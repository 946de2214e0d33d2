"""A2 for the MAC: the widths between operands and accumulator, derived from the declaration."""

from __future__ import annotations

from dataclasses import dataclass

from npusim.datapath.model import Datapath
from npusim.spec.convolution import ZeroPoint
from npusim.spec.interval import Interval


@dataclass(frozen=True)
class MacWidths:
    """What the multiplier's operands, one product and one beat's exact sum can be.

    Attributes
    ----------
    activation, weight
        As they enter the multiplier: zero points already off where the MAC takes them off.
    """

    activation: Interval
    weight: Interval
    product: Interval
    beat: Interval


def mac_widths(datapath: Datapath) -> MacWidths:
    """Derive the MAC's widths for the whole operand code range.

    Examples
    --------
    >>> from npusim.datapath.load import load_datapath
    >>> mac_widths(load_datapath("wes_npu")).product
    Interval(low=-16256, high=16256)
    """
    subtracted = datapath.mac.zero_point is ZeroPoint.SUBTRACT
    activation = _without(datapath, datapath.activation.interval, "x_zero" if subtracted else None)
    if datapath.operand != datapath.activation.register:
        digits = Interval.of(datapath.operand)
        activation = digits + -digits if subtracted else digits
    weight = _without(
        datapath, datapath.weight.interval, "weight_zero" if datapath.weight.zero_point else None
    )
    product = activation * weight
    lanes = Interval(datapath.mac.lanes, datapath.mac.lanes)
    return MacWidths(activation, weight, product, product * lanes)


def _without(datapath: Datapath, codes: Interval, zero_point: str | None) -> Interval:
    """Codes less a zero point; without a field for it, the zero point is any code."""
    if zero_point is None:
        return codes
    return codes + -datapath.ranges().get(zero_point, codes)
