"""Alarm mute rules: windows in which alarms' actions are not taken, at(...) once or cron(...) again and again.

Source: botocore's documentation of PutAlarmMuteRule. A rule with an at() is EXPIRED when its window is over.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from console.world.errors import AwsError

_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?")
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d)(?::\d\d)?\)")
_CRON = re.compile(r"cron\(\s*(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s*\)")
_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
MOST_S = 15 * 86400


def _invalid(what: str) -> AwsError:
    return AwsError("ValidationError", what)


@dataclass(frozen=True, slots=True)
class Cron:
    """Sets of minutes, hours, days of the month, months, and days of the week with Sunday as 0."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    def fits(self, day: dt.date) -> bool:
        """As in cron, either kind of day does when both are restricted."""
        by_month, by_week = day.day in self.days, (day.weekday() + 1) % 7 in self.weekdays
        free_month, free_week = len(self.days) == 31, len(self.weekdays) == 7
        either = by_month and by_week if free_month or free_week else by_month or by_week
        return day.month in self.months and either

    def starts(self, day: dt.date, zone: dt.tzinfo) -> Iterator[float]:
        if self.fits(day):
            for hour in sorted(self.hours):
                for minute in sorted(self.minutes):
                    yield dt.datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).timestamp()


def _field(text: str, name: str, low: int, high: int) -> frozenset[int]:
    names = {"month": dict(zip(_MONTHS, range(1, 13), strict=True)), "weekday": dict(zip(_DAYS, range(7), strict=True))}
    found: set[int] = set()
    for part in text.upper().split(","):
        first, dash, last = part.partition("-")
        ends = [names.get(name, {}).get(one, int(one) if one.isdecimal() else -1) for one in (first, last or first)]
        begin, end = (low, high) if part == "*" else ends
        if (dash and not last) or not low <= begin <= end <= high:
            raise _invalid(f"Invalid schedule expression: {text} is no {name}")
        found.update(range(begin, end + 1))
    return frozenset(value % 7 for value in found) if name == "weekday" else frozenset(found)


@dataclass(slots=True)
class MuteRule:
    name: str
    arn: str
    request: dict[str, Any]
    updated: float
    created: float
    zone: dt.tzinfo
    duration_s: float
    once: float | None
    """Start of the only window."""
    cron: Cron | None

    @property
    def alarms(self) -> list[str]:
        return list(self.request.get("MuteTargets", {}).get("AlarmNames", ()))

    def window(self, now: float) -> tuple[float, float] | None:
        """The window that is open now: (from, until) in epoch seconds."""
        if now < self.request.get("StartDate", self.created) or self._is_past_expiry(now):
            return None
        for start in self._starts(now):
            if start <= now < start + self.duration_s:
                until = min(start + self.duration_s, self.request.get("ExpireDate", float("inf")))
                return start, until
        return None

    def status(self, now: float) -> Literal["SCHEDULED", "ACTIVE", "EXPIRED"]:
        if self.window(now):
            return "ACTIVE"
        over = self.once is not None and now >= self.once + self.duration_s
        return "EXPIRED" if over or self._is_past_expiry(now) else "SCHEDULED"

    def _is_past_expiry(self, now: float) -> bool:
        return now >= float(self.request.get("ExpireDate", float("inf")))

    def _starts(self, now: float) -> Iterator[float]:
        """Starts of windows that may be open now."""
        if self.once is not None:
            yield self.once
        if self.cron is None:
            return
        today = dt.datetime.fromtimestamp(now, self.zone).date()
        for back in range(int(self.duration_s // 86400) + 2):
            yield from self.cron.starts(today - dt.timedelta(days=back), self.zone)


def read(request: dict[str, Any], arn: str, now: float) -> MuteRule:
    """Of a PutAlarmMuteRule request. Raises ValidationError."""
    schedule = request["Rule"]["Schedule"]
    try:
        zone: dt.tzinfo = ZoneInfo(schedule["Timezone"]) if schedule.get("Timezone", "UTC") != "UTC" else dt.UTC
    except (ZoneInfoNotFoundError, ValueError):
        raise _invalid(f"Invalid timezone: {schedule['Timezone']}") from None
    found = _DURATION.fullmatch(schedule["Duration"])
    days, hours, minutes = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    duration_s = days * 86400.0 + hours * 3600.0 + minutes * 60.0
    if not 60 <= duration_s <= MOST_S:
        raise _invalid(f"Invalid duration: {schedule['Duration']}. It must be between PT1M and P15D.")
    if request.get("ExpireDate", now + 1) <= request.get("StartDate", now):
        raise _invalid("ExpireDate must be later than StartDate and the present.")
    if len(request.get("MuteTargets", {}).get("AlarmNames", ())) > 100:
        raise _invalid("A mute rule can target at most 100 alarms.")
    expression, once, cron = schedule["Expression"], None, None
    if at := _AT.fullmatch(expression):
        try:
            once = dt.datetime.fromisoformat(at[1]).replace(tzinfo=zone).timestamp()
        except ValueError:
            raise _invalid(f"Invalid schedule expression: {expression}") from None
    elif parts := _CRON.fullmatch(expression):
        cron = Cron(*(_field(text, *field) for text, field in zip(parts.groups(), _FIELDS, strict=True)))
    else:
        raise _invalid(f"Invalid schedule expression: {expression}")
    return MuteRule(request["Name"], arn, request, now, now, zone, duration_s, once, cron)
