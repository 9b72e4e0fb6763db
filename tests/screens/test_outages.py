"""What the console rests on goes away under it: its ledger, its state folder."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from console.kinds.registry import KINDS
from console.ledger.store import Ledger
from screens.app import LastgoodApp
from screens.listing import ListScreen
from screens.live_table import LiveTable
from tests.screens.driving import drive, until
from tests.screens.fleet import fleet, in_environment
from tests.screens.stage import line, listed, stage


@pytest.mark.parametrize("bad", ["a file where the folder was", "somebody else's file"])
def test_a_ledger_that_was_replaced_is_told_once_and_read_again(tmp_path: Path, bad: str) -> None:
    with fleet(tmp_path) as lab:
        lab.look()
        lab.ledger.close()
        folder, aside = lab.settings.state_dir, tmp_path / "aside"
        app = lab.app()
        told: list[str] = []

        async def steps(pilot: Pilot[Any]) -> None:
            await listed(pilot, "delay-risk")
            app.tell_error = lambda error: told.append(error.message)  # type: ignore[method-assign,assignment]
            count = app.screen.query_one(LiveTable).counts
            folder.rename(aside)
            if bad.startswith("a file"):
                folder.write_text("not a folder")
            else:
                folder.mkdir()
                (folder / lab.settings.ledger.name).write_text("no ledger at all")
            await until(pilot, lambda: "ledger unreadable" in line(app, "where"))
            began, polls = time.process_time(), app._polls
            await until(pilot, lambda: app._polls >= polls + 6)  # the clock goes on
            assert time.process_time() - began < 1.0, "it spins"
            assert len(told) == 1 and str(lab.settings.ledger) in told[0]
            assert app.screen.query_one(LiveTable).counts == count, "the last picture stays"
            shutil.rmtree(folder) if folder.is_dir() else folder.unlink()
            aside.rename(folder)
            with Ledger.open(lab.settings.ledger) as ledger:
                ledger.tombstone(lab.scope, "endpoint", ["delay-risk"], at=lab.clock.ms())
            await until(pilot, lambda: "delay-risk" not in app.screen.query_one(LiveTable).keys)
            await until(pilot, lambda: "unreadable" not in line(app, "where"))
            assert len(told) == 1

        try:
            drive(app, steps, (100, 24))
        finally:
            app.feed.close()  # type: ignore[attr-defined]


def test_a_removed_state_folder_is_filled_again_and_the_identity_confirmed(tmp_path: Path) -> None:
    with stage(tmp_path) as lab:
        app = lab.app(collect=True)
        folder = Path(lab.env["LASTGOOD_STATE_DIR"])

        async def steps(pilot: Pilot[Any]) -> None:
            await listed(pilot, "delay-risk")
            feed = lab.feeds[-1]
            await until(pilot, lambda: "live" in line(app, "where"), 20)
            shutil.rmtree(folder)
            await until(pilot, lambda: "unconfirmed" in line(app, "where"))
            await until(pilot, lambda: (folder / "identities.json").exists(), 20)
            await until(pilot, lambda: "unconfirmed" not in line(app, "where"))
            assert isinstance(app.screen, ListScreen)
            await listed(pilot, "delay-risk")
            assert feed.identity() is not None

        async def whole(pilot: Pilot[Any]) -> None:
            assert isinstance(pilot.app, LastgoodApp)
            await steps(pilot)

        drive(app, whole, (120, 24))


@pytest.mark.parametrize("size", [(80, 24), (40, 14)])
def test_a_list_that_may_not_be_read_says_what_is_denied_and_what_to_do(tmp_path: Path, size: tuple[int, int]) -> None:
    with fleet(tmp_path) as lab:
        denied = lab.world.faults.add(code="AccessDeniedException", message="no identity-based policy allows it")
        with in_environment(lab.env):
            assert set(lab.collector.once()) >= {kind.sources[0] for kind in KINDS}
        app = lab.app()

        def said(table: LiveTable) -> str:
            return " ".join(" ".join(table.render_line(y).text for y in range(1, 10)).split())

        async def steps(pilot: Pilot[Any]) -> None:
            for kind in KINDS:
                app.open_list(kind.id)
                await pilot.pause()
                await until(pilot, lambda: "cannot be read" in line(app, "crumbs"))
                table = app.screen.query_one(LiveTable)
                await until(pilot, lambda table=table: "cannot be read" in said(table))  # type: ignore[misc]
                assert f"{kind.plural} cannot be read: not permitted: " in said(table)
                assert "→ lastgood iam --role reader prints the policy" in said(table)
            app.open_list("endpoint")
            await pilot.pause()
            denied.times = 0
            lab.look()
            await listed(pilot, "delay-risk")  # granted meanwhile: by itself
            assert "cannot be read" not in line(app, "crumbs")

        try:
            drive(app, steps, size)
        finally:
            app.feed.close()  # type: ignore[attr-defined]


def test_while_aws_is_silent_nothing_is_live_long_before_the_sdk_gives_up(tmp_path: Path) -> None:
    with stage(tmp_path) as lab:
        app = lab.app(collect=True)

        async def steps(pilot: Pilot[Any]) -> None:
            await listed(pilot, "delay-risk")
            await until(pilot, lambda: line(app, "where").rstrip().endswith("live"), 30)
            frozen = lab.world.faults.add(delay_s=14.0)
            feed, began = lab.feeds[-1], time.monotonic()
            feed.ledger.interest.tell(feed.scope, {"endpoint": ["delay-risk"]}, at=feed.now(), fresh=["endpoints"])
            await until(pilot, lambda: "AWS does not answer" in line(app, "where"), 20)
            assert time.monotonic() - began < 13, "it is the silence that is told, not a failure"
            assert all(state.ok for state in feed.ledger.coverage.states(feed.scope).values())
            frozen.times = 0
            await until(pilot, lambda: line(app, "where").rstrip().endswith("live"), 30)

        drive(app, steps, (100, 24))
