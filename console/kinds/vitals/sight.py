"""Whether vital signs are seen at all: an endpoint whose metrics nobody reads is not well, it is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from console.clock import MINUTE, clock_time
from console.text import shorten

if TYPE_CHECKING:
    from console.kinds.vitals.cost import Cost
    from console.ledger.snapshot import Snapshot

OLD = 2 * MINUTE
"""Two looks: one that fails is no gap."""
LONGEST = 120
"""Characters of the provider's words."""
OFF = "no metrics are read: metrics_dollars_per_hour is 0"


class Blind(NamedTuple):
    """`words` begin with "metrics" or "no metrics". `meant`: somebody switched it off. `denied`: this identity may not
    read them, and will not in a minute either. `short`: why, for the row of each endpoint."""

    words: str
    meant: bool = False
    denied: bool = False
    short: str = ""


def blind(snapshot: Snapshot) -> Blind | None:
    """None while metrics are read, of the past, and where nobody watches the endpoints either: that is said then."""
    if snapshot.at is not None:
        return None
    states, now = snapshot.states(), snapshot.now
    fleet, state = states.get("endpoints"), states.get("metrics")
    if fleet is None or fleet.at is None:
        return None
    if _switched_off(snapshot):
        return Blind(OFF, meant=True, short="budget 0")
    if state is None or (state.ok and state.at is None):
        return Blind("metrics not read yet")
    if state.at is not None and now - state.at <= OLD:
        return None
    since = f" since {clock_time(state.at, now)}" if state.at is not None else ""
    if not state.ok:
        said = shorten(state.error or state.code, LONGEST)
        if _denied(state.code):
            return Blind(f"metrics may not be read: {said}", denied=True, short="not permitted")
        return Blind(f"metrics not read{since}: {said}")
    return Blind(f"metrics not read{since}") if snapshot.covered("endpoints") else None


def unreached(snapshot: Snapshot) -> str:
    """Of an endpoint without numbers of now while those of others are read: why. Empty of the past."""
    if snapshot.at is not None or (state := snapshot.states().get("metrics")) is None or state.at is None:
        return ""
    cost = _cost(snapshot)
    return "not measured: budget" if cost is not None and cost.waiting else "not measured yet"


def _switched_off(snapshot: Snapshot) -> bool:
    """By the budget of whoever looked last: that of our own settings need not be the watcher's."""
    cost = _cost(snapshot)
    return cost is not None and cost.budget <= 0


def _cost(snapshot: Snapshot) -> Cost | None:
    import msgspec

    from console.kinds.vitals.cost import MEMO, Cost  # for whom no metrics are there: as a rule nobody pays for it

    memo = snapshot.ledger.coverage.recall(snapshot.scope, MEMO)
    try:
        return msgspec.json.decode(memo, type=Cost) if memo else None
    except msgspec.DecodeError:
        return None


def _denied(code: str) -> bool:
    return code.startswith(("AccessDenied", "Unauthorized", "Authorization", "KMSAccessDenied", "NotAuthorized"))
