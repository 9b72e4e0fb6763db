"""A stretch of time in which an endpoint's users were hurt by its vital signs: from, to, how badly, by what. Pure.

Written by the watch of metrics (telling.py) only when it changes, so that the past is told from a few facts and never
judged anew from samples, which are kept for hours.
"""

from __future__ import annotations

import msgspec

from console.clock import MINUTE, Millis, clock_time
from console.kinds.base import Sign
from console.text import shorten

TOLD_FOR = 30 * MINUTE
"""How long the row of an endpoint that is well again says what it was."""

RELAPSE = 10 * MINUTE
"""What begins again so soon after it ended is the same episode."""

HEADLINE = 60
"""Characters of the words in a row's tail."""


class Episode(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The newest one of an endpoint is the fact of its name; its history has the others. `sign` and `words` are of its
    worst moment, `seen_at` is when it was seen first and tells it from others of the endpoint."""

    endpoint: str
    seen_at: Millis
    since: Millis
    sign: Sign
    words: str
    about: str = ""
    variant: str = ""
    size: float = 0.0
    """Of what `words` tell: only what is half as bad again is worth a new fact."""
    sure: bool = False
    """Whether `since` was told from all the minutes there are."""
    until: Millis | None = None
    """None while it lasts."""

    @property
    def headline(self) -> str:
        """`p99 3,912 ms`, `30 % fail`: without of how many, what it was, and why."""
        return shorten(self.words.partition(", was ")[0].partition(" (")[0], HEADLINE)

    def tail(self, now: Millis) -> str:
        """`was critical until 16:21Z (p99 3,912 ms)`; empty while it lasts, and later."""
        if self.until is None or not 0 <= now - self.until <= TOLD_FOR:
            return ""
        return f"was {self.sign.value} until {clock_time(self.until, now)} ({self.headline})"

    def span(self, now: Millis) -> str:
        """`critical 15:44Z to 16:21Z`"""
        end = f" to {clock_time(self.until, now)}" if self.until is not None else ""
        return f"{self.sign.value} {'' if end else 'since '}{clock_time(self.since, now)}{end}"
