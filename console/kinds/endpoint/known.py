"""Ways back as far as the ledger alone knows them: what a screen shows without asking anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from console.kinds.endpoint.record import Glimpse
from console.kinds.endpoint.view import EndpointView
from console.kinds.endpoint.ways import Way, ways
from console.kinds.hold.record import Act, key
from console.kinds.reading import decode, history

if TYPE_CHECKING:
    from console.ledger.snapshot import Snapshot


def configs_seen(snapshot: Snapshot, name: str) -> set[str]:
    """Configs that were observed InService."""
    decoder = msgspec.json.Decoder(Glimpse)
    sights = [decoder.decode(fact.body) for fact in history(snapshot, "endpoint", [name])]
    return {sight.config for sight in sights if sight.status == "InService"}


def last_act(snapshot: Snapshot, name: str) -> Act | None:
    """The last verified action on the endpoint."""
    return next(iter(decode(snapshot, "act", Act, [key("endpoint", name)])), None)


def known_ways(view: EndpointView, snapshot: Snapshot) -> list[Way]:
    """Best first. The plan of a roll back adds what AWS can tell now (configs named alike, traffic by config)."""
    return ways(
        view.endpoint,
        view.deployments,
        now=snapshot.moment,
        act=last_act(snapshot, view.name),
        seen_configs=configs_seen(snapshot, view.name),
    )
