"""Running an action and following it: the process that acts is another one, its journal tells how far it is."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from typing import Any

from console.actions.launch import context_flags, last_line, launch_apply, launch_resume
from console.actions.model import Plan
from console.actions.orphans import silence
from console.cli.consent import sign_in
from console.cli.output import write
from console.cli.plans import step_line, timed_line
from console.cli.session import Session
from console.clock import now_ms
from console.errors import Exit, LastgoodError, LedgerError, Refused, UsageError
from console.ledger.journal import TERMINAL
from console.ledger.locks import Locks, action_lock

CODES = {
    "done": Exit.DONE,
    "not_needed": Exit.DONE,
    "failed": Exit.FAILED,
    "refused": Exit.REFUSED,
    "overtaken": Exit.REFUSED,
    "closed": Exit.FAILED,
}
"""How an action's last step ends the command that waits for it."""

START_S = 20.0
"""How long the acting process may take to say its first word: it imports botocore and asks STS."""


def start(
    session: Session, plan: Plan, *, reason: str, ticket: str, unrecorded: bool = False
) -> subprocess.Popen[bytes]:
    """Launch `lastgood apply` after consent. An MFA session goes with it in its environment (clients/lent)."""
    lent = sign_in(session) if plan.calls else None
    return launch_apply(
        session.settings.state_dir,
        session.child_env() | (lent.to_env() if lent else {}),
        plan.id,
        reason=reason,
        ticket=ticket,
        confirm=session.context.name,
        plan=plan,
        unrecorded=unrecorded,
        flags=context_flags(session.context),
    )


def start_again(session: Session, plan: Plan, *, sent: bool) -> subprocess.Popen[bytes]:
    """Launch the process that takes over an action whose own one died."""
    lent = None if sent else sign_in(session)
    env = session.child_env() | (lent.to_env() if lent else {})
    flags = context_flags(session.context)
    return launch_resume(session.settings.state_dir, env, plan.id, confirm=session.context.name, flags=flags)


def begun(session: Session, action: str, process: subprocess.Popen[bytes], after: int = 0) -> None:
    """Return once the action is in the journal. Raises what kept it from beginning."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        if session.ledger.journal.entries(session.scope, action_id=action, after_seq=after):
            return
        if ended:
            _ended(session, action, process)
        time.sleep(0.05)


def follow(
    session: Session,
    action: str,
    process: subprocess.Popen[bytes] | None = None,
    *,
    after: int = 0,
    tell: Callable[[str], None] = write,
) -> int:
    """Print the steps of an action as they are journalled; returns the exit code that its end means.

    Ctrl-C ends the following only. `process` is the acting one if it is our child: its exit code says most.
    """
    seen, told = after, ""
    try:
        while True:
            gone = process.poll() is not None if process else session.ledger.locks.is_free(action_lock(action))
            try:
                news = session.ledger.journal.entries(session.scope, action_id=action, after_seq=seen)
            except LedgerError:  # locked or full: the action goes on, and is read when it can be
                news, gone = [], False
            for entry in news:
                seen = entry.seq
                tell(timed_line(entry.step, entry.body, entry.at, now_ms()))
                if entry.step in TERMINAL:
                    return _code(process, CODES[entry.step])
            if (silent := "" if gone else silence(session.ledger.locks, action)) and not told:
                session.say(f"{silent}; if somebody stopped it, kill -CONT lets it go on")
            told = silent
            if gone:  # looked at before the entries were read: there is nothing more to come
                _ended(session, action, process)
            time.sleep(0.1)
    except KeyboardInterrupt:
        session.say(f"stopped following; the action runs on: lastgood audit {action} tells how it goes")
        return Exit.INTERRUPTED


def wait_aloud(session: Session, process: subprocess.Popen[bytes]) -> int:
    """Follow an unrecorded action: its journal comes on our stderr."""
    try:
        return process.wait()
    except KeyboardInterrupt:
        session.say(f"stopped following; the action runs on as pid {process.pid}; its journal is in syslog")
        return Exit.INTERRUPTED


def _code(process: subprocess.Popen[bytes] | None, code: Exit) -> int:
    """The acting process tells a failure's class (credentials, refused); it ends right after its last step."""
    if process is None:
        return code
    try:
        found = process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        return code
    return found if found > 0 and code else code


def _ended(session: Session, action: str, process: subprocess.Popen[bytes] | None) -> None:
    """The acting process is gone and the journal has no end. Raises what it said."""
    code = process.returncode if process else Exit.FAILED
    said = last_line(session.settings.state_dir, action)
    if code < 0:
        raise LastgoodError(
            f"the process that ran {action} was killed (signal {-code})", advice=f"lastgood resume {action}"
        )
    error = LastgoodError(said or f"action {action} ended without a word", advice="" if said else "lastgood resume")
    error.exit_code = Exit(code) if code in set(Exit) and code else Exit.FAILED
    raise error


def execute(
    session: Session,
    plan: Plan,
    *,
    reason: str = "",
    ticket: str = "",
    unrecorded: bool = False,
    resume: bool = False,
    poll_s: float | None = None,
) -> int:
    """Do it, here and now, in this process."""
    from console.actions.book import Book
    from console.actions.executor import Executor
    from console.actions.sending import STEPS, Pace
    from console.kinds.registry import verbs

    verb = next((v for v in verbs() if v.id == plan.verb and v.kind == plan.kind), None)
    if verb is None:
        raise UsageError(f"{plan.verb} of a {plan.kind} is not known here", advice="a newer lastgood made this plan")
    if unrecorded and not verb.writes:
        raise Refused(f"{plan.verb} is nothing but its record: it cannot be done without a ledger")
    session.endure()  # an action is observed to its end, however long AWS is silent meanwhile
    desk = session.desk(verb)
    book = Book(session.ledger, plan.scope, plan.id, now=desk.now, unrecorded=unrecorded, say=_say)
    pace = Pace(poll_s=poll_s, unclear_s=12 * poll_s) if poll_s else Pace()
    executor = Executor(desk, verb.deed(), book, _locks(session, unrecorded), pace=pace)
    end = executor.resume(plan) if resume else executor.apply(plan, reason=reason, ticket=ticket)
    with contextlib.suppress(LedgerError):  # a sweep that was under way may write what was before: it looks again
        session.ledger.interest.tell(plan.scope, {}, at=now_ms(), fresh=[plan.kind])
    return int(CODES[STEPS[end.stage]])


def _say(step: str, body: Mapping[str, Any]) -> None:
    """Unbuffered, and never the end of an action: the disk under the log may be full, the terminal closed."""
    with contextlib.suppress(OSError):
        os.write(1, f"{step_line(step, body)}\n".encode("utf-8", "replace"))


def _locks(session: Session, unrecorded: bool) -> Locks:
    """The ledger's; where not even a lock can be made beside it, a private folder of this user on this host."""
    import tempfile
    from pathlib import Path

    locks = session.ledger.locks
    if not unrecorded:
        return locks
    try:
        with locks.hold("probe"):
            return locks
    except (OSError, LedgerError):
        folder = Path(tempfile.gettempdir()) / f"lastgood-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.lstat().st_uid != os.getuid() or folder.is_symlink():
            raise LedgerError(
                f"{folder} belongs to somebody else", advice="set TMPDIR to a folder of your own"
            ) from None
        return Locks(folder)
