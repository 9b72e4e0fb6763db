"""What the containers of an endpoint log: starting, serving, and failing in the way of their config."""

from __future__ import annotations

import datetime as dt
import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.world.errors import AwsError
from console.world.logs import Line, LogWriters, write
from console.world.sagemaker.endpoints import Endpoint, Endpoints
from console.world.sagemaker.fleet import Fleet

if TYPE_CHECKING:
    from console.world.world import Region

REMEMBERED_S = 2 * 3600.0
"""How far back a group reaches when it is first read; these are seconds of the modelled service."""
REQUEST_EVERY_S = 12.0
RETRY_EVERY_S = 30.0
LEAST_GAP_S = 0.1
"""Real seconds between two lines, however fast the world runs."""
SHOWN_INSTANCES = 4
"""Streams per variant; nobody reads forty."""


def group_of(endpoint: str) -> str:
    return f"/aws/sagemaker/Endpoints/{endpoint}"


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

    def _catch_up(self, name: str, now: float) -> None:
        try:
            endpoint = self._region.of(Endpoints).get(name)
        except AwsError:
            return  # deleted; what it logged stays
        for config, fleet, since, serves in self._fleets(endpoint, now):
            for stream in _streams(endpoint, fleet, since):
                seen = self._written.get(stream, max(since, now - self._region.world.clock.real(REMEMBERED_S)))
                chance = random.Random(f"{stream}{seen}")
                write(self._region.name, group_of(name), stream, self._lines(config, since, seen, now, serves, chance))
                self._written[stream] = now

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
            yield from _starting(since, chance, loads=not (symptom and symptom.at_start))
        if not serves and not (symptom and symptom.at_start):
            return
        every_s = RETRY_EVERY_S if symptom and symptom.at_start else REQUEST_EVERY_S
        every_s = max(LEAST_GAP_S, self._region.world.clock.real(every_s))
        at = max(seen, since + 2) + chance.random() * every_s
        while at < now:
            pid = 20 + chance.randrange(4)
            fails = symptom is not None and (symptom.at_start or chance.random() < symptom.share)
            if symptom and fails:
                yield at, symptom.traceback.format(stamp=_stamp(at), pid=pid)
            if not (symptom and symptom.at_start):
                yield at, _access(at, 500 if fails else 200, chance)
            at += every_s * (0.5 + chance.random())


def _streams(endpoint: Endpoint, fleet: Fleet, launched: float) -> Iterator[str]:
    """Instances of another deployment are others, also when the config is the same."""
    for variant in fleet:
        for index in range(min(SHOWN_INSTANCES, variant.instances or 1)):
            digest = hashlib.sha256(f"{endpoint.arn}/{launched:.0f}/{variant.name}/{index}".encode()).hexdigest()
            yield f"{variant.name}/i-0{digest[:16]}"


def _starting(at: float, chance: random.Random, loads: bool) -> Iterator[Line]:
    load_ms = chance.randrange(900, 6400)
    yield at - 1.2, "Starting the inference server with 4 workers."
    yield at - 1.0, f"[{_stamp(at - 1)}] [1] [INFO] Starting gunicorn 23.0.0"
    yield at - 1.0, f"[{_stamp(at - 1)}] [1] [INFO] Listening at: unix:/tmp/gunicorn.sock (1)"
    yield at - 0.9, f"[{_stamp(at - 1)}] [1] [INFO] Using worker: uvicorn.workers.UvicornWorker"
    for pid in range(20, 24):
        yield at - 0.8, f"[{_stamp(at - 1)}] [{pid}] [INFO] Booting worker with pid: {pid}"
    if loads:
        yield at, f"[{_stamp(at)}] [20] [INFO] Loaded model from /opt/ml/model/model.txt in {load_ms} ms"


def _access(at: float, status: int, chance: random.Random) -> str:
    moment = dt.datetime.fromtimestamp(at, dt.UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
    size = 265 if status == 500 else chance.randrange(18, 480)
    return f'169.254.178.2 - - [{moment}] "POST /invocations HTTP/1.1" {status} {size} "-" "AHC/2.0"'


def _stamp(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%d %H:%M:%S +0000")
