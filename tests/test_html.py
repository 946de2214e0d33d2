"""HTML by pieces: everything that is not markup is escaped."""

from __future__ import annotations

import json
import re
from html import unescape

from hypothesis import given
from hypothesis import strategies as st

from npusim.html import Markup, join, script_json, tag

TEXT = st.text(max_size=40) | st.sampled_from(["</script>", "<!--", "]]>", "\u2028", "'\"><img onerror=x>"])


@given(TEXT)
def test_text_comes_back_as_it_went_in(text: str) -> None:
    made = tag("p", text)
    assert made.count("<") == 2
    assert unescape(made[3:-4]) == text


@given(TEXT)
def test_an_attribute_stays_within_its_quotes(text: str) -> None:
    (value,) = re.fullmatch(r'<p title="([^"<>]*)"></p>', tag("p", title=text), re.DOTALL).groups()  # type: ignore[union-attr]
    assert unescape(value) == text


def test_markup_is_not_escaped_again_but_what_is_joined_to_it_is() -> None:
    assert tag("p", tag("b", "a & b"), "<") == "<p><b>a &amp; b</b>&lt;</p>"
    assert join([Markup("<br>"), "<br>"], " & ") == "<br> &amp; &lt;br&gt;"


def test_absent_content_and_attributes_leave_nothing() -> None:
    assert tag("input", None, disabled=True, hidden=False, id=None, data_x=0) == '<input disabled data-x="0">'


@given(st.dictionaries(TEXT, TEXT | st.integers(), max_size=3))
def test_data_in_a_script_cannot_end_it(data: dict[str, object]) -> None:
    made = script_json(data)
    assert not set("<>&\u2028\u2029") & set(made)
    assert json.loads(made) == data
