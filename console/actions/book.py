"""The journal as the executor of one action writes it, also when the ledger cannot be written."""

from __future__ import annotations

import contextlib
import os
import syslog
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from console.actions.progress import Progress, progress
from console.clock import Millis
from console.errors import LedgerError, Refused
from console.ledger.store import Ledger

UNRECORDED = "or act unrecorded with --unrecorded (the journal goes to stderr and syslog)"


class Book:
    """Appends the steps of one action. `unrecorded` is the operator's consent to act without a ledger: the journal
    then goes to stderr and syslog, and to the ledger if it can."""

    def __init__(
        self,
        ledger: Ledger,
        scope: str,
        action: str,
        *,
        now: Callable[[], Millis],
        unrecorded: bool = False,
        say: Callable[[str, Mapping[str, Any]], None] = lambda step, body: None,
    ) -> None:
        self._ledger, self._scope, self._action = ledger, scope, action
        self._now, self.unrecorded, self._say = now, unrecorded, say
        self._began = False

    def write(self, step: str, body: Mapping[str, Any]) -> None:
        """Durable when it returns. Raises Refused if the first step cannot be recorded and that was not consented to.

        Once an action has begun it goes on: what the ledger cannot take goes to stderr and syslog.
        """
        aloud = self.unrecorded
        try:
            self._ledger.journal.append(self._scope, self._action, step, dict(body), self._now())
        except LedgerError as error:
            if not self.unrecorded and not self._began:
                advice = f"{error.advice}; {UNRECORDED}"
                raise Refused(f"the journal cannot be written: {error.message}", advice=advice) from error
            aloud = True
        if aloud:
            _tell(f"lastgood {self._action} {step} {msgspec.json.encode(body, enc_hook=str).decode()}")
        self._began = True
        self._say(step, body)

    def progress(self) -> Progress:
        """As far as the ledger can tell. Raises LedgerError only where acting without a ledger was not consented to."""
        try:
            entries = self._ledger.journal.entries(self._scope, action_id=self._action)
        except LedgerError:
            if not self.unrecorded:
                raise
            return Progress()
        found = progress((e.step, e.body) for e in entries)
        self._began = self._began or found.began
        return found


def _tell(line: str) -> None:
    """To stderr and syslog. Neither may end an action: the terminal may be closed, the disk under a log full."""
    with contextlib.suppress(OSError):
        os.write(2, f"{line}\n".encode("utf-8", "replace"))
    with contextlib.suppress(OSError, ValueError):
        syslog.syslog(syslog.LOG_NOTICE, line)
