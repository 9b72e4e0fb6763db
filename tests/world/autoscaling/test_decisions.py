"""The arithmetic of scaling. Examples: Application Auto Scaling User Guide, Step scaling policies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.world.autoscaling import decisions
from console.world.autoscaling.decisions import NotScaled, Wish
from tests.world.autoscaling.conftest import steps

GUIDE = steps((0, 10, 0), (10, 20, 10), (20, None, 30), (-10, 0, 0), (-20, -10, -10), (None, -20, -30))


@pytest.mark.parametrize(
    "breach, capacity", [(5, 10), (10, 11), (15, 11), (25, 13), (-10, 9), (-5, 10), (-25, 7), (-20, 7), (20, 13)]
)
def test_the_guides_percent_steps(breach: float, capacity: int) -> None:
    assert decisions.step(GUIDE | {"AdjustmentType": "PercentChangeInCapacity"}, 10, breach) == capacity


@pytest.mark.parametrize(
    "base, percent, least, capacity", [(4, 25, 2, 6), (10, 1, 0, 11), (10, -1, 0, 9), (10, 67, 0, 16), (10, -67, 0, 4)]
)
def test_percents_are_rounded_as_the_guide_says(base: int, percent: int, least: int, capacity: int) -> None:
    config = steps((0, None, percent), type_="PercentChangeInCapacity") | {"MinAdjustmentMagnitude": least}
    assert decisions.step(config, base, 1.0) == capacity


def test_other_adjustments() -> None:
    assert decisions.step(steps((0, None, 3)), 4, 0.0) == 7
    assert decisions.step(steps((0, None, -9)), 4, 0.0) == 0
    assert decisions.step(steps((0, None, 5), type_="ExactCapacity"), 1, 9.0) == 5
    assert decisions.step(steps((5, None, 1)), 1, 4.9) is None, "no step for so small a breach"


@given(st.integers(1, 500), st.floats(0.0, 5.0))
def test_tracking_never_flaps(current: int, ratio: float) -> None:
    """What it scales to would not at once be scaled back."""
    out, less = decisions.track_out(current, ratio), decisions.track_in(current, ratio)
    if ratio > 1.0:
        assert out > current and out - 1 < current * ratio <= out + 1e-6
        assert less == current
    assert 0 <= less <= current
    if less < current:
        assert ratio * current / max(less, 1e-9) <= 1.0, "the high alarm stays off"


def test_several_policies() -> None:
    out, more, in_, step_in = (
        Wish(6, "a", "x"),
        Wish(8, "b", "y"),
        Wish(3, "c", "z"),
        Wish(2, "d", "w", tracking=False),
    )
    assert decisions.choose([out, more, in_], 4, ready=True) == more
    assert decisions.choose([in_, Wish(2, "e", "v")], 4, ready=True) == in_, "the largest, also inwards"
    assert decisions.choose([in_], 4, ready=False) is None, "not all agree"
    assert decisions.choose([in_, step_in], 4, ready=False) == step_in, "steps do not wait for target tracking"
    assert decisions.choose([], 4, ready=True) is None


def test_why_nothing_happens() -> None:
    def told(capacity: int, current: int, **how: str) -> NotScaled | None:
        return decisions.blocked(Wish(capacity, "p", "a", **how), current, 2, 8)  # type: ignore[arg-type]

    flapping = "AutoScalingAnticipatedFlapping"
    assert told(12, 8) == NotScaled("AlreadyAtMaxCapacity", {"MaxCapacity": 8})
    assert told(1, 2) == NotScaled("AlreadyAtMinCapacity", {"MinCapacity": 2})
    assert told(4, 4) == NotScaled("AlreadyAtDesiredCapacity", {"CurrentCapacity": 4})
    assert told(4, 4, reason=flapping) == NotScaled("AutoScalingAnticipatedFlapping", {"CurrentCapacity": 4})
    assert told(2, 2, reason=flapping) == NotScaled("AlreadyAtMinCapacity", {"MinCapacity": 2})
    assert told(12, 7) is None and told(1, 3) is None, "bounded, but a change"
    assert told(1, 1) is None, "below the bounds it is moved into them"
