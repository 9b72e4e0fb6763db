"""When scheduled actions run: `at(...)`, `rate(...)` and `cron(...)` with its six fields.

Sources: botocore's documentation of PutScheduledAction; Application Auto Scaling User Guide, Schedule recurring scaling
actions using cron expressions.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from dataclasses import dataclass
from typing import Protocol

from console.world.errors import AwsError, validation

_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_RATE = re.compile(r"rate\(([1-9]\d*) (minute|hour|day)(s?)\)")
_CRON = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)")
_UNITS = {"minute": 60.0, "hour": 3600.0, "day": 86400.0}
_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_WEEKDAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
_LAST_YEAR = 2199
_HORIZON_DAYS = 4 * 366 + 1
"""Of a search for the next moment: the 29th of February comes within it."""


class Schedule(Protocol):
    def after(self, moment: float) -> float | None:
        """The first run later than `moment`, both in epoch seconds; None: no more."""


@dataclass(frozen=True, slots=True)
class At:
    when: float

    def after(self, moment: float) -> float | None:
        return self.when if self.when > moment else None


@dataclass(frozen=True, slots=True)
class Rate:
    every_s: float
    since: float

    def after(self, moment: float) -> float | None:
        runs = max(0, (moment - self.since) // self.every_s + 1)
        return self.since + max(1.0, runs) * self.every_s


@dataclass(frozen=True, slots=True)
class Cron:
    minutes: frozenset[int]
    hours: frozenset[int]
    day: str
    months: frozenset[int]
    weekday: str
    years: frozenset[int]
    zone: dt.tzinfo

    def after(self, moment: float) -> float | None:
        today = dt.datetime.fromtimestamp(moment, self.zone).date()
        for ahead in range(_HORIZON_DAYS):
            day = today + dt.timedelta(days=ahead)
            if not self._fits(day):
                continue
            for hour in sorted(self.hours):
                for minute in sorted(self.minutes):
                    at = dt.datetime(day.year, day.month, day.day, hour, minute, tzinfo=self.zone).timestamp()
                    if at > moment:
                        return at
        return None

    def _fits(self, day: dt.date) -> bool:
        if day.month not in self.months or day.year not in self.years:
            return False
        return _of_month(self.day, day) if self.weekday == "?" else _of_week(self.weekday, day)


def read(expression: str, zone: dt.tzinfo, since: float) -> Schedule:
    """Raises ValidationException. `since`: when the action was put, or begins; rates count from it."""
    if found := _AT.fullmatch(expression):
        try:
            return At(dt.datetime.fromisoformat(found[1]).replace(tzinfo=zone).timestamp())
        except ValueError:
            raise _invalid(expression) from None
    if found := _RATE.fullmatch(expression):
        if (found[1] == "1") == bool(found[3]):
            raise _invalid(expression)
        return Rate(int(found[1]) * _UNITS[found[2]], since)
    parts = _CRON.fullmatch(expression)
    if not parts:
        raise _invalid(expression)
    minute, hour, day, month, weekday, year = parts.groups()
    if (day == "?") == (weekday == "?"):  # exactly one of them must be left open
        raise _invalid(expression)
    try:
        cron = Cron(
            _set(minute, 0, 59),
            _set(hour, 0, 23),
            day.upper(),
            _set(month, 1, 12, _MONTHS),
            weekday.upper(),
            _set(year, 1970, _LAST_YEAR),
            zone,
        )
        if day != "?":
            _of_month(cron.day, dt.date(2024, 2, 1))
        else:
            _of_week(cron.weekday, dt.date(2024, 2, 1))
    except ValueError:
        raise _invalid(expression) from None
    return cron


def _invalid(expression: str) -> AwsError:
    return validation(f"Invalid schedule expression: {expression}")


def _set(text: str, low: int, high: int, names: dict[str, int] | None = None) -> frozenset[int]:
    """A field's numbers. Raises ValueError."""
    found: set[int] = set()
    for part in text.upper().split(","):
        span, slash, every = part.partition("/")
        first, dash, last = span.partition("-")
        ends = [(names or {}).get(one) or int(one) for one in (first, last) if one not in ("*", "?", "")]
        if span in ("*", "?"):
            begin, end = low, high
        elif dash:
            begin, end = ends
        else:
            (begin,) = ends
            end = high if slash else begin
        pace = int(every) if slash else 1
        if not low <= begin <= end <= high or pace < 1:
            raise ValueError(text)
        found.update(range(begin, end + 1, pace))
    return frozenset(found)


def _of_month(text: str, day: dt.date) -> bool:
    """`L`: the last; `15W`: the working day nearest to the 15th."""
    last = calendar.monthrange(day.year, day.month)[1]
    if text == "L":
        return day.day == last
    if text.endswith("W"):
        (number,) = _set(text[:-1], 1, 31)
        wanted = min(number, last)
        away = {5: -1, 6: 1}.get(dt.date(day.year, day.month, wanted).weekday(), 0)
        if not 1 <= wanted + away <= last:  # not into another month
            away = 2 if away < 0 else -2
        return day.day == wanted + away
    return day.day in _set(text, 1, 31)


def _of_week(text: str, day: dt.date) -> bool:
    """Sunday is 1. `6L`: the last Friday; `3#2`: the second Tuesday."""
    today = day.isoweekday() % 7 + 1
    if text == "L":
        return today == 7
    if text.endswith("L"):
        last = calendar.monthrange(day.year, day.month)[1]
        return today in _set(text[:-1], 1, 7, _WEEKDAYS) and day.day + 7 > last
    if "#" in text:
        name, _, which = text.partition("#")
        days, weeks = _set(name, 1, 7, _WEEKDAYS), _set(which, 1, 5)
        return today in days and (day.day - 1) // 7 + 1 in weeks
    return today in _set(text, 1, 7, _WEEKDAYS)
