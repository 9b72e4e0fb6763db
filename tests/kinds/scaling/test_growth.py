"""Capacity that came lately: what is said until the metrics tell of it."""

from __future__ import annotations

import msgspec
import pytest

from console.clock import MINUTE, SECOND
from console.kinds.scaling.growth import ACTS, LATE, Count, grown, raised
from tests.kinds.scaling.test_verdict import NOW, activity, target


def count(minutes: float, have: int, wanted: int | None = None) -> Count:
    return Count(NOW - round(minutes * MINUTE), have, wanted or have)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ([count(60, 3)], ""),
        ([count(60, 3), count(6, 3, 5)], "it scales 3→5 since 03:06Z: wait for that, then for its metrics"),
        ([count(60, 3), count(6, 3, 5), count(5, 3, 5)], "it scales 3→5 since 03:06Z"),
        ([count(60, 3), count(6, 3, 5), count(2, 5)], "scaled 3→5 at 03:10Z, wait for its metrics (~03:18Z)"),
        ([count(60, 3), count(5, 4), count(2, 5)], "scaled 3→5 at 03:10Z"),
        ([count(60, 3), count(12, 3, 5), count(8, 5)], ""),
        ([count(60, 5), count(2, 3)], ""),
        ([count(60, 5), count(5, 6), count(2, 5)], ""),
    ],
)
def test_what_is_under_way_or_not_in_the_metrics_yet(counts: list[Count], words: str) -> None:
    said = grown(counts, (), NOW)
    assert said.startswith(words) if words else said == ""


def test_it_is_over_when_all_judged_minutes_are_of_now() -> None:
    counts = [Count(NOW - 2 * LATE, 3, 3), Count(NOW - LATE, 5, 5)]
    assert grown(counts, (), NOW) == "" and grown(counts, (), NOW - SECOND)
    assert grown(counts, (), NOW - MINUTE, 4.41) and grown(counts, (), NOW - MINUTE, 4.99) == "", "as they tell"


def test_an_empty_ledger_knows_it_by_the_activities_and_a_try_that_failed_is_no_growth() -> None:
    came = (activity(6, 5), activity(300, 3))
    assert grown([count(0, 5)], came, NOW).startswith("scaled 3→5 at 03:10Z")
    refused = (activity(1, 6, "InProgress"), activity(5, 6, "Failed", message="ResourceLimitExceeded"))
    assert grown([count(60, 3), count(1, 3, 6)], refused, NOW) == ""


def test_a_maximum_that_was_just_raised() -> None:
    was, now_ = (NOW - 60 * MINUTE, target(2, 8)), target(2, 18)
    assert raised([was, (NOW - 12 * SECOND, now_)], NOW) == ("max raised 8→18 12 s ago, autoscaling has not acted yet")
    assert raised([was, (NOW - ACTS, now_)], NOW) == ""
    assert raised([(NOW - MINUTE, now_)], NOW) == "", "it was so when it was seen first"
    other = msgspec.structs.replace(now_, min=3)
    assert "8→18" in raised([was, (NOW - 2 * MINUTE, now_), (NOW - MINUTE, other)], NOW)
