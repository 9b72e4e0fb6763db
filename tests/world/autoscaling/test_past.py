"""The autoscaled services' last weeks: activities that agree with what served and what callers asked."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from console.world.autoscaling.activities import Activities
from console.world.traffic import demand
from console.world.traffic.history import Histories, History
from console.world.world import World
from tests.world.autoscaling.conftest import RESOURCE, Scaler

DAY_S = 86400.0


def served(history: History, moment: float) -> int:
    """Instances of variant AllTraffic, also while a deployment doubles them."""
    return sum(one.instances for one in history.at(moment) if one.variant == "AllTraffic")


def seconds(activity: dict[str, Any], member: str) -> float:
    return float(activity[member].timestamp())


def deploying(history: History, moment: float) -> bool:
    return len({one.config for one in history.at(moment)}) > 1


def test_activities_agree_with_what_served(scaler: Scaler) -> None:
    history = scaler.lab.world.region().of(Histories).find("search-rank")
    assert history
    told = scaler.activities()
    assert 100 < len(told) < 600, "several a day, six weeks"
    assert scaler.lab.clock.now - seconds(told[0], "StartTime") > 40 * DAY_S
    for activity in told:
        assert activity["StatusCode"] == "Successful"
        wanted = int(activity["Description"].split()[-1].rstrip("."))
        start, end = seconds(activity, "StartTime"), seconds(activity, "EndTime")
        assert 2 <= wanted <= 8 and start < end < scaler.lab.clock.now
        assert not deploying(history, start) and not deploying(history, end), "deployments block scaling"
        assert served(history, end) == wanted != served(history, start)
    for earlier, later in itertools.pairwise(told):
        assert seconds(earlier, "EndTime") < seconds(later, "StartTime"), "one at a time"


def test_counts_follow_the_demand_of_the_day(scaler: Scaler) -> None:
    history = scaler.lab.world.region().of(Histories).find("search-rank")
    assert history
    times = scaler.lab.clock.now - np.arange(1, 14 * 24) * 3600.0
    counts = np.array([served(history, at) for at in times])
    rates = demand.rate(history.workload, times)
    assert np.corrcoef(counts, rates)[0, 1] > 0.8
    assert counts.min() == 2 and counts.max() >= 5
    target = scaler.policy()["TargetTrackingScalingPolicyConfiguration"]["TargetValue"]
    load = 60 * rates / counts / target
    assert np.quantile(load, 0.95) < 1.05, "there was enough, but for minutes"
    assert np.quantile(load[counts > 2], 0.05) > 0.5, "and not much too much"


def test_not_scaled_reasons_of_the_past(scaler: Scaler) -> None:
    told = scaler.activities(all_=True)
    codes = {reason["Code"] for one in told for reason in one.get("NotScaledReasons", ())}
    assert codes == {"AlreadyAtMinCapacity", "AutoScalingAnticipatedFlapping"}
    assert len(told) > len(scaler.activities())
    names = {one["AlarmName"] for one in scaler.policy()["Alarms"]}
    assert {one["Cause"].split()[2] for one in told} == names


@pytest.mark.parametrize("hour", range(0, 24, 3))
def test_at_any_hour_the_seeded_fleet_is_right_and_stays_so(hour: int) -> None:
    """Whoever starts the demo at 3 a.m. finds the same fleet, and no scaling in the next hour."""
    moment = [1_795_392_000.0 + (hour % 7) * DAY_S + hour * 3600.0]
    made = World(fleet=6, now=lambda: moment[0])
    histories = made.region().of(Histories)
    for name, count in (("search-rank", 4), ("eta-minutes", 4), ("fraud-online", 6)):
        history = histories.find(name)
        assert history and served(history, moment[0]) == count
    for _ in range(60):
        moment[0] += 60
        made.advance()
    told = made.region().of(Activities).find()
    assert [one for one in told if one.started > moment[0] - 3600 and not one.not_scaled] == []


def test_the_same_seed_and_moment_tell_the_same() -> None:
    def told(seed: int) -> list[Any]:
        made = World(seed=seed, now=lambda: 1_795_400_000.0)
        request = {"ServiceNamespace": "sagemaker", "ResourceId": RESOURCE}
        answer = made.call("DescribeScalingActivities", request, service="application-autoscaling")
        return list(answer["ScalingActivities"])

    assert told(1) == told(1) != told(2)
