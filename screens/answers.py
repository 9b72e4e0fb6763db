"""What `lastgood metrics` answered, by the window that was asked for: coming back to one costs nothing."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import msgspec

from console.clock import Millis, to_ms
from console.kinds.vitals.course import Course, from_json
from console.kinds.vitals.spans import Window

KEEP = 12
LIMIT = 1 << 26
"""Bytes of one answer: a month of a dozen components is some megabytes."""


class Answer(NamedTuple):
    """`words` say what it cost, `failed` why there is none, or none but what the ledger has. `off`: nothing may be
    asked at all, and asking again is in vain."""

    at: Millis
    courses: tuple[Course, ...] = ()
    words: str = ""
    failed: str = ""
    off: bool = False


class Answers:
    """`asking` is the window that is being asked for."""

    def __init__(self) -> None:
        self._known: OrderedDict[Window, Answer] = OrderedDict()
        self.asking: Window | None = None

    def has(self, span: Window) -> bool:
        """Whether it was answered; what failed may be asked again."""
        return span in self._known and not self._known[span].failed

    def exactly(self, span: Window) -> Answer | None:
        return self._known.get(span)

    def put(self, span: Window, answer: Answer) -> None:
        self.asking = None
        for old in [one for one, known in self._known.items() if known.failed or one == span]:
            del self._known[old]  # of failures the last one counts: a night of them must not push out what is known
        self._known[span] = answer
        while len(self._known) > KEEP:
            self._known.popitem(last=False)

    def covers(self, span: Window) -> bool:
        """Whether something was told of it from its beginning on: what is newer comes by the ledger."""
        return any(_reaches(w, span) and w.start <= span.start and not self._known[w].failed for w in self._known)

    def for_(self, span: Window) -> Answer | None:
        """Of this window; else the one of the same periods that has most of it, of those the newest."""
        if span in self._known:
            return self._known[span]
        return self._nearest((w for w in self._known if _reaches(w, span)), span)

    def _nearest(self, known: Iterable[Window], span: Window) -> Answer | None:
        def share(w: Window) -> tuple[int, int]:
            return min(w.end, span.end) - max(w.start, span.start), w.end

        near = max(known, key=share, default=None)
        return self._known[near] if near is not None else None

    def best(self, span: Window) -> Answer | None:
        """As `for_`; but what AWS told before it failed stays."""
        if (found := self.for_(span)) is None or not found.failed:
            return found
        known = (w for w, answer in self._known.items() if not answer.failed and _reaches(w, span))
        return self._nearest(known, span) or found


def _reaches(known: Window, span: Window) -> bool:
    return known.period_s == span.period_s and known.start <= span.end and known.end >= span.start


def understood(told: str, at: Millis) -> Answer:
    """From the JSON of `lastgood metrics`."""
    try:
        found = msgspec.json.decode(told)
        start = to_ms(datetime.fromisoformat(found["start"]))
        courses = tuple(from_json(item, start) for item in found["items"])
        cost = found["cost"]
        spent = f"${cost['dollars_last_hour']:.2f} of ${cost['dollars_per_hour_at_most']:.2f}/h"
        source = found["sources"].get("metrics") or {}
        failed = "" if source.get("ok", True) else str(source.get("error") or "CloudWatch did not answer")
        words, off = f"{cost['metrics']:,} metrics, {spent}", cost["dollars_per_hour_at_most"] <= 0
        return Answer(at, courses, words, failed if not cost["metrics"] else "", off)
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        return Answer(at, failed="the answer of lastgood metrics was not understood")
