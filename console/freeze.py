"""The freeze calendar: times in which nobody should change production.

An entry is `{from, to, reason}`. Both ends are moments (`2026-12-20T00:00Z`, a TOML date or date-time, UTC unless
they have an offset), or both recur every week (`Fri 16:00`). `zone` (an IANA name) tells whose week that is, so that
a freeze survives the change to summer time. The start belongs to the freeze, the end does not.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, tzinfo
from typing import Any

import msgspec

from console.errors import UsageError

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEK_MIN = 7 * 24 * 60


class Freeze(msgspec.Struct, frozen=True, kw_only=True):
    """`start` and `end` are UTC milliseconds, or minutes since Monday 00:00 in `zone` when `weekly`."""

    start: int
    end: int
    reason: str
    weekly: bool = False
    zone: str = "UTC"

    def holds(self, at_ms: int) -> bool:
        if not self.weekly:
            return self.start <= at_ms < self.end
        local = datetime.fromtimestamp(at_ms / 1000, _zone(self.zone))
        minute = (local.weekday() * 24 + local.hour) * 60 + local.minute
        if self.start < self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end


def parse_freeze(value: Any, where: str) -> tuple[Freeze, ...]:
    """Entries of `freeze` in config.toml.

    Raises UsageError naming the entry and what is allowed.
    """
    if not isinstance(value, list):
        raise UsageError(f"{where}: must be a list of {{from, to, reason}}")
    return tuple(_entry(entry, f"{where}[{index}]") for index, entry in enumerate(value))


def _entry(entry: Any, where: str) -> Freeze:
    allowed = {"from", "to", "reason", "zone"}
    if not isinstance(entry, dict) or not {"from", "to", "reason"} <= entry.keys() or entry.keys() - allowed:
        raise UsageError(f"{where}: must be {{from, to, reason}}, with zone if it recurs every week")
    reason, zone = entry["reason"], entry.get("zone", "UTC")
    if not isinstance(reason, str) or not reason or not isinstance(zone, str):
        raise UsageError(f"{where}: reason and zone must be texts")
    try:
        _zone(zone)
    except (LookupError, ValueError, OSError):
        raise UsageError(f"{where}: zone {zone!r} is unknown here", advice="write it as Europe/Berlin or UTC") from None
    weekly = _minute(entry["from"]), _minute(entry["to"])
    if weekly[0] is not None and weekly[1] is not None:
        if weekly[0] == weekly[1]:
            raise UsageError(f"{where}: from and to are the same minute")
        return Freeze(start=weekly[0], end=weekly[1], reason=reason, weekly=True, zone=zone)
    ends = _moment(entry["from"], zone), _moment(entry["to"], zone)
    if ends[0] is None or ends[1] is None:
        raise UsageError(f"{where}: from and to must both be moments (2026-12-20T00:00Z) or both weekly (Fri 16:00)")
    if ends[0] >= ends[1]:
        raise UsageError(f"{where}: ends before it begins")
    return Freeze(start=ends[0], end=ends[1], reason=reason, zone=zone)


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)


def _minute(value: Any) -> int | None:
    """`Fri 16:00` as minutes since Monday 00:00."""
    match = (
        re.fullmatch(r"([a-z]{3})[a-z]*\s+(\d{1,2}):(\d{2})", value.strip().lower()) if isinstance(value, str) else None
    )
    if not match or match[1] not in _DAYS or int(match[2]) > 23 or int(match[3]) > 59:
        return None
    return (_DAYS.index(match[1]) * 24 + int(match[2])) * 60 + int(match[3])


def _moment(value: Any, zone: str) -> int | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not isinstance(value, datetime):
        return None
    return round((value if value.tzinfo else value.replace(tzinfo=_zone(zone))).timestamp() * 1000)
