"""The screens of one thing, driven by keys on a ledger that a collector filled from the embedded world."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from textual.pilot import Pilot

from console.triage.needs import needs
from console.triage.needs import text as needs_text
from screens.app import LastgoodApp
from screens.endpoint import EndpointScreen
from screens.execution import ExecutionScreen
from screens.line_view import LineView
from screens.live_table import LiveTable
from screens.logs import LogScreen, said_by
from screens.pages import AuditScreen, HandoverScreen, TriageScreen
from screens.pieces import TextLine, lay_out
from screens.pipeline import PipelineScreen
from screens.reader import DescribeScreen, StepScreen, YamlScreen
from screens.timeline import RelatedScreen, TimelineScreen
from tests.screens.driving import drive, until
from tests.screens.fleet import Fleet, fleet

INCIDENTS = ("bad-config", "stuck-update", "silent-rollback", "pipeline-data")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A world of now, so that subprocesses which look at the wall clock find its logs."""
    with fleet(tmp_path_factory.mktemp("fleet"), *INCIDENTS, at=float(int(time.time()))) as made:
        made.look()
        failed = failed_run(made)
        made.look(1, execution=[failed], pipeline=["delay-risk-train"])
        yield made


def failed_run(lab: Fleet) -> str:
    return next(view.name for view in lab.feed().views("execution") if view.sign.value == "warning")


Steps = Callable[[LastgoodApp, Pilot[Any]], Awaitable[None]]


def play(lab: Fleet, steps: Steps, size: tuple[int, int] = (100, 30), **options: Any) -> None:
    app = lab.app(**options)

    async def run(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: app.screen.is_mounted and bool(app.screen.query("#footer")))
        await steps(app, pilot)

    try:
        drive(app, run, size)
    finally:
        app.feed.close()  # type: ignore[attr-defined]


def text(app: LastgoodApp) -> str:
    """What the text view of the screen shows, also below the edge."""
    if not app.screen.is_mounted or not app.screen.query(LineView):
        return ""
    view = app.screen.query_one(LineView)
    lines = (lay_out(view.line(n), (), max(1, view.size.width)) for n in range(view.count))
    return "\n".join("".join(char for char, _ in cells).rstrip() for cells in lines)


def footer(app: LastgoodApp) -> str:
    return app.screen.query_one("#footer", TextLine).text


def crumbs(app: LastgoodApp) -> str:
    return app.screen.query_one("#crumbs", TextLine).text


async def comes(pilot: Pilot[Any], kind: type, words: str = "") -> None:
    app = pilot.app
    assert isinstance(app, LastgoodApp)
    await until(pilot, lambda: isinstance(app.screen, kind) and app.screen.is_mounted and words in text(app))


def test_an_endpoint_from_the_list_and_all_ways_to_look_at_it(lab: Fleet) -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: app.screen.query_one(LiveTable).cursor_key is not None)
        app.screen.query_one(LiveTable).move_to("fraud-online")
        await pilot.press("enter")
        await comes(pilot, EndpointScreen, "FLEET")
        assert "fraud-online-v31 → fraud-online-v32" in text(app)
        assert "◐ launching" in text(app) and "AllTraffic" in text(app) and "OWNER" in text(app)
        assert crumbs(app).strip().startswith("endpoints › fraud-online")
        assert "w ways back" in footer(app) and "R roll back (will queue)" in footer(app)
        for key, screen in (("t", TimelineScreen), ("x", RelatedScreen), ("d", DescribeScreen), ("y", YamlScreen)):
            await pilot.press(key)
            await comes(pilot, screen)
            await pilot.press("escape")
            await comes(pilot, EndpointScreen)

    play(lab, steps)


def test_interest_is_told_while_it_is_on_screen(lab: Fleet) -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await comes(pilot, EndpointScreen, "FLEET")
        names = lambda: lab.ledger.interest.read(lab.scope, round(time.time() * 1000)).names  # noqa: E731
        await until(pilot, lambda: names().get("endpoint") == {"delay-risk"})
        await pilot.press("escape")
        await until(pilot, lambda: names().get("endpoint", frozenset()) != {"delay-risk"})

    play(lab, steps, subject="delay-risk")


def test_it_follows_the_ledger_and_says_when_the_thing_is_gone(lab: Fleet) -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await comes(pilot, EndpointScreen, "FLEET")
        lab.ledger.tombstone(lab.scope, "endpoint", ["ads-embed"], at=lab.clock.ms())
        await comes(pilot, EndpointScreen, "there is no endpoint ads-embed any more")
        assert "FLEET" in text(app)  # what was known stays readable

    play(lab, steps, subject="ads-embed")


def test_a_name_that_never_was(lab: Fleet) -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await comes(pilot, EndpointScreen, "there is no endpoint nobody")
        for key in ("d", "y"):
            await pilot.press(key)
            await until(pilot, lambda: "there is no endpoint nobody" in text(app))
            await pilot.press("escape")

    play(lab, steps, subject="nobody")


def test_a_pipeline_its_run_and_its_step(lab: Fleet) -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await comes(pilot, PipelineScreen, "TAKES")
        assert "InputData" in text(app) and "last green" in text(app)
        await until(pilot, lambda: app.screen.query_one(LiveTable).cursor_key is not None)
        assert "N new run" in footer(app) and "H hold" in footer(app)
        await pilot.press("enter")
        await comes(pilot, ExecutionScreen, "LOG")  # the tail comes from a subprocess
        shown = text(app)
        assert "ClientError: column" in shown and "→ fix, not retry" in shown
        assert "✖ Evaluate" in shown and "CHANGED SINCE THE LAST GREEN RUN" in shown
        assert "KeyError: 'dep_delay'" in shown
        assert "Y retry" in footer(app)
        retry = next(c for c in app.screen.all_commands() if c.id == "retry")  # type: ignore[attr-defined]
        assert "repeat" in retry.off
        screen = app.screen
        assert isinstance(screen, ExecutionScreen) and screen.selected == "Evaluate"
        await pilot.press("k", "enter")
        await comes(pilot, StepScreen, "Train")
        assert "training-job/" in text(app)
        await pilot.press("escape", "j", "l")
        await comes(pilot, LogScreen, "KeyError")
        assert "log of Evaluate" in crumbs(app)
        lab.clock.now += 600
        app.pop_screen()
        await comes(pilot, ExecutionScreen)
        await pilot.press("l")
        await comes(pilot, LogScreen, "KeyError")
        await until(pilot, lambda: "of the whole job" in crumbs(app) and "ended" in crumbs(app))
        assert "following" not in crumbs(app)
        lab.clock.now -= 600

    play(lab, steps, start="pipeline", subject="delay-risk-train")


def test_logs_follow_filter_and_end_with_the_screen(lab: Fleet) -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await comes(pilot, EndpointScreen, "FLEET")
        await pilot.press("l")
        await comes(pilot, LogScreen, "POST /invocations")
        screen = app.screen
        assert isinstance(screen, LogScreen)
        child = screen._child
        assert child is not None and child.running
        every = len(screen.book)
        assert every and screen.text.follow and "following" in crumbs(app)
        await pilot.press("e")
        assert not screen.text.follow and "✖" in text(app)
        at = screen.book.entry(screen.text.cursor).text
        assert "KeyError" in at
        await pilot.press("slash", *"get")
        await until(pilot, lambda: len(screen.book.rows) < every)
        await pilot.press("enter", "escape")
        assert len(screen.book.rows) >= every
        await pilot.press("w")
        assert len(screen.book.rows) > len(screen.book)
        await pilot.press("p")
        assert "paused" in crumbs(app)
        await pilot.press("p", "G")
        assert screen.text.follow
        await pilot.press("c")
        assert app.clipboard == screen.book.entry(len(screen.book.rows) - 1).text
        await pilot.press("s")
        await until(pilot, lambda: "in 1h" in crumbs(app) and len(screen.book) > 0)
        assert not child.running
        child = screen._child
        await pilot.press("escape")
        await until(pilot, lambda: child is not None and not child.running)

    play(lab, steps, subject="delay-risk")


def test_logs_are_searched_in_cloudwatch_and_lines_selected(lab: Fleet) -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await comes(pilot, EndpointScreen, "FLEET")
        await pilot.press("l")
        await comes(pilot, LogScreen, "POST /invocations")
        screen = app.screen
        assert isinstance(screen, LogScreen)
        every = len(screen.book)
        await pilot.press("slash", *"POST", "enter", "f")
        assert screen.prompt.edit.value == ":search post", "what was filtered for is looked for further back"
        await pilot.press("ctrl+u", *"search KeyError", "enter")
        await until(pilot, lambda: 0 < len(screen.book) < every)
        await until(pilot, lambda: all("KeyError" in screen.book.entry(row).text for row in range(len(screen.book))))
        assert "with KeyError" in crumbs(app) and not screen.book.needle
        await pilot.press("p", "g", "g")
        at = screen.text.cursor
        await pilot.press("e", "b")
        assert screen.text.cursor == at
        await pilot.press("v", "j", "j")
        assert "3 selected: c copies" in crumbs(app) and not screen.text.follow
        assert [screen.text.render_line(y).text[0] for y in range(4)] == ["┃", "┃", " ", " "], "the cursor is the third"
        await pilot.press("c")
        assert app.clipboard.count("\n") == 2 and app.clipboard == "\n".join(
            screen.book.entry(row).text for row in range(3)
        )
        assert screen.text.held is None
        await pilot.press("i")
        assert "AllTraffic/i-…" in text(app)
        await pilot.press("i", "v", "escape")
        assert screen.text.held is None and app.screen is screen
        await pilot.press("escape")
        await until(pilot, lambda: len(screen.book) >= every)
        assert "with KeyError" not in crumbs(app)

    play(lab, steps, subject="delay-risk")


def test_a_pattern_that_cloudwatch_refuses_is_told(lab: Fleet) -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await comes(pilot, EndpointScreen, "FLEET")
        await pilot.press("l")
        await comes(pilot, LogScreen, "POST /invocations")
        await pilot.press("f", *"{ $.level = }", "enter")
        await comes(pilot, LogScreen, "Invalid filter pattern")

    play(lab, steps, subject="delay-risk")


def test_logs_that_cannot_be_read_say_why(lab: Fleet) -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        app.feed.child_env["LASTGOOD_CONTEXT"] = "nowhere"  # type: ignore[attr-defined]
        app.push_screen(LogScreen("endpoint", "delay-risk"))
        await comes(pilot, LogScreen, "stopped: no context")
        await until(pilot, lambda: len(app._notifications) == 1)
        assert "config.toml has prod-eu" in next(iter(app._notifications)).message

    play(lab, steps)


def test_reading_and_searching(lab: Fleet) -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await comes(pilot, EndpointScreen, "FLEET")
        await pilot.press("y")
        await comes(pilot, YamlScreen, "deployments:")
        view = app.screen.query_one(LineView)
        await pilot.press("slash", *"outcome", "enter")
        first = view.top
        assert first > 0 and view.needle == "outcome"
        await pilot.press("n")
        assert view.top > first
        await pilot.press("escape")
        assert view.needle == "" and isinstance(app.screen, YamlScreen)
        await pilot.press("c")
        assert app.clipboard.startswith("name: delay-risk\n")
        await pilot.press("g", "g")
        assert view.top == 0

    play(lab, steps, subject="delay-risk")


def test_the_timeline_of_everything_leads_on(lab: Fleet) -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: app.screen.query_one(LiveTable).cursor_key is not None)
        await pilot.press("colon", *"timeline", "enter")
        await until(pilot, lambda: isinstance(app.screen, TimelineScreen))
        table = app.screen.query_one(LiveTable)
        await until(pilot, lambda: table.counts[1] > 100)
        await pilot.press("slash", *"fails", "enter")
        await until(pilot, lambda: table.cursor_key is not None and "fails" in table.cursor_view.words)
        await pilot.press("enter")
        await comes(pilot, ExecutionScreen)
        await pilot.press("escape", "escape")
        assert isinstance(app.screen, TimelineScreen) and not table.filter

    play(lab, steps)


def test_trouble_of_the_other_kinds_is_told_on_the_first_screen(lab: Fleet) -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: ":pipelines 1 ▲" in crumbs(app))
        await pilot.press("colon", *"pipelines", "enter")
        await until(pilot, lambda: ":endpoints " in crumbs(app) and ":pipelines" not in crumbs(app))

    play(lab, steps)


def test_the_run_under_the_cursor_has_its_verbs_in_its_pipelines_screen(lab: Fleet) -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await comes(pilot, PipelineScreen, "TAKES")
        table = app.screen.query_one(LiveTable)
        await until(pilot, lambda: table.cursor_key is not None)

        def off(id: str) -> str:
            return next(c.off for c in app.screen.all_commands() if c.id == id)  # type: ignore[attr-defined]

        table.move_to(failed_run(lab))
        assert "repeat" in off("retry") and off("stop") == "it is Failed"
        green = next(key for key in table.keys if table.view_of(key).execution.status == "Succeeded")
        table.move_to(green)
        assert off("retry") == "it succeeded"
        await pilot.press("Y")
        await until(pilot, lambda: [n.message for n in app._notifications] == ["retry: it succeeded"])

    play(lab, steps, start="pipeline", subject="delay-risk-train")


def test_what_leads_nowhere_is_dim_in_the_timeline_of_a_run(lab: Fleet) -> None:
    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: app.screen.query_one(LiveTable).cursor_key is not None)
        app.push_screen(TimelineScreen("execution", failed_run(lab)))
        await until(pilot, lambda: isinstance(app.screen, TimelineScreen) and app.screen.table.cursor_key is not None)
        screen = app.screen
        assert isinstance(screen, TimelineScreen)
        own = next(k for k in screen.table.keys if screen.table.view_of(k).opens == ("execution", screen.name_))
        screen.table.move_to(own)
        assert next(c.off for c in screen.commands() if c.id == "open") == "no more is known of it"
        await pilot.press("enter")
        await until(pilot, lambda: [n.message for n in app._notifications] == ["open: no more is known of it"])
        assert app.screen is screen

    play(lab, steps)


def test_the_journal_and_the_handover_are_pages(lab: Fleet) -> None:
    at = lab.clock.ms()
    plan = {"title": "Roll back ads-embed → v3"}
    lab.ledger.journal.append(lab.scope, "a1b2", "intent", {"plan": plan, "by": "x/ana", "reason": "5xx"}, at)
    lab.ledger.journal.append(lab.scope, "a1b2", "done", {"words": "InService on v3"}, at + 1000)

    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: app.screen.query_one(LiveTable).cursor_key is not None)
        await pilot.press("colon", *"audit", "enter")
        await comes(pilot, AuditScreen, "Roll back ads-embed → v3 by ana (5xx)")
        assert "done" in text(app) and "InService on v3" in text(app) and crumbs(app).strip().startswith("audit")
        # Only the journal grows: that is news too.
        lab.ledger.journal.append(lab.scope, "c3d4", "intent", {"plan": {"title": "Stop x"}, "by": "x/ana"}, at + 2000)
        await comes(pilot, AuditScreen, "Stop x by ana")
        title, first, *_ = text(app).split("\n")
        assert title.index("WHAT") == first.index("Roll back") and title.index("STEP") == first.index("consent")
        await pilot.press("colon", *"triage", "enter")
        await comes(pilot, TriageScreen, ": warning since ")
        snapshot = lab.feed().snapshot()
        await pilot.press("c")
        assert app.clipboard.splitlines() == list(needs_text(needs(snapshot), snapshot, snapshot.moment))
        await pilot.press("colon", *"handover", "enter")
        await comes(pilot, HandoverScreen, "Roll back ads-embed → v3 by ana (5xx): done")
        assert "Handover of prod-eu" in text(app) and "Failed runs" in text(app)
        await pilot.press("c")
        assert app.clipboard.startswith("# Handover of prod-eu") and "\n## Actions\n- " in app.clipboard

    play(lab, steps)


@pytest.mark.parametrize("size", [(30, 8), (80, 24), (200, 50)])
def test_every_screen_at_every_size(lab: Fleet, size: tuple[int, int]) -> None:
    run = failed_run(lab)

    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        for kind, name in (("endpoint", "fraud-online"), ("pipeline", "delay-risk-train"), ("execution", run)):
            app.open_subject(kind, name)
            await until(pilot, lambda n=name: getattr(app.screen, "content", None) and app.screen.name_ == n)  # type: ignore[misc]
            for key in ("j", "k", "G", "d", "escape", "y", "escape", "t", "escape", "x", "escape"):
                await pilot.press(key)
            await pilot.resize_terminal(60, 12)
            await pilot.pause()
            await pilot.resize_terminal(*size)
            await pilot.press("escape")

    play(lab, steps, size)


def test_advice_is_taken_from_what_a_command_says() -> None:
    assert said_by("lastgood: no log group /x — the container never started\n") == (
        "no log group /x", "the container never started",
    )  # fmt: skip
    assert said_by("") == ("it ended without a word", "")
