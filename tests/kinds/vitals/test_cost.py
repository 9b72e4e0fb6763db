"""The budget against any way of asking."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from console.clock import HOUR, MINUTE, SECOND
from console.kinds.vitals.cost import ASKED, Cost, asked_too, cadence, memo, recalled
from console.kinds.vitals.metric_data import DOLLARS
from console.ledger.store import Ledger

START = 1_800_000_000_000


@given(
    st.floats(0.0, 3.0),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 60_000)), max_size=80),
)
def test_no_hour_costs_more_than_the_budget(budget: float, asked: list[tuple[int, int]]) -> None:
    cost, now, done = Cost(budget=budget), START, list[tuple[int, int]]()
    for seconds, metrics in asked:
        now += seconds * SECOND
        spend = min(metrics, cost.room(now))
        cost = recalled(memo(cost.with_spent(now, spend)), budget)
        done.append((now, spend))
        last_hour = sum(n for at, n in done if now - HOUR < at)
        assert last_hour * DOLLARS <= budget + 1e-9


def test_what_was_spent_is_told_in_metrics_and_dollars() -> None:
    cost = Cost(budget=1.0, left_out=("100 endpoints are asked every 3 min instead of every minute",))
    for n in range(90):
        cost = cost.with_spent(START + n * MINUTE, 200)
    now = START + 89 * MINUTE
    assert cost.per_hour(now) == 12_000 and round(cost.dollars(now), 4) == 0.12
    assert cost.words(now).startswith("12,000 metrics in the last hour, $0.12 of $1.00; 100 endpoints")
    assert len(cost.spent) <= 61
    assert recalled("no json", 2.0) == Cost(budget=2.0)


def test_what_people_ask_for_counts_against_the_same_budget_and_is_not_counted_twice() -> None:
    watch = Cost(budget=1.0).with_spent(START, 3_000)
    asked = asked_too("", START + MINUTE, 2_000)
    cost = recalled(memo(watch), 1.0, asked_too(asked, START + MINUTE, 500))
    assert cost.per_hour(START + 2 * MINUTE) == 5_500
    assert cost.room(START + 2 * MINUTE) == 100_000 // 12 - 5_500
    again = recalled(memo(cost.with_spent(START + 2 * MINUTE, 100)), 1.0, asked)
    assert again.per_hour(START + 3 * MINUTE) == 3_100 + 2_000, "the memo of the watch does not keep the other's"
    assert recalled(memo(cost), 1.0).per_hour(START + 2 * MINUTE) == 3_000 and recalled("", 1.0, "no json").asked == {}
    later = asked_too(asked, START + 2 * HOUR, 1)
    assert later.count(":") == 1, "what is older than an hour is forgotten"


def test_several_processes_that_ask_at_once_lose_nothing(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger.db")
    try:
        with ThreadPoolExecutor(4) as pool:
            add = lambda memo: asked_too(memo, START, 3)  # noqa: E731
            list(pool.map(lambda n: ledger.coverage.revise("s", ASKED, add), range(40)))
        assert recalled("", 1.0, ledger.coverage.recall("s", ASKED)).asked == {START: 120}
        assert ledger.coverage.recall("s", "another") == ""
    finally:
        ledger.close()


def test_a_large_fleet_is_asked_less_often() -> None:
    assert cadence(3 * 100, 0, 0, 1.0) == 1
    assert cadence(3 * 1000, 0, 0, 1.0) == 3
    assert cadence(3 * 1000, 400, 100, 1.0) == 4
    assert cadence(3 * 1000, 0, 0, 3.0) == 1
    assert cadence(3000, 0, 0, 0.0) == cadence(3000, 5000, 0, 1.0) == 60
