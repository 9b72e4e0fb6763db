"""Whose lines they are: each instance of an endpoint has a log stream of its own (`variant/i-…`), and those of a fleet
that is launched begin with it (facts/sagemaker.md section 5.8)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from console.clock import MINUTE, Millis
from console.errors import SourceError
from console.kinds.deployment.record import SKEW

STREAMS_AT_MOST = 50
"""The newest ones: one page of DescribeLogStreams."""
LAST_WORDS = MINUTE
"""So long after a fleet was left it may still log."""


class Line(NamedTuple):
    stream: str
    """Empty in the group of an inference component: its copies are of no fleet."""
    at: Millis
    message: str


def first_lines(client: Any, group: str) -> dict[str, Millis]:
    """When each instance logged first. Empty where that may not be read: then nobody is told apart."""
    request = {"logGroupName": group, "orderBy": "LastEventTime", "descending": True, "limit": STREAMS_AT_MOST}
    with contextlib.suppress(SourceError):
        found = client.describe_log_streams(**request)["logStreams"]
        return {one["logStreamName"]: first for one in found if (first := one.get("firstEventTimestamp"))}
    return {}


def launched(lines: Iterable[Line], first: Mapping[str, Millis], since: Millis) -> list[Line]:
    """Those of the fleet that a deployment launched, which began at `since`: what is not listed yet is new as well."""
    return [line for line in lines if line.stream and first.get(line.stream, since) >= since - SKEW]


def fallen(before: Iterable[Line], after: Iterable[Line], first: Mapping[str, Millis], at: Millis) -> set[str]:
    """Streams of a fleet that went with a failed update, which ended at `at`: younger than all that log on, and silent
    since. Empty where none logs on: then nothing tells whose they are."""
    on = {line.stream for line in after if line.at > at + LAST_WORDS}
    youngest = max((first[stream] for stream in on if stream in first), default=None)
    if youngest is None:
        return set()
    return {s for s in {line.stream for line in before} - on if youngest + SKEW < first.get(s, 0) < at}
