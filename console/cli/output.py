"""How answers are printed: data on stdout, notes on stderr, colour only on a terminal that wants it."""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec
import typer

from console.clock import Millis, iso
from console.errors import UsageError
from console.kinds.base import Column, Kind
from console.text import safe, shorten

GAP = "  "


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    CSV = "csv"
    NAME = "name"


def colourful() -> bool:
    """Whether stdout takes colour: a terminal, no NO_COLOR (https://no-color.org), not dumb."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def envelope(
    kind: str, context: str, items: Sequence[Any], sources: Mapping[str, Any], as_of: Millis
) -> dict[str, Any]:
    """The one JSON shape of all answers."""
    return {"kind": kind, "as_of": iso(as_of), "context": context, "items": list(items), "sources": dict(sources)}


def query(data: Any, expression: str) -> Any:
    """The part of an envelope that a JMESPath expression selects. Raises UsageError."""
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        return jmespath.search(expression, msgspec.to_builtins(data))
    except JMESPathError as error:
        raise UsageError(f"--query: {error}", advice="it is JMESPath, as in the aws CLI") from error


def emit(data: Any, fmt: Format) -> None:
    """Structured data as JSON or YAML."""
    if fmt is Format.YAML:
        import yaml

        typer.echo(yaml.safe_dump(msgspec.to_builtins(data), sort_keys=False, allow_unicode=True), nl=False)
    else:
        encoded = msgspec.json.encode(data)
        typer.echo(msgspec.json.format(encoded, indent=2).decode() if sys.stdout.isatty() else encoded.decode())


def table(kind: Kind, views: Sequence[Any], now: Millis) -> None:
    """Rows as on the screen. A pipe gets every column in full; a terminal those that fit its width."""
    columns = list(kind.columns)
    rows = [[column.cell(view, now) for column in columns] for view in views]
    texts = [[safe(cell.text) for cell in row] for row in rows]
    widths = [max([len(c.title), *(len(text[n]) for text in texts)]) for n, c in enumerate(columns)]
    if sys.stdout.isatty():
        import shutil

        widths = _fitted(columns, widths, shutil.get_terminal_size().columns)
    shown = [n for n, width in enumerate(widths) if width]
    colour = _palette() if colourful() else {}
    typer.echo(GAP.join(_pad(columns[n].title, widths[n], columns[n].right) for n in shown).rstrip())
    for row, text in zip(rows, texts, strict=True):
        cells = []
        for n in shown:
            padded = _pad(shorten(text[n], widths[n]), widths[n], columns[n].right)
            on, off = colour.get(row[n].style, ("", ""))
            cells.append(f"{on}{padded}{off}")
        typer.echo(GAP.join(cells).rstrip())


def as_csv(kind: Kind, views: Sequence[Any], now: Millis) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.id for column in kind.columns])
    for view in views:
        writer.writerow([safe(column.cell(view, now).text) for column in kind.columns])
    typer.echo(out.getvalue(), nl=False)


def _fitted(columns: Sequence[Column], widths: list[int], room: int) -> list[int]:
    """Drop columns by priority until the rest fits, then take the excess from the flexible ones."""
    widths = list(widths)

    def total() -> int:
        shown = [w for w in widths if w]
        return sum(shown) + len(GAP) * (len(shown) - 1)

    for n in sorted(range(len(columns)), key=lambda n: -columns[n].priority):
        if total() <= room or columns[n].priority == 0:
            break
        flexible = sum(max(0, w - c.width) for w, c in zip(widths, columns, strict=True) if c.flex)
        if total() - flexible <= room:
            break
        widths[n] = 0
    for n, column in enumerate(columns):
        if column.flex and total() > room:
            widths[n] = max(min(column.width, 12), widths[n] - (total() - room))
    return widths


def _pad(text: str, width: int, right: bool) -> str:
    return text.rjust(width) if right else text.ljust(width)


def _palette() -> dict[str, tuple[str, str]]:
    codes = {"critical": "31;1", "bad": "31", "warning": "33", "warn": "33", "moving": "34", "unknown": "90"}
    codes |= {"ok": "32", "held": "35", "dim": "2", "strong": "1"}
    return {style: (f"\x1b[{code}m", "\x1b[0m") for style, code in codes.items()}
