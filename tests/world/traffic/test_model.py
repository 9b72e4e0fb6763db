"""How a fleet answers: more load is slower, more hosts are quicker, too much load fails."""

from __future__ import annotations

import math

import numpy as np
import pytest

from console.world.traffic.backlog import backlog
from console.world.traffic.demand import Workload
from console.world.traffic.machines import machine
from console.world.traffic.model import Effects, Response, leak_span, memory, queueing, respond

ONE = machine("ml.c6i.xlarge")
WORK = Workload(seed=7, peak_rps=600, cost_s=0.01, latency_us=14_000.0, memory=40.0, hosts=3)


def effects(**some: float) -> Effects:
    usual = dict.fromkeys(Effects.__slots__, 0.0) | {"latency": 1.0, "cost": 1.0, "payload": 1.0} | some
    return Effects(**{name: np.array([value]) for name, value in usual.items()})


def at(rps: float, hosts: float = 3, **some: float) -> Response:
    return respond(WORK, ONE, np.array([rps]), hosts, effects(**some))


def test_saturation() -> None:
    """3 hosts of 4 vCPUs do 1,200 requests of 10 ms a second."""
    calm, full, over = at(300), at(1140), at(1800)
    assert calm.latency_us[0] == pytest.approx(14_000, rel=0.02) and calm.errors[0] < 1e-4
    assert full.latency_us[0] > 2.5 * calm.latency_us[0] and full.errors[0] < 0.01
    assert over.latency_us[0] > 10 * calm.latency_us[0]
    assert over.errors[0] == pytest.approx(1 / 3, abs=0.05), "what cannot be served is refused"
    assert 0.3 < over.by_container_5xx[0] < 0.7
    relieved = at(1800, hosts=6)
    assert relieved.latency_us[0] < 1.5 * calm.latency_us[0] and relieved.errors[0] < 1e-4


def test_cpu_is_a_sum_over_vcpus() -> None:
    assert at(600).cpu[0] == pytest.approx(400 * (0.03 + 0.97 * 0.5))
    assert at(5000).cpu[0] == pytest.approx(400)
    assert at(600, hosts=6).cpu[0] < at(600).cpu[0]
    gpu = respond(WORK, machine("ml.g5.12xlarge"), np.array([200.0]), 1, effects())
    assert gpu.gpu[0] == pytest.approx(200) and gpu.gpu_memory[0] <= 400


def test_queueing_grows_with_use_and_never_falls() -> None:
    waits = queueing(np.linspace(0, 2, 200), 4)
    assert (np.diff(waits) >= 0).all() and waits[0] == 0 and waits[80] < 1 < waits[100]


def test_errors_of_callers_and_of_containers() -> None:
    rejecting = at(300, bad_requests=0.2)
    assert rejecting.bad_requests[0] == pytest.approx(0.2, abs=0.01) and rejecting.errors[0] < 1e-4
    assert rejecting.by_container_4xx[0] > 0.98, "the container says 400: a model error too"
    assert at(300, errors=0.3).by_container_5xx[0] == pytest.approx(1.0)
    assert at(300, platform_errors=0.3).by_container_5xx[0] < 0.001, "the container never saw them"


def test_waiting_for_something_else_takes_time_and_no_cpu() -> None:
    usual, slow = at(300), at(300, dependency_us=200_000.0)
    assert slow.latency_us[0] == pytest.approx(usual.latency_us[0] + 200_000)
    assert slow.cpu[0] == usual.cpu[0] and slow.concurrency[0] > 10 * usual.concurrency[0]
    assert at(300, overhead_us=50_000.0).latency_us[0] == usual.latency_us[0]
    assert at(300, overhead_us=50_000.0).overhead_us[0] == usual.overhead_us[0] + 50_000


def test_memory_climbs_until_the_worker_is_killed() -> None:
    ticks = np.arange(29_000_000, 29_000_600, dtype=np.int64)
    since = float(ticks[0] * 60)
    used = memory(WORK, ticks, 3, np.full(600, 0.5), per_hour=30.0, since=since, speed=1.0)
    assert used.percent.shape == (3, 600) and used.percent.max() <= 99
    deaths = (used.restarting > 0).sum(axis=1)
    expected = 10 * 30.0 / leak_span(WORK)
    assert (abs(deaths - expected) <= 1.5).all() and len(set(used.restarting.argmax(axis=1))) == 3, "not in step"
    for host in range(3):
        first = int(used.restarting[host].argmax())
        assert used.percent[host][first - 1] > 90 > 60 > used.percent[host][first + 1]
    wide = memory(WORK, ticks, 6, np.full(600, 0.25), per_hour=30.0, since=since, speed=1.0)
    assert (wide.restarting > 0).sum(axis=1).max() < deaths.max(), "more hosts: each leaks slower"
    assert not memory(WORK, ticks, 3, np.full(600, 0.5), 0.0, 0.0, 1.0).restarting.any()


def test_a_worker_that_is_recycled_in_time_is_not_killed() -> None:
    ticks, busy = np.arange(29_000_000, 29_000_600, dtype=np.int64), np.full(600, 0.5)
    per_hour, since = leak_span(WORK) * 6.0, float(ticks[0] * 60)  # killed after ten minutes, but for recycling

    def kills(recycled_s: float, speed: float = 1.0) -> int:
        used = memory(WORK, ticks, 3, busy, per_hour, since, speed, recycled_s)
        return int((used.restarting > 0).sum())

    often = kills(math.inf)
    assert 160 < often < 200, "three hosts, ten hours"
    assert kills(8 * 60.0) == 0 and kills(8 * 60.0, speed=6.0) == 0, "no host leaks 15 % faster than its share"
    assert 0 < kills(13 * 60.0) < often
    used = memory(WORK, ticks, 3, busy, per_hour, since, 1.0, 8 * 60.0).percent
    assert used.max() > 85 and used.min() < WORK.memory + 12, "up, and down again"


def test_backlog() -> None:
    arrivals = np.array([2.0, 10, 10, 0, 0, 0, 0, 0])
    found = backlog(arrivals, np.full(8, 4.0))
    assert found.size.tolist() == [0, 6, 12, 8, 4, 0, 0, 0]
    assert found.done.sum() == arrivals.sum() and found.done.max() <= 4
    assert found.age_s[2] > 60 and found.age_s[-1] == 0
    stuck = backlog(np.full(600, 1.0), np.zeros(600))
    assert stuck.size[-1] == 600 and stuck.expired[-1] > 0 and not stuck.done.any()
