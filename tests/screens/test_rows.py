from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from screens.filtering import compile_filter
from screens.rows import Row, Rows
from tests.screens.memory import COLUMNS, NOW, Service

SERVICES = st.builds(
    Service,
    name=st.sampled_from("abcdefgh"),
    requests=st.none() | st.sampled_from([1.0, 2.0, 30.0]),
    owner=st.sampled_from(["tf", "ci", ""]),
    words=st.sampled_from(["ok", "fails"]),
)
STATES = st.lists(st.lists(SERVICES, max_size=8, unique_by=lambda s: s.name), min_size=1, max_size=6)


def rows(services: list[Service]) -> list[Row]:
    return [Row(service.name, service) for service in services]


def naive(services: list[Service], source: str, sort: str, descending: bool) -> list[str]:
    """What the table must show, computed from nothing each time."""
    kept = [s for s in services if all(word in f"{s.name} {s.owner} {s.words}" for word in source.split())]
    if sort == "requests":
        present = [s for s in kept if s.requests is not None]
        present.sort(key=lambda s: s.requests or 0, reverse=descending)
        # A list sorted in reverse keeps equals in their order, as `sorted` promises.
        kept = present + [s for s in kept if s.requests is None]
    return [s.name for s in kept]


@settings(max_examples=200)
@given(STATES, st.sampled_from(["", "tf", "fails", "tf fails"]), st.sampled_from(["", "requests"]), st.booleans())
def test_order_is_that_of_a_table_made_afresh(
    states: list[list[Service]], source: str, sort: str, descending: bool
) -> None:
    table = Rows(COLUMNS)
    table.filter_by(compile_filter(source, COLUMNS))
    table.sort_by(sort, descending)
    for services in states:
        table.update(rows(services), NOW)
        assert table.order == naive(services, source, sort, descending)
        assert set(table.states) == {service.name for service in services}


@given(STATES)
def test_update_says_whether_anything_is_different(states: list[list[Service]]) -> None:
    table, last = Rows(COLUMNS), None
    for services in states:
        assert table.update(rows(services), NOW) is (services != (last or []))
        assert (
            table.update(rows([Service(**{f: getattr(s, f) for f in s.__struct_fields__}) for s in services]), NOW)
            is False
        )
        last = services


def test_changed_cells_are_those_whose_text_is_another_and_not_ages() -> None:
    table = Rows(COLUMNS)
    old = Service("a", requests=1.0, seen_at=NOW - 60_000)
    table.update(rows([old, Service("b")]), NOW)
    new = Service("a", requests=2.0, seen_at=NOW - 60_000)
    table.update(rows([new, Service("b")]), NOW + 600_000)

    def changed(name: str) -> list[str]:
        state = table.states[name]
        at = NOW + 600_000
        return [c.id for c in COLUMNS if table.changed_cell(state, c, c.cell(state.view, at).text)]

    assert changed("a") == ["requests"]
    assert changed("b") == []
    table.update(rows([new, Service("b", errors=9.0)]), NOW + 600_000)
    assert (changed("a"), changed("b")) == ([], ["errors"])


def test_nothing_is_marked_changed_at_the_first_sight() -> None:
    table = Rows(COLUMNS)
    table.update(rows([Service("a")]), NOW)
    assert not table.changed_cell(table.states["a"], COLUMNS[1], "a")
    table.update(rows([Service("a"), Service("b")]), NOW)
    assert table.changed_cell(table.states["b"], COLUMNS[1], "b")
    assert not table.changed_cell(table.states["a"], COLUMNS[1], "a")


def test_marks_of_rows_that_are_gone_are_gone() -> None:
    table = Rows(COLUMNS)
    table.update(rows([Service("a"), Service("b")]), NOW)
    table.marks |= {"a", "b"}
    table.update(rows([Service("b")]), NOW)
    assert table.marks == {"b"}


def test_a_column_that_fails_costs_its_cell_only() -> None:
    table = Rows(COLUMNS)
    odd = Row("odd", object())
    table.update([odd, Row("a", Service("a"))], NOW)
    table.sort_by("requests")
    table.filter_by(compile_filter("bug", COLUMNS))
    assert table.order == ["odd"]


def test_texts_read_ahead_on_a_thread_are_not_used_for_a_newer_view() -> None:
    table = Rows(COLUMNS)
    old, new = Service("a", owner="tf"), Service("a", owner="ci")
    table.update(rows([old]), NOW)
    table.fold_all()
    late = table.states["a"].folded
    table.update(rows([new]), NOW)
    table.states["a"].folded = late  # the thread comes late
    table.filter_by(compile_filter("owner:tf", COLUMNS))
    assert table.order == []
    table.filter_by(compile_filter("owner:ci", COLUMNS))
    assert table.order == ["a"]
