"""What containers write: starting, answering, and failing in the way that a behaviour declares."""

from __future__ import annotations

import datetime as dt
import math
import random
from collections.abc import Iterator, Sequence

import numpy as np

from console.world.logs import Line
from console.world.traffic.behaviour import Behaviour
from console.world.traffic.demand import Workload
from console.world.traffic.model import leak_pace, leak_span

FAILED = """[{stamp}] [{pid}] [ERROR] Exception on /invocations [POST]
Traceback (most recent call last):
  File "/opt/program/serve.py", line 92, in invocations
    scores = model.predict(frame)
  File "/opt/program/predictor.py", line 58, in predict
    return self.booster.predict(matrix)
ValueError: Input contains NaN"""
REJECTED = "[{stamp}] [{pid}] [WARNING] 400 Bad Request: required property 'amount' is missing from the payload"


def troubled(at: float, text: str, troubles: Sequence[Behaviour], chance: random.Random) -> Iterator[Line]:
    """An answered request's line, and what the container said before it."""
    pid, status = 20 + chance.randrange(4), 0
    for one in troubles:
        dependency_ms = (one.dependency_us + one.dependency_us_per_host) / 1000.0
        if dependency_ms and chance.random() < 0.4:
            took = dependency_ms * (0.8 + 0.4 * chance.random())
            yield at, f"[{stamp(at)}] [{pid}] [WARNING] feature store answered after {took:.0f} ms"
        if status:
            continue
        drawn = chance.random()
        if drawn < one.errors:
            status = 500
        elif drawn < one.errors + one.bad_requests:
            status = 400
        if status:
            yield at, (one.says or (FAILED if status == 500 else REJECTED)).format(stamp=stamp(at), pid=pid)
    yield at, access(at, status, chance) if status else text


def killed(
    work: Workload, one: Behaviour, hosts: int, index: int, begin: float, end: float, speed: float
) -> Iterator[Line]:
    """The workers of instance `index` that ran out of memory in [begin, end), when the metrics say so."""
    if one.memory_per_hour <= 0 or end <= begin:
        return
    pace = float(leak_pace(work, hosts, np.array([index]), one.memory_per_hour, speed)[0])
    every_s, recycled = leak_span(work) / pace, one.recycled_s / speed
    early, late = (0, 0) if math.isinf(recycled) else (int((at - one.since) // recycled) for at in (begin, end))
    for round_ in range(early, late + 1):
        start = one.since + (round_ * recycled if round_ else 0.0)
        if round_ and begin < start <= end:
            yield start, f"[{stamp(start)}] [20] [INFO] Autorestarting worker after current request."
        first, last = max(begin, start), min(end, start + recycled)
        for death in range(int((first - start) // every_s) + 1, int((last - start) // every_s) + 1):
            at, pid = start + death * every_s, 20 + death % 4
            yield at, f"[{stamp(at)}] [1] [ERROR] Worker (pid:{pid}) was sent SIGKILL! Perhaps out of memory?"
            yield at + 0.2, f"[{stamp(at)}] [{pid + 4}] [INFO] Booting worker with pid: {pid + 4}"


def starting(at: float, chance: random.Random, loads: bool) -> Iterator[Line]:
    load_ms = chance.randrange(900, 6400)
    yield at - 1.2, "Starting the inference server with 4 workers."
    yield at - 1.0, f"[{stamp(at - 1)}] [1] [INFO] Starting gunicorn 23.0.0"
    yield at - 1.0, f"[{stamp(at - 1)}] [1] [INFO] Listening at: unix:/tmp/gunicorn.sock (1)"
    yield at - 0.9, f"[{stamp(at - 1)}] [1] [INFO] Using worker: uvicorn.workers.UvicornWorker"
    for pid in range(20, 24):
        yield at - 0.8, f"[{stamp(at - 1)}] [{pid}] [INFO] Booting worker with pid: {pid}"
    if loads:
        yield at, f"[{stamp(at)}] [20] [INFO] Loaded model from /opt/ml/model/model.txt in {load_ms} ms"


def access(at: float, status: int, chance: random.Random) -> str:
    moment = dt.datetime.fromtimestamp(at, dt.UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
    size = 265 if status == 500 else chance.randrange(18, 480)
    return f'169.254.178.2 - - [{moment}] "POST /invocations HTTP/1.1" {status} {size} "-" "AHC/2.0"'


def stamp(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%d %H:%M:%S +0000")
