"""Incidents in live traffic: there when they start, at any hour; the right deed mends them, a tempting one does not."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from botocore.exceptions import ClientError

from console.world.incidents import INCIDENTS
from tests.world.incidents.conftest import BEFORE_S, Night

Make = Callable[..., Night]
Sign = Callable[[Night], bool]
Deed = Callable[[Night], None]


def _lasts_three_hours(night: Night) -> None:
    night.wait(181)


def _drained(night: Night) -> None:
    night.scale("doc-extract", 5)
    night.wait(90)


@dataclass(frozen=True)
class Case:
    sign: Sign
    """Whether the last ten whole minutes show it."""
    right: Deed
    wrong: dict[str, Deed] = field(default_factory=dict)


def _failing_canary(night: Night) -> bool:
    new = night.describe("delay-risk").get("PendingDeploymentSummary", {}).get("EndpointConfigName", "delay-risk-v8")
    return night.ratio("Invocation5XXErrors", "delay-risk", 4, EndpointConfigName=new) > 0.012


def _saturated(night: Night) -> bool:
    busy = night.mean("CPUUtilization", "Average", "delay-risk") / 400
    return busy > 0.9 and night.grown("ModelLatency", "p99", "delay-risk") > 3


def _slow(night: Night) -> bool:
    same = 0.8 < night.grown("InvocationsPerInstance", "Sum", "eta-minutes", since_s=BEFORE_S) < 1.25
    return same and night.grown("ModelLatency", "p50", "eta-minutes") > 4


def _slow_with_more(night: Night) -> None:
    still = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended")
    night.register("eta-minutes", SuspendedState=dict.fromkeys(still, True))
    before = night.mean("ModelLatency", "p50", "eta-minutes")
    night.scale("eta-minutes", 8)
    night.wait(14)
    assert night.mean("ModelLatency", "p50", "eta-minutes") > 1.4 * before, "scale makes it worse"
    night.scale("eta-minutes", 4)  # so that requests per instance compare


def _dying(night: Night) -> bool:
    full = max(night.points("MemoryUtilization", "Maximum", "route-cost")) > 92
    return full and night.ratio("Invocation5XXErrors", "route-cost") > 0.01


def _outside(night: Night) -> bool:
    model = 0.75 < night.grown("ModelLatency", "p50", "ads-embed") < 1.33
    return model and night.grown("OverheadLatency", "Average", "ads-embed") > 10


def _queued(night: Night) -> bool:
    return max(night.points("ApproximateAgeOfOldestRequest", "Maximum", "doc-extract", VariantName="")) > 900


def _slower(night: Night, endpoint: str) -> bool:
    return night.grown("ModelLatency", "p99", endpoint) > 3


def _at_max(night: Night) -> bool:
    told = night.activities("search-rank", 45, reasons=True)
    codes = [reason["Code"] for one in told for reason in one.get("NotScaledReasons", ())]
    return "AlreadyAtMaxCapacity" in codes and _slower(night, "search-rank")


def _more_allowed(night: Night) -> None:
    night.register("search-rank", MaxCapacity=12)
    night.wait(15)


def _asks_in_vain(night: Night, endpoint: str, status: str, reason: str) -> bool:
    told = night.activities(endpoint, 15)
    return any(one["StatusCode"] == status and reason in one["StatusMessage"] for one in told)


def _no_instances(night: Night) -> bool:
    refused = _asks_in_vain(night, "search-rank", "Unfulfilled", "InsufficientInstanceCapacity")
    return refused and _slower(night, "search-rank")


def _over_quota(night: Night) -> bool:
    refused = _asks_in_vain(night, "eta-minutes", "Failed", "account-level service limit")
    return refused and _slower(night, "eta-minutes")


def _refused(deed: Deed) -> Deed:
    def tried(night: Night) -> None:
        with pytest.raises(ClientError, match="ResourceLimitExceeded"):
            deed(night)

    return tried


def _flaps(night: Night) -> bool:
    counts = [int(one["Description"].rstrip(".").rsplit(" ", 1)[1]) for one in night.activities("eta-minutes", 25)]
    moves = [newer > older for newer, older in itertools.pairwise(counts)]
    return True in moves and False in moves


def _suspended(night: Night) -> None:
    night.register("eta-minutes", SuspendedState={"DynamicScalingInSuspended": True})
    night.wait(30)


CASES = {
    "bad-canary": Case(
        _failing_canary,
        lambda night: night.roll_back("delay-risk", "delay-risk-v7"),
    ),
    "latency-saturation": Case(
        _saturated,
        lambda night: night.scale("delay-risk", 5),
        {"rollback": lambda night: night.roll_back("delay-risk")},
    ),
    "slow-dependency": Case(
        _slow,
        _lasts_three_hours,
        {"scale": _slow_with_more, "rollback": lambda night: night.roll_back("eta-minutes")},
    ),
    "oom": Case(
        _dying,
        lambda night: night.scale("route-cost", 3),
        {"rollback": lambda night: night.roll_back("route-cost")},
    ),
    "caller-change": Case(
        lambda night: night.ratio("Invocation4XXErrors", "review-toxic") > 0.25,
        _lasts_three_hours,
        {
            "scale": lambda night: night.scale("review-toxic", 4),
            "rollback": lambda night: night.roll_back("review-toxic"),
        },
    ),
    "overhead": Case(
        _outside,
        _lasts_three_hours,
        {"scale": lambda night: night.scale("ads-embed", 4), "rollback": lambda night: night.roll_back("ads-embed")},
    ),
    "mme-thrash": Case(
        lambda night: night.mean("ModelCacheHit", "Average", "demand-cast") < 0.75,
        lambda night: night.scale("demand-cast", 2),
        {"rollback": lambda night: night.roll_back("demand-cast")},
    ),
    "max-capacity": Case(_at_max, _more_allowed, {"rollback": lambda night: night.roll_back("search-rank")}),
    "no-capacity": Case(
        _no_instances,
        _lasts_three_hours,
        {
            "scale": lambda night: night.scale("search-rank", 6),
            "rollback": lambda night: night.roll_back("search-rank"),
        },
    ),
    "quota": Case(
        _over_quota,
        _lasts_three_hours,
        {
            "scale": _refused(lambda night: night.scale("eta-minutes", 6)),
            "rollback": _refused(lambda night: night.roll_back("eta-minutes")),
        },
    ),
    "flapping": Case(_flaps, _suspended, {"rollback": lambda night: night.roll_back("eta-minutes")}),
    "async-backlog": Case(_queued, _drained, {"rollback": lambda night: night.roll_back("doc-extract")}),
}


SCALES = {"max-capacity", "no-capacity", "quota", "flapping"}


@pytest.mark.parametrize("hour", [3.2, 11.5, 19.0])
@pytest.mark.parametrize("name", CASES)
def test_it_is_there_when_it_starts_at_any_hour(night: Make, name: str, hour: float) -> None:
    one, sign = night(hour), CASES[name].sign
    assert not sign(one), "a calm fleet does not look like it"
    one.world.play(name)
    one.wait(2)
    assert sign(one)


@pytest.mark.parametrize("name", CASES)
def test_the_right_deed_mends_it(night: Make, name: str) -> None:
    one = night()
    one.world.play(name)
    one.wait(2)
    CASES[name].right(one)
    one.wait(14)
    assert not CASES[name].sign(one)


@pytest.mark.parametrize(("name", "verb"), [(name, verb) for name, case in CASES.items() for verb in case.wrong])
def test_a_tempting_deed_does_not(night: Make, name: str, verb: str) -> None:
    assert verb in INCIDENTS[name].wrong
    one = night()
    one.world.play(name)
    one.wait(2)
    CASES[name].wrong[verb](one)
    one.wait(14)
    assert CASES[name].sign(one)


@pytest.mark.parametrize("name", [*CASES, "ping-failure"])
def test_it_plays_on_any_fleet_twice_and_at_the_speed_of_the_demo(night: Make, name: str) -> None:
    one = night(fleet=1, speed=INCIDENTS[name].speed)
    for first in (True, False):
        one.world.play(name)
        one.wait(2)
        if name in CASES and (first or name not in SCALES):  # which have scaled by then
            assert CASES[name].sign(one)
        one.wait(120)
