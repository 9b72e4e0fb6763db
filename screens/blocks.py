"""Lines of styled text and how they are made: wrapped, aligned, put side by side (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import zip_longest

from rich.cells import cell_len, chop_cells

from console.text import safe
from screens.fitting import fill
from screens.pieces import Piece, kept

Line = tuple[Piece, ...]
"""Pieces of raw text with the names of their styles; made safe and cut to the width where the line is drawn."""

BLANK: Line = ()
LEAST = 4
"""No column is squeezed below so many cells."""
_BREAKS = re.compile(r" (?!%)")
"""A number and its `%` stay together."""


def width_of(line: Iterable[Piece]) -> int:
    """Cells of a line whose texts are safe already."""
    return sum(cell_len(text) for text, _ in line)


def wrap(text: str, width: int) -> list[str]:
    """Safe text in lines of at most `width` cells, broken between words; a word that is too long is broken inside."""
    width = max(1, width)
    lines: list[str] = []
    line, used = "", 0
    for word in _BREAKS.split(safe(text)):
        cells = cell_len(word)
        if line and used + 1 + cells <= width:
            line, used = f"{line} {word}", used + 1 + cells
            continue
        if line:
            lines.append(line)
        *whole, word = chop_cells(word, width) if cells > width else [word]
        lines += whole
        line, used = word, cell_len(word)
    return [*lines, line]


def paragraph(
    text: str, width: int, ink: str = "", *, first: Line = (), indent: int = 0, at_most: int = 0
) -> list[Line]:
    """Wrapped text; `first` stands before its first line (as wide as `indent`). What `at_most` cuts ends in `…`."""
    texts = wrap(text, width - indent)
    if at_most and len(texts) > at_most:
        texts = [*texts[: at_most - 1], fill(f"{texts[at_most - 1]} {texts[at_most]}", width - indent).rstrip()]
    pad: Line = ((" " * indent, ""),)
    return [(*(first if first and not number else pad), (line, ink)) for number, line in enumerate(texts)]


def wrapped(pieces: Iterable[Piece], width: int, *, indent: int = 0, at_most: int = 0) -> list[list[Piece]]:
    """Styled text broken at spaces; all lines but the first are indented. Line number `at_most` takes all that is left:
    who draws it cuts it with `…`."""
    lines: list[list[Piece]] = [[]]
    used, spaced, begun = 0, False, True
    for text, ink in pieces:
        for word in _WORDS.findall(kept(text)):
            if (spaced or word[0] == " ") and used + cell_len(word) > width and len(lines) != at_most:
                lines.append([(" " * indent, "")])
                used, begun = indent, False
            if not begun:
                word = word.lstrip(" ·")  # nothing to separate at the beginning of a line
            if word:
                lines[-1].append((word, ink))
                used, spaced, begun = used + cell_len(word), word[-1] == " ", True
    return lines


_WORDS = re.compile(r" *[^ ]+| +")


def flow(groups: Sequence[Line], width: int, *, indent: int = 1, gap: str = "   ") -> list[Line]:
    """Groups of pieces one behind the other, as many on a line as fit; a group is never broken."""
    lines: list[Line] = []
    line: list[Piece] = []
    for group in groups:
        more = width_of(group)
        if line and width_of(line) + len(gap) + more > width:
            lines.append(tuple(line))
            line = []
        line += [(gap, "")] if line else [(" " * indent, "")]
        line += group
    return [*lines, tuple(line)] if line else lines


def aligned(
    rows: Sequence[Sequence[Piece]],
    width: int,
    *,
    right: Iterable[int] = (),
    flex: int = -1,
    indent: int = 1,
    gap: int = 2,
) -> list[Line]:
    """A small table: every column as wide as its longest text. What is too wide is taken from column `flex`."""
    if not rows:
        return []
    count = max(len(row) for row in rows)
    widths = [max((cell_len(safe(row[n][0])) for row in rows if n < len(row)), default=0) for n in range(count)]
    shown = [n for n in range(count) if widths[n]]
    gaps = [" " * (1 if widths[n] == 1 else gap) for n in range(count)]  # a sign stands close to what it is about
    over = indent + sum(widths) + sum(len(gaps[n]) for n in shown[:-1]) - width
    if over > 0 and flex >= 0:
        widths[flex] = max(LEAST, widths[flex] - over)
    rights = set(right)
    lines = []
    for row in rows:
        pieces: list[Piece] = [(" " * indent, "")]
        for n in shown:
            text, ink = row[n] if n < len(row) else ("", "")
            pieces += [(fill(text, widths[n], n in rights), ink), (gaps[n], "")]
        lines.append(tuple(pieces[:-1]))
    return lines


def padded(line: Line, width: int) -> Line:
    """A line of exactly `width` cells, cut with `…` if it is longer."""
    pieces: list[Piece] = []
    room = width
    for text, ink in line:
        cells = cell_len(text)
        if cells > room:
            pieces.append((fill(text, room), ink))
            return tuple(pieces)
        pieces.append((text, ink))
        room -= cells
    return (*pieces, (" " * room, ""))


def beside(left: Sequence[Line], right: Sequence[Line], width: int, gap: int = 3) -> list[Line]:
    """Two blocks side by side; the left one gets `width` cells."""
    return [
        (*padded(one, width), (" " * gap, ""), *other) if other else one
        for one, other in zip_longest(left, right, fillvalue=BLANK)
    ]


def highlighted(line: Line, needle: str) -> Line:
    """The line with every occurrence of the (case-folded) needle marked. Only within one piece, as it is drawn."""
    if not needle:
        return line
    pieces: list[Piece] = []
    for text, ink in line:
        folded = text.casefold()
        if len(folded) != len(text) or needle not in folded:
            pieces.append((text, ink))
            continue
        at = 0
        while (found := folded.find(needle, at)) >= 0:
            pieces += [(text[at:found], ink)] if found > at else []
            pieces.append((text[found : found + len(needle)], "chip"))
            at = found + len(needle)
        pieces += [(text[at:], ink)] if at < len(text) else []
    return tuple(pieces)


def plain(line: Iterable[Piece]) -> str:
    """What a line says, as text to copy or to look for."""
    return "".join(text for text, _ in line).rstrip()
