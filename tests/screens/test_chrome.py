from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.clock import HOUR, MINUTE
from screens import chrome
from screens.clipboard import osc52
from screens.commands import Command, Group
from screens.pieces import Piece, lay_out
from tests.screens.memory import NOW, fleet

INFO = replace(fleet().info, identity_note="may act", read_only=True, freshness="throttled; data 45 s old")


def said(parts: tuple[list[Piece], list[Piece]], width: int) -> str:
    return "".join(char for char, _ in lay_out(*parts, width))


@given(st.integers(60, 200))
def test_context_guard_and_age_are_always_said(width: int) -> None:
    line = said(chrome.header(INFO, NOW, width), width)
    for word in ("prod-eu", "GUARDED", "READ-ONLY", "45 s old"):
        assert word in line


def test_all_is_said_where_there_is_room() -> None:
    line = said(chrome.header(INFO, NOW, 140), 140)
    for word in ("…9012", "eu-central-1", "as oncall-read", "may act", "41 m left", "9 calls/min", "03:12Z"):
        assert word in line
    assert "123456789012" not in line


def test_credentials_that_end_are_said_in_coarse_steps() -> None:
    assert chrome.remaining(NOW + 3 * HOUR, NOW) == ("3 h left", "")
    assert chrome.remaining(NOW + 14 * MINUTE + 59_000, NOW) == ("14 m left", "warn")
    assert chrome.remaining(NOW + 1, NOW) == ("<1 m left", "warn")
    assert chrome.remaining(NOW, NOW) == ("expired", "bad")


def commands() -> list[Command]:
    def command(id: str, key: str, group: Group, off: str = "") -> Command:
        return Command(id, key, id, f"do {id}", lambda: None, group, off)

    return [
        command("rollback", "R", Group.ACT),
        command("scale", "S", Group.ACT, off="not scalable"),
        *(command(f"look{n}", str(n), Group.LOOK) for n in range(9)),
        command("open", "enter", Group.LOOK),
    ]


@given(st.integers(0, 200))
def test_the_footer_looks_first_and_acts_last(width: int) -> None:
    line = said(chrome.footer(commands(), width), width)
    assert len(line) == width
    if "look0" in line and "R rollback" in line:
        assert line.index("look0") < line.index("R rollback")
    if width >= 60:
        assert "S scale" in line and "look0" in line


def test_what_is_off_is_dim_and_still_there() -> None:
    _, acts = chrome.footer(commands(), 120)
    assert ("S", "dim") in acts and ("R", "key") in acts


def test_hints_give_way_to_what_is_counted() -> None:
    hints = [("/", "filter"), (":", "command"), ("?", "help")]
    wide = said(chrome.crumbs(["services"], [(" 38 · 2 need you", "")], "", hints, 80), 80)
    narrow = said(chrome.crumbs(["services"], [(" 38 · 2 need you", "")], "", hints, 40), 40)
    assert "/ filter" in wide and "? help" in narrow and "filter" not in narrow and "2 need you" in narrow


@pytest.mark.parametrize("width", range(30, 100))
def test_notes_go_whole_from_the_last(width: int) -> None:
    told = [" 3 h to 16:18Z", "11 metrics, $0.05 of $1.00/h", "by 2 m", "filling"]
    notes = [piece for n, words in enumerate(told) for piece in ([chrome.DOT] if n else []) + [(words, "")]]
    line = said(chrome.crumbs(["endpoints", "delay-risk"], notes, "", [(":", "command"), ("?", "help")], width), width)
    shown = [words for words in told if words in line]
    assert shown == told[: len(shown)] and ("…" not in line or len(shown) < 2)


@given(st.lists(st.text(max_size=20)), st.lists(st.text(max_size=10), max_size=2), st.integers(0, 60))
def test_a_line_has_exactly_its_width(left: list[str], right: list[str], width: int) -> None:
    cells = lay_out([(text, "") for text in left], [(text, "") for text in right], width)
    assert len(cells) == width
    assert "".join(char for char, _ in cells).isprintable()


def test_copies_come_out_of_tmux_and_screen() -> None:
    encoded = base64.b64encode("naïve ✖".encode()).decode()
    bare = f"\x1b]52;c;{encoded}\x07"
    assert osc52("naïve ✖", {"TERM": "xterm"}) == bare
    assert osc52("naïve ✖", {"TMUX": "/tmp/x", "TERM": "screen"}) == f"{bare}\x1bPtmux;\x1b{bare}\x1b\\"
    wrapped = osc52("x" * 500, {"STY": "1.pts"})
    pieces = wrapped.removesuffix("\x1b\\").removeprefix("\x1bP").split("\x1b\\\x1bP")
    assert len(pieces) > 5 and all(len(piece) <= 252 for piece in pieces)
    assert "".join(pieces) == osc52("x" * 500, {})
