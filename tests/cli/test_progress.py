"""Progress: silent when piped and for short work; the time left at the speed of late."""

from __future__ import annotations

import logging
import sys
import time

import pytest

from npusim.cli.progress import Progress


class Terminal:
    """A terminal, and a clock to turn."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, terminal: bool = True) -> None:
        self.now = 100.0
        self.text = ""
        self._terminal = terminal
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(sys, "stderr", self)

    def isatty(self) -> bool:
        return self._terminal

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        pass

    @property
    def line(self) -> str:
        """What stands there."""
        return self.text.rpartition("\r")[2].rstrip()


def test_short_work_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(monkeypatch)
    with Progress("images") as progress:
        terminal.now += 1.9
        progress.count(1, 2)
    assert terminal.text == ""


def test_nothing_is_shown_when_piped(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(monkeypatch, terminal=False)
    with Progress("images") as progress:
        for done in range(5):
            terminal.now += 10
            progress.count(done, 5)
            progress.tell("working")
    assert terminal.text == ""


def test_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(monkeypatch)
    with Progress("images") as progress:
        progress.count(10, 100)
        terminal.now += 5
        progress.count(20, 100)
        assert terminal.line == "images: 20 of 100, 40 s left"
        terminal.now += 5
        progress.count(100, 100)
        assert terminal.line == "images: 100 of 100"
    assert terminal.line == ""


def test_pieces_found_finished_do_not_count_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """900 of 1000 are there at once, then ten take a minute each."""
    terminal = Terminal(monkeypatch)
    progress = Progress("images")
    for done in range(0, 910, 10):
        progress.count(done, 1000)
    for done in (910, 920, 930):
        terminal.now += 60
        progress.count(done, 1000)
    assert terminal.line == "images: 930 of 1000, 7 min 0 s left"


def test_counts_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(monkeypatch)
    progress = Progress("compiling")
    terminal.now += 3
    progress.tell("finding ranges: image 8 of 64")
    assert terminal.line == "finding ranges: image 8 of 64"
    terminal.now += 4
    progress.tell("finding ranges: image 16 of 64")
    assert terminal.line == "finding ranges: image 16 of 64, 24 s left"
    terminal.now += 1
    progress.tell("other words: image 1 of 64")
    assert terminal.line == "other words: image 1 of 64"
    progress.tell("at once")
    assert terminal.line == "other words: image 1 of 64"  # not more often than eyes can follow
    terminal.now += 1
    progress.tell("lower")
    assert terminal.line == "lower"


@pytest.mark.parametrize("piped", [False, True])
def test_kernels_that_are_compiled_show_at_once(monkeypatch: pytest.MonkeyPatch, piped: bool) -> None:
    terminal, logger = Terminal(monkeypatch, terminal=not piped), logging.getLogger("npusim.kernels")
    level, handlers = logger.level, list(logger.handlers)
    with Progress("running"):
        logger.info("compiling kernels (only the first time): %s", "convolve")
        assert terminal.line == ("" if piped else "compiling kernels (only the first time): convolve")
    assert terminal.line == ""
    assert (logger.level, list(logger.handlers)) == (level, handlers)
