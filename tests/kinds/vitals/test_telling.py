"""Episodes: when trouble began, how bad it was and when it ended, from look to look."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from console.clock import HOUR, MINUTE, Millis
from console.kinds.base import Sign, Verdict
from console.kinds.endpoint.verdict import mended
from console.kinds.vitals.episode import RELAPSE, TOLD_FOR, Episode
from console.kinds.vitals.finding import Finding
from console.kinds.vitals.record import Pulse, Signs, Vitals, Was
from console.kinds.vitals.telling import followed, standing

NOW: Millis = 1_795_489_920_000 // MINUTE * MINUTE
WAS = Was("a", 7, 1000.0, 0.0002, latency_p99_ms=50.0)


def slow(p99: float, sign: Sign = Sign.CRITICAL) -> Finding:
    words = f"p99 {p99:,.0f} ms, was 50: hosts are busy"
    return Finding(sign, words, (), {"latency_p99_ms": p99, "was": 50.0}, about="latency", variant="a")


def beat(at: Millis = NOW, *, detailed: bool = True) -> Pulse:
    return Pulse(at, at, at + 3 * MINUTE, (Signs("a", minutes=5, invocations=5000.0),), was=(WAS,), detailed=detailed)


def minutes(*p99: float, end: Millis = NOW) -> list[tuple[Millis, Vitals]]:
    start = end - len(p99) * MINUTE
    signs = (Signs("a", invocations=1000.0, latency_p99_ms=value) for value in p99)
    return [(start + n * MINUTE, Vitals((one,))) for n, one in enumerate(signs)]


def look(
    before: Episode | None, *found: Finding, at: Millis = NOW, kept: Sequence[tuple[Millis, Vitals]] = ()
) -> Episode:
    after = followed(before, "risk", beat(at), found, lambda: kept)
    assert after is not None
    return after


def test_it_begins_with_its_first_bad_minute_and_ends_after_its_last() -> None:
    one = look(None, slow(3900.0), kept=minutes(50, 50, 50, 50, 50, 900, 3900, 3900))
    assert (one.since, one.until, one.sign, one.sure) == (NOW - 3 * MINUTE, None, Sign.CRITICAL, True)
    later = NOW + 10 * MINUTE
    kept = minutes(3900, 3900, 900, 50, 50, 50, 50, 50, end=later)
    ended = look(one, at=later, kept=kept)
    assert ended.until == later - 5 * MINUTE and ended.words == one.words
    assert look(ended, at=later + HOUR) == ended, "that it is still well is no news"
    few = look(one, at=later, kept=minutes(*[50.0] * 20, end=later))
    assert few.until == later - 5 * MINUTE, "no minute shows it alone: it was over before the calm window"
    assert followed(None, "risk", beat(), (), list) is None


def test_only_what_is_half_as_bad_again_is_worth_a_fact() -> None:
    one = look(None, slow(900.0, Sign.WARNING))
    assert look(one, slow(1000.0, Sign.WARNING)) == one
    worse = look(one, slow(1100.0))
    assert (worse.sign, worse.headline, worse.since) == (Sign.CRITICAL, "p99 1,100 ms", one.since)
    assert look(worse, slow(900.0, Sign.WARNING)) == worse, "less bad is told by the row"
    assert look(worse, slow(1700.0)).headline == "p99 1,700 ms"


def test_silence_is_no_recovery_and_a_relapse_is_the_same_episode() -> None:
    one = look(None, slow(900.0))
    silent = Finding(Sign.UNKNOWN, "no requests since 03:10Z", (), about="silence")
    assert look(one, silent, at=NOW + 20 * MINUTE) == one
    ended = look(one, at=NOW + 10 * MINUTE)
    assert ended.until is not None
    again = look(ended, slow(950.0), at=ended.until + RELAPSE)
    assert again == one, "it goes on"
    new = look(ended, slow(950.0), at=ended.until + RELAPSE + MINUTE)
    assert new.seen_at != one.seen_at and new.since > ended.until


def test_a_beginning_is_told_anew_from_all_minutes() -> None:
    """The fleet's look reads half an hour, the one in full all there is."""
    first = followed(None, "risk", beat(detailed=False), [slow(900.0)], lambda: minutes(*[900.0] * 30))
    assert first is not None and not first.sure and first.since == NOW - 5 * MINUTE
    kept = minutes(*[50.0] * 20, *[900.0] * 60)
    assert look(first, slow(900.0), kept=kept).since == NOW - HOUR


@pytest.mark.parametrize(("p99", "sign"), [(1300.0, Sign.CRITICAL), (1000.0, Sign.CRITICAL), (600.0, Sign.WARNING)])
def test_what_was_critical_is_so_until_it_is_half_as_bad(p99: float, sign: Sign) -> None:
    worst = look(None, slow(1400.0))
    now = Sign.CRITICAL if p99 > 1050 else Sign.WARNING
    errors = Finding(Sign.WARNING, "0.30 % fail", (), {"errors": 3.0, "n": 1000.0}, about="errors", variant="a")
    found = standing((errors, slow(p99, now)), worst)
    assert found[0].sign is sign and found[0].about == ("latency" if sign is Sign.CRITICAL else "errors")
    over = msgspec.structs.replace(worst, until=NOW)
    assert standing((slow(p99, Sign.WARNING),), over)[0].sign is Sign.WARNING


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("ok", "ok, was critical until {} (p99 1,400 ms)"),
        ("ok, v7 since 03:20Z by ana", "ok, was critical until {} (p99 1,400 ms); v7 since 03:20Z by ana"),
        (
            "note: v24 failed 03:12Z, v23 serves",
            "note: v24 failed 03:12Z, v23 serves; was critical until {} (p99 1,400 ms)",
        ),
    ],
)
def test_a_row_says_for_a_while_what_it_was(words: str, told: str) -> None:
    from console.clock import clock_time

    one = msgspec.structs.replace(look(None, slow(1400.0)), until=NOW)
    well = Verdict(Sign.OK, words)
    assert mended(well, one, NOW + TOLD_FOR).words == told.format(clock_time(NOW, NOW))
    assert mended(well, one, NOW + TOLD_FOR + MINUTE) is well
    assert mended(well, msgspec.structs.replace(one, until=None), NOW) is well
