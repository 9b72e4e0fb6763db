"""The metrics screen driven by keys: painted from the ledger at once, then from CloudWatch by a subprocess."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from textual.pilot import Pilot

from console.clock import DAY, HOUR, MINUTE
from console.kinds.vitals.cost import ASKED
from screens.app import LastgoodApp
from screens.line_view import LineView
from screens.metrics import MetricsScreen
from screens.metrics_text import FLEETS
from screens.pieces import TextLine, lay_out
from tests.screens.driving import drive, until
from tests.screens.fleet import Fleet, fleet
from tests.screens.test_snapshots import SIZE, compare

DEPLOYED = "delay-risk"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A canary that fails, watched from before it began."""
    with fleet(tmp_path_factory.mktemp("fleet")) as made:
        made.look(endpoint=[DEPLOYED])
        with made.world.lock:
            made.world.play("bad-canary")
        for _ in range(14):
            made.look(60, endpoint=[DEPLOYED])
        yield made


def play(lab: Fleet, steps: Callable[[LastgoodApp, MetricsScreen, Pilot[Any]], Awaitable[None]],
         size: tuple[int, int] = (80, 24), name: str = DEPLOYED) -> None:  # fmt: skip
    app = lab.app(subject=name)

    async def run(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: app.screen.is_mounted and getattr(app.screen, "content", None) is not None)
        await pilot.press("m")
        await until(pilot, lambda: isinstance(app.screen, MetricsScreen) and app.screen.content is not None)
        screen = app.screen
        assert isinstance(screen, MetricsScreen)
        await steps(app, screen, pilot)

    try:
        drive(app, run, size)
    finally:
        app.feed.close()  # type: ignore[attr-defined]


def shown(screen: MetricsScreen) -> str:
    view = screen.query_one(LineView)
    lines = (lay_out(view.line(n), (), max(1, view.size.width)) for n in range(view.count))
    return "\n".join("".join(char for char, _ in cells).rstrip() for cells in lines)


def line(screen: MetricsScreen, id: str) -> str:
    return screen.query_one(f"#{id}", TextLine).text


async def answered(pilot: Pilot[Any], screen: MetricsScreen) -> None:
    def whole() -> bool:
        found = screen.answers.exactly(screen.window)
        return screen.answers.asking is None and found is not None

    await until(pilot, whole, 30)


def test_it_paints_from_the_ledger_and_then_from_cloudwatch(lab: Fleet) -> None:
    async def steps(app: LastgoodApp, screen: MetricsScreen, pilot: Pilot[Any]) -> None:
        first = shown(screen)
        assert "requests" in first and "5XX" in first and any("⠀" < char < "⣿" for char in first)
        await answered(pilot, screen)
        assert "of $1.00/h" in line(screen, "crumbs"), "what it cost is said"
        assert screen.content is not None
        metrics = {one.metric for one in screen.content.courses}
        assert metrics >= {"latency_p50_ms", "overhead_avg_ms", "cpu_percent", "instances"}
        assert lab.ledger.coverage.recall(lab.scope, ASKED), "what it cost is counted"

    play(lab, steps)


def test_in_a_deployment_its_fleets_stand_side_by_side_and_its_beginning_is_marked(lab: Fleet) -> None:
    async def steps(app: LastgoodApp, screen: MetricsScreen, pilot: Pilot[Any]) -> None:
        await answered(pilot, screen)
        assert screen.shown.split == FLEETS
        text = shown(screen)
        assert "⠒ v7" in text and "x v8" in text and "xxx" in text
        assert "◐" in text and "deploy v8" in line(screen, "status")
        await pilot.press("v")
        assert "x v8" not in shown(screen), "without fleets it is one line"

    play(lab, steps)


def test_zoom_and_moving_in_time_ask_for_what_is_seen_and_coming_back_costs_nothing(lab: Fleet) -> None:
    async def steps(app: LastgoodApp, screen: MetricsScreen, pilot: Pilot[Any]) -> None:
        await answered(pilot, screen)
        for key, span, period_s in (("minus", 12 * HOUR, 60), ("minus", DAY, 300)):
            await pilot.press(key)
            assert (screen.span, screen.window.period_s) == (span, period_s)
            await answered(pilot, screen)
        assert "1 d to 03:25Z" in line(screen, "crumbs") and "by 5 m" in line(screen, "crumbs")
        assert "requests" in shown(screen) and "v7 –" not in shown(screen)
        asked = lab.ledger.coverage.recall(lab.scope, ASKED)
        await pilot.press("plus", "plus")
        await pilot.pause(0.5)
        assert screen.answers.asking is None and lab.ledger.coverage.recall(lab.scope, ASKED) == asked
        await pilot.press("b")
        assert screen.end is not None and screen.window.end < lab.clock.ms() - HOUR
        await answered(pilot, screen)
        await pilot.press("f")
        assert screen.end is None, "forth to now follows the clock again"

    play(lab, steps, (120, 40))


def test_the_cursor_tells_exact_values_and_what_happened_then(lab: Fleet) -> None:
    async def steps(app: LastgoodApp, screen: MetricsScreen, pilot: Pilot[Any]) -> None:
        await answered(pilot, screen)
        await pilot.press("plus", "plus")  # a quarter of an hour: a minute is several cells
        await answered(pilot, screen)
        before = shown(screen)
        await pilot.press("left", "left", "shift+left", "shift+left")
        assert screen.shown.cursor is not None and screen.shown.cursor % MINUTE == 0
        assert shown(screen) != before and screen.content is not None
        span = screen.content.window
        at = (screen.shown.cursor - span.start) // MINUTE
        requests = next(c for c in screen.content.courses if c.metric == "invocations" and not c.config)
        await pilot.press("v")
        value = requests.values[at]
        assert value is not None and f"requests  {value / 60:.1f}".rstrip("0").rstrip(".") in shown(screen)
        await pilot.press("escape")
        assert screen.shown.cursor is None and app.screen is screen

    play(lab, steps)


def test_groups_and_scrolling(lab: Fleet) -> None:
    async def steps(app: LastgoodApp, screen: MetricsScreen, pilot: Pilot[Any]) -> None:
        await answered(pilot, screen)
        seen = []
        for _ in range(6):
            await pilot.press("tab")
            seen.append(screen.shown.group)
        assert seen == ["traffic", "errors", "latency", "saturation", "instances", "overview"]
        await pilot.press("shift+tab")
        assert screen.shown.group == "instances" and "instances" in shown(screen).split("\n")[0]
        await pilot.press("tab")
        top = shown(screen).split("\n")[0]
        await pilot.press("j")
        assert shown(screen).split("\n")[0] != top
        await pilot.press("k")
        assert shown(screen).split("\n")[0] == top

    play(lab, steps)


def test_a_wide_terminal_shows_all_at_once(lab: Fleet) -> None:
    async def steps(app: LastgoodApp, screen: MetricsScreen, pilot: Pilot[Any]) -> None:
        await answered(pilot, screen)
        text = shown(screen)
        for words in ("requests", "5XX", "model p99", "overhead", "hosts", "requests per instance", "instances"):
            assert words in text, words

    play(lab, steps, (200, 50))


def test_nothing_is_sent_while_nothing_changes(lab: Fleet) -> None:
    async def steps(app: LastgoodApp, screen: MetricsScreen, pilot: Pilot[Any]) -> None:
        await answered(pilot, screen)
        await pilot.pause(0.5)
        view, drawn = screen.query_one(LineView), []
        kept = view.refresh
        view.refresh = lambda *regions, **more: drawn.append(regions) or kept(*regions, **more)  # type: ignore[method-assign,assignment,func-returns-value]
        screen.data_changed()
        screen.tick(app.feed.now())
        await pilot.pause(1.0)
        assert drawn == []

    play(lab, steps)


def test_what_cloudwatch_refuses_is_said_and_the_ledger_stays(lab: Fleet) -> None:
    async def steps(app: LastgoodApp, screen: MetricsScreen, pilot: Pilot[Any]) -> None:
        lab.world.faults.add(operation="GetMetricData", code="InternalServiceFault", status=500)
        await pilot.press("minus", "minus")
        await answered(pilot, screen)
        assert "GetMetricData" in line(screen, "crumbs") or "InternalServiceFault" in line(screen, "crumbs")
        await pilot.press("plus", "plus")
        await until(pilot, lambda: "requests" in shown(screen) and "xxx" in shown(screen))

    try:
        play(lab, steps, (160, 24))
    finally:
        lab.world.faults.clear()


def test_what_it_looks_like(lab: Fleet) -> None:
    async def steps(app: LastgoodApp, screen: MetricsScreen, pilot: Pilot[Any]) -> None:
        await pilot.press("plus")
        await answered(pilot, screen)
        answer = screen.answers.for_(screen.window)
        assert answer is not None
        screen.answers.put(screen.window, answer._replace(words="26 metrics, $0.02 of $1.00/h"))
        screen.refresh_chrome()
        await pilot.pause(0.3)
        compare("metrics", app.export_screenshot(title="lastgood"))

    play(lab, steps, (SIZE[0], 32))
