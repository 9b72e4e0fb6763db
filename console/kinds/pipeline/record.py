"""A pipeline, and its definition as a graph with parameters. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from console.clock import Millis, to_ms
from console.kinds.pipeline.condition import Gate, gates
from console.text import HIDDEN, looks_secret, redact


class Parameter(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """`type` is String, Integer, Float or Boolean; all values travel as strings."""

    name: str
    type: str = "String"
    default: str | None = None
    choices: tuple[str, ...] = ()


class Node(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One step of the definition. `after`: what it waits for; `branch`: the `step:if` or `step:else` it is under."""

    name: str
    type: str
    after: tuple[str, ...] = ()
    branch: str = ""
    cached: bool = False
    wants: str = ""
    """The test of a Condition step, and where the report is that it reads: see condition.Gate."""
    report: str = ""


class Pipeline(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
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


class Definition(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The graph and parameters of one definition text. Named by its SHA-256: it never changes."""

    name: str
    parameters: tuple[Parameter, ...] = ()
    nodes: tuple[Node, ...] = ()


def parse(text: str) -> Definition:
    """A definition's JSON text (schema 2020-12-01). Whatever it holds gives a graph, at worst an empty one."""
    from hashlib import sha256  # 3 ms that a look at the ledger need not pay

    raw = text.encode(errors="replace")
    name = sha256(raw).hexdigest()
    try:
        content = msgspec.json.decode(raw)
        content = content if isinstance(content, dict) else {}
        return Definition(name=name, parameters=parameters(content), nodes=nodes(content))
    except (msgspec.DecodeError, RecursionError):
        return Definition(name=name)


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
    """The parameters of a definition (schema 2020-12-01), the first of each name; what has no name cannot be given."""
    named = {
        p["Name"]: p
        for p in reversed(_typed(definition.get("Parameters"), list))
        if isinstance(p, dict) and isinstance(p.get("Name"), str) and p["Name"]
    }
    return tuple(
        Parameter(
            name=name,
            type=p["Type"] if isinstance(p.get("Type"), str) else "String",
            default=_default(p),
            choices=tuple(dict.fromkeys(_text(choice) for choice in _typed(p.get("EnumValues"), list))),
        )
        for name, p in reversed(named.items())
    )


def _default(parameter: Mapping[str, Any]) -> str | None:
    """What is not given, as text. Never a secret: definitions are kept."""
    if parameter.get("DefaultValue") is None:
        return None
    return HIDDEN if looks_secret(str(parameter.get("Name", ""))) else redact(_text(parameter["DefaultValue"]))


def nodes(definition: Mapping[str, Any]) -> tuple[Node, ...]:
    """Steps with what they wait for: DependsOn, what they refer to, and the condition whose branch they begin."""
    found = list(_nodes(definition.get("Steps"), ""))
    known, tests = {node.name for node in found}, gates(definition.get("Steps"))
    none = Gate("")
    return tuple(
        msgspec.structs.replace(
            n,
            after=tuple(a for a in n.after if a in known),
            wants=tests.get(n.name, none).wants,
            report=tests.get(n.name, none).report,
        )
        for n in found
    )


def _nodes(steps: Any, branch: str) -> Iterator[Node]:
    listed = [step for step in _typed(steps, list) if isinstance(step, dict)]
    siblings = {str(step.get("Name", "")) for step in listed}
    for step in listed:
        name, kind = str(step.get("Name", "")), str(step.get("Type", ""))
        arguments = _typed(step.get("Arguments"), dict)
        branches = {"IfSteps": "if", "ElseSteps": "else"} if kind == "Condition" else {}
        own = {key: value for key, value in arguments.items() if key not in branches}
        depends = map(str, _typed(step.get("DependsOn"), list))
        after = dict.fromkeys([*depends, *_references([own, {**step, "Arguments": None}])])
        after.pop(name, None)
        if branch and not siblings.intersection(after):
            after[branch.rsplit(":", 1)[0]] = None  # the first of its branch: the condition decides whether it runs
        cached = bool(_typed(step.get("CacheConfig"), dict).get("Enabled"))
        yield Node(name, kind, tuple(after), branch, cached)
        for key, side in branches.items():
            yield from _nodes(arguments.get(key), f"{name}:{side}")


Shape = TypeVar("Shape", bound=dict[str, Any] | list[Any])


def _typed(value: Any, shape: type[Shape]) -> Shape:
    """The value where it has the shape that the schema says, else an empty one."""
    return value if isinstance(value, shape) else shape()


def _references(value: Any) -> Iterator[str]:
    """Names of steps that a value is taken from: `{"Get": "Steps.Train.ModelArtifacts…"}`, JsonGet's `StepName`."""
    if isinstance(value, dict):
        got, named = value.get("Get"), value.get("StepName")
        if isinstance(got, str) and (step := re.match(r"Steps\.([A-Za-z0-9_-]+)", got)):
            yield step[1]
        if isinstance(named, str):
            yield named
        value = value.values()
    elif not isinstance(value, list):
        return
    for item in value:
        yield from _references(item)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _ms(value: Any) -> Millis | None:
    return to_ms(value) if value is not None else None
