from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from console.text import safe
from screens.blocks import aligned, beside, flow, highlighted, padded, paragraph, plain, width_of, wrap, wrapped
from screens.pieces import Piece
from screens.reader import labelled_lines
from tests.screens.records import HOSTILE, LONG

TEXT = st.text(max_size=200)


@given(TEXT, st.integers(2, 60))
def test_wrapped_lines_fit_and_lose_nothing(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == safe(text).replace(" ", "")


def test_a_number_and_its_percent_sign_stay_together() -> None:
    assert wrap("CPU 42 % of all", 6) == ["CPU", "42 %", "of all"]


def test_columns_that_have_no_room_are_told_one_after_the_other() -> None:
    said = [
        ("alarms", "● 5xx      guard   ok"),
        ("", "           9 of 30"),
        ("", "● latency  guard   in ALARM since 03:12Z"),
        ("owner", "ci      (codepipeline)"),
    ]
    wide, narrow = ([plain(line) for line in labelled_lines(said, width)] for width in (80, 36))
    assert wide[1].index("9 of") == wide[0].index("guard")
    assert narrow[:4] == [" ALARMS  ● 5xx      guard   ok", "           9 of 30", "         ● latency · guard · in",
                          "         ALARM since 03:12Z"]  # fmt: skip
    assert narrow[-1] == " OWNER   ci      (codepipeline)", "another label, another table"


@given(TEXT, st.integers(10, 60), st.integers(0, 6))
def test_a_paragraph_fits_its_width(text: str, width: int, indent: int) -> None:
    assert all(width_of(line) <= width for line in paragraph(text, width, indent=indent))


def test_a_paragraph_that_is_too_long_says_so() -> None:
    lines = paragraph(LONG, 40, indent=3, at_most=2)
    assert len(lines) == 2
    assert plain(lines[-1]).endswith("…")
    assert not plain(lines[0]).endswith("…")


@given(st.lists(st.lists(TEXT, min_size=3, max_size=3), max_size=5), st.integers(30, 90))
def test_tables_are_aligned_whatever_they_hold(rows: list[list[str]], width: int) -> None:
    lines = aligned([[(text, "") for text in row] for row in rows], width, flex=1)
    assert len({width_of(line) for line in lines}) <= 1
    assert len(lines) == len(rows) or not any(safe(text) for row in rows for text in row)


def test_a_table_gives_up_its_flexible_column_first() -> None:
    lines = aligned(
        [[("name", ""), (LONG, ""), ("1", "")], [("b", ""), ("short", ""), ("22", "")]], 40, right=[2], flex=1
    )
    assert [width_of(line) for line in lines] == [40, 40]
    assert plain(lines[0]).endswith("…   1")
    assert plain(lines[1]).endswith("22")


def test_groups_flow_and_are_never_broken() -> None:
    groups = [((f"group{n} ", "dim"), ("value", "")) for n in range(9)]
    lines = flow(groups, 40)
    assert all(width_of(line) <= 40 for line in lines)
    assert "   ".join(f"group{n} value" for n in range(9)).split() == " ".join(map(plain, lines)).split()


def test_blocks_stand_side_by_side() -> None:
    left = [(("a" * 30, ""),), (("b", ""),)]
    right = [(("one", ""),), (("two", ""),), (("three", ""),)]
    lines = [plain(line) for line in beside(left, right, 10)]
    assert lines == ["a" * 9 + "…   one", "b            two", "             three"]


@pytest.mark.parametrize("width", [1, 5, 12, 13, 14])
def test_padding_is_exact_also_with_wide_characters(width: int) -> None:
    assert width_of(padded((("推荐系统", ""), (" ", ""), (safe(HOSTILE), "")), width)) == width


def test_matches_are_marked_within_their_pieces() -> None:
    line = highlighted((("KeyError: x", "bad"), (" keyerror", "")), "keyerror")
    assert line == (("KeyError", "chip"), (": x", "bad"), (" ", ""), ("keyerror", "chip"))
    assert highlighted((("ß straße", ""),), "strasse") == (("ß straße", ""),)  # folding changes lengths: left alone


def test_styled_text_is_broken_at_spaces_and_its_last_line_is_left_to_be_cut() -> None:
    pieces: list[Piece] = [
        (" ✖ bad  ", "bad"),
        ("one two three four", "strong"),
        (" · ", "dim"),
        ("five, six seven", ""),
    ]

    def told(width: int, at_most: int) -> list[str]:
        return ["".join(text for text, _ in line) for line in wrapped(pieces, width, indent=3, at_most=at_most)]

    assert told(80, 3) == [" ✖ bad  one two three four · five, six seven"]
    assert told(27, 3) == [" ✖ bad  one two three four", "   five, six seven"]
    assert told(19, 2) == [" ✖ bad  one two", "   three four · five, six seven"]
    assert told(4, 0)[:3] == [" ✖", "   bad", "   one"]
