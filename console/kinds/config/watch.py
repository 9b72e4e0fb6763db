"""Reading configs, once for each deployment: of endpoints that are on screen, move, or were deployed within the hour,
and of what served them before."""

from __future__ import annotations

from collections import defaultdict

import msgspec

from console.clock import HOUR, MINUTE, Millis
from console.kinds.base import Eyes
from console.kinds.change.record import Change
from console.kinds.config.asking import OPERATIONS, read
from console.kinds.config.record import Config
from console.kinds.endpoint.record import Endpoint

AT_MOST = 8
"""Configs read in one sweep: each takes two calls or more."""

AGAIN = 10 * MINUTE
"""After a refusal, and where a model could not be looked at: permissions come."""


class ConfigWatch:
    source = "configs"
    operations = OPERATIONS
    every_s = 20.0

    def __init__(self) -> None:
        self._refused: dict[str, Millis] = {}
        self._seen: frozenset[str] = frozenset()
        """Changes that were looked at: a record of CloudTrail stays as it is."""
        self._deployed: dict[str, dict[str, Millis]] = defaultdict(dict)
        """When a deployment to a config was asked for last, by endpoint and config."""

    def sweep(self, eyes: Eyes) -> None:
        now, known = eyes.now(), eyes.heads("config")
        whole = msgspec.json.Decoder(Config).decode
        wanted = []
        for name, deployed in self._wanted(eyes).items():
            config = whole(known[name]) if name in known else None
            again = config is None or config.unread or config.absent or config.read_at < deployed
            if again and self._refused.get(name, 0) <= now:
                wanted.append((name, deployed))
        for name, deployed in wanted[:AT_MOST]:
            if not eyes.in_time():
                return
            config = read(eyes, name, deployed)
            if config.unread or config.absent:
                self._refused[name] = now + AGAIN

    def _wanted(self, eyes: Eyes) -> dict[str, Millis]:
        """What serves, what comes, and the two that were deployed last, with when that began as far as it is known: in
        the order of the endpoints' urgency."""
        decode = msgspec.json.Decoder(Endpoint).decode
        shown, now = eyes.interest("endpoint"), eyes.now()
        endpoints = map(decode, eyes.heads("endpoint").values())
        close = [e for e in endpoints if e.moving or e.name in shown or (e.modified_at or 0) > now - HOUR]
        if not close:
            return {}
        self._learn(eyes)
        wanted: dict[str, Millis] = {}
        for e in sorted(close, key=lambda e: (not e.moving, e.name not in shown, e.name)):
            began = dict(self._deployed[e.name])
            if e.pending is not None:
                began[e.pending.config] = max(began.get(e.pending.config, 0), e.pending.started_at or 0)
            lately = sorted(self._deployed[e.name], key=lambda config: -began[config])[:2]
            for name in filter(None, (e.config, e.pending.config if e.pending else "", *lately)):
                wanted[name] = max(wanted.get(name, 0), began.get(name, 0))
        return wanted

    def _learn(self, eyes: Eyes) -> None:
        """From the changes that are new in the ledger."""
        changes = eyes.heads("change")
        decode = msgspec.json.Decoder(Change).decode
        for change in (decode(changes[id]) for id in changes.keys() - self._seen):
            if change.kind == "endpoint" and change.target and not change.error:
                began = self._deployed[change.subject]
                began[change.target] = max(began.get(change.target, 0), change.at)
        self._seen = frozenset(changes)
