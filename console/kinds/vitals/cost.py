"""What reading metrics costs, and how a budget in dollars per hour is kept. Pure.

Billed are metrics, not calls (facts/sagemaker.md section 5.7). No five minutes take more than a twelfth of the hour's
budget, hence no hour takes more than all of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from console.clock import HOUR, MINUTE, Millis
from console.kinds.vitals.metric_data import DOLLARS

STEP = 5 * MINUTE
MEMO = "metrics.cost"
ASKED = "metrics.asked"
"""What people asked for beside the watch, in a memo of its own: two processes would overwrite each other's."""


class Cost(msgspec.Struct, frozen=True, omit_defaults=True):
    """`spent` are metrics requested by the minute they were asked in, of the last hour."""

    spent: dict[Millis, int] = {}
    asked: dict[Millis, int] = {}
    """The same of `lastgood metrics`."""
    budget: float = 1.0
    every_min: int = 1
    """Each endpoint of the fleet is asked every so many minutes."""
    endpoints: int = 0
    close: int = 0
    """Those asked for all metrics every minute: on screen, deploying or unhealthy."""
    left_out: tuple[str, ...] = ()
    waiting: int = 0
    """Endpoints that the last look had no room for."""

    def per_hour(self, now: Millis) -> int:
        """Metrics requested in the last hour."""
        return sum(n for spent in (self.spent, self.asked) for at, n in spent.items() if now - HOUR < at <= now)

    def dollars(self, now: Millis) -> float:
        return self.per_hour(now) * DOLLARS

    def room(self, now: Millis) -> int:
        """Metrics that may be asked for now."""
        whole = self.budget / DOLLARS
        # A minute's are kept by its beginning, and may have been asked at its end.
        recent = sum(n for spent in (self.spent, self.asked) for at, n in spent.items() if at > now - STEP - MINUTE)
        return max(0, math.floor(whole / 12 - recent))

    def with_spent(self, now: Millis, metrics: int) -> Cost:
        return msgspec.structs.replace(self, spent=_counted(self.spent, now, metrics))

    def words(self, now: Millis) -> str:
        """One line: `12,340 metrics in the last hour, $0.12 of $1.00`."""
        asked = f"{self.per_hour(now):,} metrics in the last hour, ${self.dollars(now):.2f} of ${self.budget:.2f}"
        return "; ".join([asked, *self.left_out])


def cadence(fleet_metrics: int, close_metrics: int, others: int, budget: float) -> int:
    """Every how many minutes the fleet can be asked: what is close, and what else there is a minute, goes first."""
    per_min = budget / DOLLARS / 72 - close_metrics - others  # 72: see `room`
    if per_min <= 0:
        return 60
    return max(1, min(60, math.ceil(fleet_metrics / per_min)))


def recalled(memo: str, budget: float, asked: str = "") -> Cost:
    """From the ledger's memos; what cannot be read counts as nothing spent."""
    try:
        found = msgspec.json.decode(memo, type=Cost) if memo else Cost()
    except msgspec.DecodeError:
        found = Cost()
    return msgspec.structs.replace(found, budget=budget, asked=_minutes(asked))


def memo(cost: Cost) -> str:
    return msgspec.json.encode(cost).decode()


def _counted(spent: Mapping[Millis, int], now: Millis, metrics: int) -> dict[Millis, int]:
    minute = now - now % MINUTE
    found = {at: n for at, n in spent.items() if now - HOUR < at}
    return found | {minute: found.get(minute, 0) + metrics}


def asked_too(memo: str, now: Millis, metrics: int) -> str:
    """The memo of what was asked for, with `metrics` more."""
    return msgspec.json.encode(_counted(_minutes(memo), now, metrics)).decode()


def _minutes(memo: str) -> dict[Millis, int]:
    try:
        return msgspec.json.decode(memo, type=dict[Millis, int]) if memo else {}
    except msgspec.DecodeError:
        return {}
