"""Requests and answers against botocore's service models.

botocore itself checks neither maxima, enums nor patterns of a request (facts: embedded-aws 3g), and nothing at all of
an answer; a world that let them pass would accept calls that AWS refuses.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
from collections.abc import Iterator
from typing import Any

import botocore.session

from console.world.errors import unknown_operation, validation

# Java's classes that Python's re lacks; the handful of exotic rest goes unchecked.
_JAVA_CLASSES = {r"\p{Alnum}": "a-zA-Z0-9", r"\p{L}": r"\w", r"\p{N}": r"\d", r"\p{Z}": r"\s"}


class AnswerError(AssertionError):
    """The world answered something that AWS cannot answer: a fault of the world."""


@functools.cache
def model(service: str) -> Any:
    """botocore's model of a service, such as `sagemaker` (90 ms the first time)."""
    return botocore.session.get_session().get_service_model(service)


def _operation(service: str, name: str) -> Any:
    known = model(service)
    if name not in known.operation_names:
        raise unknown_operation(name)
    return known.operation_model(name)


def check_request(service: str, name: str, request: dict[str, Any]) -> None:
    """Raises ValidationException with the sentence AWS uses; names are lower camel case there."""
    shape = _operation(service, name).input_shape
    if shape is None:
        return
    found = [
        f"{value} at '{path}' failed to satisfy constraint: {rule}" for path, value, rule in _faults(shape, request)
    ]
    if found:
        noun = "error" if len(found) == 1 else "errors"
        raise validation(f"{len(found)} validation {noun} detected: " + "; ".join(found))


def check_answer(service: str, name: str, answer: dict[str, Any]) -> None:
    """Raises AnswerError; patterns are left out, as AWS' own answers do not keep to all of them."""
    shape = _operation(service, name).output_shape
    if shape is None:
        if answer:
            raise AnswerError(f"{name} answers nothing, not {answer}")
        return
    found = [f"{path}: {rule} ({value})" for path, value, rule in _faults(shape, answer) if "pattern" not in rule]
    if found:
        raise AnswerError(f"{name}: " + "; ".join(found))


def clean(value: Any) -> Any:
    """Without None members, with datetimes as epoch seconds."""
    if isinstance(value, dict):
        return {key: clean(member) for key, member in value.items() if member is not None}
    if isinstance(value, (list, tuple)):
        return [clean(member) for member in value]
    if isinstance(value, dt.datetime):
        return value.timestamp()
    return value


def lower_camel(name: str) -> str:
    return name[:1].lower() + name[1:]


def _faults(shape: Any, value: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    """(path, "Value 'x'" as AWS prints it, the rule that is broken)."""
    kind = shape.type_name
    shown = f"Value '{value}'"
    if kind == "structure":
        if not isinstance(value, dict):
            yield path, shown, "Member must be a structure"
            return
        for name in shape.required_members:
            if value.get(name) is None:
                yield _join(path, name), "Value null", "Member must not be null"
        for name, member in value.items():
            if name not in shape.members:
                yield _join(path, name), f"Value '{member}'", "Member is not known"
            elif member is not None:
                yield from _faults(shape.members[name], member, _join(path, name))
    elif kind == "list":
        if not isinstance(value, list):
            yield path, shown, "Member must be a list"
            return
        yield from _length(shape, value, path, shown)
        for index, member in enumerate(value, 1):
            yield from _faults(shape.member, member, f"{path}.{index}.member")
    elif kind == "map":
        if not isinstance(value, dict):
            yield path, shown, "Member must be a map"
            return
        yield from _length(shape, value, path, shown)
        for key, member in value.items():
            yield from _faults(shape.key, key, f"{path}.{key}")
            yield from _faults(shape.value, member, f"{path}.{key}")
    else:
        yield from _scalar_faults(shape, value, path, shown)


def _scalar_faults(shape: Any, value: Any, path: str, shown: str) -> Iterator[tuple[str, str, str]]:
    kind = shape.type_name
    if kind in ("string", "character"):
        if not isinstance(value, str):
            yield path, shown, "Member must be a string"
            return
        yield from _length(shape, value, path, shown)
        choices = shape.metadata.get("enum")
        if choices and value not in choices:
            yield path, shown, f"Member must satisfy enum value set: [{', '.join(choices)}]"
        pattern = shape.metadata.get("pattern")
        if pattern and (compiled := _compiled(pattern)) and not compiled.fullmatch(value):
            yield path, shown, f"Member must satisfy regular expression pattern: {pattern}"
    elif kind == "boolean":
        if not isinstance(value, bool):
            yield path, shown, "Member must be a boolean"
    elif kind in ("integer", "long", "float", "double"):
        whole = kind in ("integer", "long")
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            yield path, shown, f"Member must be {'an integer' if whole else 'a number'}"
            return
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        if low is not None and value < low:
            yield path, shown, f"Member must have value greater than or equal to {low}"
        if high is not None and value > high:
            yield path, shown, f"Member must have value less than or equal to {high}"
    elif kind == "timestamp" and (isinstance(value, bool) or not isinstance(value, (int, float))):
        yield path, shown, "Member must be a timestamp"


def _length(shape: Any, value: Any, path: str, shown: str) -> Iterator[tuple[str, str, str]]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and len(value) < low:
        yield path, shown, f"Member must have length greater than or equal to {low}"
    if high is not None and len(value) > high:
        yield path, shown, f"Member must have length less than or equal to {high}"


def _join(path: str, name: str) -> str:
    return f"{path}.{lower_camel(name)}" if path else lower_camel(name)


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    for java, python in _JAVA_CLASSES.items():
        pattern = pattern.replace(java, python)
    try:
        return re.compile(pattern, re.DOTALL)
    except re.error:
        return None
