"""Requests from the wire and answers onto it: AWS JSON 1.1, and the query protocol's errors."""

from __future__ import annotations

import gzip
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from console.world import forms
from console.world.errors import AwsError

# X-Amz-Target's prefix -> botocore's name of the service we answer ourselves.
TARGETS = {
    "SageMaker": "sagemaker",
    "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101": "cloudtrail",
    "ServiceQuotasV20190624": "service-quotas",
    "AnyScaleFrontendService": "application-autoscaling",
    "AmazonEC2ContainerRegistry_V20150921": "ecr",
    "GraniteServiceVersion20100801": "cloudwatch",
}
# The same for services of which moto answers the rest.
PARTLY = {"Logs_20140328": frozenset({"FilterLogEvents", "StartLiveTail"})}
# Query-protocol services by signing name: botocore's name, and the operations that are ours (None: all).
QUERY_OURS = {
    "sts": ("sts", None),
    "iam": ("iam", frozenset({"SimulatePrincipalPolicy"})),
    "monitoring": ("cloudwatch", None),
}
_SCOPE = re.compile(r"Credential=(?P<key>[^/,\s]+)/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes
    headers: list[tuple[str, str]] = field(default_factory=list)
    truncated: bool = False
    lost: bool = False
    chunks: Iterator[bytes] | None = None
    """Of an answer that goes on for as long as somebody listens; `body` is empty then."""


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
        if environ.get("HTTP_CONTENT_ENCODING") == "gzip":  # botocore compresses PutMetricData from 10 KiB on
            body = gzip.decompress(body)
        scope = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
        prefix, _, operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")
        service = TARGETS.get(prefix) or (scope["service"] if scope else "")
        form = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
        if not operation and form:
            operation = parse_qs(body.decode()).get("Action", [""])[0]
        ours = prefix in TARGETS or operation in PARTLY.get(prefix, ())
        if not ours and service in QUERY_OURS:
            known, only = QUERY_OURS[service]
            ours = only is None or operation in only
            service = known if ours else service
        return cls(
            path=environ["PATH_INFO"],
            method=environ["REQUEST_METHOD"],
            body=body,
            access_key=scope["key"] if scope else "",
            region=scope["region"] if scope else default_region,
            service=service,
            operation=operation,
            ours=ours,
            user_agent=environ.get("HTTP_USER_AGENT", ""),
            source_ip=environ.get("REMOTE_ADDR", "127.0.0.1"),
        )

    def parameters(self) -> dict[str, Any]:
        """The request's members. Raises SerializationException for a body that is no JSON object."""
        return forms.read(self.service, self.operation, self.body) if self.is_xml else json_object(self.body)

    @property
    def is_xml(self) -> bool:
        """Whether the client expects XML: the query protocol (STS, CloudWatch of older SDKs) and S3."""
        return self.service in ("sts", "s3", "iam") or self.body.startswith(b"Action=")


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
    return Reply(200, forms.write(request.service, request.operation, members), _headers("text/xml"))


def streamed(chunks: Iterator[bytes]) -> Reply:
    return Reply(200, b"", _headers("application/vnd.amazon.eventstream"), chunks=chunks)


def refusal(request: Request, error: AwsError) -> Reply:
    code = error.code
    # CloudWatch was a query service: clients are told its codes of then.
    if request.service == "cloudwatch" and code == "ValidationException":
        code = "ValidationError"
    if request.service == "logs" and code == "ValidationException":
        code = "InvalidParameterException"
    if request.is_xml:
        # Query services say ExpiredToken where JSON services say ExpiredTokenException (facts: sagemaker 10).
        code = "ExpiredToken" if code == "ExpiredTokenException" else code
        inner = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(error.message)}</Message></Error>"
        wrapped = inner if request.service == "s3" else f"<ErrorResponse>{inner}</ErrorResponse>"
        return Reply(error.status, wrapped.encode(), _headers("text/xml"))
    body = json.dumps({"__type": code, "message": error.message}).encode()
    headers = [*_headers("application/x-amz-json-1.1"), ("x-amzn-errortype", code)]
    return Reply(error.status, body, headers)


def _headers(content_type: str) -> list[tuple[str, str]]:
    return [("Content-Type", content_type), ("x-amzn-RequestId", str(uuid.uuid4()))]
