"""`lastgood wait`: until something has settled as a script expects. "InService" alone is never success."""

from __future__ import annotations

import time
from typing import Any

from console.cli.session import Session
from console.clock import Millis, now_ms
from console.errors import CredentialsError, Exit, LastgoodError, NotFound, TimedOut, UsageError
from console.kinds.base import Kind
from console.text import echoed

POLL_S = 2.0
CONDITIONS = {
    "endpoint": ("settled", "config=NAME", "status=WORD", "gone"),
    "execution": ("settled", "ended", "succeeded", "status=WORD", "gone"),
}
"""What a kind can be waited for. An endpoint does not end or succeed: it settles, on a config."""


def wait_for(session: Session, kind: Kind, name: str, condition: str, timeout_ms: int) -> int:
    """0 when the condition came true, 1 when it cannot any more. Raises TimedOut, NotFound, UsageError."""
    if kind.id not in CONDITIONS:
        raise UsageError(f"{kind.plural} do not settle", advice="wait for an endpoint or an execution")
    key, equals, value = condition.partition("=")
    if not any(form.partition("=")[:2] == (key, equals) for form in CONDITIONS[kind.id]) or bool(equals) != bool(value):
        advice = f"of an {kind.id} one of {', '.join(CONDITIONS[kind.id])}"
        raise UsageError(f"--for {echoed(condition)!r}", advice=advice)
    deadline: Millis = now_ms() + timeout_ms
    told = ""
    while True:
        try:
            session.ledger.interest.tell(session.scope, {kind.id: [name]}, at=now_ms(), fresh=[kind.id])
            session.failed.clear()
            session.renew()
            session.freshen(kind, force=True)  # the kind's own source alone: the others may be minutes old
            if failed := session.failed.get(kind.sources[0]) or session.failed.get("context"):
                raise failed  # what the ledger had before is no answer to a question about now
            found = kind.views(session.snapshot(), [name])
            if not found:
                if key == "gone":
                    return Exit.DONE
                raise NotFound(f"no {kind.id} {echoed(name)}", advice=f"lastgood get {kind.plural} lists them")
            state, words = _state(kind, found[0], key, value)
            if state is not None:
                session.say(f"{name}: {words}")
                return Exit.DONE if state else Exit.FAILED
            if words != told:
                session.say(f"{name}: {words}")
                told = words
        except NotFound:
            raise
        except LastgoodError as error:
            if error.exit_code == Exit.USAGE or (isinstance(error, CredentialsError) and not error.resumes):
                raise
            told = error.message
        if now_ms() >= deadline:
            raise TimedOut(f"{name}: not {condition} in time; {told}")
        time.sleep(POLL_S)


def _state(kind: Kind, view: Any, key: str, value: str) -> tuple[bool | None, str]:
    """(came true / cannot any more / not yet, words)."""
    words = view.verdict.words
    if kind.id == "execution":
        run = view.execution
        if key == "status":
            return (True if run.status == value else (False if run.ended else None)), f"{run.status}, {words}"
        if key == "succeeded":
            return (run.status == "Succeeded" if run.ended else None), f"{run.status}, {words}"
        return (True if run.ended else None), f"{run.status}, {words}"
    e = view.endpoint
    if key == "config":
        if not e.moving:
            return e.config == value and e.status == "InService", f"{e.status} on {e.config}"
        return None, words
    if key == "status":
        return (True if e.status == value else None), f"{e.status} on {e.config}"
    return (None if e.moving else True), f"{e.status} on {e.config}"
