"""Progress on a terminal for work that takes longer than two seconds; silence when piped."""

from __future__ import annotations

import logging
import re
import sys
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

_PATIENCE = 2.0
_MEMORY = 60.0
"""Seconds over which speed is judged: pieces found finished, or a first slow one, are soon forgotten."""

_SHORTEST = 0.1
_KERNELS = logging.getLogger("npusim.kernels")
_COUNT = re.compile(r"(\d+) of (\d+)")


class _Compiling(logging.Handler):
    """Shows at once which kernel is compiled: that takes seconds, and nothing else is heard meanwhile."""

    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__()
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler.emit`."""
        self._show(record.getMessage())


class Progress:
    """Tells what is being done, how far it is, and how much time is left.

    Usable as both of the library's callbacks: ``progress.tell("words")`` and
    ``progress.count(done, total)``. Words that say "3 of 20" are counted as well.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._started = time.monotonic()
        self._shown = 0.0
        self._terminal = sys.stderr.isatty()
        self._width = 0
        self._marks: deque[tuple[float, int]] = deque()
        self._counted = ""
        self._compiling = _Compiling(self._show)
        self._level = logging.NOTSET

    def __enter__(self) -> Self:
        self._level = _KERNELS.level
        _KERNELS.setLevel(logging.INFO)
        _KERNELS.addHandler(self._compiling)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _KERNELS.removeHandler(self._compiling)
        _KERNELS.setLevel(self._level)
        self._show("")

    def tell(self, words: str) -> None:
        """Say what is being done."""
        found = _COUNT.search(words)
        if found is None:
            self._what = words
            self._show_later(words)
        else:
            left = self._left(words[: found.start()], int(found[1]), int(found[2]))
            self._show_later(words + left, last=found[1] == found[2])

    def count(self, done: int, total: int) -> None:
        """Say how far it is."""
        text = f"{self._what}: {done}" + (f" of {total}" if total else "")
        self._show_later(text + self._left(self._what, done, total), last=done == total)

    def _left(self, what: str, done: int, total: int) -> str:
        """The time left at the speed of the last minute; nothing before there is a speed."""
        now = time.monotonic()
        if what != self._counted or (self._marks and done < self._marks[-1][1]):
            self._marks.clear()
            self._counted = what
        self._marks.append((now, done))
        while len(self._marks) > 2 and now - self._marks[0][0] > _MEMORY:
            self._marks.popleft()
        since, first = self._marks[0]
        if not first < done < total:
            return ""
        return f", {duration((now - since) * (total - done) / (done - first))} left"

    def _show_later(self, text: str, *, last: bool = False) -> None:
        now = time.monotonic()
        if now - self._started >= _PATIENCE and (last or now - self._shown >= _SHORTEST):
            self._shown = now
            self._show(text)

    def _show(self, text: str) -> None:
        if self._terminal and (text or self._width):
            sys.stderr.write("\r" + text.ljust(self._width) + ("" if text else "\r"))
            sys.stderr.flush()
            self._width = len(text)


def duration(seconds: float) -> str:
    """A span of time in two units at most.

    Examples
    --------
    >>> duration(7.4), duration(100), duration(9000)
    ('7 s', '1 min 40 s', '2 h 30 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
