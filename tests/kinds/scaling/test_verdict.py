"""The one function that judges a target, by what it is given: each reason why capacity does not follow the load."""

from __future__ import annotations

from typing import Any

import pytest

from console.clock import MINUTE, SECOND, Millis
from console.kinds.base import Sign
from console.kinds.scaling.course import alarm_words, launch_ms, quota_told, refusal, turns
from console.kinds.scaling.record import (
    INSTANCES,
    KEPT,
    Activity,
    NotScaled,
    Policy,
    Suspended,
    Target,
    together,
)
from console.kinds.scaling.seen import Load, Quota, Seen, Sensor
from console.kinds.scaling.verdict import Judgement, judge

NOW: Millis = 1_795_489_920_000  # 2026-11-24T03:12:00Z
HIGH = "TargetTracking-endpoint/search-rank/variant/AllTraffic-AlarmHigh-1f"
LOW = "TargetTracking-endpoint/search-rank/variant/AllTraffic-AlarmLow-2e"
POLICY = Policy("load", "TargetTrackingScaling", "SageMakerVariantInvocationsPerInstance", 7000.0, alarms=(HIGH, LOW))
QUOTA_SAYS = (
    "Failed to set desired instance count to 6. Reason: The account-level service limit 'ml.g5.xlarge for endpoint "
    "usage' is 4 Instances, with current utilization of 4 Instances and a request delta of 2 Instances. (Service: "
    "AmazonSageMaker; Status Code: 400; Error Code: ResourceLimitExceeded; Request ID: 1)."
)
NONE_SAYS = "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error."


def target(low: int = 2, high: int = 8, **more: Any) -> Target:
    fields = {"policies": (POLICY,), "scheduled": ()} | more
    return Target("endpoint/search-rank/variant/AllTraffic", INSTANCES, low, high, **fields)


def sensor(state: str, *, since: int = 12, side: str = "out", quiet: str = "") -> Sensor:
    return Sensor(HIGH if side == "out" else LOW, side, state, NOW - since * MINUTE, quiet)


def activity(minutes: float, wanted: int | None, status: str = "Successful", **more: Any) -> Activity:
    """That began so many minutes ago."""
    at = NOW - round(minutes * MINUTE)
    ended = None if status in {"InProgress", "Pending"} else at + 4 * MINUTE
    return Activity(f"{minutes}", at, status, wanted, **({"ended_at": ended} | more))


def no(minutes: float, code: str, **numbers: int) -> Activity:
    return activity(minutes, None, "Failed", not_scaled=(NotScaled(code, **numbers),))


def seen(count: int, *activities: Activity, t: Target | None = None, **more: Any) -> Seen:
    fields = {"current": count, "desired": count, "type": "ml.g5.xlarge"} | more
    return Seen(t or target(), activities, **fields)


def told(one: Seen) -> Judgement:
    return judge(one, NOW)


def test_at_its_maximum_while_more_is_wanted() -> None:
    one = seen(8, no(10, "AlreadyAtMaxCapacity", max=8), sensors=(sensor("ALARM"),), load=Load(9400.0, 7000.0, 5802.0),
               quota=Quota("ml.g5.xlarge", 16, 8))  # fmt: skip
    found = told(one)
    assert (found.code, found.verdict.sign) == ("at_max", Sign.WARNING)
    assert found.verdict.words == "at max 8/8, +62 % requests a host" and found.speaks_for == ("scale",)
    assert "8 of 16 ml.g5.xlarge of the quota used: room for 8 more" in found.verdict.reasons
    assert "9,400 requests a minute per instance, target 7,000, was 5,802" in found.verdict.reasons
    assert "not scaled: at its maximum, 8" in found.verdict.reasons
    assert found.verdict.since == NOW - 12 * MINUTE


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"load": Load(9400.0, 7000.0)}, "at_max"),  # nobody knows its alarms: its load tells
        ({"load": Load(7100.0, 7000.0)}, "ok"),
        ({"activities": (no(10, "AlreadyAtMaxCapacity", max=8),)}, "at_max"),  # nothing but what it was told lately
        ({"activities": (no(50, "AlreadyAtMaxCapacity", max=8),)}, "ok"),
        ({"sensors": (sensor("OK"),), "load": Load(9400.0, 7000.0)}, "ok"),  # the alarm has the last word
    ],
)
def test_whether_more_is_wanted_is_told_by_what_is_known(more: dict[str, Any], code: str) -> None:
    assert told(seen(8)._replace(**more)).code == code


def test_a_maximum_that_is_enough_is_no_trouble() -> None:
    found = told(seen(8, sensors=(sensor("OK"), sensor("ALARM", side="in"))))
    assert (found.code, found.verdict.sign, found.verdict.words) == ("ok", Sign.OK, "ok, at max 8/8, enough")


def test_bounds_that_leave_no_room_say_so() -> None:
    fixed = target(4, 4)
    found = told(seen(4, t=fixed, sensors=(sensor("ALARM"),)))
    assert (found.code, found.verdict.words) == ("fixed", "fixed at 4 (min = max), its policy wants more")
    assert told(seen(4, t=fixed)).verdict.words == "note: fixed at 4 (min = max)"


@pytest.mark.parametrize(
    ("message", "code", "words"),
    [
        (QUOTA_SAYS, "quota", "cannot grow: the quota of ml.g5.xlarge is used up, asked for 6, kept at 4"),
        (NONE_SAYS, "no_capacity", "cannot grow: AWS has no ml.g5.xlarge to spare, asked for 6, kept at 4"),
        ("Could not assume role", "failed", "scaling out fails, asked for 6, kept at 4"),
    ],
)
def test_what_aws_refuses_is_told_in_its_own_words(message: str, code: str, words: str) -> None:
    tries = [activity(m, 6, "Failed", message=message) for m in (2, 8, 14)]
    found = told(seen(4, *tries, activity(300, 4), sensors=(sensor("ALARM"),)))
    assert (found.code, found.verdict.sign, found.verdict.words) == (code, Sign.WARNING, words)
    assert any(message in reason for reason in found.verdict.reasons)
    assert found.verdict.since == NOW - 14 * MINUTE, "since the first of the tries"
    if code != "failed":
        assert "scale" in found.speaks_against and "rollback" in found.speaks_against, "a second fleet would not come"
    assert refusal(message) == code


def test_it_is_refused_still_while_it_tries_again() -> None:
    one = seen(4, activity(1, 6, "InProgress"), activity(7, 6, "Unfulfilled", message=NONE_SAYS), current=4, desired=6)
    assert told(one._replace(sensors=(sensor("ALARM"),), desired=4)).code == "no_capacity"


def test_what_a_quota_forbade_and_is_under_way_now_was_granted() -> None:
    refused = activity(7, 6, "Failed", message=QUOTA_SAYS)
    wants = {"current": 4, "desired": 6, "sensors": (sensor("ALARM"),)}
    assert told(seen(4, activity(1, 6, "InProgress"), refused, **wants)).verdict.words.startswith("scales out 4 → 6")
    assert told(seen(4, activity(1, 6, "Pending"), refused, **wants)).code == "quota", "nobody has asked for it yet"


def test_an_alarm_of_before_the_hosts_came_wants_nothing() -> None:
    bears = {"current": 10, "desired": 10, "sensors": (sensor("ALARM"),)}
    t = target(high=10)
    assert told(seen(10, t=t, load=Load(6000.0, 7000.0, None, 60_000.0, 6.0), **bears)).verdict.sign is Sign.OK
    assert told(seen(10, t=t, load=Load(8000.0, 7000.0, None, 80_000.0, 6.0), **bears)).code == "at_max"
    assert told(seen(10, t=t, load=Load(6000.0, 7000.0, None, 60_000.0), **bears)).code == "at_max"


def test_a_refusal_is_over_with_the_load_or_the_next_success() -> None:
    failed = activity(8, 6, "Failed", message=QUOTA_SAYS)
    over = told(seen(4, failed, sensors=(sensor("OK"),)))
    assert (over.code, over.verdict.sign) == ("ok", Sign.OK)
    assert over.verdict.words == "note: 6 were not to be had 03:04Z: the quota"
    assert told(seen(6, activity(4, 6), failed, sensors=(sensor("OK"),))).verdict.words == "ok"


def test_scale_out_suspended_while_more_is_wanted() -> None:
    out = target(suspended=Suspended(scale_out=True))
    found = told(seen(4, t=out, sensors=(sensor("ALARM"),), load=Load(9100.0, 7000.0)))
    assert (found.code, found.verdict.sign) == ("suspended", Sign.WARNING)
    assert found.verdict.words == "scale-out is suspended while its policy wants more, 130 % of its target"
    calm = told(seen(4, t=target(suspended=Suspended(True, True, True)), sensors=(sensor("OK"),)))
    assert (calm.verdict.sign, calm.verdict.words) == (
        Sign.HELD, "scale-in, scale-out and scheduled scaling suspended",
    )  # fmt: skip


def flaps(*wanted: int, every: float = 6.0) -> list[Activity]:
    """Newest first, the newest 2 minutes ago."""
    return [activity(2 + every * n, count) for n, count in enumerate(reversed(wanted))]


def test_out_and_in_and_out_again_is_flapping() -> None:
    found = told(seen(4, *flaps(4, 6, 4, 6, 4)))
    assert (found.code, found.verdict.sign) == ("flapping", Sign.WARNING)
    assert found.verdict.words == "flaps: turned round 3 times in 14 m" and found.speaks_for == ("suspend",)
    assert any("6 → 4" in reason for reason in found.verdict.reasons)


@pytest.mark.parametrize(
    "activities",
    [
        flaps(2, 4, 6, 8, 6, 4),  # a day's demand turns once
        flaps(4, 6, 4, 6, 4, every=40.0),  # over hours
        [activity(40 + 3 * n, count) for n, count in enumerate((4, 6, 4, 6, 4))],  # and it rests by now
        [activity(6 * n, count, "Failed", message="x") for n, count in enumerate((6, 4, 6, 4))],  # nothing moved
    ],
)
def test_what_is_not_flapping(activities: list[Activity]) -> None:
    assert told(seen(4, *activities)).code != "flapping"


def test_suspending_scale_in_ends_flapping() -> None:
    found = told(seen(6, *flaps(4, 6, 4, 6), t=target(suspended=Suspended(scale_in=True))))
    assert (found.code, found.verdict.sign, found.verdict.words) == ("suspended", Sign.HELD, "scale-in suspended")


def test_a_policy_without_eyes_does_not_scale() -> None:
    muted = told(seen(4, sensors=(sensor("ALARM", quiet="muted"),)))
    assert (muted.code, muted.verdict.words) == ("blind", "cannot scale out: its alarm is muted")
    dark = sensor("INSUFFICIENT_DATA")
    assert told(seen(4, sensors=(dark,), load=Load(5.0, 7000.0))).code == "blind"
    assert told(seen(4, sensors=(dark,))).code == "ok", "nobody calls it"


def test_above_its_target_for_long_and_nothing_moves() -> None:
    red = sensor("ALARM", since=32)
    found = told(seen(4, no(20, "TargetServicePutResourceAsUnscalable", current=4), sensors=(red,)))
    assert (found.code, found.verdict.sign) == ("stuck", Sign.WARNING)
    assert found.verdict.words == "above its target since 02:40Z and does not scale"
    assert "not scaled: SageMaker was changing it, so that nothing could be scaled" in found.verdict.reasons
    busy = told(seen(4, sensors=(red,), busy="v8 is being deployed, nothing is scaled until it has settled"))
    assert busy.verdict.words.endswith("v8 is being deployed, nothing is scaled until it has settled")
    assert "scale" not in busy.speaks_for
    assert told(seen(6, activity(9, 6), sensors=(red,))).code == "moving", "it has scaled since: give it time"


def test_alarm_low_is_never_red() -> None:
    found = told(seen(4, sensors=(sensor("OK"), sensor("ALARM", side="in", since=600))))
    assert (found.verdict.sign, found.verdict.words) == (Sign.OK, "ok")
    kept = told(seen(4, no(5, "AutoScalingAnticipatedFlapping"), sensors=(sensor("ALARM", side="in"),)))
    assert kept.verdict.sign is Sign.OK and "not scaled: one less would soon be one more again" in kept.verdict.reasons


def test_scaling_is_told_as_moving() -> None:
    out = told(seen(4, activity(3, 6, "InProgress"), current=4, desired=6, sensors=(sensor("ALARM"),)))
    assert (out.verdict.sign, out.verdict.words) == (Sign.MOVING, "scales out 4 → 6 since 03:09Z")
    assert told(seen(6, current=6, desired=4)).verdict.words == "scales in 6 → 4"
    soon = told(seen(4, sensors=(sensor("ALARM", since=2),)))
    assert soon.verdict.words == "above its target since 03:10Z, is about to scale out"


def test_targets_that_scale_nothing() -> None:
    gone = told(seen(4)._replace(missing="v9 has no variant AllTraffic, but main", current=None, desired=None))
    assert (gone.code, gone.verdict.sign) == ("missing", Sign.WARNING)
    assert told(seen(4, t=target(policies=()))).verdict.words == "note: no policy, nothing scales it"
    assert told(seen(12)).verdict.words == "note: 12 is outside of 2–8: the next scaling moves it there"
    assert told(seen(4)._replace(current=None, desired=None)).verdict.sign is Sign.UNKNOWN


def test_how_long_more_take_to_serve_is_told_by_scale_outs_alone() -> None:
    slow = activity(60, 6)
    assert launch_ms([activity(10, 4), slow, activity(120, 2)]) == (4 * MINUTE, 1)
    assert launch_ms([activity(10, 4, ended_at=NOW), activity(120, 6)]) is None, "scale-in is no launch"
    assert launch_ms([]) is None


def test_turns_count_from_one_way_to_the_other() -> None:
    assert len(turns(flaps(2, 4, 6, 4, 6), NOW - 60 * MINUTE)) == 2
    assert not turns(flaps(2, 2, 4, 4, 6), 0)


def test_activities_as_of_a_moment() -> None:
    one = activity(10, 6)
    assert one.by(NOW - 11 * MINUTE) is None
    then = one.by(NOW - 8 * MINUTE)
    assert then is not None and then.open and then.ended_at is None
    assert one.by(NOW) is one


def test_what_was_seen_later_replaces_what_was_known_and_few_are_kept() -> None:
    before = [activity(n, 4) for n in range(1, KEPT + 1)]
    seen_ = [activity(0.5, 6, "InProgress"), activity(1, 5)]
    kept = together(before, seen_)
    assert len(kept) == KEPT and [a.wanted for a in kept[:2]] == [6, 5]
    assert kept == tuple(sorted(kept, key=lambda a: -a.at)) and kept[0].at == NOW - 30 * SECOND


def test_a_refusal_tells_the_quota_that_holds() -> None:
    assert quota_told(QUOTA_SAYS) == ("ml.g5.xlarge", 4, 4)
    assert quota_told(NONE_SAYS) is None


def test_names_of_alarms_that_people_can_read() -> None:
    assert (alarm_words(HIGH), alarm_words(LOW)) == ("AlarmHigh", "AlarmLow")
    assert alarm_words("my-AlarmHigh-thing") == "my-AlarmHigh-thing"


def test_a_quota_counts_what_nobody_has_described_as_used() -> None:
    quota = Quota("ml.g5.xlarge", 30, 9, 2)
    assert (quota.left, quota.words) == (19, "9 of 30 ml.g5.xlarge of the quota used, perhaps 11")
    assert Quota("ml.g5.xlarge", 4, 6).left == 0
    assert Quota("ml.g5.xlarge", 4, 4, 2).words.startswith("4 of 4 ")


def test_a_maximum_that_was_raised_waits_for_autoscaling_and_its_old_reason_is_gone() -> None:
    kept = no(8, "AlreadyAtMaxCapacity", max=8)
    one = seen(8, kept, t=target(2, 18), sensors=(sensor("ALARM", since=21),), load=Load(9400.0, 7000.0, 5802.0))
    raised = told(one._replace(changed_at=NOW - 12 * SECOND))
    assert raised.verdict.sign is Sign.MOVING and not raised.speaks_for
    assert raised.verdict.words == "max raised 8→18 12 s ago, autoscaling has not acted yet"
    later = told(one._replace(changed_at=NOW - 6 * MINUTE))
    assert later.code == "stuck" and later.speaks_for == ("scale",)
    for judged in (raised, later):
        assert not any("at its maximum" in reason for reason in judged.verdict.reasons)


def test_why_there_are_not_less_is_no_reason_where_more_is_wanted() -> None:
    """A scale-in's reason beside what refuses a scale-out; and each reason is told once."""
    flaps = no(3, "AutoScalingAnticipatedFlapping")
    wanting = told(seen(3, flaps, sensors=(sensor("ALARM", since=40),)))
    assert wanting.code == "stuck" and not any("one less" in reason for reason in wanting.verdict.reasons)
    resting = told(seen(3, flaps, sensors=(sensor("OK"),)))
    assert [r for r in resting.verdict.reasons if "one less" in r] == [
        "not scaled: one less would soon be one more again"
    ]


def test_what_is_there_already_while_the_activity_is_open_has_no_direction() -> None:
    assert told(seen(2, activity(1, 2, "InProgress"))).verdict.words == "scales to 2 since 03:11Z"
    assert told(seen(6, activity(1, 2, "InProgress"))).verdict.words == "scales in 6 → 2 since 03:11Z"
