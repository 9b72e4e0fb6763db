"""Log lines in memory: their level, what the filter lets through, how they wrap (pure state, no terminal)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from screens.blocks import Line, wrap
from screens.pieces import Piece

KEEP = 50_000
SPARE = 5_000
"""So many more before the oldest are let go: rows are counted anew then, which takes a moment."""

_ERROR = re.compile(r"\b(?:ERROR|CRITICAL|FATAL|Traceback|Killed|OutOfMemory|(?:[A-Z]\w*)?(?:Error|Exception))\b")
_WARN = re.compile(r"\b(?:WARN|WARNING)\b|\b[A-Z]\w*Warning\b|\" 5\d\d ")
"""Also an answer of 5xx in an access log."""
_GIST = re.compile(r"\b[A-Z]\w*(?:Error|Exception): .*")
_STAMP = re.compile(
    r"^(?:\W*\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.,\d]*(?: ?[+-]\d{4}|Z)?\W*\s|\S+ \S+ \S+ \[[^\]]+\] (?=\"))"
)
"""A time that the log has told already, and what stands before the request in an access log."""
_HEAD = re.compile(r"^((?:\d{1,2} \w{3} (?:\d{4} )?)?\d\d:\d\d:\d\dZ) (\S+) ?(.*)$", re.S)

_MARKS = {"bad": "✖ ", "warn": "▲ ", "": "  "}


def level_of(text: str) -> str:
    """`bad`, `warn` or nothing: also the name of a style."""
    return "bad" if _ERROR.search(text) else "warn" if _WARN.search(text) else ""


def painted(text: str, level: str, *, streams: bool = False) -> tuple[Piece, ...]:
    """A line of `lastgood logs` with its mark: time dim, the stream left out (as a rule it tells nothing)."""
    mark: Piece = (f" {_MARKS[level]}", level)
    found = _HEAD.match(text)
    if found is None:
        return (mark, (text, level))
    stream: tuple[Piece, ...] = ((f"{shortened(found[2])} ", "dim"),) if streams else ()
    return (mark, (f"{found[1]} ", "dim"), *stream, (found[3], level))


def shortened(stream: str) -> str:
    """`AllTraffic/i-0c1f…9a2b`: instance ids are told apart by their ends."""
    return re.sub(r"\b(i-)\w{6,}(\w{4})\b", r"\1…\2", stream)


def cut_short(text: str, level: str, *, streams: bool = False) -> tuple[Piece, ...]:
    """The same where a line will be cut: without its own stamp, and an error's exception before the rest."""
    *head, (said, ink) = painted(text, level, streams=streams)
    said = _STAMP.sub("", said, count=1)
    gist = _GIST.search(said) if level == "bad" else None
    if gist is None or gist.start() < 30:
        return (*head, (said, ink))
    return (*head, (gist[0], ink), ("  ", ""), (said[: gist.start()], "dim"))


class Entry(NamedTuple):
    text: str
    level: str


class LogBook:
    """Rows are what is drawn: one for each line let through, or several where it wraps.

    Lines are numbered from the first one that ever came; `base` is the number of the oldest kept.
    """

    def __init__(self, keep: int = KEEP, spare: int = SPARE) -> None:
        self._keep, self._spare = keep, spare
        self._lines: list[Entry] = []
        self.base = 0
        self.needle = ""
        self.width = 0
        """Cells to wrap at; 0 does not wrap."""
        self.streams = False
        """Whether each line says which stream it is of."""
        self.rows: list[tuple[int, int]] = []
        """(number of the line, which part of it)"""
        self.errors = 0

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, texts: Sequence[str]) -> int:
        """Take new lines; returns how many rows were let go at the beginning."""
        first = self.base + len(self._lines)
        new = [Entry(text, level_of(text)) for text in texts]
        self.errors += sum(entry.level == "bad" for entry in new)
        self._lines += new
        for number, entry in enumerate(new, first):
            self.rows += self._rows_of(number, entry)
        over = len(self._lines) - self._keep
        if over < self._spare:
            return 0
        del self._lines[:over]
        self.base += over
        gone = next((n for n, (number, _) in enumerate(self.rows) if number >= self.base), len(self.rows))
        del self.rows[:gone]
        return gone

    def clear(self) -> None:
        self._lines.clear()
        self.rows.clear()
        self.base = self.errors = 0

    def filter(self, needle: str) -> None:
        self.needle = needle.casefold()
        self._again()

    def wrap(self, width: int) -> None:
        if width != self.width:
            self.width = width
            self._again()

    def name_streams(self, streams: bool) -> None:
        self.streams = streams
        self._again()

    def entry(self, row: int) -> Entry:
        """The whole line that a row is a part of."""
        return self._lines[self.rows[row][0] - self.base]

    def number(self, row: int) -> int:
        return self.rows[row][0] if 0 <= row < len(self.rows) else self.base + len(self._lines)

    def row_of(self, number: int) -> int:
        """The first row of that line, or of the next one let through."""
        low, high = 0, len(self.rows)
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self.rows[middle][0] < number else (low, middle)
        return low

    def texts(self, rows: Iterable[int]) -> list[str]:
        """The whole lines that these rows are parts of, each once."""
        numbers = dict.fromkeys(self.rows[row][0] for row in rows)
        return [self._lines[number - self.base].text for number in numbers]

    def next_error(self, row: int, way: int = 1) -> int | None:
        """The next row after `row` (before it, `way` -1) where an error begins, going round; None if there is none."""
        count = len(self.rows)
        for step in range(1, count + 1):
            at = (row + way * step) % count
            if self.rows[at][1] == 0 and self.entry(at).level == "bad":
                return at
        return None

    def line(self, row: int) -> Line:
        number, part = self.rows[row]
        entry = self._lines[number - self.base]
        if not self.width:
            return cut_short(entry.text, entry.level, streams=self.streams)
        head = painted(entry.text, entry.level, streams=self.streams)
        indent = sum(len(text) for text, _ in head[:-1])
        parts = wrap(head[-1][0], self.width - indent)
        text = parts[part] if part < len(parts) else ""
        return (*head[:-1], (text, entry.level)) if part == 0 else ((" " * indent, ""), (text, entry.level))

    def _rows_of(self, number: int, entry: Entry) -> list[tuple[int, int]]:
        if self.needle and self.needle not in entry.text.casefold():
            return []
        if not self.width or len(entry.text) < self.width // 2:
            return [(number, 0)]
        head = painted(entry.text, entry.level, streams=self.streams)
        indent = sum(len(text) for text, _ in head[:-1])
        return [(number, part) for part in range(len(wrap(head[-1][0], self.width - indent)))]

    def _again(self) -> None:
        self.rows = [row for n, entry in enumerate(self._lines, self.base) for row in self._rows_of(n, entry)]
