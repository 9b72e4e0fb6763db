"""From the list to the verified roll back and back again, on the embedded world with the real command line."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets._toast import Toast

from console.actions.launch import log_of
from console.clock import MINUTE, now_ms
from console.kinds.base import Sign
from screens.action import ActionScreen
from screens.app import LastgoodApp
from screens.blocks import plain
from screens.described import DescribedScreen
from screens.endpoint import EndpointScreen
from screens.execution import ExecutionScreen
from screens.form import FormScreen
from screens.help import Ask, HelpScreen
from screens.listing import ListScreen
from screens.plan import PlanScreen
from screens.ways import WaysScreen
from tests.screens.driving import drive, until
from tests.screens.stage import Stage, ended, intents, line, listed, planned, sheet, stage


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One world for all; each test acts on an endpoint or pipeline of its own."""
    with stage(tmp_path_factory.mktemp("acting"), "bad-config") as made:
        yield made


async def typed(pilot: Pilot[Any], text: str) -> None:
    await pilot.press(*({" ": "space", "-": "minus", ":": "colon", "/": "slash"}.get(c, c) for c in text))


def toasts(app: LastgoodApp) -> str:
    return "\n".join(str(toast.render()) for toast in app.screen.query(Toast))


def run(app: LastgoodApp, name: str, steps: Any, size: tuple[int, int] = (80, 24)) -> None:
    async def whole(pilot: Pilot[Any]) -> None:
        await listed(pilot, name)
        await steps(app, pilot)

    drive(app, whole, size)


def test_the_whole_story_by_keys_alone(lab: Stage) -> None:
    app = lab.app(collect=True)

    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, WaysScreen) and bool(app.screen.table.keys))
        ways = app.screen
        assert isinstance(ways, WaysScreen)
        await pilot.pause()
        back = str(ways.table.cursor_key)
        assert "serves now delay-risk-v8" in line(app, "now") and back == "delay-risk-v7"
        assert "set 15 Nov" in sheet(app) or "was set" in sheet(app)
        await pilot.press("R")
        await planned(pilot)
        assert f"Roll back delay-risk → {back}  prod as" in line(app, "crumbs")
        assert "WHEN" in sheet(app) and "UpdateEndpoint" in sheet(app) and "UNDO" in sheet(app)
        await pilot.press("tab")
        await typed(pilot, "5xx yes")
        await pilot.press("tab")
        await typed(pilot, "INC-7")
        await pilot.press("escape")
        await typed(pilot, "pro")
        assert not intents(lab.feeds[-1], "delay-risk")
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, ActionScreen))
        await ended(pilot)
        assert f"Users are on {back} since" in sheet(app) and "● done" in line(app, "crumbs")
        assert not app.running
        await pilot.press("escape", "escape")
        await until(pilot, lambda: isinstance(app.screen, ListScreen))

    run(app, "delay-risk", steps)
    [intent] = intents(lab.feeds[-1], "delay-risk")
    assert (intent.body["reason"], intent.body["ticket"]) == ("5xx yes", "INC-7")
    told = lab.cli("audit", intent.action_id)
    assert "5xx yes" in told and "done" in told
    sagemaker = lab.world.call("DescribeEndpoint", {"EndpointName": "delay-risk"})
    assert sagemaker["EndpointConfigName"] == "delay-risk-v7"


def test_only_the_name_typed_is_consent_where_it_is_guarded(lab: Stage) -> None:
    app = lab.app()

    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await pilot.press("R", "p", "r", "o", "d")  # typed ahead of the plan
        await planned(pilot)
        await pilot.press("enter", "enter", "y", "backspace")
        plan = app.screen
        assert isinstance(plan, PlanScreen)
        plan.post_message(events.Paste("prod"))
        await pilot.pause()
        await pilot.press("tab")
        await typed(pilot, "prod")  # into the reason
        await pilot.press("tab", "y", "y")
        await typed(pilot, "prod")  # into the ticket
        await pilot.press("tab", "y", "enter")  # keys are keys now, and y is none here
        assert "consent" not in {command.id for command in plan.all_commands()}
        await pilot.press("tab")
        await typed(pilot, "prox")
        assert "not the context's name" in line(app, "consent")
        await pilot.pause(0.2)
        assert app.screen is plan and not app.running
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ListScreen))
        assert "Nothing was done" in toasts(app)

    run(app, "ads-embed", steps)
    assert not intents(lab.feeds[-1], "ads-embed")


def test_y_starts_it_once_where_it_is_not_guarded(lab: Stage) -> None:
    app = lab.app("lab")

    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await pilot.press("R")
        await planned(pilot)
        assert "Press y to do it" in line(app, "consent")
        await pilot.press("enter", "tab", "y", "y", "enter")
        assert "Reason yy_" in line(app, "why") and not app.running
        for _ in range(3):  # quicker than anything can be drawn
            app.screen.post_message(events.Key("y", "y"))
        await until(pilot, lambda: isinstance(app.screen, ActionScreen))
        # Left alone it goes on; leaving the console asks first.
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ListScreen))
        if app.running:
            await pilot.press("q")
            await until(pilot, lambda: isinstance(app.screen, Ask))
            await pilot.press("escape")
        await until(pilot, lambda: not app.running, 40)
        await until(pilot, lambda: "● Roll back churn-scorer" in toasts(app))
        await pilot.press("enter")  # it is about no screen, and does not leave with one
        await until(pilot, lambda: isinstance(app.screen, EndpointScreen))
        await until(pilot, lambda: "● Roll back churn-scorer" in toasts(app))
        await until(pilot, lambda: ":action ● ended" in line(app, "crumbs"))
        await pilot.resize_terminal(20, 5)
        await until(pilot, lambda: not any(toast.display for toast in app.screen.query(Toast)))
        await pilot.resize_terminal(80, 24)
        await typed(pilot, ":action")
        await pilot.press("enter")
        await ended(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: ":action" not in line(app, "crumbs"))

    run(app, "churn-scorer", steps)
    feed = lab.feeds[-1]
    [intent] = intents(feed, "churn-scorer")
    assert intent.body["reason"] == "yy"
    log = log_of(feed.settings.state_dir, intent.action_id).read_text()
    assert "done" in log and "lastgood:" not in log, "a second process was started, and refused"


def test_a_failed_check_is_told_first_and_offers_no_consent(lab: Stage) -> None:
    app = lab.app("lab")

    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await pilot.press("R")
        await planned(pilot)
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, FormScreen) and "▸ to" in sheet(app))
        await typed(pilot, "no-such-config")
        await pilot.press("enter")
        await planned(pilot)
        refused = app.screen
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, FormScreen) and "no-such-config" in sheet(app))
        assert "esc back to the plan" in line(app, "footer") and "f1 help" in line(app, "footer")
        await pilot.press("question_mark", "f1")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await pilot.press("escape", "escape")
        await until(pilot, lambda: app.screen is refused)
        assert sheet(app).startswith(" ✖ target config")
        assert "It cannot be done now: target config" in line(app, "consent")
        assert not line(app, "notice").strip()
        app.feed.now = lambda: now_ms() + 6 * MINUTE  # type: ignore[method-assign]
        await until(pilot, lambda: "made 6 m ago   r makes it again" in line(app, "notice"))
        assert "r makes it again)" in " ".join(sheet(app).split()) and "(▲ as of " in sheet(app)
        await pilot.press("y", "tab", "y", "enter")
        await pilot.pause(0.2)
        assert isinstance(app.screen, PlanScreen) and not app.running

    run(app, "eta-minutes", steps)
    assert not intents(lab.feeds[-1], "eta-minutes")


def test_a_refused_plan_says_why_and_what_to_do(lab: Stage) -> None:
    app = lab.app("museum")

    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        app.open_list("endpoint")
        await pilot.pause()
        await listed(pilot, "route-cost")
        screen = app.screen
        assert isinstance(screen, ListScreen)
        await pilot.press("R")
        assert "this context is read-only" in toasts(app) and app.screen is screen
        verb = next(verb for verb in app.feed.kinds[0].verbs if verb.id == "rollback")
        assert app.places.plan is not None
        app.push_screen(app.places.plan(app.feed, verb, ("route-cost",)))
        await planned(pilot)
        assert "✖ read-only  context museum is read-only" in sheet(app)
        assert "choose another with --ctx" in " ".join(sheet(app).split())
        assert "It cannot be done now: read-only" in line(app, "consent")
        await pilot.press("y")
        assert app.screen.is_current and not app.running

    run(app, "route-cost", steps)


def test_what_changed_meanwhile_takes_the_consent_away(lab: Stage) -> None:
    app = lab.app("lab")

    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await pilot.press("R")
        await planned(pilot)
        plan = app.screen
        assert isinstance(plan, PlanScreen) and plan.plan is not None
        await until(pilot, lambda: plan._basis is not None)
        first, target = plan.plan.id, plan.plan.target
        with lab.world.lock:
            lab.world.call("UpdateEndpoint", {"EndpointName": "lead-value", "EndpointConfigName": target})
        lab.cli("get", "endpoints", "--fresh", "-o", "name")
        await until(pilot, lambda: "lead-value changed:" in line(app, "notice"), 20)
        await pilot.press("y")
        await pilot.pause(0.2)
        assert not app.running and "It cannot be done now" in line(app, "consent")
        await pilot.press("r")
        await until(pilot, lambda: (plan.plan is not None and plan.plan.id != first) or bool(plan._error), 20)

    run(app, "lead-value", steps)
    assert not intents(lab.feeds[-1], "lead-value")


def test_marked_rows_are_planned_one_after_another(lab: Stage) -> None:
    app = lab.app()

    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        for name in ("doc-extract", "demand-cast", "review-toxic"):
            await listed(pilot, name)
            await pilot.press("space")
        await pilot.press("H")
        await until(pilot, lambda: isinstance(app.screen, FormScreen) and "▸ reason" in sheet(app))
        assert "1 of 3" in line(app, "crumbs")
        assert sheet(app).startswith(" 3 endpoints:  demand-cast  doc-extract  review-toxic")
        await pilot.press("enter")
        assert "✖ say why" in sheet(app)
        await typed(pilot, "drill: y")
        await pilot.press("enter")
        await planned(pilot)
        assert sheet(app).startswith(" 3 endpoints:  demand-cast  doc-extract  review-toxic")
        assert "Press y to do it to demand-cast" in line(app, "consent")
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, FormScreen) and "drill: y" in sheet(app), 20)
        assert "2 of 3" in line(app, "crumbs")
        await pilot.press("enter")
        await planned(pilot)
        await pilot.press("n")  # this one is left out
        await until(pilot, lambda: isinstance(app.screen, FormScreen) and "3 of 3" in line(app, "crumbs"), 20)
        await pilot.press("enter")
        await planned(pilot)
        await pilot.press("y")
        await ended(pilot)
        await until(pilot, lambda: not app.running, 20)

    run(app, "doc-extract", steps, (100, 30))
    views = {view.name: view for view in lab.feeds[-1].views("endpoint")}
    held = {name for name, view in views.items() if view.sign is Sign.HELD}
    assert len(held & {"doc-extract", "demand-cast", "review-toxic"}) == 2
    assert all(views[name].hold.reason == "drill: y" for name in held)


def test_a_new_run_by_its_form(lab: Stage, tmp_path: Path) -> None:
    app = lab.app("lab", start="pipeline", collect=True)

    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await pilot.press("N")
        await until(pilot, lambda: isinstance(app.screen, FormScreen) and "OPTIONS" in sheet(app), 45)
        form = app.screen
        assert isinstance(form, FormScreen)
        names = [one.id for one in form._inputs]
        assert "MaxTrials" in names and form._inputs[0].group == "param"
        await pilot.press(*["tab"] * names.index("MaxTrials"), "backspace", "backspace")
        await typed(pilot, "4x")
        assert "✖ not Integer" in sheet(app)
        await pilot.press("enter")
        assert app.screen is form
        await pilot.press("backspace", "2")
        assert "▲ was " in sheet(app) and form.answers()["param"] == {"MaxTrials": "42"}
        await pilot.press("enter")
        await planned(pilot)
        assert "MaxTrials" in sheet(app) and "StartPipelineExecution" in sheet(app)
        await until(pilot, lambda: "SAME    as in the last green run " in sheet(app))
        assert "→ 42" in sheet(app) and sheet(app).count("CHANGE") == 1, sheet(app)
        await pilot.press("y")
        await ended(pilot)
        assert "⏎ open the run" in line(app, "footer")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ExecutionScreen) and app.screen.content is not None)

    run(app, "ads-embed-train", steps, (100, 30))
    [intent] = intents(lab.feeds[-1], "ads-embed-train")
    assert intent.body["plan"]["calls"][0]["params"]["PipelineParameters"] == [{"Name": "MaxTrials", "Value": "42"}]


def test_traffic_is_shifted_by_a_form_that_begins_with_the_weights_now(lab: Stage) -> None:
    app = lab.app("lab", collect=True)

    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await pilot.press("W")
        await until(pilot, lambda: isinstance(app.screen, FormScreen) and "challenger=10" in sheet(app), 45)
        form = app.screen
        assert isinstance(form, FormScreen)
        assert form._inputs[0].value == "AllTraffic=90 challenger=10", "as the screens say it, not as AWS has it"
        assert "VARIANT=WEIGHT" in line(app, "status") and line(app, "status1").strip() == "of all"
        assert "typing replaces it" in line(app, "footer")
        await typed(pilot, "AllTraffic=70 challenger")
        assert "✖ challenger: write NAME=VALUE" in sheet(app)
        await pilot.press("enter")
        assert app.screen is form
        await typed(pilot, "=30")
        await pilot.press("enter")
        await planned(pilot)
        told = " ".join(sheet(app).split())
        assert "challenger 10 → 30 % of traffic" in told and "challenger 10 % → 30 %" in told
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, FormScreen) and "challenger=30" in sheet(app))
        await pilot.press("escape")
        await planned(pilot)
        await pilot.press("c")
        assert app.clipboard == "lastgood --ctx=lab weights fraud-online AllTraffic=70 challenger=30"
        await pilot.press("y")
        await ended(pilot)
        assert "InService with AllTraffic 70 %, challenger 30 %" in sheet(app)
        assert "lastgood weights fraud-online AllTraffic=0.9 challenger=0.1" in sheet(app)

    run(app, "fraud-online", steps)


def test_one_variant_has_no_weights_to_shift(lab: Stage) -> None:
    app = lab.app("lab")

    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        await pilot.press("W")
        await until(pilot, lambda: "one variant" in toasts(app))
        assert isinstance(app.screen, ListScreen)

    run(app, "ads-embed", steps)


def test_an_alarm_is_unmuted_on_its_own_screen_whatever_an_older_look_still_says(lab: Stage) -> None:
    lab.cli("mute", "alarm", "delay-risk-5xx", "--for", "30m", "--yes", "--wait")
    app = lab.app("lab", collect=True)

    def text() -> str:
        screen = app.screen
        return "\n".join(plain(screen.text.line(n)) for n in range(30)) if isinstance(screen, DescribedScreen) else ""

    async def steps(app: LastgoodApp, pilot: Pilot[Any]) -> None:
        feed = lab.feeds[-1]

        def swept() -> int:
            return feed.ledger.coverage.states(feed.scope)["alarms"].at or 0

        app.open_subject("alarm", "delay-risk-5xx")
        await until(pilot, lambda: "muted until" in text() and "live" in line(app, "where"), 20)
        while (last := swept()) != (await pilot.pause(3), swept())[1]:
            assert last  # what has come on screen is looked at again; then the next sweep is a minute away
        slow = lab.world.faults.add(service="cloudwatch", operation="ListAlarmMuteRules", delay_s=8, times=1)
        feed.ledger.interest.tell(feed.scope, {"alarm": ["delay-risk-5xx"]}, at=now_ms(), fresh=["alarm"])
        await until(pilot, lambda: slow.times == 0)  # a sweep is under way, and has read the mute
        began = swept()
        await pilot.press("U")
        await planned(pilot)
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, ActionScreen))
        await ended(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: bool(text()) and "muted until" not in text())
        assert swept() == began, "it is still under way"
        await until(pilot, lambda: swept() != began, 20)
        await until(pilot, lambda: swept() > began + 8_000 and "muted until" not in text(), 5)

    drive(app, partial(steps, app))
