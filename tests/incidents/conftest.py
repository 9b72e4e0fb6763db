"""The console at 3 a.m.: an embedded world over HTTP, the real collector and a ledger, on one clock that tests move.

The night is one Monday's, because the noise of the traffic is another on each day.
"""

from __future__ import annotations

import datetime as dt
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from console.actions.book import Book
from console.actions.desk import ActionDesk
from console.actions.executor import Executor
from console.actions.model import Plan, Sighting
from console.actions.verb import Verb
from console.clients.aws import Cloud
from console.clients.budget import Budget
from console.clients.identity import who
from console.clock import MINUTE, SECOND, Millis
from console.collector.beat import BEAT
from console.collector.collector import Collector
from console.fleet.describe import lines
from console.fleet.feed import LedgerFeed
from console.kinds.base import Sign
from console.kinds.endpoint.table import COLUMNS
from console.kinds.endpoint.view import EndpointView
from console.kinds.registry import KINDS, kind_of, verbs
from console.kinds.vitals.beat import PROVISIONAL, SPAN
from console.ledger.snapshot import Snapshot
from console.ledger.store import Ledger
from console.settings import Settings
from console.triage.needs import Need, needs, text
from console.world.incidents.release import service_named
from console.world.server import Served
from console.world.world import World
from screens.endpoint import EndpointScreen
from screens.endpoint_text import endpoint_lines
from tests.conftest import VARIABLE as CALL_LOG
from tests.world.conftest import Clock

MONDAY = dt.datetime(2026, 11, 23, tzinfo=dt.UTC).timestamp()
FLEET = 2
"""Endpoints beside the one that an incident is about: enough to see who is blamed."""
CELLS = {column.id: column.cell for column in COLUMNS}


@dataclass
class Night:
    """One operator's console on one world."""

    world: World
    served: Served
    clock: Clock
    ledger: Ledger
    collector: Collector
    cloud: Cloud
    settings: Settings
    scope: str
    shown: tuple[str, ...] | None = None
    """What is on screen; None: all that the console knows."""

    @property
    def now(self) -> Millis:
        return round(self.clock.now * 1000)

    @property
    def snapshot(self) -> Snapshot:
        return Snapshot(self.ledger, self.scope, None, self.now)

    def has(self, name: str) -> None:
        """The endpoint is there, however small the fleet."""
        with self.world.lock:
            service_named(self.world, name)

    def wait(self, minutes: float) -> None:
        self.clock.tick(60 * minutes)
        with self.world.lock:
            self.world.advance()

    def look(self, *sources: str) -> dict[str, str]:
        """One refresh; the error of each source that failed."""
        names = self.shown
        if names is None:
            names = tuple(fact.name for fact in self.ledger.heads(self.scope, "endpoint"))
        self.ledger.interest.tell(self.scope, {"endpoint": names}, at=self.now)
        errors = self.collector.once(sources or None)
        self.ledger.coverage.cover(self.scope, BEAT, self.now, every_ms=10 * SECOND)
        return {source: error.message for source, error in errors.items()}

    def reconnect(self) -> None:
        """As after a restart: connections that are open would go on."""
        self.cloud = cloud_of(self.settings)
        self.collector = Collector(self.ledger, self.cloud, self.scope, KINDS, now=lambda: self.now)

    @contextmanager
    def feed(self) -> Iterator[LedgerFeed]:
        """What the screens read; its now is the clock's."""
        found = LedgerFeed(self.settings, self.settings.current, self.scope, {}, collect=False)
        found.now = lambda: self.now  # type: ignore[method-assign]
        try:
            yield found
        finally:
            found.ledger.close()

    @property
    def freshness(self) -> str:
        """The word at the right of every screen's first line."""
        with self.feed() as feed:
            return feed.header(self.now).freshness

    def screen(self, name: str, width: int = 80, height: int = 19) -> str:
        """The endpoint's own screen."""
        with self.feed() as feed:
            content = EndpointScreen(name).read(feed)
        assert content is not None
        return "\n".join("".join(text for text, _ in line) for line in endpoint_lines(content, width, height, self.now))

    def view(self, name: str, kind: str = "endpoint") -> Any:
        """As in a list: with what its row is made of."""
        return next(view for view in kind_of(kind).views(self.snapshot, None) if view.name == name)

    def row(self, name: str) -> dict[str, str]:
        """The cells of the endpoint's row."""
        view = self.view(name)
        return {id: cell(view, self.now).text for id, cell in CELLS.items()}

    def described(self, name: str, kind: str = "endpoint") -> str:
        (view,) = kind_of(kind).views(self.snapshot, [name])
        told = lines(kind_of(kind), view, self.snapshot, self.now)
        return "\n".join(f"{label:<11} {words}" for label, words in told)

    def need(self, name: str) -> Need | None:
        return next((need for need in needs(self.snapshot) if need.subject == name), None)

    def triage(self) -> str:
        return "\n".join(text(needs(self.snapshot), self.snapshot, self.now))

    def troubled(self) -> set[str]:
        """Endpoints that the list says need somebody."""
        views: list[EndpointView] = kind_of("endpoint").views(self.snapshot, None)
        return {view.name for view in views if view.sign.rank <= Sign.WARNING.rank}

    def window(self, metric: str, stat: str, endpoint: str, variant: str = "AllTraffic", **more: str) -> list[float]:
        """What `aws cloudwatch get-metric-data` answers for the minutes that the console judges, oldest first."""
        host = metric.startswith(("CPU", "Memory", "GPU", "Disk"))
        end = (self.now - PROVISIONAL) // MINUTE * MINUTE / 1000
        beat = self.view(endpoint).pulse
        minutes = max((one.minutes for one in beat.variants), default=SPAN) if beat else SPAN
        names = {"EndpointName": endpoint, "VariantName": variant} | more
        query = {
            "Metric": {
                "Namespace": "/aws/sagemaker/Endpoints" if host else "AWS/SageMaker",
                "MetricName": metric,
                "Dimensions": [{"Name": name, "Value": value} for name, value in names.items() if value],
            },
            "Period": 60,
            "Stat": stat,
        }
        answer = boto3.client("cloudwatch").get_metric_data(
            MetricDataQueries=[{"Id": "m", "MetricStat": query}],
            StartTime=dt.datetime.fromtimestamp(end - 60 * minutes, dt.UTC),
            EndTime=dt.datetime.fromtimestamp(end, dt.UTC),
            ScanBy="TimestampAscending",
        )
        found: list[float] = answer["MetricDataResults"][0]["Values"]
        return found

    def sum(self, metric: str, endpoint: str, **more: str) -> float:
        return sum(self.window(metric, "Sum", endpoint, **more))

    def middle(self, metric: str, stat: str, endpoint: str, **more: str) -> float:
        """Of the median minute."""
        found = sorted(self.window(metric, stat, endpoint, **more))
        half = len(found) // 2
        return found[half] if len(found) % 2 else (found[half - 1] + found[half]) / 2

    # Acting.

    def verb(self, id: str, kind: str = "endpoint") -> Verb:
        return next(verb for verb in verbs() if (verb.id, verb.kind) == (id, kind))

    def desk(self, verb: Verb) -> ActionDesk:
        return ActionDesk(verb, self.cloud.context, self.cloud, who(self.cloud), self.ledger, now=lambda: self.now)

    def plan(self, id: str, subject: str, kind: str = "endpoint", **args: Any) -> Plan:
        verb = self.verb(id, kind)
        return verb.deed().plan(self.desk(verb), subject, args)

    def apply(self, plan: Plan, reason: str = "") -> Sighting:
        """Done and verified; waiting moves the clock."""
        verb = self.verb(plan.verb, plan.kind)
        book = Book(self.ledger, plan.scope, plan.id, now=lambda: self.now)
        return Executor(self.desk(verb), verb.deed(), book, self.ledger.locks, sleep=self.clock.tick).apply(
            plan, reason=reason
        )

    def calls(self) -> Counter[str]:
        return Counter(self.world.calls)


def cloud_of(settings: Settings) -> Cloud:
    """Never short of calls, and patient: other tests may keep the machine busy."""
    budget = Budget(wait=lambda seconds: None)
    return Cloud(settings.current, budget=budget, call_log=settings.call_log, read_s=300)


@contextmanager
def opened(folder: Path, patch: pytest.MonkeyPatch, hour: float = 3.2, **options: Any) -> Iterator[Night]:
    """A world at that hour (UTC) of the Monday, and a console that has not looked yet."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "LASTGOOD_")) or "proxy" in name.lower()]:
        if name != CALL_LOG:
            patch.delenv(name)
    clock = Clock()
    clock.now = MONDAY + 3600 * hour
    # moto drops log lines that are older than two weeks.
    patch.setattr("moto.logs.models.utcnow", lambda: dt.datetime.fromtimestamp(clock.now, dt.UTC).replace(tzinfo=None))
    world = World(**({"validate": True, "throttle": False, "now": clock, "fleet": FLEET} | options))
    with world.serve() as served:
        for name, value in served.env.items():
            patch.setenv(name, value)
        (folder / "config.toml").touch()
        env = {**served.env, "LASTGOOD_STATE_DIR": str(folder), "LASTGOOD_CONFIG": str(folder / "config.toml")}
        env |= {name: value for name, value in os.environ.items() if name == CALL_LOG}
        settings = Settings.load(environ=env)
        cloud = cloud_of(settings)
        scope = who(cloud).scope
        with Ledger.open(settings.ledger) as ledger:
            collector = Collector(ledger, cloud, scope, KINDS, now=lambda: round(clock.now * 1000))
            yield Night(world, served, clock, ledger, collector, cloud, settings, scope)


Make = Callable[..., Night]


@pytest.fixture
def night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Makes nights, one after the other: moto is one to a process."""
    before: list[Any] = []

    def close() -> None:
        while before:
            before.pop().__exit__(None, None, None)

    def make(hour: float = 3.2, **options: Any) -> Night:
        close()
        folder = tmp_path / f"{hour}-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        entered = opened(folder, monkeypatch, hour, **options)
        one = entered.__enter__()
        before.append(entered)
        return one

    yield make
    close()
