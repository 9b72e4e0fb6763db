"""The call budget on a simulated clock: rates that hold for any pattern of calls."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.clients.budget import PUBLISHED, Budget, Usage
from console.clock import MINUTE
from console.errors import Refused

SLOW, MEDIUM, FAST, UNKNOWN = (
    "sagemaker:UpdateEndpoint",
    "sagemaker:ListEndpoints",
    "sagemaker:DescribeEndpoint",
    "sagemaker:ListPipelines",
)


class Sim:
    """Time passes only by waiting."""

    def __init__(self) -> None:
        self.s = 0.0
        self.minutes: list[Usage] = []
        self.budget = Budget(
            clock=lambda: self.s, wall=lambda: round(self.s * 1000), wait=self.wait, on_minute=self.minutes.append
        )

    def wait(self, seconds: float) -> None:
        self.s += seconds


@pytest.mark.parametrize(("operation", "per_s"), [(SLOW, 0.5), (MEDIUM, 1.0), (FAST, 2.5), (UNKNOWN, 1.0)])
def test_half_of_the_published_rate(operation: str, per_s: float) -> None:
    sim = Sim()
    for _ in range(100):
        sim.budget.acquire(operation)
    assert 100 / sim.s == pytest.approx(per_s, rel=0.05)


def test_lookup_events_of_cloudtrail() -> None:
    assert PUBLISHED["cloudtrail:LookupEvents"] == 2.0


@given(
    st.lists(
        st.tuples(st.sampled_from([SLOW, MEDIUM, FAST]), st.floats(0, 3), st.sampled_from(["wait", "try", "urgent"])),
        max_size=60,
    )
)
def test_background_never_exceeds_its_share_whatever_the_pattern(steps: list[tuple[str, float, str]]) -> None:
    sim = Sim()
    sent: dict[str, list[float]] = {}
    for operation, pause, how in steps:
        sim.s += pause
        before = sim.s
        went = sim.budget.acquire(operation, wait=how != "try", urgent=how == "urgent")
        if how == "urgent":
            assert went and sim.s == before, "actions never wait"
        if went:
            sent.setdefault(operation, []).append(sim.s)
        if how == "wait":
            rate = PUBLISHED[operation] / 2
            times = sent[operation]
            for index, began in enumerate(times):
                burst = max(1.0, rate)
                assert len(times) - index <= burst + (sim.s - began) * rate + 1e-6 + urgent_debt(steps, operation)


def urgent_debt(steps: list[tuple[str, float, str]], operation: str) -> int:
    return sum(name == operation and how == "urgent" for name, _, how in steps)


def test_urgent_calls_are_paid_for_by_the_background() -> None:
    sim = Sim()
    for _ in range(5):
        sim.budget.acquire(MEDIUM, urgent=True)
    assert sim.s == 0
    assert not sim.budget.spare(MEDIUM) and sim.budget.spare(MEDIUM, within_s=6)
    assert not sim.budget.acquire(MEDIUM, wait=False)
    sim.budget.acquire(MEDIUM)
    assert sim.s == pytest.approx(5.0)


def test_a_refused_try_costs_nothing() -> None:
    sim = Sim()
    assert sim.budget.acquire(SLOW, wait=False)
    for _ in range(10):
        assert not sim.budget.acquire(SLOW, wait=False)
    assert sim.budget.usage().total == 1
    sim.s += 2
    assert sim.budget.acquire(SLOW, wait=False)


def test_throttle_doubles_and_recovers_over_minutes() -> None:
    sim = Sim()
    usual = sim.budget.interval_s(MEDIUM)
    sim.budget.throttled(MEDIUM)
    sim.budget.throttled(MEDIUM)  # the same burst
    assert sim.budget.interval_s(MEDIUM) == pytest.approx(2 * usual)
    sim.s += 2
    sim.budget.throttled(MEDIUM)
    assert sim.budget.interval_s(MEDIUM) == pytest.approx(4 * usual, rel=0.05)
    sim.s += 60
    assert sim.budget.interval_s(MEDIUM) == pytest.approx(2 * usual, rel=0.05)
    sim.s += 120
    assert sim.budget.interval_s(MEDIUM) == usual
    assert sim.budget.interval_s(FAST) == 0.4, "other operations are not punished"


def test_throttles_without_end_do_not_stop_it_for_good() -> None:
    sim = Sim()
    for _ in range(100):
        sim.budget.throttled(MEDIUM)
        sim.s += 5
    assert sim.budget.interval_s(MEDIUM) <= 32


def test_minutes_are_handed_over_once_and_whole() -> None:
    sim = Sim()
    for _ in range(150):
        sim.budget.acquire(MEDIUM)
    sim.budget.throttled(MEDIUM)
    sim.budget.flush()
    sim.budget.flush()
    assert sum(usage.total for usage in sim.minutes) == 150
    assert sum(sum(usage.throttles.values()) for usage in sim.minutes) == 1
    assert [usage.at for usage in sim.minutes] == [0, MINUTE, 2 * MINUTE]
    assert 55 <= sim.budget.usage().total <= 61
    sim.s += 61
    assert sim.budget.usage().total == 0


def test_a_clock_that_jumps_back_neither_stops_nor_floods() -> None:
    sim = Sim()
    sim.s = 100
    sim.budget.acquire(MEDIUM)
    sim.s = 0
    assert not sim.budget.acquire(MEDIUM, wait=False)
    sim.budget.acquire(MEDIUM)
    assert sim.s <= 2


def test_threads_share_one_rate() -> None:
    waited: list[float] = []
    lock = threading.Lock()

    def wait(seconds: float) -> None:
        with lock:
            waited.append(seconds)

    budget = Budget(clock=lambda: 0.0, wait=wait)
    threads = [threading.Thread(target=lambda: [budget.acquire(MEDIUM) for _ in range(25)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert budget.usage().total == 200
    assert sorted(waited) == pytest.approx([float(n) for n in range(1, 200)]), "a place in the line for each"


def test_closing_wakes_who_waits() -> None:
    budget = Budget()
    budget.acquire(SLOW)
    budget.acquire(SLOW, urgent=True)
    budget.acquire(SLOW, urgent=True)
    failures: list[Exception] = []

    def waiter() -> None:
        try:
            budget.acquire(SLOW)
        except Refused as exc:
            failures.append(exc)

    thread = threading.Thread(target=waiter)
    thread.start()
    budget.close()
    thread.join(2)
    assert not thread.is_alive() and len(failures) == 1
    assert budget.acquire(SLOW, urgent=True), "an action is never stopped by it"
