"""CloudWatch Logs: moto keeps and serves them; here is how the world writes them.

Lines of endpoints are written when somebody looks: a thousand endpoints that log all day cost nothing until then.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from console.world import moto_backends

if TYPE_CHECKING:
    from console.world.world import Region

Line = tuple[float, str]
"""When (epoch seconds) and what."""
Writer = Callable[[float], None]
"""Writes what its group has to say up to the moment given."""


def write(region: str, group: str, stream: str, lines: Iterable[Line]) -> None:
    """Appends lines, in order of time; group and stream are made when missing. Older than 14 days: dropped, as AWS."""
    backend = moto_backends.logs(region)
    backend.ensure_log_group(group)
    if stream not in backend.groups[group].streams:
        backend.create_log_stream(group, stream)
    events = [{"timestamp": int(at * 1000), "message": text} for at, text in sorted(lines, key=lambda line: line[0])]
    if events:
        backend.put_log_events(group, stream, events)


class LogWriters:
    """Who writes which group of a region on demand."""

    def __init__(self, region: Region) -> None:
        self._region = region
        self._writers: dict[str, Writer] = {}

    def register(self, group: str, writer: Writer) -> None:
        self._writers[group] = writer

    def bring_up_to_date(self, group: str) -> None:
        writer = self._writers.get(group)
        if writer:
            moto_backends.logs(self._region.name).ensure_log_group(group)
            writer(self._region.world.now)

    def make_groups(self) -> None:
        """So that they are listed before anybody has read them."""
        backend = moto_backends.logs(self._region.name)
        for group in self._writers:
            backend.ensure_log_group(group)


def before(region: Region, operation: str, body: bytes) -> None:
    """Before moto answers a request to Logs: the lines that it may ask for are written."""
    try:
        request: dict[str, Any] = json.loads(body or b"{}")
    except ValueError:
        return
    writers = region.of(LogWriters)
    if operation == "DescribeLogGroups":
        writers.make_groups()
        return
    group = request.get("logGroupName") or str(request.get("logGroupIdentifier", "")).rpartition(":log-group:")[2]
    writers.bring_up_to_date(group)
