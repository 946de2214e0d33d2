from __future__ import annotations

import numpy as np

from npusim.datapath.load import change_datapath
from npusim.vectors.layouts.registers import register
from tests.vectors.programs import WES


def test_one_value_is_repeated_for_every_channel() -> None:
    stream, values = register("field_shift", "shift", 21, WES, 3)
    assert (stream.bits, stream.signed, stream.axes) == (6, False, (("channel", 3),))
    assert values.tolist() == [21, 21, 21]


def test_a_table_is_no_channel_register_even_where_lengths_agree() -> None:
    stream, values = register("field_table", "table", np.arange(-128, 128), WES, 256)
    assert (stream.bits, stream.signed, stream.axes) == (8, True, (("entry", 256),))
    assert values.tolist() == list(range(-128, 128))


def test_a_field_the_hardware_lacks_has_one_bit() -> None:
    datapath = change_datapath(WES, {"fields.inverse_shift.bits": 0}, "no_inverse_shift")
    stream, values = register("field_inverse_shift", "inverse_shift", 0, datapath, 2)
    assert (stream.bits, values.tolist()) == (1, [0, 0])


def test_unsigned_words_of_64_bits_keep_their_top_bit() -> None:
    wide = change_datapath(WES, {"fields.spare": {"bits": 64}}, "wide")
    stream, values = register("field_spare", "spare", 2**64 - 1, wide, 1)
    (block,) = stream.blocks(values)
    assert block[1].tolist() == [[2**64 - 1]]
