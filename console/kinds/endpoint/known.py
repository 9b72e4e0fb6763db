"""Ways back as far as the ledger alone knows them: what a screen shows without asking anybody."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import msgspec

from console.clock import Millis
from console.kinds.deployment.derive import is_current
from console.kinds.endpoint.record import Endpoint, Glimpse
from console.kinds.endpoint.view import EndpointView
from console.kinds.endpoint.ways import Reign, Way, ways
from console.kinds.hold.record import Act, key
from console.kinds.reading import decode, history

if TYPE_CHECKING:
    from console.ledger.snapshot import Snapshot


def reigns_seen(snapshot: Snapshot, e: Endpoint) -> dict[str, Reign]:
    """Configs that observations found InService. Those of an endpoint of that name deleted before are left out."""
    decoder = msgspec.json.Decoder(Glimpse)
    sights: list[tuple[Millis, Glimpse]] = []
    for fact in history(snapshot, "endpoint", [e.name]):
        seen = decoder.decode(fact.body)
        if seen.created_at == e.created_at and seen.config and is_current(sights, seen):
            sights.append((fact.observed_at, seen))
    found: dict[str, Reign] = {}
    served = {seen.config for _, seen in sights if seen.status == "InService"}
    for config, spans in groupby(sights, key=lambda sight: sight[1].config):
        since = next(spans)[0]
        after = next((s for s in sights if s[0] > since and s[1].config != config), None)
        until = max(since, min(after[0], after[1].modified_at or after[0])) if after else None
        if config in served:
            before = found[config].total_ms if config in found else 0
            found[config] = Reign(since, until, before + (until or snapshot.moment) - since)
    return found


def acts_on(snapshot: Snapshot, name: str) -> tuple[Act, ...]:
    """All verified roll backs of the endpoint, oldest first."""
    decoder = msgspec.json.Decoder(Act)
    acts = [decoder.decode(fact.body) for fact in history(snapshot, "act", [key("endpoint", name)])]
    return tuple(act for act in acts if act.verb == "rollback")


def last_act(snapshot: Snapshot, name: str) -> Act | None:
    """The last verified action on the endpoint."""
    return next(iter(decode(snapshot, "act", Act, [key("endpoint", name)])), None)


def known_ways(view: EndpointView, snapshot: Snapshot) -> list[Way]:
    """Best first. The plan of a roll back adds what AWS can tell now (configs named alike, traffic by config)."""
    return ways(
        view.endpoint,
        view.deployments,
        now=snapshot.moment,
        acts=acts_on(snapshot, view.name),
        seen=reigns_seen(snapshot, view.endpoint),
    )
