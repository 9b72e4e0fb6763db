"""Whether vital signs are seen at all: an endpoint whose metrics nobody reads is not well, it is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from console.clock import MINUTE, clock_time
from console.text import shorten

if TYPE_CHECKING:
    from console.ledger.snapshot import Snapshot

OLD = 2 * MINUTE
"""Two looks: one that fails is no gap."""
LONGEST = 120
"""Characters of the provider's words."""
OFF = "no metrics are read: metrics_dollars_per_hour is 0"


class Blind(NamedTuple):
    """`words` begin with "metrics" or "no metrics". `meant`: somebody switched it off. `denied`: this identity may not
    read them, and will not in a minute either."""

    words: str
    meant: bool = False
    denied: bool = False


def blind(snapshot: Snapshot) -> Blind | None:
    """None while metrics are read, of the past, and where nobody watches the endpoints either: that is said then."""
    if snapshot.at is not None:
        return None
    states, now = snapshot.states(), snapshot.now
    fleet, state = states.get("endpoints"), states.get("metrics")
    if fleet is None or fleet.at is None:
        return None
    if _switched_off(snapshot):
        return Blind(OFF, meant=True)
    if state is None or (state.ok and state.at is None):
        return Blind("metrics not read yet")
    if state.at is not None and now - state.at <= OLD:
        return None
    since = f" since {clock_time(state.at, now)}" if state.at is not None else ""
    if not state.ok:
        said = shorten(state.error or state.code, LONGEST)
        if _denied(state.code):
            return Blind(f"metrics may not be read: {said}", denied=True)
        return Blind(f"metrics not read{since}: {said}")
    return Blind(f"metrics not read{since}") if snapshot.covered("endpoints") else None


def _switched_off(snapshot: Snapshot) -> bool:
    """By the budget of whoever looked last: that of our own settings need not be the watcher's."""
    import msgspec

    from console.kinds.vitals.cost import MEMO, Cost  # for whom no metrics are there: as a rule nobody pays for it

    memo = snapshot.ledger.coverage.recall(snapshot.scope, MEMO)
    try:
        return bool(memo) and msgspec.json.decode(memo, type=Cost).budget <= 0
    except msgspec.DecodeError:
        return False


def _denied(code: str) -> bool:
    return code.startswith(("AccessDenied", "Unauthorized", "Authorization", "KMSAccessDenied", "NotAuthorized"))
