from __future__ import annotations

import msgspec
import pytest
from msgspec import structs

from console.clock import DAY, MINUTE
from console.kinds.alarm.record import Alarm
from console.kinds.alarm.view import AlarmView, judge
from console.kinds.deployment.record import Outcome
from console.kinds.endpoint.record import Phase, Variant
from console.kinds.symptom.record import Symptom
from screens.endpoint_text import EndpointContent, endpoint_lines
from screens.phases import alarms, guard_words, routing, stages
from tests.screens.records import (
    ACTIVATING,
    BAKING,
    CANARY,
    CREATING,
    FULL,
    HOSTILE,
    LEAVING,
    LONG,
    MOVING,
    NOW,
    PAST,
    deployment,
    endpoint,
    endpoint_view,
    seen,
    words,
)

LINEAR = {
    "BlueGreenUpdatePolicy": {
        "TrafficRoutingConfiguration": {"Type": "LINEAR", "LinearStepSize": {"Type": "INSTANCE_COUNT", "Value": 2}}
    }
}
ROLLING = {"RollingUpdatePolicy": {"MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50}}}


def told(e, seen_phases=()) -> list[str]:  # type: ignore[no-untyped-def]
    return [f"{stage.state.value} {stage.words}" for stage in stages(e, seen_phases, NOW)]


def shown(view, width: int = 80, height: int = 19, **more) -> str:  # type: ignore[no-untyped-def]
    return words(endpoint_lines(EndpointContent(view, since=NOW - 83 * DAY, **more), width, height, NOW), width)


def test_a_canary_is_told_with_its_clock_times() -> None:
    e = endpoint(BAKING, weights=(0.9, 0.1))
    assert told(e, (CREATING, ACTIVATING, BAKING)) == [
        "✓ launched 03:06Z", "◐ canary 10 % until 03:16Z", "○ all traffic", "○ clean up",
    ]  # fmt: skip
    assert told(endpoint(CREATING), (CREATING,))[0] == "◐ launching 6 since 03:03Z"
    assert told(endpoint(FULL, weights=(0.0, 1.0)), (ACTIVATING, BAKING, FULL)) == [
        "✓ launched 03:06Z", "✓ canary 10 %", "◐ all traffic until 03:16Z", "○ clean up ~03:16Z",
    ]  # fmt: skip
    assert told(endpoint(old_phase=LEAVING), ())[-1] == "◐ clean up since 03:11Z"


def test_a_fleet_that_leaves_again_is_a_way_back_not_a_clean_up() -> None:
    assert told(endpoint(LEAVING)) == ["◐ going back since 03:11Z"]


def test_what_nobody_saw_has_no_time() -> None:
    assert told(endpoint(FULL))[0] == "✓ launched"  # the launch is certain, when it ended was not seen
    unseen = Phase("Baking", "a message of tomorrow", NOW - MINUTE)
    assert told(endpoint(unseen))[2] == "◐ all traffic since 03:11Z"
    assert told(endpoint(Phase("Quiescing", "", None)))  # a status of tomorrow is no error


@pytest.mark.parametrize(("policy", "kind", "first"), [
    ({}, "all at once", "◐ launching 6 since 03:03Z"),
    (LINEAR, "linear", "◐ launching 6 since 03:03Z"),
    (ROLLING, "rolling", "◐ batch by batch, launching since 03:03Z"),
])  # fmt: skip
def test_every_policy_has_its_stages(policy: dict, kind: str, first: str) -> None:  # type: ignore[type-arg]
    assert routing(policy) == kind
    assert told(endpoint(CREATING, policy=policy))[0] == first
    assert told(endpoint(policy=policy)) == []


def test_alarms_are_named_and_their_absence_too() -> None:
    assert alarms(CANARY) == ("risk-5xx",)
    assert "Alarms risk-5xx take it back." in shown(endpoint_view(endpoint(BAKING)))
    assert "No alarm guards it" in shown(endpoint_view(endpoint(BAKING, policy=LINEAR)))
    # From Search alone nothing is known of the policy: nothing may be claimed.
    unread = shown(endpoint_view(endpoint(BAKING, policy={}, detailed=False)))
    assert "take it back" not in unread and "takes it back" not in unread


def test_a_deployment_in_motion_says_what_by_whom_and_how_far() -> None:
    view = endpoint_view(endpoint(BAKING, weights=(0.9, 0.1)))
    text = seen(endpoint_lines(EndpointContent(view, (ACTIVATING, BAKING), since=NOW - 83 * DAY), 80, 19, NOW))
    assert "risk-v7 → risk-v8   by ci-deployer (CI) at 03:03Z" in text
    assert "✓ launched 03:06Z   ◐ canary 10 % until 03:16Z   ○ all traffic   ○ clean up" in text
    old, new = (line.split() for line in text.split("\n") if line.startswith((" risk-v7  ", " risk-v8  ")))
    assert old == ["risk-v7", "6/6", "90", "%", "3f9c1e77aa00", "20", "%"]
    assert new == ["risk-v8", "1/6", "10", "%", "b0a71e77aa00", "–"]
    assert "● risk-v7  12 Nov 03:12Z  serves" in text
    assert "✖ risk-v5  15 Oct 03:12Z  rolled back after 4 m: alarm" in text


def test_in_calm_it_is_calm() -> None:
    text = seen(endpoint_lines(EndpointContent(endpoint_view(endpoint()), since=NOW - 83 * DAY), 80, 19, NOW))
    first = text.split("\n")[0]
    assert first == " ● risk-v7 serves since 12 Nov 03:21Z, by ci-deployer (CI)"
    assert "→" not in text and "warning" not in text and "○" not in text
    assert "BEFORE  (history since 2 Sep 03:12Z)" in text
    assert [line.split()[:2] for line in text.split("\n") if line[:2] in (" ●", " ✖", " ◌")][1:] == [
        ["●", "risk-v6"], ["✖", "risk-v5"], ["◌", "risk-v4"], ["✖", "risk-v3"],
    ]  # fmt: skip
    assert "served 21 d" in text and "not watched" in text and "failed silently after 1 h" in text


def test_a_failure_is_told_in_full_and_a_silent_one_as_silent() -> None:
    reason = "The primary container did not pass the ping health check."
    failed = deployment("risk-v8", Outcome.ROLLED_BACK, NOW - 30 * MINUTE, ended_at=NOW - 5 * MINUTE, reason=reason)
    loud = endpoint_view(endpoint(failure_reason=reason), deployments=(failed, *PAST))
    assert f"failure reason: {reason}" in shown(loud)
    silent = msgspec.structs.replace(failed, reason="")
    text = shown(endpoint_view(endpoint(), deployments=(silent, *PAST)))
    assert "risk-v8 silently rolled back" in text
    assert "rolled back silently after 25 m" in text
    assert "failure reason" not in text


@pytest.mark.parametrize("status", ["Failed", "UpdateRollbackFailed", "OutOfService"])
def test_what_hurts_users_comes_first(status: str) -> None:
    text = seen(endpoint_lines(EndpointContent(endpoint_view(endpoint(status=status))), 80, 19, NOW))
    assert text.startswith(" ✖ critical  ")


@pytest.mark.parametrize("status", ["Creating", "SystemUpdating", "RollingBack", "Deleting", "Hibernating", ""])
def test_statuses_that_move_or_are_not_known(status: str) -> None:
    text = seen(endpoint_lines(EndpointContent(endpoint_view(endpoint(status=status))), 80, 19, NOW))
    assert text.startswith((" ◐ ", " ◌ "))
    assert "serves" not in text.split("\n")[2] or status == ""


def test_an_update_without_a_config_is_not_as_old_as_what_serves() -> None:
    text = shown(endpoint_view(endpoint(status="Updating")))
    assert "is Updating" in text and "is Updating since" not in text


def test_an_alarm_that_may_not_fire_is_no_promise() -> None:
    e = endpoint(BAKING)
    name = alarms(e.policy)[0]
    seen = Alarm(name, "", "OK")
    blind = AlarmView(alarm=seen, observed_at=0, verdict=judge(seen, now=0), limits=("covers both fleets: it drowns",))
    assert guard_words(e).startswith("Alarms ") and guard_words(e).endswith(" take it back.")
    assert f"only if they fire: {name} covers both fleets: it drowns." in guard_words(e, [blind])
    guards = [{"AlarmName": name}, {"AlarmName": "b"}]
    two = structs.replace(e, policy={**e.policy, "AutoRollbackConfiguration": {"Alarms": guards}})
    other = structs.replace(blind, alarm=structs.replace(seen, name="b"))
    assert guard_words(two, [blind, other]).endswith("only if they fire: each covers both fleets: it drowns."), "once"
    red = structs.replace(blind, alarm=structs.replace(seen, state="ALARM"))
    assert guard_words(e, [red]).endswith(" take it back.")


def test_error_lines_of_the_containers_are_told_once() -> None:
    symptom = Symptom("delay-risk", "risk-v7", NOW, 6, 20, "KeyError: 'x'", NOW - MINUTE)
    text = shown(endpoint_view(endpoint()), symptom=symptom)
    assert text.count("KeyError: 'x'") == 1
    assert "6 error lines of 20 in the window that ended 03:12Z" in text


def test_what_is_not_watched_is_said() -> None:
    assert "not watched now: as it was at 03:11Z" in shown(endpoint_view(endpoint()), watched=False)
    text = words(endpoint_lines(EndpointContent(endpoint_view(endpoint())), 80, 19, NOW))
    assert "only what this ledger saw" in text


def test_a_hold_is_told_with_its_reason() -> None:
    assert "⏸ HELD migration of features (by ana, 02:12Z)" in shown(endpoint_view(endpoint(), hold=True))


def test_many_variants_shadows_and_serverless_fleets() -> None:
    variants = tuple(Variant(f"variant-{n}", 0.25, 0.25, 2, 2) for n in range(4))
    shadow, none = Variant("shadow", 1.0, 1.0, 1, 1), Variant("s", 1.0, 1.0, serverless={"MemorySizeInMB": 2048})
    text = shown(endpoint_view(endpoint(variants=variants, shadows=(shadow,))))
    assert "risk-v7 variant-3 2/2 25 %" in text
    assert "risk-v7 shadow 1/1 –" in text
    assert "risk-v7 serverless 100 %" in shown(endpoint_view(endpoint(variants=(none,))))
    assert "no instance is known" in shown(endpoint_view(endpoint(variants=())))


@pytest.mark.parametrize("width", [30, 80, 149, 150, 200])
def test_hostile_and_endless_text_harms_nothing(width: int) -> None:
    named = {"name": HOSTILE, "config": HOSTILE, "tags": {HOSTILE: LONG, "owner": HOSTILE}, "failure_reason": LONG}
    view = endpoint_view(
        endpoint(BAKING, **named), deployments=(MOVING, deployment(HOSTILE, Outcome.FAILED, NOW, reason=LONG), *PAST)
    )
    text = seen(endpoint_lines(EndpointContent(view), width, 19, NOW), width)
    assert all(len(line) <= width for line in text.split("\n"))
    assert "\x1b" not in text and "\u202e" not in text


def test_a_wide_screen_has_history_beside_the_fleets() -> None:
    text = seen(endpoint_lines(EndpointContent(endpoint_view(endpoint())), 200, 45, NOW), 200)
    assert any("FLEET" in line and "BEFORE" in line for line in text.split("\n"))


def test_history_that_has_no_room_is_counted() -> None:
    past = tuple(deployment(f"risk-v{n}", Outcome.SUCCEEDED, NOW - n * DAY, until=NOW) for n in range(60, 0, -1))
    text = shown(endpoint_view(endpoint(), deployments=past))
    assert "more: t timeline" in text
    assert len(endpoint_lines(EndpointContent(endpoint_view(endpoint(), deployments=past)), 80, 19, NOW)) == 19
