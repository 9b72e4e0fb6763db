"""What of an endpoint's vital signs its row in a list is drawn from. Small: `get endpoints` imports it. Pure."""

from __future__ import annotations

import msgspec

from console.clock import MINUTE, Millis

PROVISIONAL = 3 * MINUTE
"""CloudWatch gets the newest minutes late, whole only 60 to 150 s after they ended: shown as such and never judged."""

SPAN = 5
"""Whole minutes that are judged together."""

FRESH = 2
"""Whole minutes since a change of what serves, from which on the minutes before it are no more judged."""

SCALING_TROUBLE = "scaling.troubled"
"""Where the watch of scaling remembers which targets its last look found in trouble, one a line: a list of a thousand
endpoints judges only these again."""


class Beat(msgspec.Struct, frozen=True, gc=False):
    """What of a `Pulse` its row in a list is drawn from: thousands are read at once."""

    stale_at: Millis
    read_at: Millis = 0
    troubled: bool = False
    requests_s: float | None = None
    error_rate: float | None = None
    p99_ms: float | None = None
    was_ms: float | None = None
