"""CloudTrail of one region: every write that was tried, by whom and with what, found again by LookupEvents.

Shapes of an event: facts sagemaker 8 (source 3). Events of 90 days, newest first, delivered some seconds late.
"""

from __future__ import annotations

import bisect
import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from console.world.errors import AwsError
from console.world.identity import ACCOUNT, Caller
from console.world.operations import operation
from console.world.paging import page
from console.world.shapes import lower_camel

if TYPE_CHECKING:
    from console.world.world import Region, World

KEPT_S = 90 * 86400.0
_SOURCES = {"service-quotas": "servicequotas.amazonaws.com", "cloudwatch": "monitoring.amazonaws.com"}
_SECRET_MEMBERS = {"environment", "secretAccessKey", "sessionToken"}


@dataclass(frozen=True, slots=True)
class TrailEvent:
    at: float
    service: str
    name: str
    request: dict[str, Any]
    caller: Caller
    answer: dict[str, Any] | None
    error: AwsError | None

    @property
    def source(self) -> str:
        return _SOURCES.get(self.service, f"{self.service}.amazonaws.com")

    @property
    def id(self) -> str:
        seed = f"{self.at}{self.name}{self.caller.access_key}{self.request}"
        digest = hashlib.sha256(seed.encode()).hexdigest()
        return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"


class Trail:
    def __init__(self, region: str, delay_s: float) -> None:
        self.region = region
        self.delay_s = delay_s
        self._events: list[TrailEvent] = []

    def record(
        self,
        service: str,
        name: str,
        request: dict[str, Any],
        caller: Caller,
        at: float,
        *,
        answer: dict[str, Any] | None = None,
        error: AwsError | None = None,
    ) -> None:
        """`at` may lie in the past (the seed's history); events are kept in order of time."""
        event = TrailEvent(at, service, name, request, caller, answer, error)
        bisect.insort(self._events, event, key=lambda other: other.at)

    def delivered(self, now: float) -> Iterator[TrailEvent]:
        """Newest first, without what is still on its way or too old."""
        for event in reversed(self._events):
            if event.at < now - KEPT_S:
                return
            if event.at <= now - self.delay_s:
                yield event


def render(event: TrailEvent, region: str) -> dict[str, Any]:
    """The record as the JSON string in `CloudTrailEvent` holds it."""
    body: dict[str, Any] = {
        "eventVersion": "1.11",
        "userIdentity": _identity(event.caller),
        "eventTime": _iso(event.at),
        "eventSource": event.source,
        "eventName": event.name,
        "awsRegion": region,
        "sourceIPAddress": event.caller.source_ip,
        "userAgent": event.caller.user_agent,
        "requestParameters": _camel(event.request) or None,
        "responseElements": _camel(event.answer) if event.answer else None,
        "requestID": event.id[::-1].replace("-", "")[:32],
        "eventID": event.id,
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    }
    if event.error:
        body |= {"errorCode": event.error.code, "errorMessage": event.error.message}
    return body


def _identity(caller: Caller) -> dict[str, Any]:
    identity: dict[str, Any] = {
        "type": "AssumedRole" if caller.role else "IAMUser",
        "principalId": caller.principal_id,
        "arn": caller.arn,
        "accountId": ACCOUNT,
        "accessKeyId": caller.access_key,
    }
    if caller.role is None:
        return identity | {"userName": caller.name}
    issuer = {
        "type": "Role",
        "principalId": caller.principal_id.split(":")[0],
        "arn": f"arn:aws:iam::{ACCOUNT}:role/{caller.role}",
        "accountId": ACCOUNT,
        "userName": caller.role,
    }
    return identity | {"sessionContext": {"sessionIssuer": issuer, "attributes": {"mfaAuthenticated": "false"}}}


def _iso(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _camel(value: Any) -> Any:
    """Member names as CloudTrail writes them; values of environments are hidden there too."""
    if isinstance(value, dict):
        return {
            (camel := lower_camel(key)): "HIDDEN_DUE_TO_SECURITY_REASONS"
            if camel in _SECRET_MEMBERS
            else _camel(member)
            for key, member in value.items()
        }
    return [_camel(member) for member in value] if isinstance(value, list) else value


_ATTRIBUTES: dict[str, Callable[[TrailEvent], str | None]] = {
    "EventId": lambda event: event.id,
    "EventName": lambda event: event.name,
    "ReadOnly": lambda event: "false",
    "Username": lambda event: event.caller.name,
    "EventSource": lambda event: event.source,
    "AccessKeyId": lambda event: event.caller.access_key,
    # SageMaker's events carry no resources (facts: sagemaker 8), so these two find nothing.
    "ResourceType": lambda event: None,
    "ResourceName": lambda event: None,
}


@operation("LookupEvents", service="cloudtrail")
def lookup_events(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    attributes = request.get("LookupAttributes") or []
    if len(attributes) > 1:
        raise AwsError("InvalidLookupAttributesException", "You can provide only one lookup attribute.")
    start, end = request.get("StartTime", 0.0), request.get("EndTime", float("inf"))
    if start > end:
        raise AwsError("InvalidTimeRangeException", "The start time is later than the end time.")
    wanted = attributes[0] if attributes else None
    found = [
        event
        for event in region.trail.delivered(world.now)
        if start <= event.at <= end
        and (wanted is None or _ATTRIBUTES[wanted["AttributeKey"]](event) == wanted["AttributeValue"])
    ]
    try:
        cut, token = page(found, request, default=50)
    except AwsError as error:
        raise AwsError("InvalidNextTokenException", error.message) from None
    return {"Events": [_event(event, region.name) for event in cut], "NextToken": token}


def _event(event: TrailEvent, region: str) -> dict[str, Any]:
    return {
        "EventId": event.id,
        "EventName": event.name,
        "ReadOnly": "false",
        "AccessKeyId": event.caller.access_key,
        "EventTime": float(int(event.at)),
        "EventSource": event.source,
        "Username": event.caller.name,
        "Resources": [],
        "CloudTrailEvent": json.dumps(render(event, region)),
    }
