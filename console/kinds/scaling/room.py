"""Whether the account may have more instances of a type, and whether AWS has any: what every plan that launches some
asks, be it to scale or for the second fleet of an update (facts/sagemaker.md sections 2.7 and 5.9)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from console.actions.model import Check, Verdict
from console.actions.verb import Desk
from console.clock import HOUR, Millis, clock_time
from console.kinds.scaling.around import Around
from console.kinds.scaling.course import last_try, refusal
from console.kinds.scaling.record import Activity
from console.kinds.scaling.seen import Quota
from console.text import shorten


class Room(NamedTuple):
    """Of one instance type. Not `whole`: nobody watches the endpoints, so that the ledger knows few of them."""

    quota: Quota
    whole: bool

    @property
    def words(self) -> str:
        return f"{'' if self.whole else 'at least '}{self.quota.words}"

    def short_of(self, more: int) -> str:
        """Why so many more are refused; empty where they are not."""
        if self.quota.used + more <= self.quota.limit:
            return ""
        held = f"; {self.quota.held}" if self.quota.held else ""
        return f"{self.words}: {more} more are refused (ResourceLimitExceeded){held}"

    def sure_of(self, more: int) -> bool:
        return self.whole and self.quota.left >= more


def room(desk: Desk, around: Around, type_: str, limit: float, have: int) -> Room:
    """`limit` as the account has it now; `have`: what is known to be there where the ledger knows of none."""
    used, unsure = around.used
    known = around.quota(type_)
    quota = Quota(type_, limit, used.get(type_, have), unsure, known.holders if known else ())
    return Room(quota, desk.snapshot().covered("endpoints"))


def lacking(activities: Iterable[Activity], failure_reason: str, now: Millis) -> Check | None:
    """Whether AWS had none lately, in its own words. Asking again is in vain until it has, and does no harm."""
    tried = last_try(one for one in activities if not one.open)
    if tried is not None and tried.failed and now - tried.at <= HOUR:
        reasons = {"quota": "the quota was used up", "no_capacity": "AWS had none to spare"}
        what = reasons.get(refusal(tried.message), "scaling failed")
        detail = f"{what} at {clock_time(tried.at, now)}: {shorten(tried.message, 300)}"
        return Check("to be had", Verdict.WARN, detail)
    if "InsufficientInstanceCapacity" in failure_reason:
        return Check("to be had", Verdict.WARN, f"its last update failed: {shorten(failure_reason, 300)}")
    return None
