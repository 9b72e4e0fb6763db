"""A ledger that a collector filled from the embedded world, on a clock that the tests move: the same each time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from console.clients.aws import Cloud
from console.clients.budget import Budget
from console.clients.identity import remember, who
from console.clock import SECOND, Millis
from console.collector.beat import BEAT
from console.collector.collector import Collector
from console.fleet.feed import LedgerFeed
from console.fleet.header import HeaderInfo
from console.kinds.registry import KINDS
from console.ledger.store import Ledger
from console.settings import Settings
from console.world.server import Served
from console.world.world import World
from screens.app import LastgoodApp
from screens.registry import places

NIGHT = 1_795_144_320.0
"""2026-11-20T03:12:00Z in epoch seconds."""


@dataclass
class Clock:
    now: float = NIGHT

    def __call__(self) -> float:
        return self.now

    def ms(self) -> Millis:
        return round(self.now * SECOND)


class StillFeed(LedgerFeed):
    """Its now is the clock's. The header says whose the demo is."""

    clock: Clock

    def now(self) -> Millis:
        return self.clock.ms()

    def header(self, now: Millis) -> HeaderInfo:
        return replace(super().header(now), calls_per_min=9)


@dataclass
class Fleet:
    world: World
    served: Served
    clock: Clock
    ledger: Ledger
    collector: Collector
    settings: Settings
    env: dict[str, str]

    @property
    def scope(self) -> str:
        return self.collector.scope

    def look(self, seconds: float = 0.0, **interest: list[str]) -> None:
        """Let time pass, then look at everything, and at what is said to be on screen in full."""
        self.clock.now += seconds
        self.ledger.interest.tell(self.scope, interest, at=self.clock.ms())
        self.collector._look_at_interest()
        with in_environment(self.env):
            errors = self.collector.once()
        assert not errors, errors
        self.ledger.coverage.cover(self.scope, BEAT, self.clock.ms(), every_ms=10 * SECOND)

    def feed(self) -> StillFeed:
        feed = StillFeed(self.settings, self.settings.current, self.scope, self.env, collect=False)
        feed.clock = self.clock
        return feed

    def app(self, **options: Any) -> LastgoodApp:
        return LastgoodApp(self.feed(), places=places(), **options)


@contextmanager
def fleet(folder: Path, *incidents: str, speed: float = 1.0, at: float = NIGHT) -> Iterator[Fleet]:
    """`at`: epoch seconds. Only a world of now has logs: moto drops what is older than 14 days, as AWS does."""
    clock = Clock(at)
    world = World(seed=1, speed=speed, throttle=False, now=clock, config_lag_s=0.1, search_lag_s=0.1, trail_delay_s=0.1)
    for name in incidents:
        world.play(name)
    with world.serve() as served:
        config = folder / "config.toml"
        where = f'region = "{served.env["AWS_REGION"]}"\nendpoint_url = "{served.url}"\n'
        config.write_text(f"[contexts.prod-eu]\nguarded = true\n{where}")
        env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LASTGOOD_"))}
        env |= {**served.env, "LASTGOOD_CONFIG": str(config), "LASTGOOD_STATE_DIR": str(folder / "state")}
        settings = Settings.load(environ=env)
        waited = [0.0]

        def wait(seconds: float) -> None:
            waited[0] += seconds

        budget = Budget(clock=lambda: waited[0], wall=clock.ms, wait=wait)
        cloud = Cloud.of(settings, settings.current, budget=budget)
        with in_environment(env):
            identity = who(cloud)
        remember(settings.make_state_dir(), settings.current, identity, env)
        ledger = Ledger.open(settings.ledger)
        collector = Collector(ledger, cloud, identity.scope, KINDS, now=clock.ms)
        try:
            yield Fleet(world, served, clock, ledger, collector, settings, env)
        finally:
            ledger.close()


@contextmanager
def in_environment(env: dict[str, str]) -> Iterator[None]:
    """boto3 takes credentials from the environment of the process alone."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(env)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
