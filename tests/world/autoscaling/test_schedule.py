"""Scheduled actions: their expressions, and what they do at their time."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from console.world.autoscaling import schedule
from console.world.errors import AwsError
from tests.world.autoscaling.conftest import SPACE, Scaler, named
from tests.world.test_endpoints import refused

MONDAY = dt.datetime(2026, 11, 23, 3, 0, tzinfo=dt.UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def runs(expression: str, count: int = 3, zone: dt.tzinfo = dt.UTC, since: dt.datetime = MONDAY) -> list[str]:
    plan, at, found = schedule.read(expression, zone, since.timestamp()), since.timestamp(), []
    for _ in range(count):
        later = plan.after(at)
        if later is None:
            break
        at = later
        found.append(dt.datetime.fromtimestamp(at, zone).strftime("%a %d.%m.%y %H:%M"))
    return found


@pytest.mark.parametrize(
    "expression, expected",
    [
        ("at(2026-11-23T03:00:01)", ["Mon 23.11.26 03:00"]),
        ("at(2026-11-23T03:00:00)", []),
        ("rate(1 hour)", ["Mon 23.11.26 04:00", "Mon 23.11.26 05:00", "Mon 23.11.26 06:00"]),
        ("rate(2 days)", ["Wed 25.11.26 03:00", "Fri 27.11.26 03:00", "Sun 29.11.26 03:00"]),
        ("cron(0 10 * * ? *)", ["Mon 23.11.26 10:00", "Tue 24.11.26 10:00", "Wed 25.11.26 10:00"]),
        ("cron(15 12 ? * MON-FRI *)", ["Mon 23.11.26 12:15", "Tue 24.11.26 12:15", "Wed 25.11.26 12:15"]),
        ("cron(0/15 3 ? * 2 *)", ["Mon 23.11.26 03:15", "Mon 23.11.26 03:30", "Mon 23.11.26 03:45"]),
        ("cron(0 8 1 * ? *)", ["Tue 01.12.26 08:00", "Fri 01.01.27 08:00", "Mon 01.02.27 08:00"]),
        ("cron(0 0 L * ? *)", ["Mon 30.11.26 00:00", "Thu 31.12.26 00:00", "Sun 31.01.27 00:00"]),
        ("cron(0 0 15W AUG ? 2027)", ["Mon 16.08.27 00:00"]),
        ("cron(0 0 1W MAY ? 2027)", ["Mon 03.05.27 00:00"]),
        ("cron(0 18 ? * 6L *)", ["Fri 27.11.26 18:00", "Fri 25.12.26 18:00", "Fri 29.01.27 18:00"]),
        ("cron(0 18 ? * TUE#2 *)", ["Tue 08.12.26 18:00", "Tue 12.01.27 18:00", "Tue 09.02.27 18:00"]),
        ("cron(0 6 29 2 ? *)", ["Tue 29.02.28 06:00"]),
        ("cron(0 6,18 ? * SUN,SAT *)", ["Sat 28.11.26 06:00", "Sat 28.11.26 18:00", "Sun 29.11.26 06:00"]),
    ],
)
def test_expressions(expression: str, expected: list[str]) -> None:
    assert runs(expression, len(expected) or 1) == expected


def test_a_zone_keeps_its_hour_over_the_change_of_clocks() -> None:
    october = dt.datetime(2026, 10, 24, 12, tzinfo=BERLIN)
    assert runs("cron(0 7 * * ? *)", 2, BERLIN, october) == ["Sun 25.10.26 07:00", "Mon 26.10.26 07:00"]


@pytest.mark.parametrize(
    "expression",
    [
        *("", "cron()", "cron(0 10 * * *)", "cron(0 10 * * * *)", "cron(0 10 ? * ? *)", "cron(60 1 * * ? *)"),
        *(
            "cron(0 24 * * ? *)",
            "cron(, 1 * * ? *)",
            "cron(0 1 ? * TUE#x *)",
            "cron(0 1 ? * TUE#6 *)",
            "cron(0 1 99W * ? *)",
            "cron(0 1 32 * ? *)",
            "cron(0 1 ? * 8 *)",
            "cron(0 1 ? * FOO *)",
            "cron(0 1 xW * ? *)",
        ),
        *("rate(1 hours)", "rate(5 minute)", "rate(0 days)", "rate(1 week)", "at(2026-13-01T00:00:00)", "at(now)"),
        *("cron(5-1 1 * * ? *)", "cron(0 1 * * ? 1900)", "cron(0/0 1 * * ? *)", "cron(- 1 * * ? *)"),
    ],
)
def test_what_is_no_expression(expression: str) -> None:
    with pytest.raises(AwsError, match="Invalid schedule expression"):
        schedule.read(expression, dt.UTC, 0.0)


def put(scaler: Scaler, name: str, schedule_: str | None, low: int | None, high: int | None, **members: object) -> None:
    bounds = {"MinCapacity": low, "MaxCapacity": high}
    request = {"ScalableTargetAction": {key: value for key, value in bounds.items() if value is not None}}
    if schedule_:
        request["Schedule"] = schedule_  # type: ignore[assignment]
    scaler.aas.put_scheduled_action(**named(), ScheduledActionName=name, **request, **members)


def in_(scaler: Scaler, seconds: float) -> str:
    at = dt.datetime.fromtimestamp(scaler.lab.clock.now + seconds, dt.UTC)
    return f"at({at:%Y-%m-%dT%H:%M:%S})"


def bounds(scaler: Scaler) -> tuple[int, int]:
    (target,) = scaler.aas.describe_scalable_targets(**SPACE, ResourceIds=[named()["ResourceId"]])["ScalableTargets"]
    return target["MinCapacity"], target["MaxCapacity"]


def test_at_its_time_it_sets_the_bounds_and_scales(scaler: Scaler) -> None:
    put(scaler, "morning", in_(scaler, 120), 6, 12)
    (shown,) = scaler.aas.describe_scheduled_actions(**named())["ScheduledActions"]
    assert shown["ScalableTargetAction"] == {"MinCapacity": 6, "MaxCapacity": 12}
    assert ":scheduledActionName/morning" in shown["ScheduledActionARN"]
    since = scaler.lab.clock.now
    scaler.pass_(1)
    assert bounds(scaler) == (2, 8)
    scaler.pass_(10)
    assert bounds(scaler) == (6, 12) and scaler.counts() == (6, 6)
    told = [(one["Description"], one["Cause"], one["StatusCode"]) for one in scaler.activities(since)]
    assert sorted(told) == [
        ("Setting desired instance count to 6.", "minimum capacity was set to 6", "Successful"),
        (
            "Setting min capacity to 6 and max capacity to 12",
            "scheduled action name morning was triggered",
            "Successful",
        ),
    ]


def test_again_and_again_until_deleted(scaler: Scaler) -> None:
    put(scaler, "often", "rate(30 minutes)", 2, None)
    since = scaler.lab.clock.now
    scaler.pass_(95, step_s=60)
    ran = [one for one in scaler.activities(since) if "often was triggered" in one["Cause"]]
    assert len(ran) == 3 and ran[0]["Description"] == "Setting min capacity to 2"
    scaler.aas.delete_scheduled_action(**named(), ScheduledActionName="often")
    assert refused(scaler.aas.delete_scheduled_action, **named(), ScheduledActionName="often")[0] == (
        "ObjectNotFoundException"
    )
    scaler.pass_(65, step_s=60)
    assert len([one for one in scaler.activities(since) if "often" in one["Cause"]]) == 3


def test_suspended_or_changed_it_does_not_run(scaler: Scaler) -> None:
    since = scaler.lab.clock.now
    put(scaler, "one", in_(scaler, 60), 7, 9)
    scaler.aas.register_scalable_target(**named(), SuspendedState={"ScheduledScalingSuspended": True})
    scaler.pass_(2)
    assert bounds(scaler) == (2, 8)
    scaler.aas.register_scalable_target(**named(), SuspendedState={"ScheduledScalingSuspended": False})
    put(scaler, "two", in_(scaler, 60), 5, None)
    put(scaler, "two", in_(scaler, 180), 3, None)
    scaler.pass_(2)
    assert bounds(scaler) == (2, 8)
    scaler.pass_(2)
    assert bounds(scaler) == (3, 8)
    put(scaler, "three", in_(scaler, 30), 20, None)
    scaler.pass_(2)
    failed = scaler.activities(since)[-1]
    assert failed["StatusCode"] == "Failed" and "cannot be less than minimum" in failed["StatusMessage"]
    assert bounds(scaler) == (3, 8)


def test_while_the_endpoint_updates_the_capacity_waits(scaler: Scaler) -> None:
    put(scaler, "now", in_(scaler, 60), 6, None)
    scaler.sagemaker.update_endpoint(
        EndpointName="search-rank", EndpointConfigName="search-rank-v22", RetainAllVariantProperties=True
    )
    scaler.pass_(2)
    assert bounds(scaler) == (6, 8) and scaler.counts() == (4, 4)
    scaler.lab.settle("search-rank")
    scaler.lab.settle("search-rank")
    scaler.pass_(8)
    assert scaler.counts() == (6, 6)


def test_what_is_refused(scaler: Scaler) -> None:
    put_action, name = scaler.aas.put_scheduled_action, {"ScheduledActionName": "x"}
    bounds_ = {"ScalableTargetAction": {"MinCapacity": 1}}
    daily = {"Schedule": "cron(0 1 * * ? *)"}
    for members in (
        bounds_,
        daily,
        daily | {"ScalableTargetAction": {}},
        daily | {"ScalableTargetAction": {"MinCapacity": 3, "MaxCapacity": 2}},
        daily | bounds_ | {"Timezone": "Mars/Olympus"},
        daily | bounds_ | {"EndTime": scaler.lab.clock.now - 1},
        bounds_ | {"Schedule": "cron(0 1 * * * *)"},
    ):
        assert refused(put_action, **named(), **name, **members)[0] == "ValidationException", members
    other = named("endpoint/delay-risk/variant/AllTraffic")
    assert refused(put_action, **other, **name, **daily, **bounds_)[0] == "ObjectNotFoundException"
    put(scaler, "x", daily["Schedule"], 1, None, Timezone="Europe/Berlin")
    put_action(**named(), **name, ScalableTargetAction={"MinCapacity": 2})
    (kept,) = scaler.aas.describe_scheduled_actions(**SPACE, ScheduledActionNames=["x"])["ScheduledActions"]
    assert (kept["Schedule"], kept["Timezone"]) == (daily["Schedule"], "Europe/Berlin")
    assert kept["ScalableTargetAction"] == {"MinCapacity": 2}
