"""What a Condition step wants, in words, and where the report is whose number it reads. Pure.

AWS tells of a condition only that it was True or False (facts/sagemaker.md section 4.2), never the number: the test
stands in the definition, the number in a file that the step before it wrote. Texts have `{Parameters.NAME}` and
`{Execution.NAME}` where the run decides. The grammar is what the SageMaker Python SDK writes (workflow/conditions.py,
functions.py, properties.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from console.text import redact

_SIGNS = {
    "Equals": "=",
    "GreaterThan": ">",
    "GreaterThanOrEqualTo": "≥",
    "LessThan": "<",
    "LessThanOrEqualTo": "≤",
}
_OUTPUT = re.compile(r"Steps\.([^.]+)\.OutputParameters\['([^']+)'\]$")
_TOKEN = re.compile(r"\{((?:Parameters|Execution|Steps)\.[^{}]+)\}")


class Gate(NamedTuple):
    """`wants`: the test. `report`: the S3 address of the file it reads; empty where it reads none, or none is named."""

    wants: str
    report: str = ""


def gates(steps: Any) -> dict[str, Gate]:
    """The conditions of a definition's steps by the step's name. What does not have the schema's shape is left out."""
    listed = list(_steps(steps))
    reports = {f"Steps.{name}.PropertyFiles.{file}": uri for name, step in listed for file, uri in _reports(step)}
    found = {}
    for name, step in listed:
        conditions = _dict(step.get("Arguments")).get("Conditions")
        if step.get("Type") == "Condition" and isinstance(conditions, list):
            wants = " and ".join(filter(None, map(_test, conditions)))
            found[name] = Gate(redact(wants), redact(next(_read(conditions, reports), "")))
    return found


def filled(text: str, values: Mapping[str, str], *, named: bool = False) -> str:
    """With what is known of a run in its place; `named`: `MinAuc 0.85` rather than `0.85`. `values` by token."""

    def value(found: re.Match[str]) -> str:
        token = found[1]
        output = _OUTPUT.match(token)
        name = output[2] if output else token.partition(".")[2]
        if token not in values:
            return name
        return f"{name} {values[token]}" if named else values[token]

    return _TOKEN.sub(value, text)


def _steps(steps: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for step in steps if isinstance(steps, list) else ():
        if isinstance(step, dict):
            yield str(step.get("Name", "")), step
            for branch in ("IfSteps", "ElseSteps"):
                yield from _steps(_dict(step.get("Arguments")).get(branch))


def _reports(step: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(name, address) of the property files of a processing step."""
    files, outputs = step.get("PropertyFiles"), _dict(_dict(step.get("Arguments")).get("ProcessingOutputConfig"))
    folders = {
        str(output.get("OutputName")): _text(_dict(output.get("S3Output")).get("S3Uri"))
        for output in outputs.get("Outputs") or ()
        if isinstance(output, dict)
    }
    for file in files if isinstance(files, list) else ():
        if isinstance(file, dict) and (folder := folders.get(str(file.get("OutputName")))):
            yield str(file.get("PropertyFileName")), f"{folder.rstrip('/')}/{file.get('FilePath')}"


def _test(condition: Any) -> str:
    condition = _dict(condition)
    match condition.get("Type"):
        case "Not":
            return f"not ({_test(condition.get('Condition'))})"
        case "Or":
            either = condition.get("Conditions")
            return f"({' or '.join(map(_test, either))})" if isinstance(either, list) else ""
        case "In":
            values = condition.get("Values")
            among = ", ".join(map(_text, values)) if isinstance(values, list) else "?"
            return f"{_text(condition.get('QueryValue'))} among {among}"
        case kind if kind in _SIGNS:
            return f"{_text(condition.get('LeftValue'))} {_SIGNS[kind]} {_text(condition.get('RightValue'))}"
    return ""


def _text(value: Any) -> str:
    """A value as it is written: literals as they are, what the run decides as a token, of a report its path."""
    if isinstance(value, dict):
        if isinstance(got := value.get("Get"), str):
            return f"{{{got}}}"
        if join := _dict(value.get("Std:Join")):
            values = join.get("Values")
            return str(join.get("On", "")).join(map(_text, values)) if isinstance(values, list) else ""
        return str(_dict(value.get("Std:JsonGet")).get("Path") or "?")
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _read(value: Any, reports: Mapping[str, str]) -> Iterator[str]:
    """Addresses of the files that a condition reads."""
    if isinstance(value, dict):
        if got := _dict(value.get("Std:JsonGet")):
            file = str(_dict(got.get("PropertyFile")).get("Get"))
            yield from filter(None, (reports.get(file) or _text(got.get("S3Uri")),))
        value = list(value.values())
    for item in value if isinstance(value, list) else ():
        yield from _read(item, reports)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
