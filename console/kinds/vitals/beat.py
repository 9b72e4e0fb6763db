"""What of an endpoint's vital signs its row in a list is drawn from. Small: `get endpoints` imports it. Pure."""

from __future__ import annotations

import msgspec

from console.clock import MINUTE, Millis

PROVISIONAL = 2 * MINUTE
"""CloudWatch gets the newest minutes late: they are shown dim and never judged."""

SPAN = 5
"""Whole minutes that are judged together."""


class Beat(msgspec.Struct, frozen=True, gc=False):
    """What of a `Pulse` its row in a list is drawn from: thousands are read at once."""

    stale_at: Millis
    troubled: bool = False
    requests_s: float | None = None
    error_rate: float | None = None
    p99_ms: float | None = None
    was_ms: float | None = None
