"""FilterLogEvents and StartLiveTail: what moto answers only in part (facts: embedded-aws, follow-up probes).

A call looks through a bounded number of events, so that a rare pattern is answered by empty pages with a token, as AWS
does; a token is good for the request that it was given to.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from console.world import moto_backends
from console.world.errors import AwsError
from console.world.log_patterns import compiled
from console.world.logs import LogWriters
from console.world.operations import operation

if TYPE_CHECKING:
    from console.world.identity import Caller
    from console.world.world import Region, World

LOOKED_AT = 5_000
"""Events that one call looks through; AWS names no number."""
PAGE_BYTES = 1_000_000
PAGE_EVENTS = 10_000
TAIL_EVENTS = 500
"""Of one update of a live tail; more are sampled."""

Event = tuple[int, int, str, str, int]
"""(timestamp, id, stream, message, ingested): sorted as FilterLogEvents answers them."""


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)


def _missing(what: str) -> AwsError:
    return AwsError("ResourceNotFoundException", f"The specified log {what} does not exist.")


def group_named(request: dict[str, Any]) -> str:
    name, identifier = request.get("logGroupName"), str(request.get("logGroupIdentifier") or "")
    if bool(name) == bool(identifier):
        raise _invalid("Exactly one of logGroupName and logGroupIdentifier must be specified.")
    return str(name or identifier.rpartition(":log-group:")[2] or identifier)


def events_of(region: Region, group: str, names: list[str] | None, prefixes: list[str] | None) -> list[Event]:
    """All events of a group's streams (all, those named, or those that begin so), oldest first."""
    region.of(LogWriters).bring_up_to_date(group)
    backend = moto_backends.logs(region.name)
    if group not in backend.groups:
        raise _missing("group")
    streams = backend.groups[group].streams
    if missing := [name for name in names or () if name not in streams]:
        raise _missing(f"stream {missing[0]}")
    chosen = [
        stream
        for name, stream in streams.items()
        if (not names or name in names) and (not prefixes or name.startswith(tuple(prefixes)))
    ]
    return sorted(
        (event.timestamp, event.event_id, stream.log_stream_name, event.message, event.ingestion_time)
        for stream in chosen
        for event in stream.events
    )


@operation("FilterLogEvents", service="logs")
def filter_log_events(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    names, prefix = request.get("logStreamNames"), request.get("logStreamNamePrefix")
    if names and prefix:
        raise _invalid("Only one of logStreamNamePrefix and logStreamNames can be specified.")
    start, end = request.get("startTime", 0), request.get("endTime", 1 << 62)
    if start > end:
        raise _invalid("The start time must not be after the end time.")
    matches = compiled(request.get("filterPattern", ""))
    forward = request.get("startFromHead", True)
    group = group_named(request)
    events = [one for one in events_of(region, group, names, [prefix] if prefix else None) if start <= one[0] <= end]
    if not forward:
        events.reverse()
    digest = _digest(request)
    after = _position(request.get("nextToken"), digest)
    if after is not None:
        events = [one for one in events if (one[:2] > after if forward else one[:2] < after)]
    limit, size = request.get("limit", PAGE_EVENTS), 0
    found: list[Event] = []
    last: tuple[int, int] | None = None
    for n, one in enumerate(events):
        hit = matches(one[3])
        bytes_ = len(one[3].encode()) if hit else 0
        if n >= LOOKED_AT or (hit and found and (len(found) >= limit or size + bytes_ > PAGE_BYTES)):
            break
        last = one[:2]
        if hit:
            found.append(one)
            size += bytes_
    else:
        last = None  # all were looked through
    return {
        "events": [
            {
                "eventId": f"{at:018d}{id:018d}",
                "logStreamName": stream,
                "timestamp": at,
                "message": message,
                "ingestionTime": ingested,
            }
            for at, id, stream, message, ingested in found
        ],
        "searchedLogStreams": [],  # no longer answered since 2020
        "nextToken": _token(last, digest) if last is not None else None,
    }


def _digest(request: dict[str, Any]) -> str:
    same = {name: value for name, value in request.items() if name not in ("nextToken", "limit")}
    return hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()[:16]


def _token(last: tuple[int, int], digest: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([digest, *last]).encode()).decode()


def _position(token: str | None, digest: str) -> tuple[int, int] | None:
    if token is None:
        return None
    try:
        own, at, id = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, TypeError, binascii.Error):
        own = ""
    if own != digest:
        raise _invalid("The specified nextToken is invalid.")
    return int(at), int(id)


class Tail:
    """One live tail session: what arrives from now on in its groups."""

    def __init__(self, region: Region, request: dict[str, Any]) -> None:
        """Raises InvalidParameterException, ResourceNotFoundException."""
        identifiers = request["logGroupIdentifiers"]
        if bad := [one for one in identifiers if not one.startswith("arn:") or one.endswith("*")]:
            raise _invalid(f"{bad[0]} is not a valid log group ARN.")
        names, prefixes = request.get("logStreamNames"), request.get("logStreamNamePrefixes")
        if names and prefixes:
            raise _invalid("Only one of logStreamNamePrefixes and logStreamNames can be specified.")
        if (names or prefixes) and len(identifiers) > 1:
            raise _invalid("Log streams can be specified for a single log group only.")
        self._region, self._names, self._prefixes = region, names, prefixes
        self._groups = {arn.rpartition(":log-group:")[2]: arn for arn in identifiers}
        self._matches = compiled(request.get("logEventFilterPattern", ""))
        self.started: dict[str, Any] = {
            "sessionId": hashlib.sha256(repr(sorted(identifiers)).encode()).hexdigest()[:32],
            **{name: request[name] for name in ("logGroupIdentifiers", "logStreamNames", "logStreamNamePrefixes",
                                                "logEventFilterPattern") if name in request},
        }  # fmt: skip
        self._seen = {group: {one[1] for one in self._events(group)} for group in self._groups}

    def _events(self, group: str) -> list[Event]:
        return events_of(self._region, group, self._names, self._prefixes)

    def update(self) -> dict[str, Any]:
        """A sessionUpdate: what arrived since the last one. Under the world's lock."""
        new = []
        for group, arn in self._groups.items():
            for at, id, stream, message, ingested in self._events(group):
                if id not in self._seen[group]:
                    self._seen[group].add(id)
                    if self._matches(message):
                        new.append({"logStreamName": stream, "logGroupIdentifier": arn, "message": message,
                                    "timestamp": at, "ingestionTime": ingested})  # fmt: skip
        return {"sessionMetadata": {"sampled": len(new) > TAIL_EVENTS}, "sessionResults": new[:TAIL_EVENTS]}


@operation("StartLiveTail", service="logs")
def start_live_tail(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    """Refuses what cannot be tailed; the front streams the rest (`stream`)."""
    Tail(region, request)
    return {}


def stream(tail: Tail) -> Iterator[bytes]:
    """The first messages of a session: those that come before any update."""
    yield _message("initial-response", {})
    yield _message("sessionStart", tail.started)


def update(tail: Tail) -> bytes:
    return _message("sessionUpdate", tail.update())


def _message(kind: str, payload: dict[str, Any]) -> bytes:
    """One message of an event stream (application/vnd.amazon.eventstream): prelude, headers, payload, checksums."""
    headers = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + len(value).to_bytes(2, "big") + value.encode()
        for name, value in ((":message-type", "event"), (":event-type", kind), (":content-type", "application/json"))
    )
    body = json.dumps(payload).encode()
    prelude = (16 + len(headers) + len(body)).to_bytes(4, "big") + len(headers).to_bytes(4, "big")
    whole = prelude + binascii.crc32(prelude).to_bytes(4, "big") + headers + body
    return whole + binascii.crc32(whole).to_bytes(4, "big")
