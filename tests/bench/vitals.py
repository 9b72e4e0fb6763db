"""Bench (i, j): what vital signs cost against the naive way; what memory they need. `python -m tests.bench.vitals`.

The naive way asks for every metric of every endpoint by itself, every 15 s. Both ask the same embedded CloudWatch for
the same metrics: all that exist of what is on screen or unhealthy, the vital signs of the rest. One round of the naive
way is really made; ours runs for some minutes of a clock that the bench moves.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from console.cli.session import Session
from console.clients.aws import Cloud
from console.clients.budget import Budget
from console.clients.identity import remember
from console.clock import HOUR, MINUTE
from console.collector.collector import Collector
from console.collector.task import Task
from console.kinds.endpoint.record import Endpoint
from console.kinds.registry import KINDS
from console.kinds.vitals import queries, watch
from console.kinds.vitals.cost import MEMO, Cost
from console.kinds.vitals.metric_data import DOLLARS, billed, request
from console.kinds.vitals.queries import Series
from console.kinds.vitals.record import Shape
from console.ledger.locks import collector_lock
from console.ledger.samples import Sample
from console.ledger.store import Ledger
from console.settings import Context, Settings
from console.world.traffic.behaviour import Behaviour, Behaviours
from console.world.world import World
from tests.bench.calls import Clock
from tests.screens.pty import Pty

LIMITS = {"calls": 1 / 20, "dollars": 1 / 5, "memory_mb": 200.0}
ON_SCREEN, UNHEALTHY = 20, 5
SETTLE, MINUTES = 20, 12
"""What was usual is read over the first hour, the same amount each minute."""

NAIVE_PER_MIN = 60 / 15
SCOPE = "bench"
HOURS = 3


class MeteredWorld(World):
    """Counts the metrics that were asked for, as the bill does: up to five statistics of one metric are one."""

    metrics = 0

    def handle(self, region: Any, service: str, name: str, request: dict[str, Any], caller: Any) -> Any:
        if name == "GetMetricData":
            asked = Counter(msgspec.json.encode(q["MetricStat"]["Metric"]) for q in request["MetricDataQueries"])
            self.metrics += sum(-(-n // 5) for n in asked.values())
        return super().handle(region, service, name, request, caller)


def cost(endpoints: int = 1000) -> dict[str, Any]:
    """Calls and dollars of both, and their ratios."""
    clock = Clock()
    world = MeteredWorld(fleet=endpoints, now=clock, evaluate=False, throttle=False)
    clock.pass_(HOUR / 1000)
    with (
        tempfile.TemporaryDirectory() as folder,
        world.serve() as served,
        Ledger.open(Path(folder) / "ledger.db") as ledger,
    ):
        os.environ.update(served.env)
        cloud = Cloud(
            Context(name=SCOPE, ambient=True, region="eu-central-1"),
            budget=Budget(clock=clock, wall=clock.ms, wait=clock.pass_),
        )
        collector = Collector(ledger, cloud, SCOPE, KINDS, now=clock.ms)
        metrics, seen = (next(t for t in collector.tasks if t.source == source) for source in ("metrics", "endpoints"))
        watch.LEARN_AT_MOST = endpoints  # as a collector that has run for days
        _sweep(seen)
        names = sorted(fact.name for fact in ledger.heads(SCOPE, "endpoint"))
        with world.lock:
            for name in names[-UNHEALTHY:]:
                world.region().of(Behaviours).set(name, Behaviour(endpoint=name, errors=0.2))
        clock.pass_(10 * 60)
        for _ in range(SETTLE):
            _look(collector, metrics, clock, names[:ON_SCREEN])
        calls, billed_before = world.calls["GetMetricData"], world.metrics
        for _ in range(MINUTES):
            _look(collector, metrics, clock, names[:ON_SCREEN])
        mine_calls = (world.calls["GetMetricData"] - calls) / MINUTES
        mine_metrics = (world.metrics - billed_before) / MINUTES
        told = ledger.coverage.recall(SCOPE, MEMO)
        skipped = msgspec.json.decode(told, type=Cost).left_out
        asked = _same(ledger, set(names[:ON_SCREEN]) | set(names[-UNHEALTHY:]))
        calls, billed_before = world.calls["GetMetricData"], world.metrics
        end = clock.ms() - clock.ms() % MINUTE
        client = cloud.client("cloudwatch", ("cloudwatch:GetMetricData",))
        for series in asked:
            client.get_metric_data(**request([series], end - 5 * MINUTE, end))
        naive_calls = world.calls["GetMetricData"] - calls
        naive_metrics = world.metrics - billed_before
    naive_dollars = naive_metrics * NAIVE_PER_MIN * 60 * DOLLARS
    dollars = mine_metrics * 60 * DOLLARS
    return {
        "calls": mine_calls / (naive_calls * NAIVE_PER_MIN),
        "dollars": dollars / naive_dollars,
        "calls_detail": f"{mine_calls:.1f} against {naive_calls * NAIVE_PER_MIN:,.0f} a minute",
        "dollars_detail": f"${dollars:.2f} against ${naive_dollars:.2f} an hour; "
        + ("; ".join(skipped) or "nothing was left out"),
    }


def _sweep(task: Task) -> None:
    if error := task.sweep():
        raise error


def _look(collector: Collector, metrics: Task, clock: Clock, shown: list[str]) -> None:
    """A minute passes, with these endpoints on somebody's screen."""
    clock.pass_(60)
    collector.ledger.interest.tell(SCOPE, {"endpoint": shown}, at=clock.ms())
    if errors := collector.once([metrics.source]):
        raise errors[metrics.source]


def _same(ledger: Ledger, close: set[str]) -> list[Series]:
    """What ours reads: all metrics of what is close, the vital signs of the rest."""
    shapes = {f.name: msgspec.json.decode(f.body, type=Shape) for f in ledger.heads(SCOPE, "shape")}
    found: list[Series] = []
    for fact in ledger.heads(SCOPE, "endpoint"):
        e = msgspec.json.decode(fact.body, type=Endpoint)
        found += queries.of_endpoint(e.name, shapes[e.config], everything=e.name in close)
    assert billed(found)
    return found


def memory(endpoints: int = 1000) -> dict[str, float]:
    """Resident megabytes of console and collector, at the most, in the minutes after they started on three hours of
    samples."""
    world = World(fleet=endpoints, evaluate=False, throttle=False)
    with tempfile.TemporaryDirectory() as folder, world.serve() as served:
        env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "LASTGOOD_", "PYTHONDONTWRITE"))}
        env |= {**served.env, "HOME": folder, "LASTGOOD_STATE_DIR": f"{folder}/state"}
        os.environ.update(served.env)
        settings = Settings.load(env)
        session = Session(settings, settings.current, lambda line: None)
        remember(settings.make_state_dir(), settings.current, session.identity)
        ledger, scope = session.ledger, session.scope
        watch.LEARN_AT_MOST = endpoints
        collector = Collector(ledger, Cloud(settings.current, budget=Budget(wait=lambda s: None)), scope, KINDS)
        for _ in range(3):
            if errors := collector.once():
                raise next(iter(errors.values()))
        _fill(ledger, scope)
        with Pty([sys.executable, "-m", "console"], columns=120, lines=40, env=env) as console:
            console.wait_for("endpoints", timeout=60)
            looked = ledger.samples.last_at(scope, "pulse")
            deadline = time.monotonic() + 240
            while ledger.samples.last_at(scope, "pulse") <= looked and time.monotonic() < deadline:
                time.sleep(2)
            time.sleep(30)
            holder = ledger.locks.holder(collector_lock(scope))
            assert holder is not None and console.process.poll() is None
            figures = {"console": _resident(console.process.pid), "collector": _resident(holder.pid)}
        ledger.close()
    return {**figures, "memory_mb": sum(figures.values())}


def _fill(ledger: Ledger, scope: str) -> None:
    """Three hours of every endpoint's minutes: those that were read, over again."""
    rows: dict[str, bytes] = {}
    newest = 0
    for name, at, body in ledger.samples.window(scope, "vitals", 0):
        rows[name], newest = body, max(newest, at)
    assert len(rows) > 100
    for minutes in range(HOURS * 60):
        at = newest - minutes * MINUTE
        ledger.samples.put(scope, "vitals", [Sample(name, at, body) for name, body in rows.items()])


def _resident(pid: int) -> float:
    """Megabytes at the most so far: what is shared with other processes counts in each."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    for key, value in {**cost(), **memory()}.items():
        print(f"{key:<16}{value if isinstance(value, str) else format(value, '8.4f')}")
