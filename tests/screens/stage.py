"""The embedded world, a ledger that has seen it, and the console on both: what acting is tested on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from console.clients.identity import remembered
from console.fleet.feed import LedgerFeed
from console.ledger.journal import Entry
from console.process import own
from console.settings import Settings
from console.world.server import Served
from console.world.world import World
from screens.app import LastgoodApp
from screens.live_table import LiveTable
from screens.pieces import TextLine
from screens.registry import places
from screens.sheet import Sheet
from tests.screens.driving import until


@dataclass
class Stage:
    """`feed` is of the guarded context `prod`, `open` makes feeds of others."""

    world: World
    served: Served
    env: dict[str, str]
    feeds: list[LedgerFeed] = field(default_factory=list)

    def cli(self, *args: str) -> str:
        done = subprocess.run(own(*args), env=self.env, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def open(self, context: str = "prod", *, collect: bool = False) -> LedgerFeed:
        env = {**self.env, "LASTGOOD_CONTEXT": context}
        settings = Settings.load(environ=env)
        known = remembered(settings.state_dir, settings.current, env)
        assert known is not None
        feed = LedgerFeed(settings, settings.current, known.scope, env, collect=collect)
        self.feeds.append(feed)
        return feed

    def app(self, context: str = "prod", *, collect: bool = False, **options: Any) -> LastgoodApp:
        return LastgoodApp(self.open(context, collect=collect), places=places(), **options)


@contextmanager
def stage(folder: Path, *incidents: str, speed: float = 200.0, fleet: int = 12) -> Iterator[Stage]:
    world = World(speed=speed, fleet=fleet, throttle=False, config_lag_s=0.1, search_lag_s=0.1, trail_delay_s=0.1)
    for name in incidents:
        world.play(name)
    with world.serve() as served:
        where = f'region = "{served.env["AWS_REGION"]}"\nendpoint_url = "{served.url}"\n'
        config = folder / "config.toml"
        contexts = {"prod": "guarded = true\n", "lab": "", "museum": "read_only = true\n"}
        config.write_text("".join(f"[contexts.{name}]\n{more}{where}" for name, more in contexts.items()))
        env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LASTGOOD_"))}
        env |= {**served.env, "LASTGOOD_CONFIG": str(config), "LASTGOOD_STATE_DIR": str(folder / "state")}
        made = Stage(world, served, env)
        made.cli("collect", "--once")
        try:
            yield made
        finally:
            for feed in made.feeds:
                feed.close()


def line(app: LastgoodApp, id: str) -> str:
    return app.screen.query_one(f"#{id}", TextLine).text


def sheet(app: LastgoodApp) -> str:
    found = app.screen.query(Sheet)
    return found.first(Sheet).text if found else ""


async def listed(pilot: Pilot[Any], name: str) -> None:
    """The list is read, and the cursor is on that row."""
    app = pilot.app
    assert isinstance(app, LastgoodApp)
    table = app.screen.query_one(LiveTable)
    await until(pilot, lambda: name in table.keys)
    assert table.move_to(name)
    await pilot.pause()


async def planned(pilot: Pilot[Any]) -> None:
    """The plan is on the screen."""
    from screens.plan import PlanScreen

    app = pilot.app
    await until(pilot, lambda: isinstance(app.screen, PlanScreen) and app.screen.plan is not None, 30)
    await pilot.pause()


async def ended(pilot: Pilot[Any], end: str = "done") -> None:
    """The action on the screen has ended so."""
    from screens.action import ActionScreen

    app = pilot.app
    await until(pilot, lambda: isinstance(app.screen, ActionScreen) and bool(app.screen.following.end), 40)
    assert isinstance(app.screen, ActionScreen) and app.screen.following.end == end, sheet(app)  # type: ignore[arg-type]
    await pilot.pause()


def intents(feed: LedgerFeed, subject: str = "") -> list[Entry]:
    steps = [entry for entry in feed.ledger.journal.entries(feed.scope) if entry.step == "intent"]
    return [entry for entry in steps if not subject or entry.body["plan"]["subject"] == subject]
