"""Actions whose process was killed: the next console offers to go on with the queued one and observes the sent one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets._toast import Toast

from console.actions.launch import launch_apply
from console.ledger.locks import action_lock
from screens.action import ActionScreen
from screens.app import LastgoodApp
from screens.plan import PlanScreen
from tests.screens.driving import drive, until
from tests.screens.stage import Stage, line, listed, sheet, stage


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """At real speed: nothing ends while the test looks."""
    with stage(tmp_path_factory.mktemp("resume"), "stuck-update", speed=1.0) as made:
        yield made


def killed_after(lab: Stage, subject: str, step: str) -> str:
    """Start a roll back as a console does, and kill its process right after that step. Returns its id."""
    feed = lab.open()
    printed = json.loads(lab.cli("rollback", subject, "--dry-run", "-o", "json"))
    process = launch_apply(feed.settings.state_dir, feed.child_env, printed["id"], reason="", ticket="", confirm="prod")
    wait_for(lab, printed["id"], step)
    process.kill()
    process.wait(10)
    return str(printed["id"])


def wait_for(lab: Stage, action: str, step: str, words: str = "") -> None:
    feed, deadline = lab.feeds[-1], time.monotonic() + 30
    while not any(
        e.step == step and words in str(e.body.get("words", ""))
        for e in feed.ledger.journal.entries(feed.scope, action_id=action)
    ):
        assert time.monotonic() < deadline, feed.ledger.journal.entries(feed.scope, action_id=action)
        time.sleep(0.05)


def stop(lab: Stage, process: subprocess.Popen[bytes] | None, action: str) -> None:
    holder = lab.feeds[-1].ledger.locks.holder(action_lock(action))
    assert process is not None and holder is not None and holder.pid == process.pid
    os.kill(process.pid, signal.SIGKILL)
    process.wait(10)


def toasts(app: LastgoodApp) -> str:
    return "\n".join(str(toast.render()) for toast in app.screen.query(Toast))


def test_a_queued_action_goes_on_after_consent(lab: Stage) -> None:
    action = killed_after(lab, "fraud-online", "queued")
    app = lab.app()

    async def steps(pilot: Pilot[Any]) -> None:
        await listed(pilot, "fraud-online")
        await until(pilot, lambda: "Unfinished: Roll back fraud-online" in toasts(app))
        assert "queued, nothing was sent" in toasts(app) and ":resume 1 unfinished" in line(app, "crumbs")
        await pilot.press("colon", *"resume", "enter")
        await until(pilot, lambda: isinstance(app.screen, PlanScreen))
        await pilot.pause()
        assert "its process died" in sheet(app) and "QUEUE" in sheet(app)
        await pilot.press("enter", "y", "backspace", *"pro")
        assert not app.running
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, ActionScreen))
        await until(pilot, lambda: "taken over" in sheet(app), 30)
        assert list(app.running) == [action]
        assert ":resume" not in line(app, "crumbs")
        stop(lab, app.deeds.followed[action]._process, action)
        await until(pilot, lambda: app.deeds.followed[action].end == "lost", 20)
        await pilot.pause()
        assert "its process ended before it did" in line(app, "crumbs") and not app.running

    drive(app, steps, (100, 24))


def test_a_sent_action_is_observed_without_asking(lab: Stage) -> None:
    action = killed_after(lab, "search-rank", "answer")
    app = lab.app()

    async def steps(pilot: Pilot[Any]) -> None:
        await listed(pilot, "search-rank")
        await until(pilot, lambda: action in app.running, 20)
        assert "observing how it ended" in toasts(app)
        following = app.deeds.followed[action]
        await until(pilot, lambda: any("taken over" in str(e.body) for e in following.entries), 30)
        # It is observed, not sent again.
        assert sum(e.step == "call" for e in following.entries) == 1
        stop(lab, following._process, action)

    drive(app, steps, (100, 24))


def test_a_read_only_console_leaves_it_to_others(lab: Stage) -> None:
    killed_after(lab, "route-cost", "answer")
    app = lab.app("museum")

    async def steps(pilot: Pilot[Any]) -> None:
        await listed(pilot, "route-cost")
        await until(pilot, lambda: "a console that may act closes it" in toasts(app), 20)
        assert not app.running

    drive(app, steps, (100, 24))
