"""Which period a span of time is read at."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.clock import DAY, HOUR, MINUTE, SECOND
from console.errors import UsageError
from console.kinds.vitals.spans import LONGEST, POINTS, ZOOMS, window, zoomed

NOW = 1_795_489_927_000  # 2026-11-24T03:12:07Z


@pytest.mark.parametrize(
    ("span", "period_s"),
    [(15 * MINUTE, 60), (HOUR, 60), (3 * HOUR, 60), (12 * HOUR, 60), (DAY, 300), (7 * DAY, 900), (30 * DAY, 3600)],
)
def test_each_zoom_has_a_period_that_cloudwatch_keeps(span: int, period_s: int) -> None:
    found = window(NOW, span, NOW)
    assert found.period_s == period_s
    assert found.periods == span // (period_s * SECOND) <= POINTS
    assert found.end <= NOW < found.end + found.period


@pytest.mark.parametrize(
    ("age", "at_least_s"), [(14 * DAY, 60), (16 * DAY, 300), (62 * DAY, 300), (64 * DAY, 3600), (440 * DAY, 3600)]
)
def test_what_is_old_is_read_at_what_is_left_of_it(age: int, at_least_s: int) -> None:
    found = window(NOW - age, HOUR, NOW)
    assert found.period_s == at_least_s and found.periods >= 1


@given(end=st.integers(0, 400 * DAY), span=st.integers(MINUTE, 50 * DAY))
def test_windows_are_whole_periods_within_the_retention(end: int, span: int) -> None:
    found = window(NOW - end, span, NOW)
    assert found.start % found.period == found.end % found.period == 0
    assert found.start < found.end <= NOW - end
    assert 1 <= found.periods <= POINTS
    kept = next(period for oldest, period in ((15 * DAY, 60), (63 * DAY, 300), (LONGEST, 3600)) if end + span <= oldest)
    assert found.period_s >= kept and found.period_s % kept == 0


def test_what_is_not_kept_and_what_is_no_time_are_refused() -> None:
    with pytest.raises(UsageError, match="455 days"):
        window(NOW - 455 * DAY, HOUR, NOW)
    with pytest.raises(UsageError, match="by the minute"):
        window(NOW, 59 * SECOND, NOW)


def test_zooming_goes_through_all_and_stays_at_the_ends() -> None:
    span, seen = 3 * HOUR, []
    for step in [1] * 5 + [-1] * 9:
        span = zoomed(span, step)
        seen.append(span)
    assert set(seen) == set(ZOOMS) and seen[4] == ZOOMS[-1] and seen[-1] == ZOOMS[0]
    assert zoomed(2 * HOUR, 1) in ZOOMS


def test_it_says_what_it_is() -> None:
    assert window(NOW, 3 * HOUR, NOW).words(NOW) == "3 h to 03:12Z"
    assert window(NOW, 7 * DAY, NOW).words(NOW) == "7 d to 03:00Z"
