from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from npusim.vectors.words import digit_values, from_digits, to_digits, word_type


@given(st.data(), st.integers(1, 64), st.booleans(), st.integers(1, 5))
def test_words_are_packed_as_python_packs_them(
    data: st.DataObject, bits: int, signed: bool, lanes: int
) -> None:
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    codes = st.sampled_from([low, high, 0]) | st.integers(low, high)
    words = data.draw(st.lists(st.lists(codes, min_size=lanes, max_size=lanes), min_size=1, max_size=4))
    digits = to_digits(np.array(words, word_type(bits, signed)), bits)
    for word, text in zip(words, digits, strict=True):
        packed = sum((code & (1 << bits) - 1) << lane * bits for lane, code in enumerate(word))
        assert bytes(text).decode() == f"{packed:0{-(-bits * lanes // 4)}x}"
    values, wrong = digit_values(digits)
    assert wrong is None
    found, beyond = from_digits(values, bits, lanes, signed)
    assert found.tolist() == words
    assert beyond is None


def test_bits_beyond_the_word_are_found() -> None:
    values, _ = digit_values(np.frombuffer(b"3f7f", np.uint8).reshape(2, 2))
    assert from_digits(values, 6, 1, signed=True)[1] == 1


def test_letters_that_are_no_digits_are_found() -> None:
    assert digit_values(np.frombuffer(b"0fAxff", np.uint8).reshape(3, 2))[1] == 1
