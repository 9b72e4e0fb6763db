from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from console.kinds.base import Cell, Column
from screens.fitting import fill, fit, gap, place
from tests.screens.memory import COLUMNS


@st.composite
def columns(draw: st.DrawFn) -> list[Column]:
    made = []
    for n in range(draw(st.integers(1, 9))):
        width, priority = draw(st.integers(1, 30)), draw(st.integers(0, 5))
        flex = draw(st.booleans())
        made.append(Column(f"c{n}", "T" * draw(st.integers(0, 8)), width, lambda v, now: Cell(""), priority, flex=flex))
    return made


@given(
    columns(), st.integers(0, 250), st.dictionaries(st.sampled_from([f"c{n}" for n in range(9)]), st.integers(0, 90))
)
def test_what_is_placed_fits_in_order_without_overlap(given: list[Column], width: int, need: dict[str, int]) -> None:
    placed = place(given, width, need)
    assert [p.column.id for p in placed] == [c.id for c in given if c.id in {p.column.id for p in placed}]
    end = 0
    for p in placed:
        assert p.x >= end and p.width >= 1
        end = p.x + p.width + gap(p.column)
        assert p.x + p.width <= width


@given(columns(), st.integers(0, 250))
def test_a_column_goes_before_any_that_matters_more(given: list[Column], width: int) -> None:
    kept = {column.id for column, _ in fit(given, width)}
    dropped = [column for column in given if column.id not in kept and column.priority > 0]
    for gone in dropped:
        assert all(column.priority <= gone.priority for column in given if column.id in kept)


@given(columns(), st.integers(0, 250))
def test_nothing_is_dropped_or_shrunk_where_all_has_room(given: list[Column], width: int) -> None:
    natural = [max(c.width, len(c.title)) for c in given]
    if sum(natural) + sum(gap(c) for c in given[:-1]) <= width:
        fitted = fit(given, width)
        assert len(fitted) == len(given)
        assert all(cells >= least for (_, cells), least in zip(fitted, natural, strict=True))


def test_at_80_columns_words_that_are_cut_get_the_spare_cells_first() -> None:
    even, need = dict(fit(COLUMNS, 79)), dict(fit(COLUMNS, 79, {"what": 33}))
    assert need[COLUMNS[2]] > even[COLUMNS[2]]
    assert sum(need.values()) == sum(even.values())


def test_narrow_drops_by_priority_and_200_shows_all() -> None:
    assert [column.id for column, _ in fit(COLUMNS, 200)] == [column.id for column in COLUMNS]
    assert [column.id for column, _ in fit(COLUMNS, 56)] == ["sign", "name", "what", "requests"]
    assert [column.id for column, _ in fit(COLUMNS, 18)] == ["sign", "name"]
    assert fit(COLUMNS, 0) == []


@given(st.text(), st.integers(0, 60), st.booleans())
def test_filled_text_has_exactly_the_width_and_moves_no_cursor(text: str, width: int, right: bool) -> None:
    filled = fill(text, width, right)
    assert cell_len(filled) == width
    assert filled.isprintable()


def test_what_is_cut_ends_in_an_ellipsis_and_wide_characters_stay_whole() -> None:
    assert fill("delay-risk", 6) == "delay…"
    assert fill("42", 6, right=True) == "    42"
    assert fill("推荐系统", 6) == "推荐… "
    assert fill("推荐系统", 8) == "推荐系统"
    assert fill("x\x1b[31mred\x07", 5) == "xred·"


def test_words_that_would_be_cut_take_the_place_of_what_matters_least() -> None:
    def made(id: str, width: int, priority: int = 0, *, flex: bool = False) -> Column:
        return Column(id, id, width, lambda v, now: Cell(""), priority, flex=flex)

    table = [
        made("name", 16),
        made("what", 28, flex=True),
        made("inst", 5, 2),
        made("team", 12, 7),
        made("stat", 14, 8),
    ]
    assert ids(fit(table, 90, {"what": 28})) == {"name", "what", "inst", "team", "stat"}
    assert ids(fit(table, 90, {"what": 40})) == {"name", "what", "inst", "team"}
    assert ids(fit(table, 90, {"what": 70})) == {"name", "what", "inst"}
    assert {c.id: w for c, w in fit(table, 90, {"what": 60})}["what"] == 60


def ids(found: list[tuple[Column, int]]) -> set[str]:
    return {column.id for column, _ in found}
