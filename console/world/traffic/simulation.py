"""One endpoint over some minutes: its history, its callers and its behaviours put together. Pure.

A minute in which something changed is the sum of its parts, in proportion to their length.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from console.world.traffic import demand
from console.world.traffic.behaviour import Behaviour
from console.world.traffic.demand import Workload
from console.world.traffic.history import Serving, Stretch
from console.world.traffic.machines import Machine, machine
from console.world.traffic.model import Effects, Response, memory, respond
from console.world.traffic.noise import Floats, Ints, binomial, counts, seed_of

Who = tuple[str, str, str]
"""(config, variant, inference component or "")."""
COUNTS = ("requests", "bad_requests", "errors", "model_errors", "waits", "unplaced", "capacity")
BY_REQUEST = ("latency_us", "sigma", "overhead_us", "overhead_sigma")
BY_TIME = (
    *("cpu", "gpu", "gpu_memory", "memory", "disk", "concurrency", "utilisation", "loaded"),
    *("cpu_reserved", "gpu_reserved", "memory_reserved"),
)
_NOTHING: Floats = np.zeros(240)
_PLAIN = ("hosts", "active", "covered", "memory_top", "cpu_now", "gpu_now")
_FAINT = 1e-9
"""Weight of a second without requests: what they would have met is known all the same."""
_HOST_S = 5.0
"""An instance that runs for less of a minute than this reports nothing in it."""


class Minutes:
    """What one fleet did, each array (n,). Counts are of the minute; `BY_REQUEST` are means over its requests (medians
    of the latency in microseconds, sigma of its logarithm), `BY_TIME` over the instances and their time; `memory_top`
    is that of the fullest instance. `hosts` is how many instances reported, `active` how many of the variant served."""

    def __init__(self, ticks: Ints, serving: Serving) -> None:
        count = len(ticks)
        self.ticks = ticks
        self.serving = serving
        self.samples = 6.0
        """That an instance sends per period of a high-resolution metric."""
        self.hosts, self.active, self.covered = np.zeros(count), np.zeros(count), np.zeros(count)
        self.memory_top, self.cpu_now, self.gpu_now = np.zeros(count), np.zeros(count), np.zeros(count)
        self.of: dict[str, Floats] = {name: np.zeros(count) for name in (*COUNTS, *BY_REQUEST, *BY_TIME)}

    def add(self, at: slice, covered: Floats, hosts: float, active: float, values: dict[str, Floats]) -> None:
        """`covered` seconds of the minutes `at`; BY_TIME values are per instance."""
        for name, value in values.items():
            if name in COUNTS:
                self.of[name][at] += value
            elif name in BY_REQUEST:
                self.of[name][at] += value * (values["requests"] + _FAINT * covered)
            elif name in BY_TIME:
                self.of[name][at] += value * covered
        self.cpu_now[at], self.gpu_now[at] = values["cpu"], values["gpu"]
        self.memory_top[at] = np.maximum(self.memory_top[at], values["memory_top"])
        self.covered[at] += covered
        self.hosts[at] = np.maximum(self.hosts[at], np.where(covered >= _HOST_S, hosts, 0.0))
        self.active[at] += active * covered / 60.0

    def part(self, kept: slice, fine: int = 1) -> Minutes:
        """Some of them; `fine` times each where a series has several periods a minute."""
        ticks = self.ticks[kept]
        if fine > 1:
            ticks = np.repeat(ticks * fine, fine) + np.tile(np.arange(fine), len(ticks))

        def cut(values: Floats) -> Floats:
            return np.repeat(values[kept], fine) if fine > 1 else values[kept]

        found = Minutes.__new__(Minutes)
        found.ticks, found.serving, found.samples = ticks, self.serving, 6.0 / fine
        found.of = {name: cut(values) for name, values in self.of.items()}
        for name in _PLAIN:
            setattr(found, name, cut(getattr(self, name)))
        return found

    def queued(self, done: Floats, arrivals: Floats, capacity: Floats, age_s: Floats, expired: Floats) -> None:
        """For an asynchronous endpoint: what came in becomes what got done, after it waited."""
        mine = self.of["capacity"] / np.maximum(capacity, 1e-9)
        finished = np.round(done * mine)
        for name in ("bad_requests", "errors", "model_errors"):
            self.of[name] = np.minimum(np.round(self.of[name] * done / np.maximum(arrivals, 1.0)), finished)
        self.of["requests"], self.of["unplaced"] = finished, np.round(expired * mine)
        used = np.clip(done / np.maximum(capacity, 1e-9), 0.0, 1.0)
        one = machine_of(self.serving)
        self.of["gpu"], self.of["utilisation"] = 100.0 * one.gpus * used, used
        self.of["cpu"] = 100.0 * one.vcpus * (0.03 + (0.35 if one.gpus else 0.95) * used)
        self.of["overhead_us"] = 1e6 * (0.2 + 0.7 * age_s)

    def host(self, at: slice, covered: Floats, serving: Serving, guests: Sequence[tuple[Serving, Minutes]]) -> None:
        """What the inference components on these instances reserve and use."""
        whole = machine_of(serving)
        for one, minutes in guests:
            share = one.instances / serving.instances
            self.of["cpu"][at] += minutes.cpu_now[at] * share * covered
            self.of["gpu"][at] += minutes.gpu_now[at] * share * covered
            self.of["cpu_reserved"][at] += 100.0 * one.vcpus * share / whole.vcpus * covered
            self.of["memory_reserved"][at] += 100.0 * one.memory_mb * share / whole.memory_mb * covered
            self.of["gpu_reserved"][at] += 100.0 * one.gpus * share / max(whole.gpus, 1.0) * covered

    def done(self) -> Minutes:
        covered = np.maximum(self.covered, 1e-12)
        weight = self.of["requests"] + _FAINT * covered
        for name in BY_REQUEST:
            self.of[name] /= weight
        for name in BY_TIME:
            self.of[name] /= covered
        # Thousands of these are kept: what is nothing throughout is kept once.
        nothing = np.zeros(len(self.ticks)) if len(self.ticks) != len(_NOTHING) else _NOTHING
        self.cpu_now = self.gpu_now = nothing
        self.of = {name: values if values.any() else nothing for name, values in self.of.items()}
        return self


Simulated = dict[Who, Minutes]


def simulate(
    work: Workload, stretches: Iterable[Stretch], behaviours: Sequence[Behaviour], first: int, count: int, speed: float
) -> Simulated:
    """Each fleet that ran in the `count` minutes from epoch minute `first` on."""
    ticks = np.arange(first, first + count, dtype=np.int64)
    rates = demand.minutes(work, ticks, demand.rate(work, _middle(ticks)))
    found: Simulated = {}
    for stretch in _cut(stretches, behaviours):
        low, high = max(first, int(stretch.begin // 60)), min(first + count, int(-(-stretch.end // 60)))
        if high <= low:
            continue
        at, inside = slice(low - first, high - first), ticks[low - first : high - first]
        covered = np.minimum(stretch.end, inside * 60.0 + 60.0) - np.maximum(stretch.begin, inside * 60.0)
        active: dict[str, float] = defaultdict(float)
        for one in stretch.servings:
            if not one.component:
                active[one.variant] += one.instances
        for serving in stretch.servings:
            who = (serving.config, serving.variant, serving.component)
            known = [one for one in behaviours if one.since <= stretch.begin < one.until and one.concerns(serving)]
            values = _values(work, serving, known, inside, rates[at], covered, speed)
            if who not in found:
                found[who] = Minutes(ticks, serving)
            serves = float(serving.instances) if serving.component else active[serving.variant]
            found[who].serving = serving
            found[who].add(at, covered, float(serving.instances), serves, values)
        for serving in stretch.servings:
            if serving.flavour == "host" and serving.instances:
                config, variant = serving.config, serving.variant
                guests = [
                    (one, found[config, variant, one.component])
                    for one in stretch.servings
                    if one.component and (one.config, one.variant) == (config, variant)
                ]
                found[config, variant, ""].host(at, covered, serving, guests)
    return {who: minutes.done() for who, minutes in found.items()}


def _middle(ticks: Ints) -> Floats:
    return ticks.astype(np.float64) * 60.0 + 30.0


def _cut(stretches: Iterable[Stretch], behaviours: Sequence[Behaviour]) -> Iterable[Stretch]:
    """Stretches in which the same behaviours are in force throughout."""
    turns = sorted({turn for one in behaviours for turn in (one.since, one.until)})
    for stretch in stretches:
        begin = stretch.begin
        for turn in (*(one for one in turns if stretch.begin < one < stretch.end), stretch.end):
            yield Stretch(begin, turn, stretch.servings)
            begin = turn


def machine_of(serving: Serving) -> Machine:
    """What one instance, or copy, or serverless container has."""
    if serving.flavour == "component":
        return Machine(serving.vcpus, serving.memory_mb, serving.gpus)
    if serving.flavour == "serverless":
        return Machine(max(1.0, serving.memory_mb / 1769.0), serving.memory_mb)
    return machine(serving.instance_type or "")


def effects_of(
    behaviours: Iterable[Behaviour], serving: Serving, work: Workload, times: Floats, speed: float
) -> tuple[Effects, Floats, Floats]:
    """Their sum for this fleet, the factor on its demand, and what comes on top in requests per second."""
    zero, one = np.zeros_like(times), np.ones_like(times)
    add: dict[str, Floats] = defaultdict(lambda: zero)
    times_: dict[str, Floats] = defaultdict(lambda: one)
    hosts = max(1, serving.instances)
    for behaviour in behaviours:
        power = behaviour.strength(times, speed)
        for name in ("errors", "platform_errors", "bad_requests", "overhead_us", "cold_starts", "demand_rps"):
            add[name] = add[name] + power * getattr(behaviour, name)
        dependency = behaviour.dependency_us + behaviour.dependency_us_per_host * hosts
        add["dependency_us"] = add["dependency_us"] + power * dependency
        # The models spread over the instances: with more of them more fit.
        add["cold_models"] = add["cold_models"] + power * behaviour.cold_models * min(1.0, (work.hosts / hosts) ** 2)
        for name in ("latency_factor", "cost_factor", "payload_factor", "demand_factor"):
            times_[name] = times_[name] * (1.0 + power * (getattr(behaviour, name) - 1.0))
        if behaviour.swing:
            phase = 2.0 * np.pi * (times - behaviour.since) * speed / behaviour.swing_period_s
            times_["demand_factor"] = times_["demand_factor"] * (1.0 + power * behaviour.swing * np.sin(phase))
    if serving.flavour == "multi-model":
        add["cold_models"] = add["cold_models"] + 0.012
    effects = Effects(
        errors=add["errors"],
        platform_errors=add["platform_errors"],
        bad_requests=add["bad_requests"],
        latency=times_["latency_factor"],
        cost=times_["cost_factor"],
        dependency_us=add["dependency_us"],
        overhead_us=add["overhead_us"],
        payload=times_["payload_factor"],
        cold_models=add["cold_models"],
        cold_starts=add["cold_starts"],
    )
    return effects, np.maximum(times_["demand_factor"], 0.0), add["demand_rps"]


def _values(
    work: Workload,
    serving: Serving,
    behaviours: Sequence[Behaviour],
    ticks: Ints,
    rates: Floats,
    covered: Floats,
    speed: float,
) -> dict[str, Floats]:
    one, times = machine_of(serving), _middle(ticks)
    effects, factor, more = effects_of(behaviours, serving, work, times, speed)
    rps = (rates * factor + more) * serving.share
    seed = seed_of(work.seed, serving.config, serving.variant, serving.component)
    if serving.flavour == "serverless":
        return _serverless(work, serving, effects, ticks, rps, covered, seed)
    # What waits in a queue does not slow down what is being worked on.
    rps_now = np.zeros_like(rps) if serving.flavour == "async" else rps
    response = respond(work, one, rps_now, serving.instances, effects)
    leaks = [behaviour for behaviour in behaviours if behaviour.memory_per_hour > 0]
    since = max(serving.launched, min((behaviour.since for behaviour in leaks), default=0.0))
    per_hour = sum(behaviour.memory_per_hour for behaviour in leaks)
    recycled_s = min((behaviour.recycled_s for behaviour in leaks), default=math.inf)
    ram = memory(work, ticks, serving.instances, response.busy, per_hour, since, speed, recycled_s)
    requests = counts(seed ^ 6, ticks, rps * covered)
    placed = requests if serving.instances or serving.flavour == "async" else requests * 0.0
    return _common(response, seed, ticks, placed, 0.8 * ram.restarting.mean(axis=0)) | {
        "unplaced": requests - placed,
        "capacity": (one.gpus or one.vcpus) * serving.instances * covered * 1e6 / np.maximum(response.latency_us, 1.0),
        "cpu": response.cpu,
        "gpu": response.gpu,
        "gpu_memory": response.gpu_memory,
        "memory": ram.percent.mean(axis=0),
        "memory_top": ram.percent.max(axis=0),
        "disk": work.disk + 1.5 * ((times / 86400.0) % 7.0),
        "concurrency": response.concurrency,
        "utilisation": response.busy,
        "loaded": np.round(work.models * np.clip(1.1 - 1.4 * response.waits, 0.25, 1.0)),
    }


def _serverless(
    work: Workload, serving: Serving, effects: Effects, ticks: Ints, rps: Floats, covered: Floats, seed: int
) -> dict[str, Floats]:
    """A container per request in work; beyond MaxConcurrency callers are throttled with 4xx."""
    response = respond(work, machine_of(serving), np.zeros_like(rps), 1, effects)
    working = rps * response.latency_us / 1e6
    limit = float(max(1, serving.concurrency))
    throttled = np.clip(1.0 - limit / np.maximum(working * 1.4, 1e-9), 0.0, 1.0)
    requests = counts(seed ^ 6, ticks, rps * covered)
    cold = np.clip(
        effects.cold_starts + (0.0 if serving.provisioned else 0.004 + 0.5 / np.maximum(requests, 1.0)), 0, 1
    )
    common = _common(response, seed, ticks, requests)
    return common | {
        "bad_requests": np.minimum(requests, common["bad_requests"] + binomial(seed ^ 7, ticks, requests, throttled)),
        "waits": binomial(seed ^ 8, ticks, requests, cold),
        "cpu": response.cpu,
        "gpu": response.gpu,
        "memory": np.full_like(rps, work.memory),
        "memory_top": np.full_like(rps, work.memory + 2.0),
        "concurrency": working,
        "utilisation": np.minimum(working * 1.4 / limit, 1.0),
    }


def _common(
    response: Response, seed: int, ticks: Ints, requests: Floats, failing: Floats | float = 0.0
) -> dict[str, Floats]:
    """`failing`: a further share that the container does not answer."""
    errors = binomial(seed, ticks, requests, np.clip(response.errors + failing, 0.0, 1.0))
    bad_requests = np.minimum(requests - errors, binomial(seed ^ 2, ticks, requests, response.bad_requests))
    by_container = (response.errors * response.by_container_5xx + failing) / np.maximum(
        response.errors + failing, 1e-12
    )
    return {
        "requests": requests,
        "bad_requests": bad_requests,
        "errors": errors,
        "model_errors": np.round(errors * by_container + bad_requests * response.by_container_4xx),
        "waits": binomial(seed ^ 5, ticks, requests, response.waits),
        "latency_us": response.latency_us,
        "sigma": response.sigma,
        "overhead_us": response.overhead_us,
        "overhead_sigma": np.full_like(requests, response.overhead_sigma),
    }
