"""How answers are printed: data on stdout, notes on stderr, colour only on a terminal that wants it."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from console.clock import Millis, iso
from console.errors import UsageError
from console.kinds.base import Cell, Column, Kind
from console.text import safe, shorten

GAP = "  "
LEAST = 12
"""Narrower than this a flexible column says nothing; other columns give way first."""


WIDEST, WORDY = 80, 140
"""Of a column in a table, and of one of words in a pipe, which has no edge: one long reason must not push the rest off
every screen. JSON, YAML and CSV have it all."""


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    CSV = "csv"
    NAME = "name"


class Row(NamedTuple):
    """One view and the context it comes from."""

    context: str
    view: Any


def write(text: str) -> None:
    """Text and a line's end to stdout, at once: whoever reads a pipe waits for it."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def colourful() -> bool:
    """Whether stdout takes colour: a terminal, no NO_COLOR (https://no-color.org), not dumb."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def only(output: Format, *allowed: Format) -> None:
    """Raises UsageError for a format that an answer does not have."""
    if output not in allowed:
        raise UsageError(f"-o {output}: there is no such form of this", advice=f"one of {', '.join(allowed)}")


def named(kind: Kind, *names: str) -> None:
    """Raises UsageError for an empty name: `describe endpoint "$NAME"` with nothing in it."""
    if not all(name.strip() for name in names):
        raise UsageError(f"an empty name is no {kind.id}", advice=f"lastgood get {kind.plural} lists them")


def envelope(
    kind: str, context: str, items: Sequence[Any], sources: Mapping[str, Any], as_of: Millis
) -> dict[str, Any]:
    """The one JSON shape of all answers."""
    return {"kind": kind, "as_of": iso(as_of), "context": context, "items": list(items), "sources": dict(sources)}


def query(data: Any, expression: str) -> Any:
    """The part of an envelope that a JMESPath expression selects. Raises UsageError."""
    import jmespath
    from jmespath.exceptions import JMESPathError

    advice = "it is JMESPath, as in the aws CLI"
    try:
        found = jmespath.search(expression, msgspec.to_builtins(data))
        msgspec.json.encode(found)  # `&name` alone is an expression and no value
        return found
    except RecursionError:
        raise UsageError("--query: nested too deeply", advice=advice) from None
    except (JMESPathError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # Its functions pass on what Python says of values they were not made for.
        first = shorten(safe(next(iter(str(error).strip().splitlines()), type(error).__name__)), 200)
        raise UsageError(f"--query: {first}", advice=advice) from None


def emit(data: Any, fmt: Format) -> None:
    """Structured data as JSON (one line in a pipe) or YAML."""
    if fmt is Format.YAML:
        import yaml

        write(yaml.safe_dump(msgspec.to_builtins(data), sort_keys=False, allow_unicode=True).rstrip("\n"))
    else:
        encoded = msgspec.json.encode(data)
        write((msgspec.json.format(encoded, indent=2) if sys.stdout.isatty() else encoded).decode())


def table(kind: Kind, rows: Sequence[Row], now: Millis, *, contexts: bool = False) -> str:
    """Rows as on the screen. A pipe gets every column, a terminal those that fit its width."""
    columns = _columns(kind, contexts)
    cells = [_cells(column, rows, now) for column in columns]
    # Each different text of a column is made safe, measured and padded once: most cells repeat ("ok", "InService").
    made = [{text: safe(text) for text in {cell.text for cell in column_cells}} for column_cells in cells]
    terminal = sys.stdout.isatty()
    widths = [
        max(len(c.title), min(WIDEST if terminal or not c.flex else WORDY, max(map(_width, texts.values()), default=0)))
        for c, texts in zip(columns, made, strict=True)
    ]
    if terminal:
        import shutil

        widths = fitted(columns, widths, shutil.get_terminal_size().columns)
    colour = _palette() if colourful() else {}
    drawn: list[list[str]] = []
    for column, column_cells, texts, width in zip(columns, cells, made, widths, strict=True):
        if width:
            padded = {raw: _pad(text, width, column.right) for raw, text in texts.items()}
            lines = [padded[cell.text] for cell in column_cells]
            if colour:
                marks = [colour.get(cell.style, ("", "")) for cell in column_cells]
                lines = [f"{on}{line}{off}" for line, (on, off) in zip(lines, marks, strict=True)]
            drawn.append([_pad(column.title, width, column.right), *lines])
    return "\n".join(GAP.join(line).rstrip() for line in zip(*drawn, strict=True))


def as_csv(kind: Kind, rows: Sequence[Row], now: Millis, *, contexts: bool = False) -> str:
    columns = _columns(kind, contexts)
    cells = [_cells(column, rows, now) for column in columns]
    lines = ([safe(cell.text) for cell in line] for line in zip(*cells, strict=True))
    return csv_text([[column.id for column in columns], *lines])


def csv_text(lines: Iterable[Iterable[str]]) -> str:
    import csv
    import io

    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(lines)
    return out.getvalue().rstrip("\n")


_CONTEXT = Column("context", "CONTEXT", 10, lambda context, now: Cell(context))


def _columns(kind: Kind, contexts: bool) -> list[Column]:
    """The kind's columns, with the context behind the sign where several are shown."""
    found = [column for column in kind.columns if not column.drawn]
    if contexts:
        found.insert(1 if found and not found[0].title else 0, _CONTEXT)
    return found


def _cells(column: Column, rows: Sequence[Row], now: Millis) -> list[Cell]:
    cell = column.cell
    return [cell(row.context if column is _CONTEXT else row.view, now) for row in rows]


def fitted(columns: Sequence[Column], widths: Sequence[int], room: int) -> list[int]:
    """Widths that fit: columns are dropped by priority, flexible ones give what they can, then the widest is cut."""
    fit = list(widths)

    def excess() -> int:
        shown = [width for width in fit if width]
        return sum(shown) + len(GAP) * (len(shown) - 1) - room

    def spare() -> int:
        return sum(max(0, w - max(c.width, LEAST)) for w, c in zip(fit, columns, strict=True) if c.flex)

    for n in sorted(range(len(columns)), key=lambda n: -columns[n].priority):
        if columns[n].priority == 0 or excess() <= spare():
            break
        fit[n] = 0
    for n, column in enumerate(columns):
        if column.flex and excess() > 0:
            fit[n] = max(min(fit[n], LEAST), fit[n] - excess())
    while excess() > 0 and max(fit) > 1:
        widest = fit.index(max(fit))
        others = max([1, *(width for n, width in enumerate(fit) if n != widest)])
        fit[widest] = max(1, min(fit[widest] - 1, max(others, fit[widest] - excess())))
    return fit


def _width(text: str) -> int:
    """Cells on a terminal: East Asian wide characters take two, marks none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def _pad(text: str, width: int, right: bool) -> str:
    if text.isascii():
        text = shorten(text, width)
        return text.rjust(width) if right else text.ljust(width)
    if _width(text) > width:
        kept = text
        while _width(kept) > width - 1:
            kept = kept[:-1]
        text = f"{kept}…"
    blank = " " * (width - _width(text))
    return f"{blank}{text}" if right else f"{text}{blank}"


def _palette() -> dict[str, tuple[str, str]]:
    codes = {"critical": "31;1", "bad": "31", "warning": "33", "warn": "33", "moving": "34", "unknown": "90"}
    codes |= {"ok": "32", "held": "35", "dim": "2", "strong": "1"}
    return {style: (f"\x1b[{code}m", "\x1b[0m") for style, code in codes.items()}
