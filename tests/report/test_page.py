"""The page as text: whole, deterministic, self-contained, escaped."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from npusim.evaluate import ArraySamples
from npusim.report import Report, make_report, render
from npusim.report.page import SECTIONS
from tests.cli.files import LABELS, NETWORK, PROGRAM
from tests.compiler.networks import images
from tests.report.reports import ATTACK, bare, full, hostile, narrow

VOID = {"br", "hr", "img", "input", "link", "meta", "wbr"}


class Parsed(HTMLParser):
    """Elements, attributes and text of a page; refuses tags that do not close what is open."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.ids: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self.ids += [value or "" for key, value in attrs if key == "id"]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("make", [full, bare, hostile])
def test_well_formed_with_distinct_ids(make: object) -> None:
    found = Parsed(render(make()))  # type: ignore[operator]
    assert len(set(found.ids)) == len(found.ids)


def test_every_section_is_there_and_in_the_contents() -> None:
    found = Parsed(render(full()))
    assert SECTIONS.keys() <= set(found.ids)
    assert {value for key, value in found.attributes if key == "href"} == {f"#{name}" for name in SECTIONS}


def test_what_was_not_done_is_left_out_and_said() -> None:
    found = Parsed(render(bare()))
    assert {"losses", "comparison", "sweeps", "accumulators"}.isdisjoint(found.ids)
    assert "Nothing was run" in found.text
    assert "overflows" not in re.findall(r"<th[^>]*><button[^>]*>([^<]*)", render(bare()))


def test_the_same_facts_make_the_same_bytes() -> None:
    assert render(full()) == render(full())
    assert render(make_report(PROGRAM)) == render(make_report(PROGRAM))


@pytest.mark.parametrize("make", [full, hostile])
def test_nothing_is_loaded_from_elsewhere(make: object) -> None:
    page = render(make())  # type: ignore[operator]
    found = Parsed(page)
    links = [value for key, value in found.attributes if key in {"src", "href", "srcset", "action", "data"}]
    assert all(link is not None and link.startswith("#") for link in links)
    assert "url(" not in page
    assert "@import" not in page
    (policy,) = [value for key, value in found.attributes if key == "content" and "-src" in (value or "")]
    assert (policy or "").startswith("default-src 'none'; ")
    assert "unsafe" not in (policy or "")


def test_hostile_text_is_shown_and_not_run() -> None:
    harmless, attacked = Parsed(render(full())), Parsed(render(hostile()))
    assert attacked.tags.count("script") == harmless.tags.count("script") == 2
    assert "img" not in attacked.tags
    assert not [key for key, _ in attacked.attributes if key.startswith("on")]
    assert attacked.text.count(ATTACK) >= 8


def test_overflows_are_said_counted_and_located() -> None:
    report = make_report(narrow(), network=NETWORK, samples=ArraySamples(images(), LABELS))
    (step,) = [step for step in report.subject.steps if step.overflows]
    (event,) = [event for event in step.events if event.event == "overflow"]
    text = Parsed(render(report)).text
    assert event.count == step.overflows
    image, row, column, channel = event.first
    assert f"image {image} at ({row}, {column}), channel {channel}" in text
    assert f"accumulators overflowed {step.overflows} times, in {step.name}" in text
    assert "Some input overflows" in text


def test_clips_are_split_into_activation_and_saturation() -> None:
    report = full()
    (relu,) = [step for step in report.subject.steps if step.activation_clips]
    text = Parsed(render(report)).text
    assert relu.outputs == 4 * int(np.prod(relu.shape))
    assert f"{100 * (relu.activation_clips or 0) / relu.outputs:.2f}\u202f%" in text
    counted = relu.statistics.events if relu.statistics is not None else {}
    kinds = {kind for events in counted.values() for kind in events}
    assert "activation" in kinds


def test_proven_seen_and_available_bits_agree_with_each_other() -> None:
    report: Report = full()
    for step in report.subject.steps:
        if step.seen is not None and step.proven is not None:
            assert step.seen.within(step.proven)
            assert step.seen.bits <= (step.proven_bits or 0) <= (step.available_bits or 0)
