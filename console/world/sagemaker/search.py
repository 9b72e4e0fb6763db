"""Search: an index that lags behind the Describe calls, newest modified first (facts: sagemaker 3)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from console.world.errors import validation
from console.world.identity import Caller
from console.world.operations import operation
from console.world.paging import page

if TYPE_CHECKING:
    from console.world.world import Region, World

Record = dict[str, Any]


class SearchIndex:
    """Records by resource (`Endpoint`, `PipelineExecution`, …) and ARN, as they were `search_lag_s` ago."""

    def __init__(self, region: Region) -> None:
        self._world = region.world
        self._records: dict[str, dict[str, Record]] = {}
        self._sorted: dict[str, list[Record]] = {}

    def publish(self, resource: str, arn: str, record: Record | None) -> None:
        """Call it after each change: `record` is what SearchRecord's member of that name holds, LastModifiedTime
        included, not to be changed afterwards; None: deleted. It is found after the lag."""
        self._world.after(self._world.search_lag_s, lambda due: self.put(resource, arn, record))

    def put(self, resource: str, arn: str, record: Record | None) -> None:
        """At once: for the seed."""
        self._sorted.pop(resource, None)
        records = self._records.setdefault(resource, {})
        if record is None:
            records.pop(arn, None)
        else:
            records[arn] = record

    def newest_first(self, resource: str) -> list[Record]:
        if resource not in self._sorted:
            records = self._records.get(resource, {}).values()
            self._sorted[resource] = sorted(records, key=lambda record: -float(record["LastModifiedTime"]))
        return self._sorted[resource]


@operation("Search")
def search(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    resource = request["Resource"]
    found = region.of(SearchIndex).newest_first(resource)
    expression = request.get("SearchExpression")
    if expression:
        found = [record for record in found if _holds(expression, record)]
    by = request.get("SortBy", "LastModifiedTime")
    ascending = request.get("SortOrder") == "Ascending"
    if by != "LastModifiedTime" or ascending:
        present = [(values[0], record) for record in found if (values := _values(record, by))]
        present.sort(key=lambda pair: (str(type(pair[0])), pair[0]), reverse=not ascending)
        found = [record for _, record in present]
    cut, token = page(found, request, default=10)
    hits = {"Value": len(found), "Relation": "EqualTo"}
    return {"Results": [{resource: record} for record in cut], "NextToken": token, "TotalHits": hits}


def _holds(expression: dict[str, Any], record: Record) -> bool:
    verdicts = [_passes(one, _values(record, one["Name"])) for one in expression.get("Filters", ())]
    for nested in expression.get("NestedFilters", ()):
        # All filters of a nested one must hold for one and the same element of the list.
        prefix = nested["NestedPropertyName"]
        elements = record.get(prefix) or []
        verdicts.append(
            any(
                all(_passes(one, _values(item, one["Name"].removeprefix(prefix + "."))) for one in nested["Filters"])
                for item in elements
            )
        )
    verdicts += [_holds(inner, record) for inner in expression.get("SubExpressions", ())]
    return any(verdicts) if expression.get("Operator") == "Or" else all(verdicts)


def _values(record: Any, name: str) -> list[Any]:
    """What a property name finds: `Tags.team` looks into a tag, other dots into structures and lists."""
    head, _, rest = name.partition(".")
    if isinstance(record, list):
        return [value for item in record for value in _values(item, name)]
    if not isinstance(record, dict):
        return []
    if head == "Tags" and rest:
        return [tag["Value"] for tag in record.get("Tags", ()) if tag["Key"] == rest]
    value = record.get(head)
    if value is None:
        return []
    return _values(value, rest) if rest else [value]


def _passes(filter_: dict[str, Any], values: list[Any]) -> bool:
    operator, text = filter_.get("Operator", "Equals"), filter_.get("Value")
    if operator in ("Exists", "NotExists"):
        if text is not None:
            raise validation(f"Value must not be specified with the operator {operator}.")
        return bool(values) is (operator == "Exists")
    if text is None:
        raise validation(f"Value must be specified with the operator {operator}.")
    if operator == "NotEquals":
        return all(value != _like(value, text) for value in values)
    return any(_COMPARE[operator](value, text) for value in values)


def _like(value: Any, text: str) -> Any:
    """A filter's text as the type of the property it is compared with."""
    if isinstance(value, bool):
        return text.lower() == "true"
    if not isinstance(value, (int, float)):
        return text
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise validation(f"Invalid value for a filter: {text}") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()


_COMPARE: dict[str, Callable[[Any, str], bool]] = {
    "Equals": lambda value, text: bool(value == _like(value, text)),
    "GreaterThan": lambda value, text: bool(value > _like(value, text)),
    "GreaterThanOrEqualTo": lambda value, text: bool(value >= _like(value, text)),
    "LessThan": lambda value, text: bool(value < _like(value, text)),
    "LessThanOrEqualTo": lambda value, text: bool(value <= _like(value, text)),
    "Contains": lambda value, text: text.lower() in str(value).lower(),
    "In": lambda value, text: any(value == _like(value, part.strip()) for part in text.split(",")),
}
