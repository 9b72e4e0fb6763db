"""Bench (f): what watching costs in API calls, and how soon a change is seen. `python -m tests.bench.calls`.

Two measurements on a world that throttles. Figures for fleets of 100 to 5,000 endpoints, each with its pipeline, with
Search and where it is denied, come from the collector's own tasks on one simulated clock, which is also the world's and
the budget's: half an hour at rest passes in seconds. What an operator sees comes from real time: five consoles in
pseudo-terminals with their supervisors and one collector process, and deployments made meanwhile.
"""

from __future__ import annotations

import contextlib
import heapq
import multiprocessing
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from console.cli.session import Session
from console.clients.aws import Cloud
from console.clients.budget import Budget
from console.clients.identity import remember
from console.clock import Millis
from console.collector.collector import Collector
from console.collector.task import Task
from console.kinds.execution import watch
from console.kinds.registry import KINDS
from console.kinds.vitals import watch as vitals
from console.ledger.locks import collector_lock
from console.ledger.store import Ledger
from console.settings import Context, Settings
from console.world.throttle import Throttle
from console.world.world import World
from tests.screens.pty import Pty

INF = float("inf")
LIMIT_PER_MIN, SEEN_WITHIN_S = 12.0, 30.0
SIZES = (100, 1000, 5000)
REST_MIN = 30
"""Three full lists, one every 10 minutes."""

CALM_S = 2 * 3600.0
"""Nothing changed for so long: logs are read for an hour after a change, CloudTrail is asked for 20 minutes."""

BESIDE = {
    *("DescribeAlarms", "ListAlarmMuteRules", "GetMetricData", "FilterLogEvents", "ListServiceQuotas"),
    *("DescribeScalableTargets", "DescribeScalingPolicies", "DescribeScalingActivities", "DescribeScheduledActions"),
}
"""Of CloudWatch and Application Auto Scaling, which have quotas of their own: told beside."""

AT_REST = {"Search", "ListEndpoints", "ListPipelines"} | BESIDE
"""What is asked again for ever; anything else reads something once."""

FORMULA = {
    True: "60/15 + 60/20 Search + (endpoints + pipelines)/100/10",
    False: "endpoints/100 x 60/(15 + endpoints/100) ListEndpoints + pipelines/100 x 60/(60 + pipelines/100)"
    " ListPipelines + pipelines/100/10: a page a second, half of what AWS allows, is waited for",
}


class Clock:
    """Wall and monotonic time in seconds, and a sleep that takes none."""

    def __init__(self) -> None:
        self.s = float(int(time.time()))

    def __call__(self) -> float:
        return self.s

    def ms(self) -> Millis:
        return round(self.s * 1000)

    def pass_(self, seconds: float) -> None:
        self.s += seconds


class Rest(NamedTuple):
    """Calls a minute at rest, by source and operation; `history_min`: simulated minutes until the past was read."""

    by_source: dict[str, float]
    history_min: float
    took_s: float

    @property
    def per_min(self) -> float:
        """Of SageMaker and CloudTrail."""
        return sum(n for name, n in self.by_source.items() if name.rpartition(" ")[2] not in BESIDE)

    @property
    def beside(self) -> float:
        return sum(self.by_source.values()) - self.per_min


def at_rest(endpoints: int, search: bool) -> Rest:
    """In a process of its own: it changes the environment and the priority."""
    os.nice(5)
    # As a ledger that has collected for days: every pipeline's newest run is known (a first start reads 2,000 runs).
    watch.FIRST_PAGES = max(watch.FIRST_PAGES, endpoints * 3 // 200)
    began, clock = time.monotonic(), Clock()
    world = World(fleet=endpoints, now=clock, speed=600.0, evaluate=False)
    clock.pass_(CALM_S)
    with (
        tempfile.TemporaryDirectory() as folder,
        world.serve() as served,
        Ledger.open(Path(folder) / "ledger.db") as ledger,
    ):
        os.environ.update(served.env)
        budget = Budget(clock=clock, wall=clock.ms, wait=clock.pass_)
        cloud = Cloud(Context(name="bench", ambient=True, region="eu-central-1"), budget=budget)
        collector = Collector(ledger, cloud, "bench", KINDS, now=clock.ms)
        # What metrics cost is a figure of its own, in dollars.
        tasks = [task for task in collector.tasks if task.source != "metrics"]
        history = _read_past(world, tasks, clock)
        if not search:
            # Denied from now on: what is known is known by whichever way, and describing thousands takes hours.
            world.faults.add(operation="Search", code="AccessDeniedException", message="not authorized: Search")
            history += _read_past(world, tasks, clock)
        clock.pass_(CALM_S)
        calls = _rest(world, tasks, clock)
    return Rest(calls, history / 60, time.monotonic() - began)


def _sweep(world: World, task: Task) -> Counter[str]:
    """The requests that one sweep made."""
    before = world.calls.copy()
    if error := task.sweep():
        raise error
    return world.calls - before


def _read_past(world: World, tasks: list[Task], clock: Clock) -> float:
    """Each source until it asks for nothing but what it always asks for; the simulated seconds of the slowest."""
    slowest = 0.0
    for task in tasks:
        since, calm = clock.s, 0
        while calm < 2:
            calm = calm + 1 if set(_sweep(world, task)) <= AT_REST else 0
            clock.pass_(task.pause_s())
        slowest = max(slowest, clock.s - since)
    return slowest


def _rest(world: World, tasks: list[Task], clock: Clock) -> dict[str, float]:
    """Every task at its own pace and in its own thread of time, as the collector's threads do: a task that waits for
    its budget holds up no other."""
    rng, counted = random.Random(1), Counter[str]()
    end = clock.s + REST_MIN * 60
    due = [(clock.s, n) for n in range(len(tasks))]
    while due[0][0] < end:
        clock.s, n = heapq.heappop(due)
        for name, calls in _sweep(world, tasks[n]).items():
            counted[f"{tasks[n].source}: {name}"] += calls
        heapq.heappush(due, (clock.s + tasks[n].pause_s() * rng.uniform(0.9, 1.1), n))
    return {name: round(calls / REST_MIN, 2) for name, calls in sorted(counted.items())}


class CountingWorld(World):
    """Counts the pages of the full lists, which `calls` cannot tell from other Searches."""

    lists = 0

    def handle(self, region: Any, service: str, name: str, request: dict[str, Any], caller: Any) -> Any:
        self.lists += name == "ListEndpoints" or (name == "Search" and request.get("Resource") == "Pipeline")
        return super().handle(region, service, name, request, caller)


class Live(NamedTuple):
    per_min: float
    window: Counter[str]
    lists: int
    """Pages of full lists at the start, as every 10 minutes."""

    seen_s: list[float]


SCREENS = (":endpoints\r", ":endpoints\rG", ":pipelines\r", ":executions\r", ":endpoints\r\r")
"""What is typed in each console: both ends of the endpoints, pipelines, executions, one endpoint's own screen."""


def five_consoles(endpoints: int = 1000, *, window_s: float = 80.0, changes: int = 6) -> Live:
    """Five consoles in pseudo-terminals on one state folder, in real time, from a ledger that is warm."""
    behind = [CALM_S]
    world = CountingWorld(fleet=endpoints, speed=600.0, now=lambda: time.time() - behind[0], evaluate=False)
    behind[0] = 0.0
    throttle, world.throttle = world.throttle, None
    assert isinstance(throttle, Throttle)
    with tempfile.TemporaryDirectory() as folder, world.serve() as served, contextlib.ExitStack() as stack:
        env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "LASTGOOD_", "PYTHONDONTWRITE"))}
        env |= {**served.env, "HOME": folder, "LASTGOOD_STATE_DIR": f"{folder}/state"}
        stack.enter_context(_environment(env))
        settings = Settings.load(env)
        session = Session(settings, settings.current, lambda line: None)
        remember(settings.make_state_dir(), settings.current, session.identity)
        ledger, scope = session.ledger, session.scope
        stack.callback(ledger.close)
        _warm(world, ledger, scope, settings.current)
        world.throttle, world.lists = throttle, 0
        consoles = [
            stack.enter_context(Pty([sys.executable, "-m", "console"], columns=120, lines=30, env=env)) for _ in SCREENS
        ]
        for console, keys in zip(consoles, SCREENS, strict=True):
            console.wait_for("endpoints", timeout=60)
            console.settle(1.0, timeout=60)
            for part in keys.replace("\r", "\r\0").split("\0"):
                console.send(part)
                time.sleep(0.7)
        _until_quiet(world)
        lists, before, began = world.lists, world.calls.copy(), time.monotonic()
        time.sleep(window_s)
        window = Counter({name: n for name, n in (world.calls - before).items() if name not in BESIDE})
        minutes = (time.monotonic() - began) / 60
        again = world.lists - lists
        names = sorted(fact.name for fact in ledger.heads(scope, "endpoint"))[endpoints // 2 :]
        seen = _changes(world, ledger, scope, names, changes)
        holder = ledger.locks.holder(collector_lock(scope))
        assert holder is not None and all(console.process.poll() is None for console in consoles)
    return Live((sum(window.values()) - again) / minutes + lists / 10, window, lists, seen)


def _warm(world: World, ledger: Ledger, scope: str, context: Context) -> None:
    """The ledger of a collector that has run for days, made by the same watches without waiting for a budget."""
    cloud = Cloud(context, budget=Budget(wait=lambda seconds: None))
    collector = Collector(ledger, cloud, scope, KINDS)
    vitals.LEARN_AT_MOST = 10_000
    for _ in range(200):
        before = world.calls.copy()
        if errors := collector.once():
            raise next(iter(errors.values()))
        if set(world.calls - before) <= AT_REST:
            return
    raise AssertionError(f"the past is not read yet: {world.calls}")


def _until_quiet(world: World, quiet_s: float = 35.0, at_most_s: float = 240.0) -> None:
    """Until what is on the five screens was read: for longer than any source's period nothing but Search is called."""
    began = last = time.monotonic()
    before = world.calls.copy()
    while (now := time.monotonic()) - last < quiet_s:
        if now - began > at_most_s:
            raise AssertionError(f"no rest within {at_most_s} s: {world.calls}")
        time.sleep(1)
        after = world.calls.copy()
        if set(after - before) - {"Search"} - BESIDE or now - began < 10:
            last = now
        before = after


def _changes(world: World, ledger: Ledger, scope: str, names: list[str], changes: int) -> list[float]:
    """Seconds from each UpdateEndpoint until the ledger shows it; they come 7 s apart, at any phase of the sweeps."""
    seen: list[float] = []

    def watch(name: str, seq: int, began: float) -> None:
        while time.monotonic() - began < 120:
            fact = ledger.head(scope, "endpoint", name)
            if fact and fact.seq != seq:
                seen.append(time.monotonic() - began)
                return
            time.sleep(0.1)
        seen.append(INF)

    threads = []
    for name in names:
        with world.lock:
            world.advance()
            now = world.call("DescribeEndpoint", {"EndpointName": name})
            stem, _, version = now["EndpointConfigName"].rpartition("-v")
            head = ledger.head(scope, "endpoint", name)
            if now["EndpointStatus"] != "InService" or int(version) < 2 or head is None:
                continue
            world.call("UpdateEndpoint", {"EndpointName": name, "EndpointConfigName": f"{stem}-v{int(version) - 1}"})
        threads.append(threading.Thread(target=watch, args=(name, head.seq, time.monotonic()), daemon=True))
        threads[-1].start()
        if len(threads) == changes:
            break
        time.sleep(7)
    for thread in threads:
        thread.join()
    assert len(seen) == changes
    return seen


@contextlib.contextmanager
def _environment(env: dict[str, str]) -> Any:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(env)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def measure(sizes: tuple[int, ...] = SIZES) -> dict[str, Any]:
    """{"figures": [(what, value, limit, detail)]}: calls a minute, and seconds until a change is seen."""
    cases = [(size, search) for search in (True, False) for size in sizes]
    # Beside each other: in real time the consoles mostly wait. One world per process, as moto's state is global.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as pool:
        waiting = [pool.submit(at_rest, *case) for case in cases]
        try:
            live = five_consoles()
            rests = [one.result() for one in waiting]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # else a failure is told minutes later
            raise
    figures: list[tuple[str, float, float, str]] = []
    for (size, search), rest in zip(cases, rests, strict=True):
        how = "with" if search else "without"
        what = f"SageMaker and CloudTrail calls a minute at rest, {size:,} endpoints and pipelines, {how} Search"
        told = ", ".join(f"{name} {n:g}" for name, n in rest.by_source.items())
        told += f"; of CloudWatch and Auto Scaling {rest.beside:.1f}"
        told += f"; at rest after {rest.history_min:.0f} min of reading the past" if search else ""
        limit = LIMIT_PER_MIN if search and size == 1000 else INF
        figures.append((what, rest.per_min, limit, f"{FORMULA[search]}; {told}" if size == 1000 else told))
    told = f"{dict(live.window)} in 80 s, and {live.lists} pages of full lists every 10 minutes"
    figures += [
        ("the same, five consoles on one host, in real time, 1,000 with Search", live.per_min, LIMIT_PER_MIN, told),
        ("seconds until a change is seen", max(live.seen_s), SEEN_WITHIN_S,
         "the slowest of " + ", ".join(f"{s:.0f}" for s in sorted(live.seen_s))),
    ]  # fmt: skip
    return {"figures": figures, "rests": dict(zip(cases, rests, strict=True)), "live": live}


if __name__ == "__main__":
    missed = False
    for what, value, limit, detail in measure(tuple(map(int, sys.argv[1:])) or SIZES)["figures"]:
        missed |= value > limit
        print(f"{'MISSED' if value > limit else 'ok    '} {value:8.1f} (at most {limit:g})  {what}  {detail}")
    raise SystemExit(missed)
