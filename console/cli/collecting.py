"""`lastgood collect`: the collector as a process, under a console or headless."""

from __future__ import annotations

import os
import signal
import threading

from console.cli.session import Session
from console.clock import now_ms
from console.collector.beat import BEAT
from console.errors import CredentialsError, LastgoodError, LedgerError, Refused, Throttled, Unreachable
from console.kinds.registry import KINDS
from console.ledger.locks import Held, collector_lock
from console.text import count

AGAIN_S = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds between attempts to sign in: credentials are renewed and networks come back while nobody restarts us."""


def collect_once(session: Session) -> None:
    """One sweep of every source. Raises Refused while another collector is at work."""
    session.endure()
    name = collector_lock(session.identity.scope)
    held = session.ledger.locks.acquire(name, "collect once")
    if held is None:
        holder = session.ledger.locks.holder(name)
        who = f"process {holder.pid}" if holder else "another process"
        raise Refused(f"{who} collects already", advice="lastgood get KIND --fresh asks it to look now")
    try:
        collector = session.collector(KINDS)
        errors = collector.once()
    finally:
        held.release()
    for source, error in errors.items():
        session.say(f"{source}: {error.message}{f' — {error.advice}' if error.advice else ''}")
    session.say(f"{count(len(collector.tasks) - len(errors), 'source')} read, {count(collector.seen, 'record')}")
    if len(errors) == len(collector.tasks):
        raise next(iter(errors.values()))


def collect_for_ever(session: Session, *, parent: int = 0, scope: str = "", pace: float = 1.0) -> None:
    """Collect until SIGTERM, SIGINT or SIGHUP, waiting while another process does.

    `parent`: the console whose child this is; it ends with it, and at once if another console's child was faster.
    `scope` is what that console shows: other credentials' is not collected in its place.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    session.endure()
    known = session.unconfirmed
    wanted = scope or (known.scope if known else session.identity.scope)
    # The lock comes before boto3: of five consoles' children four end within a tenth of a second.
    held = _take(session, wanted, stop, parent)
    if held is None:
        return
    try:
        found = _sign_in(session, wanted, stop, held, parent)
        if found and found != wanted:
            if scope:
                raise Refused(f"the credentials belong to {found}, not to {scope}", advice="start the console again")
            held.release()
            held = _take(session, found, stop, parent)
        if not found or held is None:
            return
        if not parent:
            session.say(f"collecting {found} as {session.identity.user}")
        collector = session.collector(KINDS, pace=pace)

        def alive() -> None:
            if held is not None:
                held.beat()
            if (parent and os.getppid() != parent) or (held is not None and held.lost):
                stop.set()  # the console was killed; another one starts its own

        collector.run(stop, alive)
        if held.lost:
            # Started again, it signs in, and remembers in the new folder who we are: consoles wait for that.
            raise LedgerError(f"{session.settings.state_dir} was removed meanwhile", advice="start the collector again")
    finally:
        if held is not None:
            held.release()


def _take(session: Session, scope: str, stop: threading.Event, parent: int) -> Held | None:
    """The lock of the scope; None when stopped, or for a child when somebody else has it."""
    locks, name, told = session.ledger.locks, collector_lock(scope), False
    while not stop.is_set():
        held = locks.acquire(name, "collect")
        if held is not None or parent:
            return held
        if not told:
            holder = locks.holder(name)
            session.say(f"{f'process {holder.pid}' if holder else 'another process'} collects; waiting to take over")
            told = True
        stop.wait(0.5)
    return None


def _sign_in(session: Session, scope: str, stop: threading.Event, held: Held, parent: int) -> str:
    """The scope of our credentials by STS, however long that takes; empty when stopped.

    What keeps us from signing in is kept as the state of the collector, so that consoles can say it. Raises
    CredentialsError where only a new process can help.
    """
    for attempt in range(1_000_000):
        try:
            return session.identity.scope
        except (CredentialsError, Unreachable, Throttled) as error:
            if isinstance(error, CredentialsError) and not error.resumes:
                raise
            _tell(session, scope, error)
            if not attempt:
                session.say(f"{error.message}{f' — {error.advice}' if error.advice else ''}; trying again")
        pause = AGAIN_S[min(attempt, len(AGAIN_S) - 1)]
        for _ in range(round(pause / 0.5)):
            held.beat()
            if stop.wait(0.5) or (parent and os.getppid() != parent):
                return ""
    return ""


def _tell(session: Session, scope: str, error: LastgoodError) -> None:
    code = getattr(error, "code", "") or type(error).__name__
    try:
        session.ledger.coverage.fail(scope, BEAT, now_ms(), code, error.message)
    except LastgoodError as failed:
        session.say(failed.message)
