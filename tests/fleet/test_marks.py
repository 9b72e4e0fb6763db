"""What stands on the time axis, from a ledger: deployments, alarms' changes of state, scaling; and instance counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from console.clock import DAY, HOUR, MINUTE, Millis
from console.fleet.course import instances, kept
from console.fleet.marks import Mark, marks
from console.kinds.alarm.record import Alarm
from console.kinds.alarm.view import AlarmView
from console.kinds.base import Sign, Verdict
from console.kinds.deployment.record import Deployment, Outcome
from console.kinds.endpoint.record import Endpoint, Pending, Variant
from console.kinds.endpoint.view import EndpointView
from console.kinds.scaling.record import INSTANCES, Activity, Target
from console.kinds.scaling.view import ScalingView
from console.kinds.vitals.record import Signs, Vitals
from console.kinds.vitals.spans import Window
from console.ledger.samples import Sample
from console.ledger.snapshot import Snapshot
from console.ledger.store import Ledger

NOW: Millis = 1_795_489_920_000  # 2026-11-24T03:12:00Z
WINDOW = Window(NOW - HOUR, NOW, 60)
SCOPE = "aws/1/eu-central-1"
OK = Verdict(Sign.OK, "ok")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(tmp_path / "ledger.db")
    yield opened
    opened.close()


@pytest.fixture
def snapshot(ledger: Ledger) -> Snapshot:
    return Snapshot(ledger, SCOPE, None, NOW)


def endpoint(count: int, pending: int | None = None, config: str = "risk-v7") -> Endpoint:
    coming = (
        Pending("risk-v8", NOW - 20 * MINUTE, (Variant("main", 0.0, 1.0, pending, 6),)) if pending is not None else None
    )
    return Endpoint(name="risk", arn="", status="InService", config=config, pending=coming,
                    variants=(Variant("main", 1.0, 1.0, count, count),))  # fmt: skip


def view(**more: Any) -> EndpointView:
    return EndpointView(endpoint=endpoint(6), observed_at=NOW, verdict=OK, **more)


def told(found: tuple[Mark, ...]) -> list[tuple[int, str, str]]:
    return [((NOW - mark.at) // MINUTE, mark.glyph, mark.words) for mark in found]


def test_deployments_begin_and_end(snapshot: Snapshot) -> None:
    bad = Deployment(source="risk-v7", target="risk-v8", started_at=NOW - 30 * MINUTE, ended_at=NOW - 9 * MINUTE,
                     outcome=Outcome.ROLLED_BACK, by="codepipeline", actor="ci")  # fmt: skip
    old = Deployment(source="risk-v6", target="risk-v7", started_at=NOW - DAY, ended_at=NOW - DAY + 9 * MINUTE,
                     outcome=Outcome.SUCCEEDED)  # fmt: skip
    found = marks(snapshot, view(deployments=(bad, old)), WINDOW)
    assert told(found) == [(30, "◐", "deploy v8 by codepipeline (CI)"), (9, "✖", "v8 was rolled back")]
    assert all(mark.line for mark in found)
    day = Window(NOW - 2 * DAY, NOW, 300)
    assert told(marks(snapshot, view(deployments=(bad, old)), day))[0][2] == "deploy v7"
    assert told(marks(snapshot, view(deployments=(bad, old)), day))[1][1:] == ("●", "v7 took over")


def test_alarms_that_came_and_went_but_no_sensor_of_scaling(ledger: Ledger, snapshot: Snapshot) -> None:
    def alarm(name: str, state: str, since: Millis) -> Alarm:
        return Alarm(name=name, arn="", state=state, since=since)

    seen = [("OK", NOW - 3 * DAY), ("ALARM", NOW - 40 * MINUTE), ("OK", NOW - 25 * MINUTE), ("ALARM", NOW - 5 * MINUTE)]
    for state, since in seen:
        body = msgspec.json.encode(alarm("risk-5xx", state, since))
        ledger.observe(SCOPE, "alarm", [("risk-5xx", body, None)], at=since + MINUTE)
    low = alarm("TargetTracking-endpoint/risk/variant/main-AlarmLow-1", "ALARM", NOW - 10 * MINUTE)
    both = (alarm("risk-5xx", *seen[-1]), low)
    alarms = tuple(AlarmView(alarm=one, observed_at=NOW, verdict=OK) for one in both)
    assert told(marks(snapshot, view(alarms=alarms), WINDOW)) == [
        (40, "!", "risk-5xx in ALARM"), (25, "○", "risk-5xx OK again"), (5, "!", "risk-5xx in ALARM"),
    ]  # fmt: skip


def test_scaling_out_in_and_not_at_all(snapshot: Snapshot) -> None:
    def activity(minutes: int, wanted: int, status: str = "Successful", message: str = "") -> Activity:
        return Activity(
            f"a{minutes}", NOW - minutes * MINUTE, status, wanted, NOW - (minutes - 1) * MINUTE, "", message
        )

    target = Target(resource="endpoint/risk/variant/main", dimension=INSTANCES, min=2, max=20)
    refused = activity(4, 12, "Failed", "The account-level service limit is 10")
    done = (refused, activity(10, 7), activity(30, 8), activity(50, 6), activity(90, 4))
    scaling = ScalingView(target=target, observed_at=NOW, code="ok", verdict=OK, activities=done)
    assert told(marks(snapshot, view(scaling=(scaling,)), WINDOW)) == [
        (50, "+", "scaled to 6"), (30, "+", "scaled to 8"), (10, "-", "scaled to 7"),
        (4, "✖", "could not scale to 12: The account-level service limit is 10"),
    ]  # fmt: skip


# Instance counts.


@pytest.fixture
def watched(ledger: Ledger) -> Callable[[list[tuple[int, Endpoint]]], None]:
    def observe(facts: list[tuple[int, Endpoint]]) -> None:
        for minutes, one in facts:
            ledger.observe(SCOPE, "endpoint", [("risk", msgspec.json.encode(one), None)], at=NOW - minutes * MINUTE)

    return observe


def cover(ledger: Ledger, first: int, last: int) -> None:
    for minutes in range(first, last - 1, -1):
        ledger.coverage.cover(SCOPE, "endpoints", NOW - minutes * MINUTE, every_ms=MINUTE)


def test_instances_that_somebody_asked_for_are_told_and_those_of_autoscaling_once(
    snapshot: Snapshot, watched: Any
) -> None:
    watched([(90, endpoint(3)), (40, endpoint(5)), (20, endpoint(8)), (10, endpoint(2, config="risk-v8"))])
    target = Target(resource="endpoint/risk/variant/main", dimension=INSTANCES, min=2, max=20)
    done = (Activity("a", NOW - 21 * MINUTE, "Successful", 8, NOW - 20 * MINUTE, "", ""),)
    scaling = ScalingView(target=target, observed_at=NOW, code="ok", verdict=OK, activities=done)
    assert told(marks(snapshot, view(scaling=(scaling,)), WINDOW)) == [
        (40, "+", "3 → 5 instances asked for"), (21, "+", "scaled to 8"),
    ]  # fmt: skip


def test_counts_are_steps_and_unknown_while_nobody_watched(ledger: Ledger, snapshot: Snapshot, watched: Any) -> None:
    watched([(200, endpoint(4)), (30, endpoint(6)), (10, endpoint(8))])
    cover(ledger, 40, 20)
    cover(ledger, 12, 0)
    (one,) = instances(snapshot, "risk", WINDOW)
    by_minute = {59 - n: value for n, value in enumerate(one.values)}
    assert by_minute[50] is None and by_minute[16] is None, "before it was watched, and while nobody did"
    assert (by_minute[38], by_minute[25], by_minute[11], by_minute[5]) == (4.0, 6.0, 6.0, 8.0)


def test_in_a_deployment_each_fleet_is_counted(ledger: Ledger, snapshot: Snapshot, watched: Any) -> None:
    watched([(50, endpoint(6)), (20, endpoint(6, pending=2)), (4, endpoint(6, config="risk-v8"))])
    cover(ledger, 50, 0)
    found = {(one.variant, one.config): one.values for one in instances(snapshot, "risk", WINDOW)}
    assert found.keys() == {("main", ""), ("main", "risk-v7"), ("main", "risk-v8")}
    at = 59 - 15
    assert [found["main", config][at] for config in ("", "risk-v7", "risk-v8")] == [8.0, 6.0, 2.0]
    assert found["main", "risk-v7"][-1] is None and found["main", "risk-v8"][-1] == 6.0
    assert found["main", "risk-v8"][10] is None, "a fleet that is not there has no instances, not none"


def test_an_endpoint_that_is_not_known_has_no_past(snapshot: Snapshot) -> None:
    assert instances(snapshot, "risk", WINDOW) == [] == kept(snapshot, "risk", WINDOW)


def test_minutes_that_cannot_be_read_are_left_out(ledger: Ledger, snapshot: Snapshot) -> None:
    good = msgspec.json.encode(Vitals((Signs("main", invocations=60.0),)))
    rows = [Sample("risk", NOW - 2 * MINUTE, good), Sample("risk", NOW - MINUTE, b"{}?"), Sample("risk", NOW, good)]
    ledger.samples.put(SCOPE, "vitals", rows)
    (one,) = kept(snapshot, "risk", WINDOW)
    assert (one.metric, one.values[-2:]) == ("invocations", (60.0, None)), "what begins at the end is not in it"
