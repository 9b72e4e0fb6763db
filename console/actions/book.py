"""The journal as the executor of one action writes it, also when the ledger cannot be written."""

from __future__ import annotations

import sys
import syslog
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from console.clock import Millis
from console.errors import LedgerError, Refused
from console.ledger.store import Ledger


class Book:
    """Appends the steps of one action. `unrecorded` is the operator's consent to act without a ledger."""

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
        self._now, self._unrecorded, self._say = now, unrecorded, say
        self._began = False

    def write(self, step: str, body: Mapping[str, Any]) -> None:
        """Durable when it returns. Raises Refused if the first step cannot be recorded and that was not consented to.

        Once an action has begun it goes on: what the ledger cannot take goes to stderr and syslog.
        """
        try:
            self._ledger.journal.append(self._scope, self._action, step, dict(body), self._now())
        except LedgerError as error:
            if not self._unrecorded and not self._began:
                advice = f"{error.advice}; or act unrecorded with --unrecorded (the journal goes to stderr and syslog)"
                raise Refused(f"the journal cannot be written: {error.message}", advice=advice) from error
            line = f"lastgood {self._action} {step} {msgspec.json.encode(body, enc_hook=str).decode()}"
            sys.stderr.write(f"{line}\n")
            syslog.syslog(syslog.LOG_NOTICE, line)
        self._began = True
        self._say(step, body)

    def steps(self, action: str) -> list[tuple[str, dict[str, Any]]]:
        return [(e.step, e.body) for e in self._ledger.journal.entries(self._scope, action_id=action)]
