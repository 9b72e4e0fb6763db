"""Metric math: values worked out by hand, what is missing, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.world.cloudwatch import expressions
from console.world.errors import AwsError
from tests.world.cloudwatch.test_metrics import denied, get, minute, put, query, values
from tests.world.conftest import Lab

GAP = None
A = (10.0, 20.0, GAP, 40.0)
B = (1.0, GAP, 0.0, 4.0)


@pytest.fixture(scope="module")
def lab() -> Any:
    """One world for all: nothing here changes it after the data are in."""
    from console.world.world import World
    from tests.world.conftest import Clock

    clock = Clock()
    world = World(fleet=0, validate=True, throttle=False, now=clock)
    with world.serve() as served:
        lab = Lab(world, clock, served)
        for metric, series in (("A", A), ("B", B)):
            for place, value in enumerate(series):
                if value is not None:
                    put(lab, metric, minute(lab) - 240 + 60 * place, Value=value)
        for host, kind in (("web-1", "web"), ("web-2", "web"), ("db-1", "db")):
            dimensions = [{"Name": "Host", "Value": host}, {"Name": "Kind", "Value": kind}]
            put(lab, "Cpu", minute(lab) - 60, Value=float(host[-1]), Dimensions=dimensions)
        yield lab


def ask(lab: Lab, expression: str) -> list[list[tuple[int, float]]]:
    """Lines of (minute from 0, value), oldest first."""
    start = minute(lab) - 240
    queries = [query(id_="a", metric="A") | {"ReturnData": False}, query(id_="b", metric="B") | {"ReturnData": False}]
    queries.append({"Id": "e", "Expression": expression})
    found = get(lab, *queries, start=start, end=start + 240, ScanBy="TimestampAscending")["MetricDataResults"]
    return [
        [
            (int(at.timestamp() - start) // 60, round(value, 6))
            for at, value in zip(one["Timestamps"], one["Values"], strict=True)
        ]
        for one in found
    ]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a", [(0, 10), (1, 20), (3, 40)]),
        ("a + b", [(0, 11), (3, 44)]),
        ("2 + 3 * a", [(0, 32), (1, 62), (3, 122)]),
        ("-(a - 5) / 5", [(0, -1), (1, -3), (3, -7)]),
        ("a ^ 2 / a", [(0, 10), (1, 20), (3, 40)]),
        ("1 / b", [(0, 1), (3, 0.25)]),
        ("a > 15", [(0, 0), (1, 1), (3, 1)]),
        ("a >= 20 AND a < 40", [(0, 0), (1, 1), (3, 0)]),
        ("a == 10 || a == 40", [(0, 1), (1, 0), (3, 1)]),
        ("IF(a > 15, a, 0)", [(0, 0), (1, 20), (3, 40)]),
        ("IF(a > 15, b)", [(3, 4)]),
        ("IF(a > 0, 1, b)", [(0, 1), (1, 1), (3, 1)]),
        ("FILL(a, 0)", [(0, 10), (1, 20), (2, 0), (3, 40)]),
        ("FILL(a, REPEAT)", [(0, 10), (1, 20), (2, 20), (3, 40)]),
        ("FILL(a, LINEAR)", [(0, 10), (1, 20), (2, 30), (3, 40)]),
        ("FILL(b, a)", [(0, 1), (1, 20), (2, 0), (3, 4)]),
        ("SUM([a, b])", [(0, 11), (1, 20), (2, 0), (3, 44)]),
        ("SUM(METRICS())", [(0, 11), (1, 20), (2, 0), (3, 44)]),
        ('SUM(METRICS("b"))', [(0, 1), (2, 0), (3, 4)]),
        ("AVG([a, b])", [(0, 5.5), (1, 20), (2, 0), (3, 22)]),
        ("MAX([a, b]) - MIN([a, b])", [(0, 9), (1, 0), (2, 0), (3, 36)]),
        ("a * 0 + SUM(b)", [(0, 5), (1, 5), (3, 5)]),
        ("a * 0 + MAX(a) - MIN(a)", [(0, 30), (1, 30), (3, 30)]),
        ("RATE(a)", [(1, round(10 / 60, 6)), (3, round(20 / 120, 6))]),
        ("DIFF(a)", [(1, 10), (3, 20)]),
        ("RUNNING_SUM(a)", [(0, 10), (1, 30), (3, 70)]),
        ("a / PERIOD(a) * 60", [(0, 10), (1, 20), (3, 40)]),
        ("ABS(-a)", [(0, 10), (1, 20), (3, 40)]),
        ("CEIL(a / 15) + FLOOR(a / 15)", [(0, 1), (1, 3), (3, 5)]),
        ("a * 0 + DATAPOINT_COUNT(b)", [(0, 3), (1, 3), (3, 3)]),
        ("100 * SUM([b]) / SUM([a])", [(0, 10), (3, 10)]),
    ],
)
def test_values(lab: Lab, expression: str, expected: list[tuple[int, float]]) -> None:
    assert ask(lab, expression) == [expected]


def test_arrays_give_a_line_each(lab: Lab) -> None:
    assert ask(lab, "METRICS() * 2") == [[(0, 20), (1, 40), (3, 80)], [(0, 2), (2, 0), (3, 8)]]
    assert ask(lab, "FILL(METRICS(), 7)")[1] == [(0, 1), (1, 7), (2, 0), (3, 4)]


@pytest.mark.parametrize(
    ("term", "labels"),
    [
        ('{Shop,Host,Kind} MetricName="Cpu"', ["Cpu db-1 db", "Cpu web-1 web", "Cpu web-2 web"]),
        ('{Shop,Host,Kind} Kind="web"', ["Cpu web-1 web", "Cpu web-2 web"]),
        ("{Shop,Host,Kind} web NOT 2", ["Cpu web-1 web"]),
        ("{Shop,Kind,Host} (Host=1 OR Host=2) Kind=d", ["Cpu db-1 db"]),
        ("{Shop,Host} Cpu", []),
        ('MetricName="A"', ["A"]),
        ('MetricName="Cp"', []),
    ],
)
def test_searches(lab: Lab, term: str, labels: list[str]) -> None:
    searched = {"Id": "e", "Expression": f"SEARCH('{term}', 'Sum', 60)"}
    found = get(lab, searched, start=minute(lab) - 240)["MetricDataResults"]
    assert [one["Label"] for one in found] == labels


def test_a_search_is_summed(lab: Lab) -> None:
    searched = {"Id": "s", "Expression": "SEARCH('{Shop,Host,Kind} Kind=web', 'Sum', 60)", "ReturnData": False}
    summed = {"Id": "e", "Expression": "SUM(s)", "Label": "web"}
    (found,) = get(lab, searched, summed, start=minute(lab) - 240)["MetricDataResults"]
    assert (found["Label"], found["Values"]) == ("web", [3.0])


def test_periods_that_differ_meet_where_both_have_a_point(lab: Lab) -> None:
    queries = [query(id_="a", metric="A"), query(id_="long", metric="A", period=120)]
    start = minute(lab) // 120 * 120 - 360
    fine, coarse, both = values(lab, *queries, {"Id": "e", "Expression": "a + long"}, start=start)
    assert len(fine) == 3 and sum(coarse) == 70 and 1 <= len(both) <= 2


@pytest.mark.parametrize(
    "expression",
    ["a +", "nope", "a b", "e", "SUM(a", "[a] + [b]", "SELECT x", "1 + 1", "FROB(a)", "'text'", "a & b", "SUM(a)"],
)
def test_refusals(lab: Lab, expression: str) -> None:
    code, message = denied(lab, query(id_="a"), {"Id": "e", "Expression": expression}, start=minute(lab) - 60)
    assert code == "ValidationError" and message


@given(st.text(alphabet="ab12 +-*/^<>=!&|(),[]'\"SUMIF.e", max_size=30))
def test_no_text_crashes_the_parser(text: str) -> None:
    try:
        expressions.parse(text)
    except AwsError as error:
        assert error.code == "ValidationError"
