"""A pipeline definition (JSON, schema 2020-12-01) as typed records: parameters, steps, and who waits for whom. Pure.

The schema is published at https://aws-sagemaker-mlops.github.io/sagemaker-model-building-pipeline-definition-JSON-schema/;
limits (50 steps, 200 parameters) are the quotas of the AWS General Reference. Steps of types that the world cannot run
(EMR, AutoML, …) are refused, not pretended.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from typing import Any

from console.world.sagemaker.expressions import CONDITIONS, references

MAX_STEPS, MAX_PARAMETERS = 50, 200
TYPES = {"String": str, "Integer": int, "Float": float, "Boolean": bool}
_TYPES = "Processing Training Transform Tuning Model RegisterModel Condition Callback Lambda QualityCheck ClarifyCheck"
STEP_TYPES = frozenset([*_TYPES.split(), "Fail"])
_RETRY_DEFAULT_ATTEMPTS = 5


class BadDefinition(ValueError):
    """The definition cannot be run; the message is what CreatePipeline answers."""

    def __init__(self, why: str) -> None:
        super().__init__(f"Unable to parse pipeline definition. {why}")


class BadParameter(ValueError):
    """A parameter of a start does not fit the definition."""


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    type: str
    default: str | int | float | bool | None
    choices: tuple[Any, ...] = ()

    def parse(self, text: str) -> str | int | float | bool:
        """The typed value of `text` (the API sends every value as a string). Raises BadParameter."""
        try:
            value: Any = _BOOLEANS[text.lower()] if self.type == "Boolean" else TYPES[self.type](text)
        except (KeyError, ValueError):
            raise BadParameter(
                f"Value '{text}' for pipeline parameter '{self.name}' is not of type {self.type}"
            ) from None
        if self.choices and value not in self.choices:
            allowed = ", ".join(map(str, self.choices))
            raise BadParameter(
                f"Value '{text}' for pipeline parameter '{self.name}' is not one of its enum values [{allowed}]"
            )
        return value  # type: ignore[no-any-return]


_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    errors: frozenset[str]  # e.g. SageMaker.CAPACITY_ERROR
    interval_s: float
    backoff: float
    attempts: int
    """Retries after the first try (MaxAttempts, default 5, at most 20)."""


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    type: str
    arguments: Mapping[str, Any]
    body: Mapping[str, Any]
    """The whole JSON object of the step: members that only one type has (FunctionArn, CheckType, …)."""
    upstream: frozenset[str]
    """Steps that must have succeeded first: DependsOn, steps referred to, and the condition this step stands under."""
    branch: tuple[str, bool] | None = None
    """The condition it stands under, and on which side."""
    cache_s: float | None = None
    retries: tuple[RetryPolicy, ...] = ()


@dataclass(frozen=True, slots=True)
class Definition:
    parameters: Mapping[str, Parameter]
    steps: Mapping[str, Step]
    """Steps of all depths, in an order in which every step comes after those it waits for."""

    def bind(self, given: Iterable[Mapping[str, str]]) -> dict[str, Any]:
        """Typed values of all parameters with `given` ([{Name, Value}]) over the defaults. Raises BadParameter."""
        values = {p.name: p.default for p in self.parameters.values()}
        seen: set[str] = set()
        for item in given:
            name = item["Name"]
            if name not in self.parameters:
                raise BadParameter(f"Unknown parameter [{name}]: it is not in the pipeline definition")
            if name in seen:
                raise BadParameter(f"Parameter [{name}] is given more than once")
            seen.add(name)
            values[name] = self.parameters[name].parse(item["Value"])
        missing = [name for name, value in values.items() if value is None]
        if missing:
            raise BadParameter(f"Assignment is missing for pipeline parameters [{', '.join(missing)}]")
        return values


@lru_cache(maxsize=512)
def parse(text: str) -> Definition:
    """Parse and check a definition. Raises BadDefinition with the text the service would answer."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise BadDefinition(str(error)) from None
    if not isinstance(document, dict) or document.get("Version") != "2020-12-01":
        raise BadDefinition("Version must be 2020-12-01.")
    try:
        parameters = {p["Name"]: _parameter(p) for p in document.get("Parameters", ())}
        steps = list(_steps(document.get("Steps") or [], None))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, BadDefinition):
            raise
        raise BadDefinition(f"Missing or wrong member: {error}.") from None
    return _checked(parameters, steps)


def _parameter(raw: Mapping[str, Any]) -> Parameter:
    if raw["Type"] not in TYPES:
        raise BadDefinition(f"Unknown parameter type {raw['Type']}.")
    return Parameter(raw["Name"], raw["Type"], raw.get("DefaultValue"), tuple(raw.get("EnumValues") or ()))


def _steps(raw: Iterable[Mapping[str, Any]], branch: tuple[str, bool] | None) -> Iterator[Step]:
    for body in raw:
        name, kind = body["Name"], body["Type"]
        if kind not in STEP_TYPES:
            raise BadDefinition(f"Unknown step type {kind}.")
        arguments = body.get("Arguments") or {}
        nested = ("IfSteps", "ElseSteps") if kind == "Condition" else ()
        own = {key: value for key, value in arguments.items() if key not in nested}
        used = [body.get(key) for key in body if key not in ("Arguments", "DependsOn")] + [own]
        upstream = {ref.split(".")[1] for ref in references(used) if ref.startswith("Steps.")}
        upstream |= set(body.get("DependsOn") or ()) | ({branch[0]} if branch else set())
        cache = body.get("CacheConfig") or {}
        yield Step(
            name,
            kind,
            own,
            body,
            frozenset(upstream),
            branch,
            duration_s(cache.get("ExpireAfter", "P1Y")) if cache.get("Enabled") else None,
            tuple(_retry(policy) for policy in body.get("RetryPolicies") or ()),
        )
        for side, key in ((True, "IfSteps"), (False, "ElseSteps")):
            if nested:
                yield from _steps(arguments.get(key) or (), (name, side))


def _retry(raw: Mapping[str, Any]) -> RetryPolicy:
    return RetryPolicy(
        frozenset(raw["ExceptionType"]),
        float(raw.get("IntervalSeconds", 1)),
        float(raw.get("BackoffRate", 2.0)),
        min(20, int(raw.get("MaxAttempts", _RETRY_DEFAULT_ATTEMPTS))),
    )


def _checked(parameters: dict[str, Parameter], steps: list[Step]) -> Definition:
    by_name = {step.name: step for step in steps}
    if not steps:
        raise BadDefinition("A pipeline needs at least one step.")
    if len(by_name) < len(steps):
        raise BadDefinition("Step names must be unique.")
    if len(steps) > MAX_STEPS or len(parameters) > MAX_PARAMETERS:
        raise BadDefinition(
            f"Pipeline definition exceeds the limit of {MAX_STEPS} steps or {MAX_PARAMETERS} parameters."
        )
    for step in steps:
        for unknown in sorted(step.upstream - by_name.keys()):
            raise BadDefinition(f"Step {step.name} refers to unknown step {unknown}.")
        for reference in references(dict(step.body)):
            kind, _, name = reference.partition(".")
            if kind == "Parameters" and name not in parameters:
                raise BadDefinition(f"Step {step.name} refers to unknown parameter {name}.")
        for place, member in _REQUIRED.get(step.type, ()):
            if member not in getattr(step, place):
                raise BadDefinition(f"Step {step.name} lacks {member}.")
        for condition in step.arguments.get("Conditions", ()) if step.type == "Condition" else ():
            _check_condition(condition)
    try:
        order = list(TopologicalSorter({step.name: sorted(step.upstream) for step in steps}).static_order())
    except CycleError:
        raise BadDefinition("Cycle detected in pipeline steps.") from None
    return Definition(parameters, {name: by_name[name] for name in order})


_REQUIRED = {
    "Callback": (("body", "SqsQueueUrl"),),
    "Lambda": (("body", "FunctionArn"),),
    "Fail": (("arguments", "ErrorMessage"),),
    "Condition": (("arguments", "Conditions"),),
}


def _check_condition(condition: Mapping[str, Any]) -> None:
    kind = condition.get("Type")
    if kind not in CONDITIONS:
        raise BadDefinition(f"Unknown condition {kind}.")
    for member in CONDITIONS[kind]:
        if member not in condition:
            raise BadDefinition(f"Condition {kind} lacks {member}.")
    for inner in condition["Conditions"] if kind == "Or" else [condition["Condition"]] if kind == "Not" else ():
        _check_condition(inner)


_UNITS = {"Y": 365 * 86_400, "M": 30 * 86_400, "W": 604_800, "D": 86_400, "H": 3_600, "m": 60, "S": 1}


def duration_s(text: str) -> float:
    """Seconds of an ISO 8601 duration as caching uses it (`P30D`, `PT12H`); a month counts 30 days, a year 365."""
    total, digits, clock = 0.0, "", False
    for sign in text.removeprefix("P"):
        if sign == "T":
            clock = True
        elif sign.isdigit() or sign == ".":
            digits += sign
        elif digits and sign in _UNITS:
            total += float(digits) * _UNITS["m" if sign == "M" and clock else sign]
            digits = ""
        else:
            raise BadDefinition(f"Bad duration {text}.")
    return total
