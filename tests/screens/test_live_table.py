from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.pilot import Pilot

from screens.filtering import compile_filter
from screens.live_table import LiveTable, Row
from tests.screens.driving import drive
from tests.screens.memory import COLUMNS, NOW, Service


class Spied(LiveTable):
    """Records what is asked to be repainted."""

    def __init__(self) -> None:
        super().__init__(COLUMNS, empty="nothing here")
        self.asked: list[tuple[Region, ...]] = []

    def refresh(self, *regions: Region, **options: Any) -> Any:
        if hasattr(self, "asked"):
            self.asked.append(regions)
        return super().refresh(*regions, **options)

    def spans(self) -> set[tuple[int, int, int]]:
        """Dirty spans since the last call as (y, x, width); a repaint of the whole widget fails."""
        asked, self.asked = self.asked, []
        assert all(asked), "the whole table was repainted"
        return {(region.y, region.x, region.width) for regions in asked for region in regions}


class Host(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def compose(self) -> ComposeResult:
        yield Spied()

    def on_mount(self) -> None:
        self.table.focus()

    @property
    def table(self) -> Spied:
        return self.query_one(Spied)

    def on_live_table_selected(self, event: LiveTable.Selected) -> None:
        self.heard.append(event.key)


def services(names: Iterable[str], **fields: Any) -> list[Row]:
    return [Row(name, Service(name, **fields)) for name in names]


def line(app: Host, y: int) -> str:
    return app.table.render_line(y).text


NAMES = [f"svc-{n:02d}" for n in range(40)]


def with_rows(steps: Any, names: Iterable[str] = NAMES, size: tuple[int, int] = (80, 12)) -> None:
    """Runs `steps(app, table, pilot)` on a table of these rows that is painted already."""
    app = Host()

    async def run(pilot: Pilot[None]) -> None:
        app.table.set_rows(services(names), NOW)
        await pilot.pause()
        app.table.asked.clear()
        await steps(app, app.table, pilot)

    drive(app, run, size)


def changed(name: str, **fields: Any) -> list[Row]:
    rows = services(NAMES)
    rows[NAMES.index(name)] = Row(name, Service(name, **fields))
    return rows


def test_one_changed_cell_repaints_that_cell_and_marks_it_until_the_next_news() -> None:
    async def steps(app: Host, table: Spied, pilot: Pilot[None]) -> None:
        rows = changed("svc-03", requests=1234.0)
        table.set_rows(rows, NOW)
        [(y, x, width)] = table.spans()
        assert line(app, y)[x : x + width] == "1,234"
        assert underlined(table, y) == ["1,234"]
        table.set_rows(rows, NOW)
        assert table.spans() == set()
        assert underlined(table, y) == ["1,234"]
        rows[5] = Row("svc-05", Service("svc-05", owner="tf"))
        table.set_rows(rows, NOW)
        assert {y for y, _, _ in table.spans()} == {4, 6}
        assert (underlined(table, 4), underlined(table, 6)) == ([], ["tf"])

    with_rows(steps)


def underlined(table: LiveTable, y: int) -> list[str]:
    return [segment.text for segment in table.render_line(y) if segment.style and segment.style.underline]


def test_what_is_not_on_screen_is_not_repainted() -> None:
    async def steps(app: Host, table: Spied, pilot: Pilot[None]) -> None:
        table.set_rows(changed("svc-30", requests=1234.0, words="other"), NOW)
        assert table.spans() == set()
        table.move_to("svc-30")
        assert "1,234" in "".join(line(app, y) for y in range(12))

    with_rows(steps)


def test_a_tick_repaints_only_ages_that_read_differently() -> None:
    async def steps(app: Host, table: Spied, pilot: Pilot[None]) -> None:
        table.tick(NOW + 14_000)
        assert table.spans() == set()
        table.tick(NOW + 15_000)
        spans = table.spans()
        assert {y for y, _, _ in spans} == set(range(1, 12))
        assert {width for _, _, width in spans} == {4}
        assert line(app, 2).endswith("15 s ")
        assert underlined(table, 2) == []
        table.tick(NOW + 29_000)
        assert table.spans() == set()

    with_rows(steps)


def test_moving_the_cursor_repaints_two_lines() -> None:
    async def steps(app: Host, table: Spied, pilot: Pilot[None]) -> None:
        await pilot.press("j")
        assert table.spans() == {(1, 0, 80), (2, 0, 80)}
        assert table.cursor_key == "svc-01"

    with_rows(steps)


def test_keys_move() -> None:
    async def steps(app: Host, table: Spied, pilot: Pilot[None]) -> None:
        for keys, row in (
            (["j", "down", "j"], 3), (["k", "up"], 1), (["G"], 39), (["j"], 39), (["g", "g"], 0), (["k"], 0),
            (["pagedown"], 10), (["ctrl+d"], 15), (["ctrl+u"], 10), (["pageup"], 0), (["end"], 39), (["home"], 0),
            (["g", "j", "g"], 1), (["enter"], 1),
        ):  # fmt: skip
            await pilot.press(*keys)
            assert table.cursor_key == NAMES[row], keys
            assert table.cursor_key in table.visible_keys
        assert app.heard == ["svc-01"]

    with_rows(steps)


def test_cursor_and_marks_stay_with_their_rows_when_the_order_changes() -> None:
    async def steps(app: Host, table: Spied, pilot: Pilot[None]) -> None:
        await pilot.press("j", "space", "space", "j", "j")
        assert (table.marks, table.cursor_key) == ({"svc-01", "svc-02"}, "svc-05")
        table.set_rows(services(reversed(NAMES)), NOW)
        assert (table.marks, table.cursor_key) == ({"svc-01", "svc-02"}, "svc-05")
        assert "svc-05" in table.visible_keys
        table.sort_by("name", descending=True)
        assert table.chosen == ("svc-02", "svc-01")
        assert table.cursor_key == "svc-05"

    with_rows(steps)


def test_when_the_row_under_the_cursor_goes_its_neighbour_is_next() -> None:
    async def steps(app: Host, table: Spied, pilot: Pilot[None]) -> None:
        await pilot.press("j", "j")
        table.set_rows(services(name for name in NAMES if name not in ("svc-02", "svc-03")), NOW)
        assert table.cursor_key == "svc-04"
        table.set_rows(services(NAMES[:4]), NOW)
        assert table.cursor_key == "svc-01"  # the last of those that were shown before and still are
        table.set_rows([], NOW)
        assert table.cursor_key is None and "nothing here" in line(app, 1)
        await pilot.press("j", "space", "enter", "G")
        table.set_rows(services(NAMES), NOW)
        assert table.cursor_key == "svc-00"

    with_rows(steps)


def test_sort_and_filter_survive_new_data() -> None:
    async def steps(app: Host, table: Spied, pilot: Pilot[None]) -> None:
        rows = [
            Row(name, Service(name, requests=float(n), owner="tf" if n % 2 else "ci")) for n, name in enumerate(NAMES)
        ]
        table.sort_by("requests", descending=True)
        table.filter_by(compile_filter("owner:tf !svc-39", COLUMNS))
        table.set_rows(rows, NOW)
        assert table.keys[:2] == ["svc-37", "svc-35"]
        assert table.counts == (19, 40)
        rows[0] = Row("svc-00", Service("svc-00", requests=99.0, owner="tf"))
        table.set_rows(rows, NOW)
        assert table.keys[:2] == ["svc-00", "svc-37"]
        assert "REQ/S↓" in line(app, 0)

    with_rows(steps)


def test_a_row_the_filter_hides_gives_the_cursor_to_a_visible_one() -> None:
    async def steps(app: Host, table: Spied, pilot: Pilot[None]) -> None:
        await pilot.press("G")
        table.filter_by(compile_filter("svc-1", COLUMNS))
        assert table.cursor_key == "svc-19"
        table.filter_by(compile_filter("", COLUMNS))
        assert table.cursor_key == "svc-19" and "svc-19" in table.visible_keys

    with_rows(steps)


def test_lines_are_as_wide_as_the_screen_whatever_is_in_them() -> None:
    names = [
        "推荐系统-召回-生产环境-华东一区",
        "👩‍🚀 flight",
        "evil\x1b]0;x\x07[red]\u202ename",
        "e\u0301" * 40,
        "plain",
    ]

    async def steps(app: Host, table: Spied, pilot: Pilot[None]) -> None:
        for width in (80, 41, 23, 9, 3, 1, 200):
            await pilot.resize_terminal(width, 12)
            await pilot.pause()
            for y in range(12):
                strip = table.render_line(y)
                assert strip.cell_length == width
                assert strip.text.isprintable()

    with_rows(steps, names)


def test_columns_line_up_beneath_wide_names() -> None:
    async def steps(app: Host, table: Spied, pilot: Pilot[None]) -> None:
        ends = {table.render_line(y).crop(0, 60).text.rstrip()[-2:] for y in range(1, 4)}
        assert ends == {"10"}

    with_rows(steps, ["推荐系统", "日本語の名前", "plain"])


def test_names_that_are_cut_widen_their_column_where_there_is_room() -> None:
    async def steps(app: Host, table: Spied, pilot: Pilot[None]) -> None:
        long = "recommendation-canary-eu"
        table.set_rows(services([long, "b"]), NOW)
        assert long in line(app, 1)

    with_rows(steps, ["a", "b"], size=(100, 12))


def test_ten_thousand_rows_compute_cells_for_those_on_screen_only() -> None:
    calls = 0

    async def steps(app: Host, table: Spied, pilot: Pilot[None]) -> None:
        nonlocal calls
        name = COLUMNS[1]
        counted = [*COLUMNS]

        def cell(view: Service, now: int) -> Any:
            nonlocal calls
            calls += 1
            return name.cell(view, now)

        counted[1] = type(name)("name", "NAME", 14, cell, flex=True)
        fresh = LiveTable(counted)
        await app.screen.mount(fresh)
        table.display = False
        await pilot.pause()
        rows = services(f"svc-{n:05d}" for n in range(10_000))
        fresh.set_rows(rows, NOW)
        await pilot.pause()
        assert 0 < calls <= 3 * 12

    with_rows(steps)


def test_the_mouse_selects_and_scrolls() -> None:
    async def steps(app: Host, table: Spied, pilot: Pilot[None]) -> None:
        await pilot.click(Spied, offset=(10, 4))
        assert table.cursor_key == "svc-03"
        await pilot.click(Spied, offset=(10, 5), times=2)
        assert app.heard == ["svc-04"]

    with_rows(steps)


def test_the_cursor_stays_on_the_first_row_until_a_key_is_pressed() -> None:
    async def steps(app: Host, table: Spied, pilot: Pilot[None]) -> None:
        rows = services(NAMES)
        table.set_rows(rows[3:] + rows[:3], NOW)  # the worst is another now
        assert table.cursor_key == "svc-03"
        await pilot.press("j")
        table.set_rows(rows, NOW)
        assert table.cursor_key == "svc-04"

    with_rows(steps)
