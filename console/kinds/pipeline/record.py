"""A pipeline, and its definition as a graph with parameters. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from console.clock import Millis, to_ms


class Parameter(msgspec.Struct, frozen=True, omit_defaults=True):
    """`type` is String, Integer, Float or Boolean; all values travel as strings."""

    name: str
    type: str = "String"
    default: str | None = None
    choices: tuple[str, ...] = ()


class Node(msgspec.Struct, frozen=True, omit_defaults=True):
    """One step of the definition. `after`: what it waits for; `branch`: the `step:if` or `step:else` it is under."""

    name: str
    type: str
    after: tuple[str, ...] = ()
    branch: str = ""
    cached: bool = False


class Pipeline(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str
    arn: str
    created_at: Millis | None = None
    modified_at: Millis | None = None
    last_run_at: Millis | None = None
    display_name: str = ""
    role: str = ""
    definition: str = ""
    """Name of the current `definition` fact, empty while nobody looked at it."""
    tags: dict[str, str] = {}


class Definition(msgspec.Struct, frozen=True, omit_defaults=True):
    """The graph and parameters of one definition text. Named by its SHA-256: it never changes."""

    name: str
    parameters: tuple[Parameter, ...] = ()
    nodes: tuple[Node, ...] = ()


def parse(text: str) -> Definition:
    """A definition's JSON text (schema 2020-12-01). Text that is no JSON gives an empty graph, never an error."""
    name = hashlib.sha256(text.encode()).hexdigest()
    try:
        content = msgspec.json.decode(text)
    except msgspec.DecodeError:
        content = {}
    if not isinstance(content, dict):
        content = {}
    return Definition(name=name, parameters=parameters(content), nodes=nodes(content))


def from_api(answer: Mapping[str, Any]) -> Pipeline:
    """From a ListPipelines summary or a Pipeline of a Search result."""
    return Pipeline(
        name=answer["PipelineName"],
        arn=answer.get("PipelineArn", ""),
        created_at=_ms(answer.get("CreationTime")),
        modified_at=_ms(answer.get("LastModifiedTime")),
        last_run_at=_ms(answer.get("LastExecutionTime") or answer.get("LastRunTime")),
        display_name=answer.get("PipelineDisplayName", ""),
        role=answer.get("RoleArn", ""),
        tags={tag["Key"]: tag["Value"] for tag in answer.get("Tags", ())},
    )


def parameters(definition: Mapping[str, Any]) -> tuple[Parameter, ...]:
    """The parameters of a definition (schema 2020-12-01)."""
    return tuple(
        Parameter(
            name=str(p.get("Name", "")),
            type=str(p.get("Type", "String")),
            default=_text(p["DefaultValue"]) if "DefaultValue" in p else None,
            choices=tuple(_text(choice) for choice in p.get("EnumValues", ())),
        )
        for p in definition.get("Parameters", ())
        if isinstance(p, Mapping)
    )


def nodes(definition: Mapping[str, Any]) -> tuple[Node, ...]:
    """Steps with what they wait for: DependsOn, and every `Steps.X` their arguments or conditions refer to."""
    return tuple(_nodes(definition.get("Steps", ()), ""))


def _nodes(steps: Any, branch: str) -> Iterator[Node]:
    for step in steps:
        name, kind = str(step.get("Name", "")), str(step.get("Type", ""))
        arguments = step.get("Arguments", {})
        inner = {"IfSteps", "ElseSteps"} if kind == "Condition" else set()
        outer = {key: value for key, value in arguments.items() if key not in inner}
        referred = re.findall(
            r'"Steps\.([A-Za-z0-9_-]+)', msgspec.json.encode([outer, step.get("PropertyFiles")]).decode()
        )
        std = re.findall(r'"StepName": ?"([^"]+)"', msgspec.json.encode(outer).decode())
        after = dict.fromkeys([*step.get("DependsOn", ()), *referred, *std])
        after.pop(name, None)
        if not after and branch:
            after = {branch.rsplit(":", 1)[0]: None}
        cache = step.get("CacheConfig") or {}
        yield Node(name, kind, tuple(after), branch, bool(cache.get("Enabled")))
        if inner:
            yield from _nodes(arguments.get("IfSteps", ()), f"{name}:if")
            yield from _nodes(arguments.get("ElseSteps", ()), f"{name}:else")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _ms(value: Any) -> Millis | None:
    return to_ms(value) if value is not None else None
