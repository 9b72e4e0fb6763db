"""Keeps a collector alive: starts one where none is, at once after a kill, and replaces one that hangs."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from console.clock import SECOND
from console.collector.beat import BEAT_S
from console.ledger.locks import Locks, collector_lock
from console.process import environment, own

HUNG_MS = round(4 * BEAT_S * SECOND)
"""A beat that stands still for so long while the lock is held: the process hangs (or is stopped), and is replaced.
Told by this process's own monotonic clock, so that a suspended host finds nobody late."""

LOOK_S = 0.5
RESTARTS = (0.0, 1.0, 2.0, 5.0, 15.0, 60.0)
"""Seconds to wait before the n-th start, counting those of the last ten minutes that ended in failure."""

FORGET_S = 600.0


class Supervisor:
    """Runs in a thread of the console. Every console has one; the lock decides whose child collects."""

    def __init__(
        self,
        locks: Locks,
        scope: str,
        *,
        flags: Sequence[str] = (),
        argv: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        log: Path | None = None,
        hung_ms: int = HUNG_MS,
    ) -> None:
        """`flags` are the context's; `log` gets what the child says. The child collects `scope` and ends with this
        process."""
        collect = own(*flags, "collect", f"--child={os.getpid()}", f"--scope={scope}")
        self._locks, self._name = locks, collector_lock(scope)
        # Its threads parse large answers: glibc would keep the peak of each in an arena of its own.
        env = {"MALLOC_ARENA_MAX": "2", **environment(env)}
        self._argv, self._env, self._log = list(argv) or collect, env, log
        self._hung_s = hung_ms / SECOND
        self._child: subprocess.Popen[bytes] | None = None
        self._failed: list[float] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._beat: tuple[int, float] = (0, 0.0)

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End our own child, if we have one: another console's supervisor takes over at once."""
        self._stop.set()
        if self._thread:
            self._thread.join(timeout=2)  # else it could start one more behind our back
        if self._child and self._child.poll() is None:
            self._child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(timeout=4)
                return
            self._child.kill()
            self._child.wait()

    def _run(self) -> None:
        # The wait comes first: the console is about to paint what the ledger has, and a child would compete with it.
        while not self._stop.wait(LOOK_S):
            with contextlib.suppress(Exception):  # looking after the collector must outlive any one failed look
                self.look()

    def look(self) -> None:
        """One look: start a collector if there is none, replace it if it hangs."""
        now = time.monotonic()
        self._reap(now)
        if self._locks.is_free(self._name):
            self._beat = (0, now)
            if self._child is None and now >= self._next_start():
                self._spawn()
            return
        beat = self._locks.beaten(self._name)
        if beat != self._beat[0]:
            self._beat = (beat, now)
        elif now - self._beat[1] > self._hung_s:
            self._beat = (beat, now)
            holder = self._locks.holder(self._name)
            if holder is not None and holder.pid != os.getpid():
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(holder.pid, signal.SIGKILL)

    def _reap(self, now: float) -> None:
        """An end in failure delays the next start; losing the race for the lock (code 0) does not, nor does a kill."""
        if self._child is None or (code := self._child.poll()) is None:
            return
        self._child = None
        if code > 0:
            self._failed.append(now)

    def _next_start(self) -> float:
        """The moment, by the monotonic clock, from which on a start is due."""
        self._failed = [at for at in self._failed if time.monotonic() - at < FORGET_S]
        return self._failed[-1] + RESTARTS[min(len(self._failed), len(RESTARTS) - 1)] if self._failed else 0.0

    def _spawn(self) -> None:
        out: int = subprocess.DEVNULL
        if self._log is not None:
            with contextlib.suppress(OSError):
                out = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            self._child = subprocess.Popen(
                self._argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=out, env=self._env
            )
        finally:
            if out >= 0:
                os.close(out)
