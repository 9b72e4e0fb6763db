"""What the lines around the body say: header, rows of keys (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len

from console.clock import HOUR, MINUTE, Millis, clock_time
from console.fleet.header import HeaderInfo
from screens.commands import Command, Group
from screens.pieces import Piece

_SOON = 15 * MINUTE
DOT: Piece = (" · ", "dim")
"""Between notes."""


def width_of(pieces: Iterable[Piece]) -> int:
    return sum(cell_len(text) for text, _ in pieces)


def remaining(until: Millis, now: Millis) -> Piece:
    """How long credentials last, in whole minutes and hours: this line must not be repainted each second."""
    left = until - now
    if left <= 0:
        return "expired", "bad"
    words = f"{left // HOUR} h" if left >= 2 * HOUR else f"{left // MINUTE} m" if left >= MINUTE else "<1 m"
    return f"{words} left", "warn" if left < _SOON else ""


def header(info: HeaderInfo, now: Millis, width: int) -> tuple[list[Piece], list[Piece]]:
    """Left and right part of the first line. What matters least goes first where the width is short."""
    account = f"…{info.account[-4:]}" if len(info.account) > 4 else info.account
    left: list[tuple[int, list[Piece]]] = [(0, [(f" {info.context}", "strong")])]
    if account:
        left.append((2, [(f" {account}", "dim")]))
    if info.region:
        left.append((3, [(f" {info.region}", "")]))
    if info.guarded:
        left.append((0, [(" ", ""), (" GUARDED ", "guarded")]))
    if info.read_only:
        left.append((0, [(" ", ""), (" READ-ONLY ", "chip")]))
    if info.identity:
        left.append((4, [("  as ", "dim"), (info.identity, "")]))
    if info.identity_note:
        left.append((5, [(" · ", "dim"), (info.identity_note, "")]))
    if info.expires_at is not None:
        left.append((1, [(" · ", "dim"), remaining(info.expires_at, now)]))
    right: list[tuple[int, list[Piece]]] = []
    if info.dollars_per_hour is not None:
        right.append((7, [(f"${info.dollars_per_hour:.2f}/h  ", "dim")]))
    if info.calls_per_min is not None:
        right.append((6, [(f"{info.calls_per_min} calls/min  ", "dim")]))
    right.append((1, [(clock_time(now, now), ""), ("  ", "")]))
    right.append((0, [(info.freshness, info.fresh), (" ", "")]))
    while width_of(p for _, ps in left + right for p in ps) > width - 1:
        worst = max(left + right, key=lambda item: item[0])
        if worst[0] == 0:
            break
        (left if worst in left else right).remove(worst)
    return [piece for _, pieces in left for piece in pieces], [piece for _, pieces in right for piece in pieces]


def footer(commands: Sequence[Command], width: int) -> tuple[list[Piece], list[Piece]]:
    """Ways to look first, capitals (which open a plan) at the right; what has no room is in the help."""

    def pieces(command: Command) -> list[Piece]:
        dim = bool(command.off)
        return [(command.shown_key, "dim" if dim else "key"), (f" {command.label}", "dim" if dim else "")]

    def row(group: Sequence[Command], room: int) -> list[Piece]:
        line: list[Piece] = []
        for command in group:
            more = [("  ", ""), *pieces(command)] if line else pieces(command)
            if width_of(line) + width_of(more) > room:
                break
            line += more
        return line

    shown = [command for command in commands if command.footer]
    acts = row([command for command in shown if command.group is Group.ACT], max(width // 2, width - 40))
    ways = sorted((command for command in shown if command.group is not Group.ACT), key=lambda c: c.group)
    looks = row(ways, width - width_of(acts) - 4)
    return [(" ", ""), *looks], [*acts, (" ", "")] if acts else []


def crumbs(
    trail: Sequence[str], notes: Sequence[Piece], chip: str, hints: Sequence[tuple[str, str]], width: int
) -> tuple[list[Piece], list[Piece]]:
    """Second line: where in the console (`endpoints › delay-risk`), what is counted, and the filter as a chip."""
    where: list[Piece] = [(" ", "")]
    for depth, name in enumerate(trail):
        where += [(" › ", "dim")] if depth else []
        where.append((name, "strong" if depth == len(trail) - 1 else ""))
    right: list[Piece] = [(f" /{chip} ", "chip")] if chip else []
    dots = [at for at, note in enumerate(notes) if note == DOT]
    while dots and width_of([*where, *notes, *right]) + 2 > width:  # no note is cut inside while there are others
        notes = notes[: dots.pop()]
    left = [*where, *notes]
    for count in range(len(hints), -1, -1):  # the first hint gives way first: help is the way to all others
        said = [
            piece
            for key, label in hints[len(hints) - count :]
            for piece in (("  ", ""), (key, "key"), (f" {label}", "dim"))
        ]
        if width_of(left) + width_of(right) + width_of(said) + 2 <= width:
            break
    return left, [*right, *said, (" ", "")]
