"""What the containers of an endpoint log: starting, serving, and failing in the way of their config."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from console.world.errors import AwsError
from console.world.logs import Line, LogWriters, write
from console.world.sagemaker import log_lines
from console.world.sagemaker.components import InferenceComponents
from console.world.sagemaker.endpoints import Endpoint, Endpoints
from console.world.sagemaker.fleet import Fleet, Variant
from console.world.sagemaker.log_lines import access, stamp, starting
from console.world.traffic.behaviour import Behaviours
from console.world.traffic.history import Histories

if TYPE_CHECKING:
    from console.world.world import Region

REMEMBERED_S = 2 * 3600.0
"""How far back a group reaches when it is first read; these are seconds of the modelled service."""
REQUEST_EVERY_S = 12.0
RETRY_EVERY_S = 30.0
LEAST_GAP_S = 0.1
"""Real seconds between two lines, however fast the world runs."""
LEAST_LOGGED = 0.1
"""Share of the lines that tell of errors, where there are any: answers are logged now and then, errors always."""
SHOWN_INSTANCES = 4
"""Streams per variant; nobody reads forty."""


def group_of(endpoint: str) -> str:
    return f"/aws/sagemaker/Endpoints/{endpoint}"


def component_group_of(component: str) -> str:
    return f"/aws/sagemaker/InferenceComponents/{component}"


@dataclass(frozen=True, slots=True)
class Symptom:
    """How containers of a bad config fail, in their own words."""

    traceback: str
    share: float = 0.6
    """Of the requests that fail with it."""
    at_start: bool = False
    """Whether they fail before they serve, over and over, instead."""


MISSING_FEATURE = Symptom(
    """[{stamp}] [{pid}] [ERROR] Exception on /invocations [POST]
Traceback (most recent call last):
  File "/opt/program/serve.py", line 87, in invocations
    frame = preprocess(rows)
  File "/opt/program/features.py", line 41, in preprocess
    frame["carrier_delay_7d"] = frame["carrier_delay_7d"].fillna(0.0)
  File "/usr/local/lib/python3.11/site-packages/pandas/core/frame.py", line 4102, in __getitem__
    indexer = self.columns.get_loc(key)
KeyError: 'carrier_delay_7d'"""
)
NO_MODULE = Symptom(
    """[{stamp}] [{pid}] [ERROR] Exception in worker process
Traceback (most recent call last):
  File "/opt/program/wsgi.py", line 3, in <module>
    from predictor import app
  File "/opt/program/predictor.py", line 9, in <module>
    import lightgbm as lgb
ModuleNotFoundError: No module named 'lightgbm'
[{stamp}] [1] [ERROR] Worker (pid:{pid}) exited with code 3
[{stamp}] [1] [ERROR] Reason: Worker failed to boot.""",
    at_start=True,
)


class EndpointLogs:
    """Writes the groups of a region's endpoints as far as somebody has read them."""

    def __init__(self, region: Region) -> None:
        self._region = region
        self._written: dict[str, float] = {}
        # What a fleet has to say, it says before it goes.
        region.of(Endpoints).on_settling.append(lambda endpoint: self._catch_up(endpoint.name, region.world.now))
        self.symptoms: dict[str, Symptom] = {}
        """By config."""

    def register(self, endpoint: Endpoint) -> None:
        self._region.of(LogWriters).register(group_of(endpoint.name), lambda now: self._catch_up(endpoint.name, now))

    def register_component(self, name: str) -> None:
        """An inference component logs to a group of its own (facts: sagemaker 5.8)."""
        group = component_group_of(name)
        self._region.of(LogWriters).register(group, lambda now: self._catch_up_component(name, group, now))

    def _catch_up_component(self, name: str, group: str, now: float) -> None:
        try:
            component = self._region.of(InferenceComponents).get(name)
            endpoint = self._region.of(Endpoints).get(component.endpoint)
        except AwsError:
            return  # deleted; what it logged stays
        earliest = max(component.launched, now - self._region.world.clock.real(REMEMBERED_S))
        for variant in endpoint.fleet:
            if variant.name != component.variant:
                continue
            copies = replace(variant, instances=component.copies)
            for _, index, stream in _streams(component.arn, (copies,) if component.copies else (), component.launched):
                seen = self._written.get(f"{group}/{stream}", earliest)
                chance = random.Random(f"{stream}{seen}")
                lines = list(self._lines(endpoint.config, component.launched, seen, now, True, chance))
                names = (name, variant.name)  # behaviours name either
                lines = list(self._troubled(endpoint, endpoint.config, names, copies, index, lines, seen, now))
                write(self._region.name, group, stream, lines)
                self._written[f"{group}/{stream}"] = now

    def _catch_up(self, name: str, now: float) -> None:
        try:
            endpoint = self._region.of(Endpoints).get(name)
        except AwsError:
            return  # deleted; what it logged stays
        for config, fleet, since, serves in self._fleets(endpoint, now):
            for variant, index, stream in _streams(endpoint.arn, tuple(one for one in fleet if one.model), since):
                seen = self._written.get(stream, max(since, now - self._region.world.clock.real(REMEMBERED_S)))
                chance = random.Random(f"{stream}{seen}")
                lines = list(self._lines(config, since, seen, now, serves, chance))
                if serves:
                    lines = list(self._troubled(endpoint, config, (variant.name,), variant, index, lines, seen, now))
                write(self._region.name, group_of(name), stream, lines)
                self._written[stream] = now

    def _troubled(
        self,
        endpoint: Endpoint,
        config: str,
        names: tuple[str, ...],
        variant: Variant,
        index: int,
        lines: list[Line],
        seen: float,
        now: float,
    ) -> Iterator[Line]:
        """The lines with what the behaviours in force make of them: metrics and logs tell the same story."""
        world = self._region.world
        history = self._region.of(Histories).find(endpoint.name)
        troubles = [
            one
            for one in self._region.of(Behaviours).of(endpoint.name)
            if one.since < now and seen < one.until and one.config in (None, config) and one.variant in (None, *names)
        ]
        for at, text in lines:
            felt = [one for one in troubles if one.since <= at < one.until] if '"POST /invocations' in text else []
            yield from log_lines.troubled(at, text, felt, random.Random(f"{config}/{index}/{at}"))
        if history:
            speed = world.clock.speed
            for one in troubles:
                begin, end = max(one.since, seen), min(one.until, now)
                yield from log_lines.killed(history.workload, one, variant.instances, index, begin, end, speed)

    def _fleets(self, endpoint: Endpoint, now: float) -> Iterator[tuple[str, Fleet, float, bool]]:
        """The fleets that run, since when their containers do, and whether requests reach them."""
        endpoints, change = self._region.of(Endpoints), endpoint.change
        moment = endpoints.phase(endpoint, now)
        traffic = moment[0].traffic if moment else 0.0
        if endpoint.fleet:
            yield endpoint.config, endpoint.fleet, endpoint.launched, traffic < 1
        if change and change.kind in ("create", "update"):
            launched = endpoints.launched(change)
            if now >= launched:
                yield change.config, change.fleet, launched, traffic > 0

    def _lines(
        self, config: str, since: float, seen: float, now: float, serves: bool, chance: random.Random
    ) -> Iterator[Line]:
        symptom = self.symptoms.get(config)
        if seen <= since:
            yield from starting(since, chance, loads=not (symptom and symptom.at_start))
        if not serves and not (symptom and symptom.at_start):
            return
        every_s = RETRY_EVERY_S if symptom and symptom.at_start else REQUEST_EVERY_S
        every_s = max(LEAST_GAP_S, self._region.world.clock.real(every_s))
        at = max(seen, since + 2) + chance.random() * every_s
        while at < now:
            pid = 20 + chance.randrange(4)
            fails = symptom is not None and (symptom.at_start or chance.random() < max(LEAST_LOGGED, symptom.share))
            if symptom and fails:
                yield at, symptom.traceback.format(stamp=stamp(at), pid=pid)
            if not (symptom and symptom.at_start):
                yield at, access(at, 500 if fails else 200, chance)
            at += every_s * (0.5 + chance.random())


def _streams(arn: str, fleet: Fleet, launched: float) -> Iterator[tuple[Variant, int, str]]:
    """Instances of another deployment are others, also when the config is the same."""
    for variant in fleet:
        for index in range(min(SHOWN_INSTANCES, variant.instances or 1)):
            digest = hashlib.sha256(f"{arn}/{launched:.0f}/{variant.name}/{index}".encode()).hexdigest()
            yield variant, index, f"{variant.name}/i-0{digest[:16]}"
