"""What the console rests on goes away under it: its ledger, its state folder."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from console.ledger.store import Ledger
from screens.app import LastgoodApp
from screens.listing import ListScreen
from screens.live_table import LiveTable
from tests.screens.driving import drive, until
from tests.screens.fleet import fleet
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
