"""The one executor: it locks, looks again, writes ahead, sends each call once, and believes nothing but observation.

It runs in a process and session of its own (`lastgood apply`), so that a dropped SSH connection never cuts an action
in half; who wants to follow reads the journal. The rules are DESIGN.md sections 3 and 4.
"""

from __future__ import annotations

import getpass
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

import msgspec

from console.actions.book import Book
from console.actions.locked import Locked
from console.actions.model import Call, Plan, Sighting, Stage
from console.actions.progress import Progress
from console.actions.sending import STEPS, TRIES, Again, Pace, Sender
from console.actions.verb import Deed, Desk, Stepwise
from console.clock import MINUTE, clock_time
from console.errors import (
    CredentialsError,
    LastgoodError,
    LedgerError,
    NotFound,
    Refused,
    SourceError,
    TimedOut,
)
from console.ledger.locks import Locks


class Executor:
    """Applies plans. `pace` and `sleep` are given by tests."""

    def __init__(
        self,
        desk: Desk,
        deed: Deed,
        book: Book,
        locks: Locks,
        *,
        pace: Pace | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.desk, self.deed, self.book, self.locks = desk, deed, book, locks
        self._pace, self._rest = pace or Pace(), sleep
        self._lock: Locked | None = None
        self._sender = Sender(desk, deed, book, self._pace, self._sleep)

    def apply(self, plan: Plan, *, reason: str = "", ticket: str = "") -> Sighting:
        """Do it and verify it. Returns the terminal sighting; raises Refused before anything was written."""
        if plan.refused:
            raise Refused("; ".join(f"{c.check}: {c.detail}" for c in plan.refused), advice="mend it, then plan again")
        if plan.scope != self.desk.scope:
            raise Refused(f"the plan is for {plan.scope}, this is {self.desk.scope}", advice="choose its context")
        self.desk.confirm()
        with self._locked(plan):
            if self.book.progress().began:
                advice = f"lastgood audit {plan.id} tells its outcome"
                raise Refused(f"plan {plan.id} was applied already", advice=advice)
            self._in_time(plan, plan.starts_at or self.desk.now())
            self.book.write(
                "intent",
                {
                    "plan": msgspec.to_builtins(plan),
                    "reason": reason,
                    "ticket": ticket,
                    "by": self.desk.identity,
                    "at": f"{_user()}@{socket.gethostname()}",
                    "pid": os.getpid(),
                },
            )
            return self._to_end(plan, lambda: self._go(plan))

    def resume(self, plan: Plan) -> Sighting:
        """Go on where a dead executor stopped: what was sent is observed, never sent again unless its token allows.

        What still waits in its queue may only go on after consent: that is the caller's to ask.
        """
        with self._locked(plan):
            done = self.book.progress()
            if not done.began:
                raise NotFound(f"no action {plan.id} has begun", advice="lastgood audit lists them")
            if done.ended:
                advice = f"lastgood audit {plan.id} tells all of it"
                raise Refused(f"{plan.id} is closed already: {done.ended}, {done.words}", advice=advice)
            # A token's call may go out again, and so may anything that was not sent.
            if len(done.answers) < len(plan.calls) or done.stopped:
                self.desk.confirm()
            self.book.write("note", {"words": f"taken over by pid {os.getpid()}", "by": self.desk.identity})
            return self._to_end(plan, lambda: self._finish(plan, done, resumed=True) if done.sent else self._go(plan))

    def _locked(self, plan: Plan) -> Locked:
        self._lock = Locked(self.locks, plan)
        return self._lock

    def _sleep(self, seconds: float) -> None:
        """Between two looks. What follows the action hears that this process is alive, though it has nothing to say."""
        if self._lock is not None:
            self._lock.beat()
        self._rest(seconds)

    def _to_end(self, plan: Plan, do: Callable[[], Sighting]) -> Sighting:
        """Journals how it ended. What ended without being observed is left open: the next console closes it."""
        try:
            end = do()
        except (TimedOut, LedgerError) as error:
            self.book.write("note", {"words": f"left open: {error.message}", "advice": error.advice})
            raise
        except LastgoodError as error:
            step = "refused" if isinstance(error, Refused) else "failed"
            self.book.write(step, {"words": error.message, "advice": error.advice})
            raise
        except Exception as error:
            self.book.write("note", {"words": f"left open: {type(error).__name__} in lastgood itself"})
            raise
        if end.stage is Stage.DONE:
            self.deed.keep(self.desk, plan)
        self.book.write(STEPS[end.stage], {"words": end.words})
        return end

    def _go(self, plan: Plan) -> Sighting:
        """Wait for its turn, then send and verify. Whatever delays the sending, the subject is looked at again."""
        for tries in count(1):
            seen = self._await("queued", lambda: self._ready(plan), {Stage.WAIT})
            if seen.stage is Stage.FAILED:
                raise Refused(seen.words, advice="nothing was changed; mend it, then plan again")
            if seen.stage is not Stage.GO:
                return seen
            self.book.write("ready", {"words": seen.words, "mark": seen.mark})
            try:
                return self._finish(plan, Progress(mark=seen.mark))
            except Again as again:
                if tries >= TRIES:
                    raise again.error from None
                self._sender.rest(tries)
        raise AssertionError("unreachable")

    def _ready(self, plan: Plan) -> Sighting:
        seen = self.deed.ready(self.desk, plan)
        if seen.stage is Stage.WAIT:
            self._in_time(plan, self.desk.now() + MINUTE)
        elif seen.stage is Stage.GO:
            before = self.desk.identity
            self.desk.confirm()
            if self.desk.identity != before:
                self.book.write("note", {"words": f"acts as {self.desk.identity} by now", "by": self.desk.identity})
        return seen

    def _in_time(self, plan: Plan, starts_at: int) -> None:
        """Nothing is queued past the end of the acting credentials. Raises Refused."""
        ends = self.desk.acting_ends
        if plan.calls and ends is not None and ends <= starts_at:
            until = clock_time(ends, self.desk.now())
            words = f"the acting credentials end {until}, before {plan.settle or 'it can start'}"
            raise Refused(f"{words}: nothing was sent", advice="sign in again, then plan again")

    def _finish(self, plan: Plan, done: Progress, *, resumed: bool = False) -> Sighting:
        if done.stopped:
            return self._restore(plan, done.stopped, done)
        answers: list[Mapping[str, Any]] = []
        answered: list[int] = []
        mark = done.mark
        steps = self.deed if isinstance(self.deed, Stepwise) and len(plan.calls) > 1 else None
        for n, call in enumerate(plan.calls):
            if n in done.answers:
                answers.append(done.answers[n])
                answered.append(done.answered.get(n, 0))
                continue
            if n in done.sent and not call.token:
                found = self._sender.look_for(plan, call, mark)
            elif n and steps is not None:
                if resumed:
                    # Consent was to steps that follow each other; nobody watched what came of the last one.
                    words = f"its process died after step {n} of {len(plan.calls)}: the rest was not sent"
                    return Sighting(Stage.FAILED, f"{words}; undo: {plan.inverse}")
                seen = self._between(plan, steps, mark, answered)
                if seen.stage is not Stage.GO:
                    return seen
                mark = seen.mark
                found = self._sender.send_surely(plan, n, call, mark)
            else:
                found = self._sent(plan, n, call, mark)
            if isinstance(found, Sighting):
                return found
            answers.append(found)
            answered.append(self.desk.now())
            self.book.write("answer", {"call": n, "answer": _plain(found), "answered_at": answered[-1]})
        if steps is not None and (seen := self._between(plan, steps, mark, answered)).stage is not Stage.GO:
            return seen
        return self._await("verifying", lambda: self.deed.verify(self.desk, plan, mark, answers),
                           {Stage.WAIT, Stage.GO})  # fmt: skip

    def _sent(self, plan: Plan, n: int, call: Call, mark: str) -> Mapping[str, Any] | Sighting:
        try:
            return self._sender.send(plan, n, call, mark)
        except Again as again:
            # What came before it changed the subject already: there is no going back to look whether it may.
            raise (again if n == 0 else again.error) from None

    def _between(self, plan: Plan, steps: Stepwise, mark: str, answered: Sequence[int]) -> Sighting:
        """Watch what came of the last call. GO, or how it ended; a step that must not stay is taken back first."""
        seen = self._await("watching", lambda: steps.between(self.desk, plan, mark, answered), {Stage.WAIT})
        if seen.stage is Stage.GO:
            self.book.write("ready", {"words": seen.words, "mark": seen.mark})
        elif seen.stage is Stage.FAILED and plan.restore:
            self.book.write("stopped", {"words": seen.words})
            return self._restore(plan, seen.words, Progress())
        return seen

    def _restore(self, plan: Plan, why: str, done: Progress) -> Sighting:
        """Send what brings back the state before the plan. It failed at any rate; the words say how it is left."""
        steps = self.deed
        assert isinstance(steps, Stepwise)

        def look(mark: str) -> Sighting:
            return self._await("restoring", lambda: steps.restored(self.desk, plan, mark), {Stage.WAIT})

        try:
            seen = look("")
            for n, call in enumerate(plan.restore, len(plan.calls)):
                if seen.stage is not Stage.FAILED or n in done.answers:
                    break
                before = seen.mark
                again = n in done.sent and not call.token
                found = (
                    self._sender.look_for(plan, call, before) if again
                    else self._sender.send_surely(plan, n, call, before)
                )  # fmt: skip
                if isinstance(found, Sighting):
                    return Sighting(Stage.FAILED, f"{why}; NOT restored: {found.words}")
                self.book.write("answer", {"call": n, "answer": _plain(found), "answered_at": self.desk.now()})
                seen = look(before)
        except SourceError as error:
            return Sighting(Stage.FAILED, f"{why}; NOT restored: {error.message} — {plan.inverse}")
        state = "" if seen.stage is Stage.DONE else "NOT restored: "
        return Sighting(Stage.FAILED, f"{why}; {state}{seen.words}")

    def _await(self, step: str, look: Callable[[], Sighting], go_on: set[Stage]) -> Sighting:
        """Observe until the stage leaves `go_on`. A source that fails meanwhile is waited out, and said once."""
        deadline = self.desk.now() + self._pace.patience_s * 1000
        lost_at: int | None = None
        told = ""
        for looks in count():
            now = self.desk.now()
            try:
                seen = look()
                if seen.stage not in go_on:
                    return seen
                lost_at = None
                words = f"{seen.words}{f': {seen.phase}' if seen.phase and seen.phase not in seen.words else ''}"
            except (SourceError, LedgerError) as error:
                words = f"cannot look: {error.message}"
                if isinstance(error, CredentialsError) and not error.resumes:
                    lost_at = now if lost_at is None else lost_at
                    if now - lost_at >= self._pace.unclear_s * 1000:
                        self._give_up(step, error)
            if words != told:
                self.book.write(step, {"words": words})
                told = words
            if now >= deadline:
                raise TimedOut(f"still {words}", advice="lastgood resume goes on watching")
            self._sleep(self._pace.rest_s(looks))
        raise AssertionError("unreachable")

    def _give_up(self, step: str, error: CredentialsError) -> None:
        """This process can never get other credentials: holding its subject's lock for hours would help nobody."""
        if step == "queued":
            words = f"{error.message} while it waited: nothing was sent"
            raise Refused(words, advice=f"{error.advice}; then plan again")
        raise TimedOut(f"{error.message}, its end was not observed", advice=f"{error.advice}; then lastgood resume")


def _plain(answer: Mapping[str, Any]) -> dict[str, Any]:
    """An answer as JSON data, without the SDK's metadata."""
    kept = {k: v for k, v in answer.items() if k != "ResponseMetadata"}
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(kept, enc_hook=str))
    return plain


def _user() -> str:
    """Who runs this on the host; in a container a uid may have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
