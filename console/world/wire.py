"""Requests from the wire and answers onto it: AWS JSON 1.1, and STS' query protocol."""

from __future__ import annotations

import datetime as dt
import json
import re
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from console.world.errors import AwsError

# X-Amz-Target's prefix -> botocore's name of the service we answer ourselves.
TARGETS = {
    "SageMaker": "sagemaker",
    "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101": "cloudtrail",
    "ServiceQuotasV20190624": "service-quotas",
    "AnyScaleFrontendService": "application-autoscaling",
    "AmazonEC2ContainerRegistry_V20150921": "ecr",
}
# Query-protocol services: those answered here whole, and single operations of those that are moto's.
QUERY_OURS = {"sts": None, "iam": frozenset({"SimulatePrincipalPolicy"})}
_SCOPE = re.compile(r"Credential=(?P<key>[^/,\s]+)/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes
    headers: list[tuple[str, str]] = field(default_factory=list)
    truncated: bool = False
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `service` is botocore's name if it is one of ours, else the signing name (moto's)."""

    path: str
    method: str
    body: bytes
    access_key: str
    region: str
    service: str
    operation: str
    ours: bool
    user_agent: str
    source_ip: str

    @classmethod
    def read(cls, environ: dict[str, Any], body: bytes, default_region: str) -> Request:
        scope = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
        prefix, _, operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")
        service = TARGETS.get(prefix) or (scope["service"] if scope else "")
        form = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
        if not operation and form:
            operation = parse_qs(body.decode()).get("Action", [""])[0]
        return cls(
            path=environ["PATH_INFO"],
            method=environ["REQUEST_METHOD"],
            body=body,
            access_key=scope["key"] if scope else "",
            region=scope["region"] if scope else default_region,
            service=service,
            operation=operation,
            ours=prefix in TARGETS or _query_ours(service, operation),
            user_agent=environ.get("HTTP_USER_AGENT", ""),
            source_ip=environ.get("REMOTE_ADDR", "127.0.0.1"),
        )

    def parameters(self) -> dict[str, Any]:
        """The request's members. Raises SerializationException for a body that is no JSON object."""
        if self.service in QUERY_OURS:
            flat = {key: values[0] for key, values in parse_qs(self.body.decode()).items()}
            found: dict[str, Any] = {}
            for key, value in flat.items():
                name, dot, _ = key.partition(".member.")
                if dot and "." not in key.rpartition(".member.")[2]:
                    found.setdefault(name, []).append(value)
                elif key not in ("Action", "Version") and "." not in key:
                    found[key] = int(value) if key == "DurationSeconds" else value
            return found
        return json_object(self.body)

    @property
    def is_xml(self) -> bool:
        """Whether the client expects XML: the query protocol (STS, CloudWatch of older SDKs) and S3."""
        return self.service in ("sts", "s3", "iam") or self.body.startswith(b"Action=")


def _query_ours(service: str, operation: str) -> bool:
    if service not in QUERY_OURS:
        return False
    only = QUERY_OURS[service]
    return only is None or operation in only


def json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise AwsError("SerializationException", "Start of structure or map found where not expected.")
    return value


def answer(request: Request, members: dict[str, Any]) -> Reply:
    if not request.is_xml:
        return Reply(200, json.dumps(members).encode(), _headers("application/x-amz-json-1.1"))
    name = request.operation
    result = "".join(_xml(key, value) for key, value in members.items())
    body = (
        f'<{name}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{name}Result>{result}</{name}Result>'
        f"<ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata></{name}Response>"
    )
    return Reply(200, body.encode(), _headers("text/xml"))


def refusal(request: Request, error: AwsError) -> Reply:
    if request.is_xml:
        # Query services say ExpiredToken where JSON services say ExpiredTokenException (facts: sagemaker 10).
        code = "ExpiredToken" if error.code == "ExpiredTokenException" else error.code
        inner = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(error.message)}</Message></Error>"
        wrapped = inner if request.service == "s3" else f"<ErrorResponse>{inner}</ErrorResponse>"
        return Reply(error.status, wrapped.encode(), _headers("text/xml"))
    body = json.dumps({"__type": error.code, "message": error.message}).encode()
    headers = [*_headers("application/x-amz-json-1.1"), ("x-amzn-errortype", error.code)]
    return Reply(error.status, body, headers)


def _headers(content_type: str) -> list[tuple[str, str]]:
    return [("Content-Type", content_type), ("x-amzn-RequestId", str(uuid.uuid4()))]


def _xml(name: str, value: Any) -> str:
    if isinstance(value, dict):
        inner = "".join(_xml(key, member) for key, member in value.items())
    elif isinstance(value, list):
        inner = "".join(_xml("member", member) for member in value)
    elif isinstance(value, bool):
        inner = str(value).lower()
    elif isinstance(value, float):
        inner = dt.datetime.fromtimestamp(value, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    else:
        inner = escape(str(value))
    return f"<{name}>{inner}</{name}>"
