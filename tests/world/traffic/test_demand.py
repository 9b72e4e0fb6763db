"""Callers: the same for the same seed, believable in numbers, with days and weeks."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from console.world.roster import roster
from console.world.traffic import demand
from console.world.traffic.machines import Machine, machine
from console.world.traffic.noise import below, binomial, counts, normal, uniform

MONDAY = dt.datetime(2026, 11, 16, tzinfo=dt.UTC).timestamp()
MINUTES = np.arange(MONDAY, MONDAY + 7 * 86400, 60)


@pytest.mark.parametrize("service", roster(60, seed=3), ids=lambda one: one.name)
def test_every_fleet_is_busy_but_not_full(service: object) -> None:
    one = machine(service.instance_type)  # type: ignore[attr-defined]
    work = demand.workload(3, service.name, one, service.instances, MONDAY)  # type: ignore[attr-defined]
    assert 15 <= work.peak_rps <= 2000
    busy = work.peak_rps * work.cost_s / ((one.gpus or one.vcpus) * service.instances)  # type: ignore[attr-defined]
    assert 0.1 < busy < 0.61
    assert work.latency_us * np.exp(2.33 * work.sigma * 1.2) < 250_000, "p99 below its alarm"


def test_days_and_weeks() -> None:
    office = demand.Workload(1, 100.0, "office", reference=MONDAY)
    rates = demand.rate(office, MINUTES)
    hour = ((MINUTES - MONDAY) // 3600 % 24).astype(int)
    weekday = MINUTES < MONDAY + 5 * 86400
    assert rates[weekday & (hour == 9)].mean() > 5 * rates[weekday & (hour == 2)].mean()
    assert rates[weekday & (hour == 9)].mean() > 2.5 * rates[~weekday & (hour == 9)].mean()
    assert rates.max() < 125 and rates.min() > 0
    grown = demand.rate(demand.Workload(1, 100.0, "office", 0.5, MONDAY - demand.MONTH_S), MINUTES)
    assert np.allclose(grown[0] / rates[0], 1.5)


def test_a_stretch_is_the_same_alone_and_within_a_longer_one() -> None:
    work = demand.workload(1, "any", machine("ml.c6i.xlarge"), 3, MONDAY)
    ticks = (MINUTES // 60).astype(np.int64)
    whole = demand.minutes(work, ticks, demand.rate(work, MINUTES))
    part = demand.minutes(work, ticks[500:700], demand.rate(work, MINUTES[500:700]))
    assert np.array_equal(whole[500:700], part)
    other = demand.workload(2, "any", machine("ml.c6i.xlarge"), 3, MONDAY)
    assert not np.allclose(whole, demand.minutes(other, ticks, demand.rate(other, MINUTES)))


def test_noise_has_the_law_it_says() -> None:
    ticks = np.arange(200_000, dtype=np.int64) + 29_000_000
    assert abs(uniform(5, ticks).mean() - 0.5) < 0.005 and abs(uniform(5, ticks).var() - 1 / 12) < 0.002
    assert abs(normal(5, ticks).mean()) < 0.01 and abs(normal(5, ticks).std() - 1) < 0.01
    for trials, chance in ((1000.0, 0.001), (20_000.0, 0.01), (50.0, 1.0)):
        drawn = binomial(9, ticks, np.full(len(ticks), trials), np.full(len(ticks), chance))
        mean = trials * chance
        assert drawn.min() >= 0 and drawn.max() <= trials and np.array_equal(drawn, np.round(drawn))
        assert drawn.mean() == pytest.approx(mean, rel=0.02)
        assert drawn.var() == pytest.approx(mean * (1 - chance), rel=0.05, abs=0.01)
    assert counts(1, ticks, np.full(len(ticks), 0.2)).mean() == pytest.approx(0.2, rel=0.05)
    assert set(counts(1, ticks, np.full(len(ticks), 1200.4))) == {1200.0}
    assert np.allclose(below(np.array([-2.326, 0.0, 2.326])), [0.01, 0.5, 0.99], atol=5e-4)


@pytest.mark.parametrize(
    ("name", "has"),
    [
        ("ml.c6i.xlarge", Machine(4, 8192)),
        ("ml.m5.2xlarge", Machine(8, 32768)),
        ("ml.t2.medium", Machine(2, 4096)),
        ("ml.g5.xlarge", Machine(4, 16384, 1)),
        ("ml.g5.48xlarge", Machine(192, 786432, 8)),
        ("ml.unheard-of", Machine(4, 16384)),
    ],
)
def test_machines(name: str, has: Machine) -> None:
    assert machine(name) == has
