"""What the numbers say, case by case, and never of numbers that are too old."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from console.clock import MINUTE, clock_time
from console.kinds.base import Sign, Verdict
from console.kinds.endpoint.record import Endpoint, Pending, Variant
from console.kinds.endpoint.verdict import judge, shows_later
from console.kinds.hold.record import Hold
from console.kinds.vitals.finding import Finding
from console.kinds.vitals.judge import findings
from console.kinds.vitals.proportions import above, worse
from console.kinds.vitals.record import Pulse, Signs, Was
from console.kinds.vitals.relapse import full

NOW = 1_800_000_000_000
USUAL = Was("a", 7, 1000.0, 0.0002, 0.001, 110.0, 5.0, 40.0, 300.0)


def endpoint(**more: Any) -> Endpoint:
    return Endpoint("risk", "arn", "InService", "risk-v7", variants=(Variant("a", 1.0, 1.0, 2, 2),), **more)


def beat(*signs: Signs, was: tuple[Was, ...] = (USUAL,), **more: Any) -> Pulse:
    return Pulse(at=NOW - 2 * MINUTE, read_at=NOW, stale_at=NOW + 3 * MINUTE, variants=signs, was=was, **more)


def well(**changed: Any) -> Signs:
    usual = {
        "invocations": 5000.0,
        "errors_5xx": 1.0,
        "errors_4xx": 5.0,
        "model_errors": 1.0,
        "latency_p99_ms": 112.0,
        "overhead_avg_ms": 5.0,
        "cpu_percent": 41.0,
        "memory_percent": 60.0,
        "invocations_per_instance": 305.0,
    }
    return Signs("a", minutes=5, **(usual | changed))


def told(*signs: Signs, e: Endpoint | None = None, **more: Any) -> tuple[Finding, ...]:
    return findings(beat(*signs, **more), e or endpoint(), NOW)


def only(*signs: Signs, **more: Any) -> Finding:
    (found,) = told(*signs, **more)
    assert all(reason for reason in found.reasons)
    return found


def test_a_good_day_says_nothing() -> None:
    assert told(well()) == () == told(well(), was=()) == told(Signs("a", minutes=5), was=())


def test_numbers_that_are_too_old_say_nothing() -> None:
    bad = beat(well(errors_5xx=500.0))
    assert findings(bad, endpoint(), NOW) and not findings(bad, endpoint(), bad.stale_at)


def test_errors_against_the_same_hour() -> None:
    found = only(well(errors_5xx=150.0, model_errors=150.0))
    assert (found.sign, found.words) == (Sign.CRITICAL, "3.0 % fail (150 of 5,000), was 0.02 %")
    assert "the container answered so" in found.reasons[0] and found.numbers["n"] == 5000
    assert found.speaks_for == ("rollback",) and "retrain" in found.speaks_against
    assert only(well(errors_5xx=20.0)).sign is Sign.WARNING
    some = only(well(errors_5xx=150.0, model_errors=60.0)).reasons[0]
    assert some == "5XX 3.0 %: the container answered 60 of 150 so, the rest it never saw"
    assert "never saw" in only(well(errors_5xx=150.0, model_errors=2.0)).reasons[0]
    as_ever = Was("a", 7, 1000.0, 0.03)
    assert told(well(errors_5xx=150.0), was=(as_ever,)) == (), "it always fails so: no news"
    assert only(well(errors_5xx=150.0), was=()).words == "3.0 % fail (150 of 5,000)"


def test_errors_of_hosts_that_are_at_their_end_say_so() -> None:
    busy = told(well(errors_5xx=30.0, cpu_percent=99.0, invocations_per_instance=3000.0))[0]
    assert busy.words == "0.60 % fail (30 of 5,000), was 0.02 %: hosts are busy, 10 times the requests a host"
    assert busy.speaks_for == ("scale",) and "rollback" in busy.speaks_against
    filled = told(well(errors_5xx=30.0, memory_percent=97.0), was=())[0]
    assert filled.words == "0.60 % fail (30 of 5,000): memory 97 %" and filled.speaks_for == ("rollback", "scale")


def test_memory_that_is_free_again_is_not_mended() -> None:
    e = endpoint()
    dying = beat(well(errors_5xx=300.0, memory_percent=97.0))
    (was,) = full(dying, e, None)
    assert (was.variant, was.at, was.percent, was.errors, was.n) == ("a", dying.at, 97.0, 300.0, 5000.0)

    def later(minutes: int, now: Endpoint = e, **signs: Any) -> tuple[Finding, ...]:
        fresh = msgspec.structs.replace(beat(well(**signs)), at=dying.at + minutes * MINUTE)
        kept = full(fresh, now, msgspec.structs.replace(dying, full=(was,)))
        return findings(msgspec.structs.replace(fresh, full=kept), now, NOW)

    (waits,) = later(6, memory_percent=71.0)
    assert (waits.sign, waits.about) == (Sign.WARNING, "saturation")
    assert re.fullmatch(r"300 of 5,000 failed until .*Z, memory fills again: 71 %", waits.words)
    assert waits.speaks_for == ("rollback", "scale")
    (few,) = later(2, memory_percent=60.0, errors_5xx=150.0)
    assert few.words == "3.0 % fail (150 of 5,000), was 0.02 %: memory was 97 %", "its last errors are of the same"
    assert [f.words for f in later(8, memory_percent=93.0)] == ["memory 93 %"], "said once"
    assert later(25, memory_percent=71.0) == (), "it did not come again"
    changed = msgspec.structs.replace(e, modified_at=dying.at + MINUTE)
    assert later(6, changed, memory_percent=71.0) == (), "that may have mended it"
    halfway = msgspec.structs.replace(e, modified_at=dying.at - MINUTE)
    assert full(dying, halfway, None) == (), "its memory may have been full before"


def test_few_requests_prove_nothing() -> None:
    assert told(well(invocations=20.0, errors_5xx=2.0, errors_4xx=2.0)) == ()


def test_a_canary_is_told_from_the_fleet_it_replaces() -> None:
    e = endpoint(pending=Pending("risk-v8", NOW - 9 * MINUTE))
    fleets = (
        Signs("a", "risk-v7", minutes=5, invocations=39_000.0, errors_5xx=8.0),
        Signs("a", "risk-v8", minutes=5, invocations=1440.0, errors_5xx=42.0, model_errors=42.0),
    )
    whole = well(invocations=40_440.0, errors_5xx=50.0)
    found = told(whole, e=e, fleets=fleets)[0]
    assert (found.sign, found.words) == (Sign.CRITICAL, "v8: 2.9 % fail (42 of 1,440)")
    assert found.reasons[0].startswith("v7: 8 of 39,000; not chance (p")
    assert found.speaks_for == ("rollback",) and set(found.speaks_against) == {"retrain", "scale"}
    alike = (fleets[0], Signs("a", "risk-v8", minutes=5, invocations=1440.0, errors_5xx=1.0))
    assert told(whole, e=e, fleets=alike) == ()
    both = (Signs("a", "risk-v7", minutes=5, invocations=1440.0, errors_5xx=40.0), fleets[1])
    assert not any(f.words.startswith("v8") for f in told(whole, e=e, fleets=both)), "both fail alike"


def test_callers_alone_are_to_blame_for_4xx() -> None:
    found = only(well(errors_4xx=900.0))
    assert found.sign is Sign.WARNING and found.words == "callers: 18 % refused as 4XX (900 of 5,000), was 0.10 %"
    assert found.speaks_for == () and set(found.speaks_against) >= {"rollback", "retrain"}


def test_latency_says_where_it_comes_from() -> None:
    busy = told(well(latency_p99_ms=610.0, cpu_percent=96.0))
    assert busy[0].words == "p99 610 ms, was 110: hosts are busy" and busy[0].speaks_for == ("rollback", "scale")
    more = told(well(latency_p99_ms=610.0, cpu_percent=96.0, invocations_per_instance=486.0))
    assert more[0].words == "p99 610 ms, was 110: hosts are busy, +62 % requests a host" and more[0].speaks_for == (
        "scale",
    )
    assert "rollback" in more[0].speaks_against
    loaded = only(well(latency_p99_ms=610.0, invocations_per_instance=486.0))
    assert loaded.words == "p99 610 ms, was 110, +62 % requests a host" and loaded.speaks_for == ("scale",)
    slow = only(well(latency_p99_ms=610.0))
    assert slow.words == "p99 610 ms, was 110 at equal load, hosts have room" and "scale" in slow.speaks_against
    assert slow.sign is Sign.WARNING and only(well(latency_p99_ms=3927.0)).sign is Sign.CRITICAL
    overhead = only(well(overhead_avg_ms=240.0))
    assert overhead.words == "overhead 240 ms, was 5.0: not the model" and "rollback" in overhead.speaks_against
    assert told(well(overhead_avg_ms=240.0, setup_ms=4000.0)) == (), "cold starts of a few requests"
    assert told(well(latency_p99_ms=125.0)) == (), "noise of milliseconds"
    assert told(well(latency_p99_ms=610.0, invocations=20.0, errors_4xx=0.0)) == (), (
        "of 20 requests p99 is the slowest one"
    )


def test_saturation() -> None:
    for field, words in (("cpu_percent", "CPU 97 %"), ("memory_percent", "memory 97 %"), ("disk_percent", "disk 97 %")):
        found = only(well(**{field: 97.0}))
        assert (found.sign, found.words, found.speaks_for) == (Sign.WARNING, words, ("scale",))
    assert only(well(concurrency_utilization_percent=95.0)).words == "concurrency 95 %"
    mme = only(well(cache_hit_ratio=0.42, loading_wait_ms=1800.0))
    assert (
        mme.words == "models thrash: 42 % found loaded, the others wait 1,800 ms" and "rollback" in mme.speaks_against
    )
    assert only(well(cache_hit_ratio=0.42, overhead_avg_ms=740.0)).speaks_for == ("scale",), "loading is the overhead"
    some = only(well(cache_hit_ratio=0.9, loading_wait_ms=1900.0, overhead_avg_ms=206.0))
    assert some.words == "models thrash: 90 % found loaded, the others wait 1,900 ms"
    other = only(well(cache_hit_ratio=0.99, loading_wait_ms=1900.0, overhead_avg_ms=206.0))
    assert other.words.endswith("not the model")


def test_queues() -> None:
    found = only(Signs("a", minutes=5, backlog=1200.0, oldest_request_s=660.0), was=())
    assert found.words == "1,200 wait, the oldest 11 m" and found.speaks_for == ("scale",)
    stranded = only(Signs("a", minutes=5, backlog=7.0, stranded=1.0, oldest_request_s=20.0), was=())
    assert stranded.sign is Sign.CRITICAL and stranded.words == "7 wait and no instance is there"
    failing = only(Signs("a", minutes=5, invocations=20.0, failures=12.0, backlog=1.0), was=())
    assert failing.words == "60 % fail (12 of 20)"


def test_silence_where_there_was_traffic_is_unknown() -> None:
    found = only(Signs("a", minutes=5), last_at=NOW - 25 * MINUTE)
    assert found.sign is Sign.UNKNOWN and found.words.startswith("no metrics since ")
    hosts = only(Signs("a", minutes=5, cpu_percent=3.0), invoked_at=NOW - 25 * MINUTE)
    assert hosts.words.startswith("no requests since ") and "nobody calls it" in hosts.reasons[1]
    seldom = Was("a", 7, 2.0)
    assert told(Signs("a", minutes=5), was=(seldom,)) == (), "two a minute may well stay away"
    assert only(Signs("a", minutes=5), was=(), trace=(None,) * 20 + (900.0,) * 10).sign is Sign.UNKNOWN
    assert told(Signs("a", minutes=5), was=()) == ()


def test_variants_are_named_where_there_are_several_and_shadows_hurt_nobody() -> None:
    other = Signs("b", minutes=5, invocations=5000.0, errors_5xx=150.0)
    found = only(well(), other)
    assert found.words == "b: 3.0 % fail (150 of 5,000)" and found.reasons[-1] == "a not"
    assert found.speaks_for == ("weights", "rollback"), "what answers well can take its traffic"
    both = told(well(errors_5xx=150.0), other)
    assert all(f.speaks_for == ("rollback",) for f in both)
    assert told(well(), other, e=endpoint(shadows=(Variant("b"),))) == ()


def test_trouble_of_before_a_change_says_when_the_change_shows() -> None:
    def said(changed_min: float, read_min: float = 0, **more: Any) -> str:
        e = endpoint(modified_at=NOW - round(changed_min * MINUTE), **more)
        bad = Verdict(Sign.CRITICAL, "3.0 % fail (150 of 5,000)")
        return shows_later(bad, e, NOW - round(read_min * MINUTE), NOW).words

    assert re.fullmatch(r"3\.0 % fail \(150 of 5,000\); the change of \S+Z shows at \S+Z", said(2))
    assert said(2).split("shows at ")[1] == clock_time(NOW + 3 * MINUTE, NOW)
    assert said(8) == said(90) == "3.0 % fail (150 of 5,000)", "the numbers are of after it"
    assert said(2, failure_reason="no capacity") == "3.0 % fail (150 of 5,000)", "nothing was changed"
    well = Verdict(Sign.OK, "ok")
    assert shows_later(well, endpoint(modified_at=NOW - 2 * MINUTE), NOW, NOW) == well


def test_the_verdict_says_what_users_feel_first() -> None:
    bad = told(well(errors_5xx=150.0), was=())
    assert judge(endpoint(), (), now=NOW, found=bad).words == "3.0 % fail (150 of 5,000)"
    assert judge(endpoint(), (), now=NOW, found=bad).sign is Sign.CRITICAL
    moving = endpoint(pending=Pending("risk-v8", NOW - MINUTE))
    told_moving = judge(moving, (), now=NOW, found=bad)
    assert told_moving.words == "3.0 % fail (150 of 5,000); v8: starting" and told_moving.sign is Sign.CRITICAL
    hold = Hold("endpoint", "risk", "wait for INC-1", "me", NOW)
    assert judge(endpoint(), (), now=NOW, hold=hold, found=bad).words.endswith("; held: wait for INC-1")
    silent = told(Signs("a", minutes=5), last_at=NOW - 25 * MINUTE)
    assert judge(endpoint(), (), now=NOW, found=silent).sign is Sign.UNKNOWN
    quiet = judge(moving, (), now=NOW, found=silent)
    assert quiet.sign is Sign.MOVING and any("no metrics" in reason for reason in quiet.reasons)
    failed = Endpoint("risk", "arn", "Failed", "risk-v7", variants=(Variant("a"),))
    assert judge(failed, (), now=NOW, found=bad).words.startswith("failed")


@given(st.integers(0, 60), st.integers(1, 400), st.integers(0, 60), st.integers(1, 400))
def test_the_test_of_proportions_is_the_hypergeometric_like_one(x: int, n: int, y: int, m: int) -> None:
    x, y = min(x, n), min(y, m)
    chance = worse(x, n, y, m)
    assert 0.0 <= chance <= 1.0
    if x * m <= y * n:
        assert chance == 1.0
    elif x < n:
        assert worse(x + 1, n, y, m) <= chance + 1e-12, "more errors are less likely"


def test_the_tests_know_the_textbook() -> None:
    from math import comb

    exact = sum(comb(50, k) * (1440 / 40440) ** k * (39000 / 40440) ** (50 - k) for k in range(42, 51))
    assert abs(worse(42, 1440, 8, 39000) - exact) < 1e-6 * exact
    assert abs(above(3, 100, 0.01) - 0.080301) < 1e-5
    assert above(5, 0, 0.5) == 0.0 and above(0, 100, 0.1) == 1.0
    assert 0 < worse(3000, 50_000, 2700, 50_000) < 1e-3
