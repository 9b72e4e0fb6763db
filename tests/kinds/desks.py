"""A real desk on the embedded world: scoped clients, a ledger, an identity."""

from __future__ import annotations

from console.actions.desk import ActionDesk
from console.actions.verb import Verb
from console.clients.identity import who
from console.kinds.registry import verbs
from tests.kinds.conftest import Bench


def verb(id: str, kind: str = "") -> Verb:
    return next(v for v in verbs() if v.id == id and kind in {"", v.kind})


def desk(bench: Bench, id: str = "rollback", kind: str = "") -> ActionDesk:
    identity = who(bench.cloud)
    return ActionDesk(verb(id, kind), bench.cloud.context, bench.cloud, identity, bench.ledger, now=lambda: bench.now)
