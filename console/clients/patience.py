"""How long a command waits for an AWS that does not answer: packets dropped by a firewall, or a byte now and then.

The SDK's own timeouts do not end that. They hold for one read of a socket, begin anew for every attempt and every
call, and a byte a second resets them: a first `get endpoints` behind a dropping firewall took 136 s.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any

from console.clients.errors import NEVER_SENT, unanswered
from console.errors import Unreachable

LEAST_S = 3.0
"""What a call to a service is allowed although others have used the patience up: it may be the one that answers."""

DEAD_S = 10.0
"""How long a service that cannot be reached is not tried again: four lists fail for one cause, and at once."""

LOOK_S = 0.25

_SILENT = NEVER_SENT | {"Unanswered", "SSLError"}


class _Job:
    """One call, in a thread that is left behind if nothing answers it."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self.done = threading.Event()
        self.resting = False
        self.answer: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.answer = self._call()
        except BaseException as error:
            self.error = error
        self.done.set()


class Patience:
    """`limit_s` of silence in all, shared by the services of a command; an answer gives a service's share back.

    Only for reads: what is left behind may still arrive. Thread-safe.
    """

    def __init__(self, limit_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit_s, self._clock = limit_s, clock
        self._lost: dict[str, float] = {}
        self._dead: dict[str, tuple[float, Unreachable]] = {}
        self._workers: list[queue.SimpleQueue[_Job | None]] = []
        self._here = threading.local()

    def renew(self) -> None:
        """Begin anew: a command that looks again and again is patient with each look."""
        self._lost, self._dead = {}, {}

    def close(self) -> None:
        """End the threads that send; a later call makes its own."""
        for worker in self._workers:
            worker.put(None)
        self._workers, self._here = [], threading.local()

    def left_s(self, service: str) -> float:
        """For the next call to it: what silence has not used up, and a little for one that was not tried yet."""
        return max(LEAST_S, self._limit_s - sum(self._lost.values()))

    def call(self, operation: str, call: Callable[[], Any]) -> Any:
        """Its answer. Raises Unanswered, and whatever the call raises. `operation` is `service:Operation`."""
        service = operation.partition(":")[0]
        if (dead := self._dead.get(service)) and self._clock() - dead[0] < DEAD_S:
            raise copy(dead[1])
        allowed, silent = self.left_s(service), 0.0
        job = _Job(call)
        self._worker().put(job)
        began = seen = self._clock()
        while not job.done.wait(min(LOOK_S, max(0.0, allowed - silent))):
            now = self._clock()
            # Who waits for our own budget does not wait for AWS.
            silent += 0.0 if job.resting else now - seen
            seen = now
            if silent >= allowed:
                self._worker().put(None)  # it is busy with what nobody waits for any more, and then not needed
                self._here.worker = None
                job.error = unanswered(operation, silent)
                break
        if isinstance(job.error, Unreachable) and job.error.code in _SILENT:
            self._lost[service] = self._lost.get(service, 0.0) + self._clock() - began
            self._dead[service] = self._clock(), job.error
        else:
            self._lost.pop(service, None)
        if job.error is not None:
            raise job.error
        return job.answer

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Around what is no silence of AWS, in the thread of a call."""
        job: _Job | None = getattr(self._here, "job", None)
        if job is None:
            yield
            return
        job.resting = True
        try:
            yield
        finally:
            job.resting = False

    def _worker(self) -> queue.SimpleQueue[_Job | None]:
        """The thread that sends for the calling one: made once, not for every call."""
        worker: queue.SimpleQueue[_Job | None] | None = getattr(self._here, "worker", None)
        if worker is None:
            worker = self._here.worker = queue.SimpleQueue()
            self._workers.append(worker)
            threading.Thread(target=self._work, args=(worker,), name="calls", daemon=True).start()
        return worker

    def _work(self, jobs: queue.SimpleQueue[_Job | None]) -> None:
        while (job := jobs.get()) is not None:
            self._here.job = job
            job.run()
