"""What metric math computes with: lines of data, numbers and arrays of lines; operators and functions over them.

A point is missing (NaN) in a result where an operand lacks it; SUM, AVG, MIN and MAX over an array ignore the missing.
Source: CloudWatch User Guide, Using math expressions with CloudWatch metrics.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from console.world.cloudwatch.expressions import malformed
from console.world.cloudwatch.sketch import Floats


@dataclass(frozen=True, slots=True)
class Line:
    """Values (n,) of consecutive periods from `start`; NaN where there is no datum."""

    start: int
    period: int
    values: Floats
    label: str = ""

    def on(self, start: int, period: int, periods: int) -> Floats:
        """The values at the moments of another grid; NaN at moments that this one does not have."""
        if (start, period, periods) == (self.start, self.period, len(self.values)):
            return self.values
        offset = start + period * np.arange(periods) - self.start
        at = offset // self.period
        fits = (offset % self.period == 0) & (at >= 0) & (at < len(self.values))
        return np.where(fits, self.values[np.clip(at, 0, max(0, len(self.values) - 1))], np.nan)


Operand: TypeAlias = float | Line | list[Line]

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "^": np.power,
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    ">": np.greater,
    "<=": np.less_equal,
    ">=": np.greater_equal,
    "&&": lambda left, right: (left != 0) & (right != 0),
    "||": lambda left, right: (left != 0) | (right != 0),
}


def _grid(lines: Sequence[Line]) -> tuple[int, int, int]:
    """(start, period, periods) of the coarsest."""
    coarsest = max(lines, key=lambda line: line.period)
    return coarsest.start, coarsest.period, len(coarsest.values)


def _together(compute: Callable[..., Any], operands: Sequence[float | Line]) -> float | Line:
    lines = [one for one in operands if isinstance(one, Line)]
    with np.errstate(all="ignore"):
        if not lines:
            return float(compute(*operands))
        grid = _grid(lines)
        arrays = [one.on(*grid) if isinstance(one, Line) else one for one in operands]
        found = np.asarray(compute(*arrays), dtype=float)
    missing = np.any([np.isnan(one) for one in arrays if isinstance(one, np.ndarray)], axis=0)
    # A division by zero has no result: the point is left out.
    return Line(grid[0], grid[1], np.where(missing | ~np.isfinite(found), np.nan, found))


def binary(sign: str, left: Operand, right: Operand, text: str) -> Operand:
    """An array with a number or a line gives an array; two arrays do not go together."""
    compute = _OPERATORS[sign]
    if isinstance(left, list) and isinstance(right, list):
        raise malformed(text, f"Unsupported operand type(s) for {sign}: '[TimeSeries, TimeSeries]'")
    if isinstance(left, list):
        return [replace(_line(_together(compute, (one, right))), label=one.label) for one in left]  # type: ignore[arg-type]
    if isinstance(right, list):
        return [replace(_line(_together(compute, (left, one))), label=one.label) for one in right]
    return _together(compute, (left, right))


def _line(value: float | Line) -> Line:
    assert isinstance(value, Line)  # one operand was one
    return value


def fill(what: Operand, way: str | float | Line) -> Operand:
    if isinstance(what, list):
        return [replace(_line(fill(one, way)), label=one.label) for one in what]  # type: ignore[arg-type]
    if isinstance(what, float):
        return what
    have = ~np.isnan(what.values)
    if isinstance(way, str):
        if not have.any():
            return what
        at, where = np.arange(len(have)), np.flatnonzero(have)
        if way == "LINEAR":
            inside = np.interp(at, where, what.values[where], left=np.nan, right=np.nan)
            return replace(what, values=inside)
        last = np.searchsorted(where, at, side="right") - 1
        return replace(what, values=np.where(last >= 0, what.values[where[np.maximum(last, 0)]], np.nan))
    filler = way if isinstance(way, float) else way.on(what.start, what.period, len(have))
    return replace(what, values=np.where(have, what.values, filler))


def _aggregate(reduce: Callable[..., Any], value: Operand) -> Operand:
    """Of one line a number; of an array a line, point by point over those that have one."""
    if isinstance(value, float):
        return value
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # numpy's, of slices without any value
        if isinstance(value, Line):
            return float(reduce(value.values))
        if not value:
            return []
        start, period, periods = _grid(value)
        stacked = np.array([one.on(start, period, periods) for one in value])
        found = np.asarray(reduce(stacked, axis=0), dtype=float)
        return Line(start, period, np.where(np.isnan(stacked).all(axis=0), np.nan, found))


_AGGREGATES: dict[str, Callable[..., Any]] = {
    "SUM": np.nansum,
    "AVG": np.nanmean,
    "MIN": np.nanmin,
    "MAX": np.nanmax,
    "STDDEV": np.nanstd,
}


def _rate(line: Line) -> Floats:
    """Per second, between a point and the one before it, if there is any."""
    where = np.flatnonzero(~np.isnan(line.values))
    found = np.full(len(line.values), np.nan)
    found[where[1:]] = np.diff(line.values[where]) / (np.diff(where) * line.period)
    return found


def _difference(line: Line) -> Floats:
    where = np.flatnonzero(~np.isnan(line.values))
    found = np.full(len(line.values), np.nan)
    found[where[1:]] = np.diff(line.values[where])
    return found


def _running(line: Line) -> Floats:
    return np.where(np.isnan(line.values), np.nan, np.nancumsum(line.values))


_BY_LINE: dict[str, Callable[[Line], Floats]] = {
    "ABS": lambda line: np.abs(line.values),
    "CEIL": lambda line: np.ceil(line.values),
    "FLOOR": lambda line: np.floor(line.values),
    "RATE": _rate,
    "DIFF": _difference,
    "RUNNING_SUM": _running,
    "PERIOD": lambda line: np.full(len(line.values), float(line.period)),
}


def _choose(condition: Any, yes: Any, no: Any) -> Any:
    return np.where(np.asarray(condition) != 0, yes, no)


def _if(condition: float | Line, yes: float | Line, no: float | Line | None) -> float | Line:
    """Only the branch that is taken must have a datum; without a third argument there is none where it is false."""
    lines = [one for one in (condition, yes, no) if isinstance(one, Line)]
    if not lines:
        return float(_choose(condition, yes, np.nan if no is None else no))
    grid = _grid(lines)
    of, one, other = (
        np.nan if part is None else part.on(*grid) if isinstance(part, Line) else part for part in (condition, yes, no)
    )
    found = np.broadcast_to(np.asarray(_choose(of, one, other), dtype=float), (grid[2],))
    return Line(grid[0], grid[1], np.where(np.isnan(of), np.nan, found))


def call(function: str, arguments: Sequence[Operand], text: str) -> Operand:
    """Raises ValidationError for functions that there are not, or not with these arguments."""
    match function, arguments:
        case (("SUM" | "AVG" | "MIN" | "MAX" | "STDDEV"), [one]):
            return _aggregate(_AGGREGATES[function], one)
        case (("SUM" | "AVG" | "MIN" | "MAX" | "STDDEV"), [_, _, *_]):
            every = [line for one in arguments if not isinstance(one, float) for line in _lines(one)]
            return _aggregate(_AGGREGATES[function], every)
        case "FILL", [what, float() | Line() as way]:
            return fill(what, way)
        case "IF", [float() | Line() as condition, float() | Line() as yes]:
            return _if(condition, yes, None)
        case "IF", [float() | Line() as condition, float() | Line() as yes, float() | Line() as no]:
            return _if(condition, yes, no)
        case "PERIOD", [Line() as line]:
            return float(line.period)
        case "DATAPOINT_COUNT", [Line() as line]:
            return float((~np.isnan(line.values)).sum())
        case "TIME_SERIES", [Line() as line]:
            return line
        case _, [float(value)] if function in ("ABS", "CEIL", "FLOOR"):
            return float({"ABS": np.abs, "CEIL": np.ceil, "FLOOR": np.floor}[function](value))
        case _, [Line() as line] if function in _BY_LINE:
            return Line(line.start, line.period, _BY_LINE[function](line))
        case _, [list() as lines] if function in _BY_LINE:
            return [replace(line, values=_BY_LINE[function](line)) for line in lines]
        case _:
            raise malformed(text, f"No function {function} with {len(arguments)} such arguments is known here.")


def _lines(value: Line | list[Line]) -> list[Line]:
    return [value] if isinstance(value, Line) else value
