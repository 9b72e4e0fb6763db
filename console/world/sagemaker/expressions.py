"""Pipeline expressions of schema 2020-12-01: `Get`, `Std:Join`, `Std:JsonGet`, and the conditions. Pure.

The grammar is what the SageMaker Python SDK writes (sagemaker/workflow/functions.py, conditions.py, properties.py).
"""

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_PART = re.compile(r"\['([^']+)'\]|\[(\d+)\]|([^.\[\]]+)")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}
CONDITIONS: dict[str, tuple[str, ...]] = dict.fromkeys(_COMPARE, ("LeftValue", "RightValue")) | {
    "In": ("QueryValue", "Values"),
    "Not": ("Condition",),
    "Or": ("Conditions",),
}
"""Types of conditions and the members that each needs."""


class Unresolved(Exception):
    """A reference that names nothing; the message goes into the step's FailureReason."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression may refer to: `step` gives a finished step's properties, `report` a value of a report."""

    parameters: Mapping[str, Any]
    execution: Mapping[str, str]
    step: Callable[[str], Any]
    report: Callable[[str, str, str], Any]


def path_parts(path: str) -> list[str | int]:
    """`Outputs['train'].Uri` → `["Outputs", "train", "Uri"]`; `[0]` becomes the integer 0."""
    return [int(m[2]) if m[2] else m[1] or m[3] for m in _PART.finditer(path)]


def walk(value: Any, parts: list[str | int], whole: str) -> Any:
    """Follow `parts` into `value`. A name on a list picks the item that carries it (OutputName, ChannelName, …)."""
    for part in parts:
        if isinstance(value, list) and isinstance(part, str):
            named = [item for item in value if isinstance(item, dict) and _name(item) == part]
            if not named:
                raise Unresolved(f"Property reference {whole} could not be resolved")
            value = named[0]
        else:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                raise Unresolved(f"Property reference {whole} could not be resolved") from None
    return value


def _name(item: Mapping[str, Any]) -> Any:
    return next((value for key, value in item.items() if key.endswith("Name")), None)


def resolve(node: Any, scope: Scope) -> Any:
    """The value of `node` with every expression in it replaced. Raises Unresolved."""
    if isinstance(node, list):
        return [resolve(item, scope) for item in node]
    if not isinstance(node, dict):
        return node
    if len(node) == 1:
        (key, body), *_ = node.items()
        if key == "Get" and isinstance(body, str):
            return _get(body, scope)
        if key == "Std:Join":
            return str(body["On"]).join(_text(resolve(item, scope)) for item in body["Values"])
        if key == "Std:JsonGet":
            file = body.get("PropertyFile")
            if file is not None:
                _, step, _, name = str(file["Get"]).split(".", 3)
                return scope.report(step, name, body["Path"])
            return scope.report("", _text(resolve(body["S3Uri"], scope)), body["Path"])
    return {key: resolve(item, scope) for key, item in node.items()}


def _get(reference: str, scope: Scope) -> Any:
    kind, _, rest = reference.partition(".")
    if kind == "Parameters" and rest in scope.parameters:
        return scope.parameters[rest]
    if kind == "Execution" and rest in scope.execution:
        return scope.execution[rest]
    if kind == "Steps":
        step, _, path = rest.partition(".")
        return walk(scope.step(step), path_parts(path), reference)
    raise Unresolved(f"Reference {reference} could not be resolved")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def holds(condition: Mapping[str, Any], scope: Scope) -> bool:
    """Whether a condition is true. Values of two types compare as numbers where both are, else as text."""
    kind = condition["Type"]
    if kind == "Not":
        return not holds(condition["Condition"], scope)
    if kind == "Or":
        return any(holds(item, scope) for item in condition["Conditions"])
    if kind == "In":
        wanted = resolve(condition["QueryValue"], scope)
        return any(_compare(operator.eq, wanted, resolve(item, scope)) for item in condition["Values"])
    left, right = resolve(condition["LeftValue"], scope), resolve(condition["RightValue"], scope)
    return _compare(_COMPARE[kind], left, right)


def _compare(test: Callable[[Any, Any], bool], left: Any, right: Any) -> bool:
    try:
        return test(float(left), float(right))
    except (TypeError, ValueError):
        return test(_text(left), _text(right))


def references(node: Any) -> Iterator[str]:
    """Every string that a `Get` in `node` names, in order of appearance."""
    if isinstance(node, list):
        for item in node:
            yield from references(item)
    elif isinstance(node, dict):
        for key, item in node.items():
            if key == "Get" and isinstance(item, str) and len(node) == 1:
                yield item
            else:
                yield from references(item)


def paths_read(node: Any) -> Iterator[str]:
    """The paths that `Std:JsonGet`s in `node` read from property files."""
    if isinstance(node, list):
        for item in node:
            yield from paths_read(item)
    elif isinstance(node, dict):
        if "Std:JsonGet" in node:
            yield node["Std:JsonGet"]["Path"]
        for item in node.values():
            yield from paths_read(item)
