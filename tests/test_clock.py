"""Moments and durations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console import clock
from console.clock import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    age_step,
    cell_time,
    clock_time,
    duration,
    iso,
    parse_at,
    parse_duration,
)
from console.errors import UsageError

NOW = clock.to_ms(datetime(2026, 11, 23, 3, 27, 7, 41000, UTC))
moments = st.integers(0, 4_000_000_000_000)


def test_now_is_now() -> None:
    assert abs(clock.now_ms() - datetime.now(UTC).timestamp() * 1000) < 2_000


@given(moments)
def test_iso_round_trip(at: int) -> None:
    text = iso(at)
    assert text.endswith("Z") and clock.to_ms(datetime.fromisoformat(text)) == at
    assert parse_at(text, now=at) == at


@given(moments, st.integers(-14 * 60, 14 * 60))
def test_any_zone_is_the_same_moment(at: int, offset: int) -> None:
    local = datetime.fromtimestamp(at / 1000, timezone(timedelta(minutes=offset)))
    assert clock.to_ms(local) == at
    assert parse_at(local.isoformat(), now=at) == at


@given(moments, st.integers(0, 23), st.integers(0, 59))
def test_time_of_day_is_the_most_recent_past(now: int, hour: int, minute: int) -> None:
    now += DAY
    at = parse_at(f"{hour:02d}:{minute:02d}", now)
    assert now - DAY < at <= now
    assert iso(at)[11:16] == f"{hour:02d}:{minute:02d}"
    assert parse_at(f"{hour}:{minute:02d}Z", now) == at


@given(st.integers(0, 20), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_parse_duration_adds_up(days: int, hours: int, minutes: int, seconds: int) -> None:
    text = f"{days}d{hours}h {minutes}m{seconds}s"
    assert parse_duration(text) == days * DAY + hours * HOUR + minutes * MINUTE + seconds * SECOND
    assert parse_at(text, NOW) == NOW - parse_duration(text)


def test_forms() -> None:
    assert (
        parse_duration("1.5h") == 90 * MINUTE and parse_duration("250ms") == 250 and parse_duration(" 2 H ") == 2 * HOUR
    )
    assert parse_at("2026-11-22", NOW) == clock.to_ms(datetime(2026, 11, 22, tzinfo=UTC))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "25:00",
        "0001-01-01T00:00+14:00",
        "1960-01-01",
        "99999w",
        "3:60",
        "2h ago",
        "-2h",
        "2",
        "h",
        "2099-01-01T00:00Z",
        "2026-13-01",
    ],
)
def test_what_is_no_past_moment(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_at(text, NOW)
    assert caught.value.advice


@pytest.mark.parametrize("text", ["", "x", "5", "5x", "1h2", "h1", "1h-2m", "9" * 400 + "d"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(UsageError):
        parse_duration(text)


UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}


def shown(text: str) -> int:
    parts = text.split()
    return sum(int(number) * UNITS[unit] for number, unit in zip(parts[::2], parts[1::2], strict=True))


@given(st.integers(0, 400 * DAY), st.integers(0, 400 * DAY))
def test_ages_never_go_back_and_never_exaggerate(one: int, two: int) -> None:
    for show in (age_step, duration):
        young, old = (shown(show(ms)) for ms in sorted((one, two)))
        assert young <= old
        assert shown(show(one)) <= one


@given(st.integers(0, 2 * DAY))
def test_steps_are_coarse_enough_for_a_screen_at_rest(ms: int) -> None:
    step = 15 * SECOND if ms < MINUTE else MINUTE if ms < HOUR else HOUR
    assert age_step(ms) == age_step(ms // step * step)


@given(st.integers(-400 * DAY, 400 * DAY))
def test_a_duration_has_two_units_at_most(ms: int) -> None:
    assert len(duration(ms).split()) in {2, 4} and "-" not in duration(ms)


def test_ages_of_the_future_are_blank() -> None:
    assert age_step(-5 * SECOND) == "" == age_step(0) == age_step(14_999)


@given(moments, moments)
def test_clock_times_tell_the_day_when_it_is_another(at: int, now: int) -> None:
    text = clock_time(at, now)
    assert text.endswith("Z") and iso(at)[11:16] in text
    same_day, same_year = iso(at)[:10] == iso(now)[:10], iso(at)[:4] == iso(now)[:4]
    assert len(text.split()) == (1 if same_day else 3 if same_year else 4)


@given(moments, moments)
def test_in_a_table_every_moment_fits_its_column(at: int, now: int) -> None:
    text = cell_time(at, now)
    assert len(text) <= 13 and text in {clock_time(at, now), clock_time(at, now).rpartition(" ")[0]}


@given(st.integers(0, 400 * DAY))
def test_how_long_and_how_old_never_claim_more_than_has_passed(ms: int) -> None:
    units = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
    for said in (duration(ms), age_step(ms)):
        words = said.split()
        claimed = sum(int(n) * units[unit] for n, unit in zip(words[::2], words[1::2], strict=True))
        assert claimed <= ms
    assert age_step(-HOUR) == ""
