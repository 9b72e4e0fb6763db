"""The judgement of an alarm: from datapoints to a state and the words AWS gives for it. Pure.

Source: CloudWatch User Guide, Evaluating an alarm, and Configuring how CloudWatch alarms treat missing data (whose
tables of examples are a test).
"""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

State: TypeAlias = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
LISTED = 5
"""Datapoints that a reason names at most."""
EXTRA = 2
"""Datapoints that are looked at beyond the evaluation periods, to make up for missing ones."""

_COMPARISONS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}
COMPARISONS = tuple(_COMPARISONS)


@dataclass(frozen=True, slots=True)
class Rule:
    """`needed` of the last `periods` datapoints must breach."""

    comparison: str
    threshold: float
    periods: int
    needed: int
    missing: str = "missing"
    """breaching, notBreaching, ignore or missing."""

    def breaches(self, value: float) -> bool:
        return _COMPARISONS[self.comparison][0](value, self.threshold)


@dataclass(frozen=True, slots=True)
class Point:
    at: int
    """Start of its period, epoch seconds."""
    value: float


@dataclass(frozen=True, slots=True)
class Verdict:
    state: State
    reason: str
    seen: tuple[Point, ...]
    """The datapoints that decided, newest first."""


def judge(rule: Rule, points: Sequence[Point | None], current: State) -> Verdict | None:
    """`points` of consecutive periods, oldest first, None for the missing; `periods` + EXTRA of them. None: the state
    stays as it is."""
    newest = [point for point in reversed(points) if point is not None]
    seen = tuple(newest[: rule.periods])
    lacking = rule.periods - len(seen)
    red = [point for point in seen if rule.breaches(point.value)]
    if not lacking:
        return _crossed(rule, seen, red, current)
    if rule.missing in ("breaching", "notBreaching"):
        filled = lacking if rule.missing == "breaching" else 0
        return _crossed(rule, seen, red, current, filled, lacking)
    if not seen:
        if rule.missing == "ignore":
            return None
        return Verdict("INSUFFICIENT_DATA", f"Insufficient Data: {_count(rule.periods)} unknown.", ())
    if len(red) >= rule.needed:
        return _crossed(rule, seen, red, current)
    if red and len(red) == len(seen):
        # All that there is breaches, but it is less than is needed: no premature alarm, unless the oldest breach is
        # so far back that every datapoint since has gone missing.
        if rule.missing == "ignore":
            return None
        age = next(len(points) - at for at, point in enumerate(points) if point is red[-1])
        if age < rule.needed:
            return None if current != "INSUFFICIENT_DATA" else _unknown(rule, seen, lacking)
        return _crossed(rule, seen, red, current, rule.needed, lacking)
    return _crossed(rule, seen, red, current)


def _unknown(rule: Rule, seen: tuple[Point, ...], lacking: int) -> Verdict:
    return Verdict("INSUFFICIENT_DATA", f"Insufficient Data: {_count(lacking)} unknown.", seen)


def _crossed(
    rule: Rule, seen: tuple[Point, ...], red: Sequence[Point], current: State, filled: int = 0, lacking: int = 0
) -> Verdict:
    """`filled` of the `lacking` count as breaching."""
    state: State = "ALARM" if len(red) + filled >= rule.needed else "OK"
    told = red if state == "ALARM" else [point for point in seen if point not in red] or list(seen)
    negation = "" if state == "ALARM" else "not "
    relation = f"{negation}{_COMPARISONS[rule.comparison][1]} the threshold ({float(rule.threshold)})"
    if not seen:
        way = "Breaching" if state == "ALARM" else "NonBreaching"
        periods = f"{rule.periods} period{'' if rule.periods == 1 else 's'}"
        return Verdict(
            state,
            f"Threshold Crossed: no datapoints were received for {periods} and {lacking} missing "
            f"datapoint{'' if lacking == 1 else 's'} {_were(lacking)} treated as [{way}].",
            (),
        )
    values = ", ".join(f"{point.value} ({_moment(point.at)})" for point in told[:LISTED])
    least = rule.needed if state == "ALARM" else rule.periods - rule.needed + 1
    # AWS names the transition that this one is, or would be.
    before = {"ALARM": "OK", "OK": "ALARM"}[state] if current in (state, "INSUFFICIENT_DATA") else current
    crossed = f"[{values}] {_were(len(told))} {relation}"
    if len(told) > LISTED:
        crossed = f"were {relation}. The most recent datapoints which crossed the threshold: [{values}]"
    return Verdict(
        state,
        f"Threshold Crossed: {len(told)} out of the last {rule.periods} datapoints {crossed} "
        f"(minimum {least} datapoint{'' if least == 1 else 's'} for {before} -> {state} transition).",
        seen,
    )


def _count(number: int) -> str:
    return f"{number} datapoint{'' if number == 1 else 's'} {_were(number)}"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _moment(at: int) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%d/%m/%y %H:%M:%S")
