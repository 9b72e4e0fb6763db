"""A ledger, a collector and an embedded world over HTTP, all on one clock that the test moves."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from console.clients.aws import Cloud
from console.clients.budget import Budget
from console.clock import Millis
from console.collector.collector import Collector
from console.errors import LastgoodError
from console.kinds.registry import KINDS, kind_of
from console.ledger.snapshot import Snapshot
from console.ledger.store import Ledger
from console.settings import Context
from console.world.identity import Caller
from console.world.server import Served
from console.world.world import World
from tests.world.conftest import at_ten

SCOPE = "aws:123456789012:eu-central-1"


class Clock:
    """Wall time that passes only when told."""

    def __init__(self) -> None:
        self.s = at_ten()

    def __call__(self) -> float:
        return self.s


@dataclass
class Bench:
    """What a test of watches and deeds works with."""

    world: World
    served: Served
    clock: Clock
    ledger: Ledger
    collector: Collector
    cloud: Cloud
    path: Path

    @property
    def now(self) -> Millis:
        return round(self.clock.s * 1000)

    @property
    def snapshot(self) -> Snapshot:
        return Snapshot(self.ledger, SCOPE, None, self.now)

    def tick(self, seconds: float) -> None:
        self.clock.s += seconds
        with self.world.lock:
            self.world.advance()

    def look(self, source: str = "endpoints") -> tuple[Counter[str], list[LastgoodError]]:
        """One sweep of a source: the calls it cost, and the error if it failed."""
        self.collector._look_at_interest()
        before = self.world.calls.copy()
        errors = self.collector.once([source])
        return Counter(dict(self.world.calls - before)), list(errors.values())

    def want(self, kind: str, *names: str) -> None:
        """As a screen does that shows them."""
        self.ledger.interest.tell(SCOPE, {kind: names}, at=self.now)

    def call(self, operation: str, *, caller: Caller | None = None, **request: Any) -> dict[str, Any]:
        with self.world.lock:
            self.world.advance()
            more = {"caller": caller} if caller else {}
            return self.world.call(operation, request, **more)

    def view(self, kind: str, name: str) -> Any:
        (found,) = kind_of(kind).views(self.snapshot, [name])
        return found

    def fresh_collector(self) -> Collector:
        """As after a restart."""
        self.collector = Collector(self.ledger, self.cloud, SCOPE, KINDS, now=lambda: self.now)
        return self.collector


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Bench]]:
    """Makes benches; `options` are those of the world."""
    opened: list[Bench] = []
    for name in [name for name in os.environ if name.startswith(("AWS_", "LASTGOOD_")) or "proxy" in name.lower()]:
        monkeypatch.delenv(name)

    def make(**options: Any) -> Bench:
        clock = Clock()
        world = World(**({"throttle": False, "now": clock, "fleet": 4, "validate": True} | options))
        served = world.serve()
        for name, value in served.env.items():
            monkeypatch.setenv(name, value)
        context = Context(name="test", ambient=True, region="eu-central-1", endpoint_url=served.url)
        cloud = Cloud(context, budget=Budget(wait=lambda seconds: None))
        path = tmp_path / str(len(opened))
        path.mkdir()
        ledger = Ledger.open(path / "ledger.db")
        collector = Collector(ledger, cloud, SCOPE, KINDS, now=lambda: round(clock.s * 1000))
        opened.append(Bench(world, served, clock, ledger, collector, cloud, path))
        return opened[-1]

    yield make
    for one in opened:
        one.served.close()
        one.ledger.close()
