"""How a fleet answers a load: utilisation, latency, errors, memory. Pure and vectorised over minutes.

A request waits as in a queue with as many servers as the instance has vCPUs (GPUs): hardly below 70 % of use, long near
saturation (Sakasegawa's approximation of M/M/c); beyond it what cannot be served is refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from console.world.traffic.demand import Workload
from console.world.traffic.machines import Machine
from console.world.traffic.noise import Floats, Ints, normal

TIMEOUT_US = 60e6
"""A container must answer within a minute (facts: sagemaker 9.2)."""
MEMORY_FULL = 98.0
RESTART_S = 40.0
"""A killed worker needs to load its model again."""
LOAD_MODEL_US = 1.8e6
"""Median for a model of a multi-model endpoint to come from S3 and be loaded."""
COLD_START_US = 3.4e6
"""Median for a serverless container to start."""
_IDLE = 0.03


@dataclass(frozen=True, slots=True)
class Effects:
    """Sum of the behaviours in force, each (n,): see `Behaviour` for the units."""

    errors: Floats
    platform_errors: Floats
    bad_requests: Floats
    latency: Floats
    cost: Floats
    dependency_us: Floats
    overhead_us: Floats
    payload: Floats
    cold_models: Floats
    cold_starts: Floats


@dataclass(frozen=True, slots=True)
class Response:
    """What one fleet does, each (n,). Latencies are medians in microseconds with the sigma of their logarithm."""

    busy: Floats
    """Work asked for as a share of what the instances can do; may be above 1."""
    bad_requests: Floats
    errors: Floats
    """Shares of the requests: 4xx, 5xx."""
    by_container_4xx: Floats
    by_container_5xx: Floats
    """Shares of those that the container itself answered, or never did: InvocationModelErrors."""
    latency_us: Floats
    sigma: Floats
    overhead_us: Floats
    overhead_sigma: float
    waits: Floats
    """Share of the requests that wait for a model to be loaded, or for a container to start."""
    concurrency: Floats
    """Requests in work per instance, on average."""
    cpu: Floats
    """Percent of one vCPU summed over the vCPUs: 0 to 100 x vCPU."""
    gpu: Floats
    gpu_memory: Floats
    """0 to 100 x GPUs."""


def queueing(busy: Floats, servers: float) -> Floats:
    """Waiting time as a multiple of the time of service."""
    calm = np.minimum(busy, 0.985)
    wait = calm ** np.sqrt(2.0 * (servers + 1.0)) / (servers * (1.0 - calm))
    # Beyond saturation queues fill up to what their clients bear.
    found: Floats = wait + 20.0 * np.clip((busy - 0.95) / 0.35, 0.0, 1.0)
    return found


def respond(work: Workload, one: Machine, rps: Floats, hosts: float, effects: Effects) -> Response:
    """`rps` (n,) requests per second on `hosts` such machines; 0 hosts answer nothing."""
    power = (one.gpus or one.vcpus) * max(hosts, 1e-9)
    cost_s = work.cost_s * effects.cost * (1.0 + 0.1 * (effects.payload - 1.0))
    busy = rps * cost_s / power if hosts else np.where(rps > 0, 9.0, 0.0)
    refused = np.clip(1.0 - 1.0 / np.maximum(busy, 1e-9), 0.0, 1.0) + 0.02 * np.clip((busy - 0.97) / 0.1, 0.0, 1.0)
    service_us = work.latency_us * effects.latency * effects.cost
    latency_us = service_us * (1.0 + queueing(busy, one.gpus or one.vcpus)) + effects.dependency_us
    latency_us = np.minimum(latency_us, TIMEOUT_US * 0.5)
    sigma = work.sigma * (1.0 + 0.5 * np.clip(busy, 0.0, 1.0) ** 4)
    failing = np.clip(effects.errors + work.errors, 0.0, 1.0)
    rejects = np.clip(effects.bad_requests, 0.0, 1.0 - failing)
    refused = np.clip(refused, 0.0, 1.0 - failing - rejects)
    errors = np.clip(failing + refused + effects.platform_errors, 0.0, 1.0 - rejects)
    answered = np.clip(1.0 - refused - effects.platform_errors, 0.0, 1.0)
    overhead_us = work.overhead_us * (0.6 + 0.4 * effects.payload) + effects.overhead_us
    bad_requests = np.clip(work.bad_requests + rejects, 0.0, 1.0)
    per_host = rps / max(hosts, 1.0)
    used = np.clip(busy, 0.0, 1.0)
    share = _IDLE + (1.0 - _IDLE) * (0.4 * used if one.gpus else used)
    return Response(
        busy=busy,
        bad_requests=bad_requests,
        errors=errors,
        by_container_4xx=rejects / np.maximum(bad_requests, 1e-12),
        by_container_5xx=np.clip((failing + 0.5 * refused) / np.maximum(errors, 1e-12), 0.0, 1.0),
        latency_us=latency_us,
        sigma=sigma,
        overhead_us=overhead_us,
        overhead_sigma=0.45,
        waits=np.clip(effects.cold_models + effects.cold_starts, 0.0, 1.0),
        concurrency=per_host * answered * latency_us * np.exp(sigma**2 / 2) / 1e6,
        cpu=100.0 * one.vcpus * share,
        gpu=100.0 * one.gpus * used,
        gpu_memory=np.full_like(rps, 100.0 * one.gpus * min(0.92, work.memory / 100.0 + 0.2)),
    )


@dataclass(frozen=True, slots=True)
class Memory:
    """Per instance and minute (hosts, n)."""

    percent: Floats
    restarting: Floats
    """Share of the minute in which the workers of an instance are down."""


def memory(
    work: Workload,
    ticks: Ints,
    hosts: int,
    busy: Floats,
    per_hour: float,
    since: float,
    speed: float,
    recycled_s: float = math.inf,
) -> Memory:
    """At rest, plus what the load takes, plus what leaks since `since` (epoch seconds) at `per_hour` percent per
    modelled hour and instance: up to MEMORY_FULL, where the worker is killed and begins anew, or until it is recycled,
    every `recycled_s` modelled seconds."""
    index = np.arange(max(1, hosts))
    shown = work.memory + 6.0 * np.clip(busy, 0.0, 1.2)[None, :]
    shown = shown + 1.2 * normal(work.seed ^ 0x33, index[:, None] * 7919 + (ticks // 30)[None, :])
    if per_hour <= 0:
        return Memory(np.clip(shown, 3.0, MEMORY_FULL), np.zeros_like(shown))
    span = leak_span(work)
    pace = leak_pace(work, hosts, index, per_hour, speed)[:, None]
    begin, end = np.maximum(ticks * 60.0 - since, 0.0), np.maximum((ticks + 1) * 60.0 - since, 0.0)
    (_, before), (lost, after) = (_leak(pace, span, at[None, :], recycled_s / speed) for at in (begin, end))
    down = np.clip((after - before) * RESTART_S / speed / 60.0, 0.0, 0.9)
    return Memory(np.clip(shown + lost / span * (MEMORY_FULL - shown), 3.0, MEMORY_FULL), down)


def _leak(pace: Floats, span: float, elapsed: Floats, recycled: float) -> tuple[Floats, Floats]:
    """Percent lost `elapsed` wall seconds after the leak began, and how often the worker was killed until then."""
    if math.isinf(recycled):
        return (pace * elapsed) % span, np.floor(pace * elapsed / span)
    inside = pace * (elapsed % recycled)
    return inside % span, np.floor(elapsed / recycled) * np.floor(pace * recycled / span) + np.floor(inside / span)


def leak_span(work: Workload) -> float:
    """Percent of memory that a worker under its usual load may lose until it is killed."""
    return max(5.0, MEMORY_FULL - work.memory - 7.0)


def leak_pace(work: Workload, hosts: int, index: Ints, per_hour: float, speed: float) -> Floats:
    """Percent per wall second on instance `index`: no two leak alike, so they do not restart in step."""
    unlike: Floats = 0.85 + 0.3 * ((index.astype(np.float64) * 0.618 + 0.31) % 1.0)
    return unlike * (per_hour * speed / 3600.0 * work.hosts / max(1, hosts))
