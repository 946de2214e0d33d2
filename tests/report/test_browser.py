"""The page in headless Chromium: opened, sorted, filtered, measured."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from npusim.report import Report, render
from tests.report.reports import ATTACK, full, hostile, large

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDTHS = (1280, 400)
THEMES = ("light", "dark")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium; in continuous integration it may not be missing."""
    needed = os.environ.get("CI", "").lower() == "true"
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        assert not needed, "no Chromium"
        pytest.skip(f"no Chromium: none of {', '.join(BROWSERS)} on PATH")
    if not needed:
        pytest.importorskip("playwright", reason="part of the extra browser")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=path)
        yield opened
        opened.close()


@pytest.fixture
def show(browser: Any, tmp_path: Path) -> Iterator[Any]:
    """Shows a report as a file of its own; at the end nothing may have complained or asked for anything."""
    complaints: list[str] = []
    contexts = []

    def _show(report: Report, width: int = 1280, theme: str = "light") -> Any:
        path = tmp_path / "report.html"
        path.write_text(render(report), encoding="utf-8")
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, offline=True
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda request: complaints.append(request.url) if request.url != path.as_uri() else None,
        )
        page.goto(path.as_uri())
        return page

    _show.complaints = complaints  # type: ignore[attr-defined]
    yield _show
    for context in contexts:
        context.close()
    assert complaints == []


def column(page: Any, table: str, name: str) -> list[str]:
    """What the visible cells of a column show."""
    names = page.locator(f"#{table} thead th").all_inner_texts()
    cells = page.locator(f"#{table} tbody tr:visible td:nth-child({names.index(name) + 1})")
    return [text.strip() for text in cells.all_inner_texts()]


def head(page: Any, table: str, name: str) -> Any:
    """A column's head."""
    return page.locator(f"#{table} thead th").filter(has=page.get_by_role("button", name=name, exact=True))


def test_sorted_by_click_both_ways_with_blanks_last(show: Any) -> None:
    page = show(full())
    names = column(page, "steps-table", "#")
    macs = head(page, "steps-table", "MACs")
    assert macs.get_attribute("aria-sort") == "none"
    for direction in ("ascending", "descending"):
        macs.get_by_role("button").click()
        assert macs.get_attribute("aria-sort") == direction
        shown = [
            int(cell.replace(",", "")) for cell in column(page, "steps-table", "MACs") if cell[0].isdigit()
        ]
        assert shown == sorted(shown, reverse=direction == "descending")
    noise = head(page, "steps-table", "SQNR")
    noise.get_by_role("button").click()
    assert macs.get_attribute("aria-sort") == "none"
    head(page, "steps-table", "#").get_by_role("button").click()
    assert column(page, "steps-table", "#") == names


def test_blank_cells_go_last_in_both_directions(show: Any) -> None:
    page = show(full())
    for _ in range(2):
        head(page, "sweep-1-table", "top1").get_by_role("button").click()
        cells = column(page, "sweep-1-table", "top1")
        assert cells[-1] == ""
        assert "" not in cells[:-1]


def test_sorted_by_keyboard(show: Any) -> None:
    page = show(full())
    page.locator("#steps-filter").focus()
    for _ in range(2):  # the scrolling region, then the first head
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert head(page, "steps-table", "#").get_attribute("aria-sort") == "ascending"
    page.keyboard.press("Space")
    assert head(page, "steps-table", "#").get_attribute("aria-sort") == "descending"
    assert column(page, "steps-table", "#") == ["5", "4", "3", "2", "1"]


def test_filtered_by_text(show: Any) -> None:
    page = show(full())
    page.get_by_label("Filter steps").fill("CONV")
    names = column(page, "steps-table", "step")
    assert names
    assert all("conv" in name for name in names)
    assert len(names) < 5
    assert (
        page.locator("#steps output, output[for=steps-filter]").first.inner_text()
        == f"{len(names)} of 5 steps"
    )
    page.get_by_label("Filter steps").fill("head dense")
    assert len(column(page, "steps-table", "step")) == 1
    page.get_by_label("Filter steps").fill("")
    assert len(column(page, "steps-table", "step")) == 5


def test_everything_is_reached_by_keyboard_and_seen_there(show: Any) -> None:
    page = show(full())
    wanted = page.evaluate(
        "[...document.querySelectorAll('a, button, input, summary, [tabindex=\"0\"]')]"
        ".filter((e) => e.checkVisibility()).length"
    )
    reached = set()
    for _ in range(wanted + 5):
        page.keyboard.press("Tab")
        place, outline = page.evaluate(FOCUS)
        if place >= 0:
            assert outline != "none"
            reached.add(place)
    assert len(reached) >= wanted


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_overflows_and_text_can_be_read(show: Any, width: int, theme: str) -> None:
    page = show(full(), width, theme)
    page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    low = page.evaluate(CONTRAST)
    assert low == []


def test_the_measure_of_contrast_sees_low_contrast(show: Any) -> None:
    page = show(full())
    page.evaluate("document.querySelector('.intro').style.color = '#999'")
    assert [words for words, ratio in page.evaluate(CONTRAST) if ratio < 4.5]


def test_the_theme_follows_the_system_until_it_is_chosen(show: Any) -> None:
    page = show(full(), theme="dark")
    paper = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(paper)
    assert page.locator("#theme").get_attribute("aria-pressed") == "true"
    page.locator("#theme").click()
    light = page.evaluate(paper)
    assert light != dark
    assert page.locator("#theme").get_attribute("aria-pressed") == "false"
    page.emulate_media(color_scheme="light")
    page.locator("#theme").click()
    assert page.evaluate(paper) == dark


def test_paper_is_light_and_unfolded(show: Any) -> None:
    page = show(full(), width=1010, theme="dark")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("nav").is_hidden()
    assert page.get_by_role("region", name="Data sheet").is_visible()
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    assert page.evaluate(CONTRAST) == []
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.get_by_role("region", name="Data sheet").is_hidden()
    assert len(page.pdf(prefer_css_page_size=True)) > 10_000


def test_hostile_text_is_shown_and_not_run(show: Any) -> None:
    page = show(hostile())
    assert page.evaluate("window.attacked") is None
    assert page.locator("h1").inner_text() == ATTACK
    assert ATTACK in column(page, "steps-table", "step")[0]
    assert page.locator("img").count() == 0


def test_no_other_script_would_run(show: Any) -> None:
    page = show(full())
    refused = page.evaluate(
        """() => new Promise((tell) => {
          addEventListener("securitypolicyviolation", (event) => tell(event.effectiveDirective));
          const script = document.createElement("script");
          script.textContent = "window.attacked = true";
          document.body.append(script);
        })"""
    )
    assert refused.startswith("script-src")
    assert page.evaluate("window.attacked") is None
    (complaint,) = show.complaints
    assert "Content Security Policy" in complaint
    show.complaints.clear()


def test_a_large_page_is_ready_within_a_second(show: Any) -> None:
    page = show(replace(full(), sweeps=(large(2000),)))
    ready = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    assert 0 < ready < 3000  # under one on a machine that has nothing else to do
    took = (
        head(page, "sweep-1-table", "top1")
        .get_by_role("button")
        .evaluate(
            "(button) => { const t = performance.now(); button.click(); return performance.now() - t; }"
        )
    )
    assert took < 1500
    shown = [float(cell) for cell in column(page, "sweep-1-table", "top1")]
    assert shown == sorted(shown)
    assert len(shown) == 2000


FOCUS = """(() => {
  const focused = document.activeElement;
  const place = focused === document.body ? -1 : [...document.querySelectorAll("*")].indexOf(focused);
  return [place, getComputedStyle(focused).outlineStyle];
})()"""
"""Which element has the focus (-1: none), and the style of the outline around it."""

CONTRAST = """(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const part = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = rgb(getComputedStyle(e).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255];
  };
  const low = new Map();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const words = walker.currentNode.data.trim();
    if (!words || !element.checkVisibility() || ["SCRIPT", "STYLE"].includes(element.tagName)) continue;
    const style = getComputedStyle(element);
    const ink = light(rgb(element.closest("svg") ? style.fill : style.color)), paper = light(behind(element));
    const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    if (ratio < 4.5) low.set(words.slice(0, 40), ratio);
  }
  return [...low];
})()"""
"""Texts whose contrast with what lies behind them is below 4.5 (WCAG 2, 1.4.3), with their ratios."""
