"""Reading configs, once each: of endpoints that are on screen, move, or were deployed within the hour, and of what
served them before."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import msgspec

from console.clock import HOUR, MINUTE, Millis
from console.errors import NotFound, NotPermitted
from console.kinds.base import Eyes
from console.kinds.change.record import Change
from console.kinds.config.record import Config, from_api, models_of
from console.kinds.endpoint.record import Endpoint

AT_MOST = 8
"""Configs read in one sweep: each takes two calls or more."""

AGAIN = 10 * MINUTE
"""After a refusal, and where a model could not be looked at: permissions come."""


class ConfigWatch:
    source = "configs"
    operations = ("sagemaker:DescribeEndpointConfig", "sagemaker:DescribeModel")
    every_s = 20.0

    def __init__(self) -> None:
        self._refused: dict[str, Millis] = {}

    def sweep(self, eyes: Eyes) -> None:
        now, known = eyes.now(), eyes.heads("config")
        whole = msgspec.json.Decoder(Config).decode
        wanted = [
            name
            for name in self._wanted(eyes)
            if self._refused.get(name, 0) <= now
            and (name not in known or (config := whole(known[name])).unread or config.absent)
        ]
        client = eyes.client("sagemaker")
        for name in wanted[:AT_MOST]:
            if not eyes.in_time():
                return
            config = self._read(client, name)
            if config.unread or config.absent:
                self._refused[name] = now + AGAIN
            if not config.absent or name not in known:  # what was read of it is worth more than that it is gone
                eyes.saw("config", name, config)

    def _wanted(self, eyes: Eyes) -> dict[str, None]:
        """What serves, what comes, and the two that were deployed last: in this order of the endpoints' urgency."""
        decode = msgspec.json.Decoder(Endpoint).decode
        shown, now = eyes.interest("endpoint"), eyes.now()
        endpoints = map(decode, eyes.heads("endpoint").values())
        close = [e for e in endpoints if e.moving or e.name in shown or (e.modified_at or 0) > now - HOUR]
        if not close:
            return {}
        deployed: dict[str, list[Change]] = defaultdict(list)
        for change in map(msgspec.json.Decoder(Change).decode, eyes.heads("change").values()):
            if change.kind == "endpoint" and change.target and not change.error:
                deployed[change.subject].append(change)
        wanted: dict[str, None] = {}
        for e in sorted(close, key=lambda e: (not e.moving, e.name not in shown, e.name)):
            lately = sorted(deployed[e.name], key=lambda change: -change.at)
            names = (e.config, e.pending.config if e.pending else "", *dict.fromkeys(c.target for c in lately))
            wanted |= dict.fromkeys(name for name in names[:4] if name)
        return wanted

    def _read(self, client: Any, name: str) -> Config:
        try:
            answer = client.describe_endpoint_config(EndpointConfigName=name)
        except NotFound:
            return Config(name, absent="is deleted")
        except NotPermitted:
            return Config(name, absent="may not be looked at")
        models: dict[str, Any] = {}
        for model in models_of(answer):
            try:
                models[model] = client.describe_model(ModelName=model)
            except (NotFound, NotPermitted):
                continue
        return from_api(answer, models)
