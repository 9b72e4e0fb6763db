"""A quiet fleet is quiet at any hour: the limits of judgement raise no false alarm."""

from __future__ import annotations

import pytest

from console.kinds.registry import kind_of
from tests.incidents.conftest import Make, Night


def said(one: Night) -> dict[str, tuple[str, ...]]:
    """What the numbers say of anybody."""
    views = kind_of("endpoint").views(one.snapshot, None)
    return {view.name: tuple(finding.words for finding in view.found) for view in views if view.found}


@pytest.mark.parametrize("hour", [3.2, 13.9])
def test_at_some_hours(night: Make, hour: float) -> None:
    one = night(hour, fleet=12)
    assert one.look() == {} == one.look()
    assert said(one) == {} and one.troubled() == set()
    assert all(one.row(view.name)["p99"] != "–" for view in kind_of("endpoint").views(one.snapshot, None))


@pytest.mark.long
@pytest.mark.timeout(900)
def test_through_a_day(night: Make) -> None:
    """Looked at every eleven minutes: each minute of the hour, full and new hours of what was."""
    one = night(0.0, fleet=12)
    told: dict[str, list[str]] = {}
    for _ in range(24 * 60 // 11):
        one.wait(11)
        assert one.look("endpoints", "metrics", "scaling") == {}
        for name, words in said(one).items():
            told.setdefault(name, []).extend(words)
    assert told == {}
