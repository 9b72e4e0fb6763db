"""MetricDataQueries evaluated: metrics read, expressions computed over them. Shared by GetMetricData and by alarms."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

from console.world.cloudwatch import expressions, functions, searching
from console.world.cloudwatch.expressions import Node, malformed
from console.world.cloudwatch.functions import Line, Operand
from console.world.cloudwatch.series import Key, Metrics
from console.world.cloudwatch.statistics import Reader, parse
from console.world.errors import AwsError

Query: TypeAlias = Mapping[str, Any]
PERIOD_BY_AGE = {3 * 3600: 60, 15 * 86400: 300, 63 * 86400: 3600}
"""Data older than so many seconds is there in periods that are multiples of so many (facts: sagemaker 5.7)."""
KEPT_S = 455 * 86400
_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")


@dataclass(frozen=True, slots=True)
class Result:
    """One line of one query; a SEARCH gives several with the same id."""

    id: str
    label: str
    line: Line


def check_period(period: int) -> None:
    """Raises ValidationError."""
    if period not in (1, 5, 10, 20, 30) and (period < 60 or period % 60):
        raise AwsError("ValidationError", "Invalid MetricStat.Period. Must be 1, 5, 10, 20, 30 or a multiple of 60.")


def kept(start: float, period: int, now: float) -> bool:
    """Whether data of `start` is still there in that period; AWS answers nothing, and no error, where it is not."""
    age = now - start
    return age <= KEPT_S and all(age <= limit or period % step == 0 for limit, step in PERIOD_BY_AGE.items())


def key_of(metric: Mapping[str, Any]) -> Key:
    """A Metric structure's series."""
    dimensions = {one["Name"]: one["Value"] for one in metric.get("Dimensions") or ()}
    return Key(metric.get("Namespace", ""), metric.get("MetricName", ""), tuple(sorted(dimensions.items())))


@dataclass(slots=True)
class Evaluation:
    """Of queries that may name each other, from `start` up to but without `end` (epoch seconds, whole).

    For alarms: `aligned` false lets a window of five minutes begin at any minute, `whole` leaves out what has arrived
    only in part.
    """

    metrics: Metrics
    queries: Sequence[Query]
    start: int
    end: int
    now: float
    aligned: bool = True
    whole: bool = False
    _reader: Reader = field(init=False)
    _by_id: dict[str, Query] = field(init=False)
    _done: dict[str, list[tuple[str, Line]] | float] = field(default_factory=dict)
    _under_way: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._reader = Reader(self.metrics, whole=self.whole)
        self._by_id = {}
        for query in self.queries:
            if query["Id"] in self._by_id:
                raise AwsError(
                    "ValidationError", f"The values for parameter id in MetricDataQueries are not unique: {query['Id']}"
                )
            if not _ID.fullmatch(query["Id"]):
                raise AwsError("ValidationError", f"The value {query['Id']} for parameter id must match {_ID.pattern}")
            if ("MetricStat" in query) == ("Expression" in query):
                raise AwsError(
                    "ValidationError",
                    f"Exactly one of MetricStat and Expression must be specified for id {query['Id']}.",
                )
            self._by_id[query["Id"]] = query

    def run(self) -> list[Result]:
        """What the queries with ReturnData answer, in their order. Raises ValidationError."""
        found: list[Result] = []
        for query in self.queries:
            if not query.get("ReturnData", True):
                continue
            lines = self._lines(query["Id"])
            if isinstance(lines, float):
                raise malformed(query["Expression"], "The expression must be a time series, and is a number.")
            found += [Result(query["Id"], query.get("Label") or label, line) for label, line in lines]
        return found

    def reader(self) -> Reader:
        return self._reader

    def _lines(self, id_: str) -> list[tuple[str, Line]] | float:
        if id_ not in self._done:
            query = self._by_id[id_]
            if "MetricStat" in query:
                self._done[id_] = [(query["MetricStat"]["Metric"].get("MetricName", id_), self._metric(query))]
            else:
                self._done[id_] = self._expression(query)
        return self._done[id_]

    def _metric(self, query: Query) -> Line:
        stat = query["MetricStat"]
        return self._read(key_of(stat["Metric"]), stat["Stat"], stat["Period"], stat.get("Unit"))

    def _read(self, key: Key, stat: str, period: int, unit: str | None = None) -> Line:
        check_period(period)
        parsed = parse(stat)
        start = self.start - self.start % period if self.aligned else self.start
        periods = max(0, -(-(self.end - start) // period))
        if not kept(start, period, self.now):
            return Line(start, period, np.full(periods, np.nan))
        return Line(start, period, self._reader.values(key, parsed, start, periods, period, unit))

    def _expression(self, query: Query) -> list[tuple[str, Line]] | float:
        id_, text = query["Id"], query["Expression"]
        if id_ in self._under_way:
            raise malformed(text, f"Circular reference to {id_}")
        if text.lstrip().upper().startswith("SELECT "):
            raise AwsError("ValidationError", "Metrics Insights queries are not answered by this world.")
        self._under_way.add(id_)
        found = self._value(expressions.parse(text), text)
        self._under_way.discard(id_)
        if isinstance(found, float):
            return found
        if isinstance(found, Line):
            return [(id_, found)]
        return [(line.label or id_, line) for line in found]

    def _value(self, node: Node, text: str) -> Operand:
        match node:
            case expressions.Number(value):
                return value
            case expressions.Name(name):
                if name not in self._by_id:
                    raise malformed(text, f"Undefined variable '{name}'")
                lines = self._lines(name)
                if isinstance(lines, float):
                    return lines
                found = [line for _, line in lines]
                searches = "SEARCH" in self._by_id[name].get("Expression", "").upper()
                return found[0] if len(found) == 1 and not searches else found
            case expressions.Array(items):
                every: list[Line] = []
                for item in items:
                    element = self._value(item, text)
                    if isinstance(element, float):
                        raise malformed(text, "Arrays hold time series only.")
                    every += [element] if isinstance(element, Line) else element
                return every
            case expressions.Unary(_, operand):
                return functions.binary("*", -1.0, self._value(operand, text), text)
            case expressions.Binary(sign, left, right):
                return functions.binary(sign, self._value(left, text), self._value(right, text), text)
            case expressions.Call("METRICS", arguments):
                part = arguments[0].value if arguments and isinstance(arguments[0], expressions.Text) else ""
                return [self._metric(one) for id_, one in self._by_id.items() if "MetricStat" in one and part in id_]
            case expressions.Call("SEARCH", arguments):
                return self._search(arguments, text)
            case expressions.Call("FILL", (what, expressions.Name(way))) if way in ("REPEAT", "LINEAR"):
                return functions.fill(self._value(what, text), way)
            case expressions.Call(function, arguments):
                return functions.call(function, [self._value(one, text) for one in arguments], text)
            case _:
                raise malformed(text, "A text stands where a time series is expected.")

    def _search(self, arguments: tuple[Node, ...], text: str) -> list[Line]:
        match arguments:
            case (expressions.Text(wanted), expressions.Text(stat)):
                period = 300
            case (expressions.Text(wanted), expressions.Text(stat), expressions.Number(seconds)):
                period = int(seconds)
            case _:
                raise malformed(text, "SEARCH takes a search term, a statistic and a period.")
        matches: Callable[[Key], bool] = searching.parse(wanted, text)
        keys = sorted({key for key, _ in self.metrics.series() if matches(key)})[: searching.MOST]
        lines = [replace(self._read(key, stat, period), label=searching.label(key)) for key in keys]
        return [line for line in lines if not np.isnan(line.values).all()]
