"""Bench (f): what watching costs in API calls, and how soon a change is seen. `python -m tests.bench.calls`.

Two measurements. Figures for fleets of 100 to 5,000 endpoints, each with its pipeline, with Search and where it is
denied, come from the collector itself on a clock that runs `pace` times as fast (periods, reconciliation and budget
alike). What an operator sees comes from real time: consoles with their supervisors and one collector process, on a
world that throttles, with deployments made meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from console.clients.aws import Cloud
from console.clients.budget import Budget
from console.clock import now_ms
from console.collector.collector import Collector
from console.fleet.feed import LedgerFeed
from console.kinds.registry import KINDS
from console.ledger.store import Ledger
from console.settings import Context, Settings
from console.world.world import World

LIMIT_PER_MIN = 12.0
SEEN_WITHIN_S = 30.0
FORMULA = {
    "with_search": "60/15 + 60/20 + endpoints/100/10 + pipelines/100/10",
    "without_search": "endpoints/100 * 60/15 + min(pipelines, 10 * 60/20) + pipelines/100/10",
}
"""Calls a minute at rest: a sweep of endpoints every 15 s and one of executions every 20, full lists every 10 minutes.
Without Search the runs that are found are described one by one first: see `history` in the figures."""
HISTORY = (
    "sagemaker:DescribePipelineExecution",
    "sagemaker:ListPipelineExecutionSteps",
    "sagemaker:ListPipelineParametersForExecution",
    "sagemaker:DescribePipelineDefinitionForExecution",
)
"""Calls that read the past, once each, for as long as there is some left; at a large fleet for hours."""


def expected(endpoints: int, *, search: bool) -> float:
    lists = endpoints / 100 / 10
    return 4 + 3 + 2 * lists if search else endpoints / 100 * 4 + min(endpoints, 30) + lists


def at_rest(endpoints: int, *, search: bool, minutes: float = 20.0, pace: float = 60.0) -> dict[str, Any]:
    """Calls a minute by operation after the first look is over, by the collector's own count."""
    world = World(fleet=endpoints, throttle=False, search_lag_s=0.0, trail_delay_s=0.0, speed=100_000.0)
    if not search:
        world.faults.add(operation="Search", code="AccessDeniedException", message="not authorized to perform: Search")
    began_s, began_ms = time.monotonic(), now_ms()

    def seconds() -> float:
        return began_s + (time.monotonic() - began_s) * pace

    counted: Counter[str] = Counter()
    stop = threading.Event()
    budget = Budget(
        on_minute=lambda usage: counted.update(usage.calls),
        clock=seconds,
        wall=lambda: began_ms + round((seconds() - began_s) * 1000),
        wait=lambda s: stop.wait(s / pace),
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        world.serve() as served,
        _environment(served.env),
        Ledger.open(Path(folder) / "ledger.db") as ledger,
    ):
        cloud = Cloud(Context(name="bench", ambient=True, region="eu-central-1"), budget=budget)
        collector = Collector(ledger, cloud, "bench", KINDS, now=budget.wall, pace=pace)
        collector.once()
        thread = threading.Thread(target=collector.run, args=(stop,), daemon=True)
        thread.start()
        _settle(budget, counted)
        budget.flush()
        counted.clear()
        since = seconds()
        time.sleep(minutes * 60 / pace)
        budget.flush()
        spent = (seconds() - since) / 60
        calls = dict(counted)
        stop.set()
        thread.join(timeout=10)
    return {
        "endpoints": endpoints,
        "search": search,
        "per_min": round(sum(n for name, n in calls.items() if name not in HISTORY) / spent, 1),
        "history": round(sum(n for name, n in calls.items() if name in HISTORY) / spent, 1),
        "formula": expected(endpoints, search=search),
        "by_operation": {name: round(n / spent, 2) for name, n in sorted(calls.items())},
    }


def _settle(budget: Budget, counted: Counter[str], quiet_s: float = 2.0, at_most_s: float = 60.0) -> None:
    """Until no sweep reads anything for the first time any more: two windows with the same count of calls."""
    deadline, before = time.monotonic() + at_most_s, -1
    while time.monotonic() < deadline:
        budget.flush()
        start = sum(counted.values())
        time.sleep(quiet_s)
        budget.flush()
        n = sum(counted.values()) - start
        if before >= 0 and abs(n - before) <= max(2, before * 0.1):
            return
        before = n


def consoles(endpoints: int = 1000, *, rest_s: float = 120.0, changes: int = 4) -> dict[str, Any]:
    """One console, then five, on one host and in real time: calls a minute at rest, and how soon a change is seen."""
    world = World(fleet=endpoints, throttle=True, speed=600.0)
    with tempfile.TemporaryDirectory() as folder, world.serve() as served, contextlib.ExitStack() as stack:
        env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "LASTGOOD_"))}
        env |= {**served.env, "HOME": folder, "LASTGOOD_STATE_DIR": f"{folder}/state"}
        settings = Settings.load(env)
        scope = f"aws/123456789012/eu-central-1@{served.url}"
        names = sorted(fact["EndpointName"] for fact in _all_endpoints(world))
        settings.make_state_dir()

        def open_console(n: int) -> LedgerFeed:
            feed = LedgerFeed(settings, settings.current, scope, env)
            stack.callback(feed.close)
            feed.interest("endpoint", names[n * 40 : n * 40 + 40])
            return feed

        def rest(seconds: float) -> dict[str, Any]:
            before, began = Counter(world.calls), time.monotonic()
            while time.monotonic() - began < seconds:
                for feed in feeds:
                    feed.changed()
                time.sleep(0.25)
            calls = Counter(world.calls) - before
            minutes = (time.monotonic() - began) / 60
            return {"per_min": round(sum(calls.values()) / minutes, 1), "calls": dict(sorted(calls.items()))}

        feeds = [open_console(0)]
        _first_look(feeds[0], endpoints)
        _quiet(world)
        one = rest(rest_s)
        feeds += [open_console(n) for n in range(1, 5)]
        _quiet(world)
        five = rest(rest_s)
        # Last: for an hour after a deployment its logs are read, for 20 minutes CloudTrail is asked.
        seen = [_change(world, feeds[0], name) for name in names[500 : 500 + changes]]
        throttles = sum(t for _, t in feeds[0].ledger.coverage.calls_by_operation(scope, 0).values())
    return {
        "endpoints": endpoints,
        "one_console": one,
        "five_consoles": five,
        "change_seen_s": [round(s, 1) for s in seen],
        "throttles": throttles,
    }


def _all_endpoints(world: World) -> list[Any]:
    found: list[Any] = []
    token: dict[str, str] = {}
    while True:
        answer = world.call("ListEndpoints", {"MaxResults": 100, **token})
        found += answer["Endpoints"]
        if not answer.get("NextToken"):
            return found
        token = {"NextToken": answer["NextToken"]}


def _first_look(feed: LedgerFeed, endpoints: int, at_most_s: float = 120.0) -> None:
    deadline = time.monotonic() + at_most_s
    while time.monotonic() < deadline:
        states = feed.ledger.coverage.states(feed.scope)
        if len(feed.names("endpoint")) >= endpoints and all(s in states for s in ("executions", "changes", "logs")):
            return
        time.sleep(0.5)
    raise AssertionError(f"no first look within {at_most_s} s: {feed.ledger.coverage.states(feed.scope)}")


def _quiet(world: World, at_most_s: float = 1500.0) -> None:
    """Until what came on screen and the failed runs of two days are described, and CloudTrail is asked no more for
    what moved before the start: at most 5 calls in 20 s. Takes up to 25 minutes with a thousand endpoints."""
    deadline = time.monotonic() + at_most_s
    while time.monotonic() < deadline:
        before = sum(world.calls.values())
        time.sleep(20)
        if sum(world.calls.values()) - before <= 5:
            return


def _change(world: World, feed: LedgerFeed, name: str) -> float:
    """Seconds from an UpdateEndpoint until the ledger shows that it moves or moved."""
    current = feed.ledger.head(feed.scope, "endpoint", name)
    config = world.call("DescribeEndpoint", {"EndpointName": name})["EndpointConfigName"]
    version = int(config.rsplit("-v", 1)[1])
    made = {"EndpointName": name, "EndpointConfigName": f"{name}-v{version - 1}"}
    began = time.monotonic()
    world.call("UpdateEndpoint", made)
    while time.monotonic() - began < 120:
        fact = feed.ledger.head(feed.scope, "endpoint", name)
        if fact and current and fact.seq != current.seq:
            return time.monotonic() - began
        time.sleep(0.1)
    return float("inf")


@contextlib.contextmanager
def _environment(env: dict[str, str]) -> Any:
    before = dict(os.environ)
    os.environ.update(env)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def measure(sizes: tuple[int, ...] = (100, 1000, 5000)) -> dict[str, Any]:
    figures = [at_rest(size, search=search) for size in sizes for search in (True, False)]
    live = consoles()
    return {
        "figures": figures,
        "formula": FORMULA,
        "consoles": live,
        "per_min": live["one_console"]["per_min"],
        "per_min_five_consoles": live["five_consoles"]["per_min"],
        "limit_per_min": LIMIT_PER_MIN,
        "seen_median_s": round(statistics.median(live["change_seen_s"]), 1),
        "seen_max_s": max(live["change_seen_s"]),
        "limit_seen_s": SEEN_WITHIN_S,
    }


if __name__ == "__main__":
    import json

    result = measure()
    print(json.dumps(result, indent=2))
    worst = max(result["per_min"], result["per_min_five_consoles"])
    raise SystemExit(worst > LIMIT_PER_MIN or result["seen_max_s"] > SEEN_WITHIN_S)
