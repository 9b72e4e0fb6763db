"""What the last deployment of an endpoint changed, as far as both of its configs were read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from console.kinds.config.record import Config, difference
from console.kinds.deployment.record import Deployment
from console.kinds.difference import Difference
from console.kinds.reading import decode

if TYPE_CHECKING:
    from console.ledger.snapshot import Snapshot


class Changed(msgspec.Struct, frozen=True):
    """`what` is None while one of the two was not read."""

    source: str
    target: str
    what: tuple[Difference, ...] | None = None
    unread: tuple[str, ...] = ()
    """Models that could not be looked at: of their containers nothing is known."""
    why: str = ""
    """Why `what` will stay None."""


def changed(snapshot: Snapshot, deployments: Sequence[Deployment]) -> Changed | None:
    """None where no deployment is known that came from another config."""
    last = next((d for d in deployments if d.source and d.target and d.source != d.target), None)
    if last is None:
        return None
    configs = {c.name: c for c in decode(snapshot, "config", Config, [last.source, last.target])}
    if len(configs) < 2:
        return Changed(last.source, last.target)
    before, after = configs[last.source], configs[last.target]
    if absent := [f"{c.name} {c.absent}" for c in (before, after) if c.absent]:
        return Changed(last.source, last.target, why=" and ".join(absent))
    return Changed(last.source, last.target, difference(before, after), (*before.unread, *after.unread))
