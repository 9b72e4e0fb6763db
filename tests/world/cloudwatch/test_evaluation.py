"""The judgement of alarms: AWS' own tables of examples, its words, and what holds for any datapoints."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.world.cloudwatch.evaluation import EXTRA, Point, Rule, State, judge

TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
RETAINED = "retained"


def points(drawn: str) -> list[Point | None]:
    """0 is fine, X breaches, - is missing; oldest first."""
    values = {"0": 0.0, "X": 9.0}
    return [Point(60 * at, values[sign]) if sign in values else None for at, sign in enumerate(drawn.split())]


def state(drawn: str, periods: int, needed: int, missing: str, current: State = "OK") -> str:
    found = judge(Rule("GreaterThanThreshold", 5.0, periods, needed, missing), points(drawn), current)
    return RETAINED if found is None else found.state


# CloudWatch User Guide, Configuring how CloudWatch alarms treat missing data: both tables.
@pytest.mark.parametrize(
    ("drawn", "needed", "states"),
    [
        ("0 - X - X", 3, ("OK", "OK", "OK", "OK")),
        ("0 - - - -", 3, ("OK", "OK", "OK", "OK")),
        ("- - - - -", 3, ("INSUFFICIENT_DATA", RETAINED, "ALARM", "OK")),
        ("0 X X - X", 3, ("ALARM", "ALARM", "ALARM", "ALARM")),
        ("- - X - -", 3, ("ALARM", RETAINED, "ALARM", "OK")),
        ("0 - X - X", 2, ("ALARM", "ALARM", "ALARM", "ALARM")),
        ("0 0 X 0 X", 2, ("ALARM", "ALARM", "ALARM", "ALARM")),
        ("0 - X - -", 2, ("OK", "OK", "ALARM", "OK")),
        ("- - - - 0", 2, ("OK", "OK", "ALARM", "OK")),
        ("- - - X -", 2, ("ALARM", RETAINED, "ALARM", "OK")),
    ],
)
def test_the_examples_of_the_documentation(drawn: str, needed: int, states: tuple[str, ...]) -> None:
    assert tuple(state(drawn, 3, needed, missing) for missing in TREATMENTS) == states


def test_one_breach_after_nothing_is_no_premature_alarm() -> None:
    assert state("- - - - X", 3, 3, "missing") == RETAINED
    assert state("- - - - X", 3, 3, "missing", "INSUFFICIENT_DATA") == "INSUFFICIENT_DATA"
    assert state("- - - - X", 3, 1, "missing") == "ALARM"


@pytest.mark.parametrize(
    ("drawn", "periods", "needed", "missing", "current", "reason"),
    [
        (
            "- - X",
            1,
            1,
            "missing",
            "OK",
            "Threshold Crossed: 1 out of the last 1 datapoints [9.0 (01/01/70 00:02:00)] was greater than the "
            "threshold (5.0) (minimum 1 datapoint for OK -> ALARM transition).",
        ),
        (
            "0 0 X 0 X",
            3,
            2,
            "missing",
            "OK",
            "Threshold Crossed: 2 out of the last 3 datapoints [9.0 (01/01/70 00:04:00), 9.0 (01/01/70 00:02:00)] were "
            "greater than the threshold (5.0) (minimum 2 datapoints for OK -> ALARM transition).",
        ),
        (
            "X X X X 0",
            3,
            3,
            "missing",
            "ALARM",
            "Threshold Crossed: 1 out of the last 3 datapoints [0.0 (01/01/70 00:04:00)] was not greater than the "
            "threshold (5.0) (minimum 1 datapoint for ALARM -> OK transition).",
        ),
        ("- - - - -", 3, 3, "missing", "OK", "Insufficient Data: 3 datapoints were unknown."),
        ("- - -", 1, 1, "missing", "OK", "Insufficient Data: 1 datapoint was unknown."),
        (
            "- - - - -",
            3,
            3,
            "notBreaching",
            "ALARM",
            "Threshold Crossed: no datapoints were received for 3 periods and 3 missing datapoints were treated as "
            "[NonBreaching].",
        ),
        (
            "- - -",
            1,
            1,
            "breaching",
            "OK",
            "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as "
            "[Breaching].",
        ),
    ],
)
def test_the_words(drawn: str, periods: int, needed: int, missing: str, current: State, reason: str) -> None:
    found = judge(Rule("GreaterThanThreshold", 5.0, periods, needed, missing), points(drawn), current)
    assert found is not None and found.reason == reason


SIGNS = st.lists(st.sampled_from("0X-"), min_size=3 + EXTRA, max_size=3 + EXTRA).map(" ".join)


@given(SIGNS, st.integers(1, 3), st.sampled_from(["OK", "ALARM", "INSUFFICIENT_DATA"]))
def test_any_datapoints(drawn: str, needed: int, current: State) -> None:
    by = {missing: state(drawn, 3, needed, missing, current) for missing in TREATMENTS}
    red, green = drawn.count("X"), drawn.count("0")
    assert by["breaching"] in ("OK", "ALARM") and by["notBreaching"] in ("OK", "ALARM")
    if red + green >= 3:
        assert len(set(by.values())) == 1, "enough real points: what is missing does not matter"
    if by["notBreaching"] == "ALARM":
        assert set(by.values()) == {"ALARM"}
    if by["breaching"] == "OK":
        assert set(by.values()) == {"OK"}
    if not red:
        assert "ALARM" not in (by["missing"], by["ignore"], by["notBreaching"])
    assert (by["missing"] == "INSUFFICIENT_DATA") <= (not green)


@pytest.mark.parametrize(
    ("comparison", "red"),
    [
        ("GreaterThanThreshold", [6.0]),
        ("GreaterThanOrEqualToThreshold", [5.0, 6.0]),
        ("LessThanThreshold", [4.0]),
        ("LessThanOrEqualToThreshold", [4.0, 5.0]),
    ],
)
def test_comparisons(comparison: str, red: list[float]) -> None:
    assert [value for value in (4.0, 5.0, 6.0) if Rule(comparison, 5.0, 1, 1).breaches(value)] == red
