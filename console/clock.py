"""Moments and durations: UTC milliseconds inside, ISO 8601 in JSON, `03:12Z` on screen."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from console.errors import UsageError

Millis = int
"""A moment, as UTC milliseconds since the epoch."""

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_LONGEST = 20_000 * DAY
_UNITS = {"ms": 1, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}


def now_ms() -> Millis:
    return time.time_ns() // 1_000_000


def to_ms(moment: datetime) -> Millis:
    """botocore's aware datetimes (in the local zone) to UTC milliseconds."""
    return round(moment.timestamp() * 1000)


def iso(at: Millis) -> str:
    """`2026-11-23T03:12:07.041Z`"""
    moment = datetime.fromtimestamp(at / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clock_time(at: Millis, now: Millis, *, seconds: bool = False) -> str:
    """What a screen shows: `03:12Z` today, `21 Nov 03:12Z` on another day, with the year in another year."""
    minutes, second = divmod(at // SECOND, 60)
    text = f"{minutes // 60 % 24:02}:{minutes % 60:02}" + (f":{second:02}Z" if seconds else "Z")
    if at // DAY == now // DAY:
        return text
    day, year = _day(at // DAY)
    return f"{day} {text}" if year == _day(now // DAY)[1] else f"{day} {year} {text}"


def cell_time(at: Millis, now: Millis) -> str:
    """The same in a table, in at most 13 cells: of another year the day says enough."""
    day, year = _day(at // DAY)
    return clock_time(at, now) if year == _day(now // DAY)[1] else f"{day} {year}"


@lru_cache(512)
def _day(days: int) -> tuple[str, int]:
    """`21 Nov` and the year of a day since the epoch. Kept: a table of a thousand rows names the same few."""
    day = datetime.fromtimestamp(days * DAY // SECOND, UTC)
    return f"{day.day} {day:%b}", day.year


_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")


def clocked(text: str, now: Millis) -> str:
    """Text with its ISO moments as the screen writes them."""

    def shown(found: re.Match[str]) -> str:
        try:
            return clock_time(to_ms(datetime.fromisoformat(found[0])), now)
        except (ValueError, OverflowError, OSError):
            return found[0]

    return _ISO.sub(shown, text)


# How long and how old: one rule. Only completed units count, as on a stopwatch (59 s of a minute are 0 m, 1 h 59 m of
# age is 1 h), so that a number never claims more than has passed.


def duration(ms: int) -> str:
    """`40 s`, `11 m`, `3 h 20 m`, `12 d`: two units at most, the second only where it matters. Completed units."""
    ms = abs(ms)
    if ms < MINUTE:
        return f"{ms // SECOND} s"
    if ms < 10 * MINUTE and ms % MINUTE >= SECOND:
        return f"{ms // MINUTE} m {ms % MINUTE // SECOND:02d} s"
    if ms < HOUR:
        return f"{ms // MINUTE} m"
    if ms < DAY:
        minutes = ms % HOUR // MINUTE
        return f"{ms // HOUR} h {minutes} m" if minutes and ms < 10 * HOUR else f"{ms // HOUR} h"
    return f"{ms // DAY} d"


def age_step(ms: int) -> str:
    """How old something is at least, in steps coarse enough that a screen at rest has nothing to redraw.

    Completed units, one of them; empty below 15 s and for what is in the future.
    """
    if ms < 15 * SECOND:
        return ""
    if ms < MINUTE:
        return f"{ms // (15 * SECOND) * 15} s"
    if ms < HOUR:
        return f"{ms // MINUTE} m"
    if ms < 2 * DAY:
        return f"{ms // HOUR} h"
    return f"{ms // DAY} d"


def parse_duration(text: str) -> int:
    """`90s`, `15m`, `2h`, `1h30m`, `7d` to milliseconds.

    Raises UsageError with an example.
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*(ms|[smhdw])", text.strip().lower())
    rest = re.sub(r"(\d+(?:\.\d+)?)\s*(ms|[smhdw])|\s", "", text.strip().lower())
    ms = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if not parts or rest or ms > _LONGEST:
        raise UsageError(f"{text[:40]!r} is no duration", advice="write it as 90s, 15m, 2h or 7d")
    return round(ms)


def parse_at(text: str, now: Millis) -> Millis:
    """A moment of the past: ISO 8601 (UTC unless it has an offset), `HH:MM[:SS]` (the last one) or an age (`2h`).

    Raises UsageError for anything else and for the future.
    """
    text = text.strip()
    if re.fullmatch(r"\d{1,2}:\d{2}(:\d{2})?Z?", text):
        hour, minute, *rest = (int(part) for part in text.rstrip("Z").split(":"))
        second = rest[0] if rest else 0
        if hour > 23 or minute > 59 or second > 59:
            raise UsageError(f"{text!r} is no time of day", advice="write it as 03:12")
        moment = datetime.fromtimestamp(now / 1000, UTC).replace(hour=hour, minute=minute, second=second, microsecond=0)
        at = to_ms(moment)
        return at if at <= now else to_ms(moment - timedelta(days=1))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            return now - parse_duration(text)
        except UsageError:
            advice = "write it as 2026-11-23T03:12Z, 03:12 or 2h"
            raise UsageError(f"{text[:40]!r} is no moment", advice=advice) from None
    at = to_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    if at < 0:
        raise UsageError(f"{text} is before there were computers", advice="write it as 2026-11-23T03:12Z, 03:12 or 2h")
    if at > now:
        raise UsageError(f"{text} is in the future", advice="only the past has been observed")
    return at
