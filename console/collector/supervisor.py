"""Keeps a collector alive: starts one where none is, at once after a kill, and replaces one that hangs."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence

from console.clock import SECOND, now_ms
from console.collector.collector import BEAT, BEAT_S
from console.ledger.locks import Locks, collector_lock
from console.ledger.store import Ledger

HUNG_MS = round(4 * BEAT_S * SECOND)
"""A beat older than this while the lock is held: the process hangs (or is stopped), and is replaced."""

LOOK_S = 0.5
RESTARTS = (0.0, 1.0, 2.0, 5.0, 15.0, 60.0)
"""Seconds to wait before the n-th start within ten minutes."""


class Supervisor:
    """Runs in a thread of the console. Every console has one; the lock decides whose child collects."""

    def __init__(
        self, ledger: Ledger, locks: Locks, scope: str, argv: Sequence[str] = (), env: Mapping[str, str] | None = None
    ) -> None:
        self._ledger, self._locks, self._scope = ledger, locks, scope
        self._argv = list(argv) or [sys.executable, "-m", "console", "collect", "--child"]
        self._env = dict(env) if env is not None else None
        self._child: subprocess.Popen[bytes] | None = None
        self._starts: list[float] = []
        self._stop = threading.Event()
        self._held_since: float | None = None

    def start(self) -> None:
        threading.Thread(target=self._run, name="supervisor", daemon=True).start()

    def stop(self) -> None:
        """End our own child, if we have one: another console's supervisor takes over at once."""
        self._stop.set()
        if self._child and self._child.poll() is None:
            self._child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(timeout=3)

    def _run(self) -> None:
        while not self._stop.wait(LOOK_S):
            with contextlib.suppress(Exception):  # looking after the collector must outlive any one failed look
                self.look()

    def look(self) -> None:
        """One look: start a collector if there is none, replace it if it hangs."""
        name = collector_lock(self._scope)
        if self._locks.is_free(name):
            self._held_since = None
            if self._child is None or self._child.poll() is not None:
                self._spawn()
            return
        now = time.monotonic()
        self._held_since = self._held_since or now
        state = self._ledger.coverage.states(self._scope).get(BEAT)
        beaten = state.at if state and state.at else 0
        # One that has just begun has not beaten yet.
        if now_ms() - beaten > HUNG_MS and (now - self._held_since) * SECOND > HUNG_MS:
            holder = self._locks.holder(name)
            if holder is not None and holder.pid != os.getpid():
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(holder.pid, signal.SIGKILL)
                self._held_since = None

    def _spawn(self) -> None:
        now = time.monotonic()
        self._starts = [at for at in self._starts if now - at < 600]
        wait = RESTARTS[min(len(self._starts), len(RESTARTS) - 1)]
        if self._starts and now - self._starts[-1] < wait:
            return
        self._starts.append(now)
        self._child = subprocess.Popen(
            self._argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self._env,
        )
