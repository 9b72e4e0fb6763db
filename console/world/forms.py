"""AWS' query protocol by botocore's shapes: forms in, XML out (STS, IAM, and CloudWatch for older clients)."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any, TypeAlias
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from console.world import shapes
from console.world.errors import AwsError

_Tree: TypeAlias = dict[str, Any]
"""Members by name, and under "" the text of the member itself."""


def read(service: str, operation: str, body: bytes) -> dict[str, Any]:
    """Raises MalformedInput where a text is not of its member's type, and UnknownOperationException. Members that the
    operation does not have are passed over, as AWS does."""
    known = shapes.model(service)
    shape = known.operation_model(operation).input_shape if operation in known.operation_names else None
    if shape is None:
        return {}
    tree: _Tree = {}
    for path, text in parse_qsl(body.decode(), keep_blank_values=True):
        node = tree
        for part in path.split("."):
            node = node.setdefault(part, {})
        node[""] = text
    try:
        found: dict[str, Any] = _value(shape, tree)
    except (ValueError, KeyError) as error:
        raise AwsError("MalformedInput", f"Could not read the form: {error}") from None
    return found


def _value(shape: Any, node: _Tree) -> Any:
    match shape.type_name:
        case "structure":
            names = {name: member.serialization.get("name", name) for name, member in shape.members.items()}
            return {name: _value(shape.members[name], node[key]) for name, key in names.items() if key in node}
        case "list":
            items = node if shape.serialization.get("flattened") else node.get("member", {})
            return [_value(shape.member, items[key]) for key in sorted((key for key in items if key), key=int)]
        case "map":
            entries = node.get("entry", {})
            return {entries[key]["key"][""]: _value(shape.value, entries[key]["value"]) for key in entries}
        case "integer" | "long":
            return int(node[""])
        case "float" | "double":
            return float(node[""])
        case "boolean":
            return node[""].lower() == "true"
        case "timestamp":
            moment = dt.datetime.fromisoformat(node[""])
            return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()
        case _:
            return node.get("", "")


def write(service: str, operation: str, members: dict[str, Any]) -> bytes:
    known = shapes.model(service)
    shape = known.operation_model(operation).output_shape
    result = "".join(_xml(shape.members[name], name, value) for name, value in members.items()) if shape else ""
    result = f"<{operation}Result>{result}</{operation}Result>" if shape else ""
    return (
        f'<{operation}Response xmlns="{known.metadata.get("xmlNamespace", "")}">{result}'
        f"<ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata></{operation}Response>"
    ).encode()


def _xml(shape: Any, name: str, value: Any) -> str:
    match shape.type_name:
        case "structure":
            inner = "".join(_xml(shape.members[key], key, member) for key, member in value.items())
        case "list":
            inner = "".join(_xml(shape.member, "member", member) for member in value)
        case "map":
            inner = "".join(
                f"<entry>{_xml(shape.key, 'key', key)}{_xml(shape.value, 'value', member)}</entry>"
                for key, member in value.items()
            )
        case "boolean":
            inner = str(value).lower()
        case "timestamp":
            inner = dt.datetime.fromtimestamp(value, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        case _:
            inner = escape(str(value))
    return f"<{name}>{inner}</{name}>"
