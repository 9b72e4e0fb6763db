"""The one executor: it locks, looks again, writes ahead, sends each call once, and believes nothing but observation.

It runs in a process and session of its own (`lastgood apply`), so that a dropped SSH connection never cuts an action
in half; who wants to follow reads the journal. The rules are DESIGN.md sections 3 and 4.
"""

from __future__ import annotations

import getpass
import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

import msgspec

from console.actions.book import Book
from console.actions.locked import Locked
from console.actions.model import Call, Plan, Sighting, Stage
from console.actions.progress import Progress
from console.actions.verb import Deed, Desk
from console.clients.errors import InProgress, never_sent
from console.clock import MINUTE, clock_time
from console.errors import (
    CredentialsError,
    LastgoodError,
    LedgerError,
    NotFound,
    Refused,
    SourceError,
    Throttled,
    TimedOut,
    Unreachable,
)
from console.ledger.locks import Locks

TRIES = 6
"""How often a write that was surely not executed is tried again."""

STEPS = {
    Stage.NOT_NEEDED: "not_needed",
    Stage.OVERTAKEN: "overtaken",
    Stage.FAILED: "failed",
    Stage.DONE: "done",
}
"""Terminal stages as journal steps."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between looks, at most: the first ones follow quicker, as most answers show within a second; for how
    long an unclear write is looked for (then it counts as not having happened); for how long queue and verification
    may last each."""

    poll_s: float = 5.0
    unclear_s: float = 60.0
    patience_s: float = 6 * 3600

    def rest_s(self, looks: int) -> float:
        """Seconds to wait after so many looks."""
        return min(self.poll_s, 0.25 * 2.0 ** min(looks, 10))


class _Again(Exception):
    """A call that surely was not executed. It may be sent again, after another look at its subject."""

    def __init__(self, error: SourceError) -> None:
        super().__init__(error.message)
        self.error = error


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
        self._pace, self._sleep = pace or Pace(), sleep

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
            if len(done.answers) < len(plan.calls):
                self.desk.confirm()
            self.book.write("note", {"words": f"taken over by pid {os.getpid()}", "by": self.desk.identity})
            return self._to_end(plan, lambda: self._finish(plan, done) if done.sent else self._go(plan))

    def _locked(self, plan: Plan) -> Locked:
        return Locked(self.locks, plan)

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
            except _Again as again:
                if tries >= TRIES:
                    raise again.error from None
                self._sleep(min(2.0**tries, 4 * self._pace.poll_s))
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

    def _finish(self, plan: Plan, done: Progress) -> Sighting:
        answers: list[Mapping[str, Any]] = []
        for n, call in enumerate(plan.calls):
            if n in done.answers:
                answers.append(done.answers[n])
                continue
            if n in done.sent and not call.token:
                found = self._look_for(plan, call, done.mark)
            else:
                found = self._send(plan, n, call, done.mark)
            if isinstance(found, Sighting):
                return found
            answers.append(found)
            self.book.write("answer", {"call": n, "answer": _plain(found)})
        return self._await(
            "verifying", lambda: self.deed.verify(self.desk, plan, done.mark, answers), {Stage.WAIT, Stage.GO}
        )

    def _send(self, plan: Plan, n: int, call: Call, mark: str) -> Mapping[str, Any] | Sighting:
        """One request leaves this process; only one that carries a token leaves it again after an unclear failure.

        Returns the answer, or how it ended without one. Raises _Again if it surely was not executed.
        """
        service, _, operation = call.operation.partition(":")
        method = getattr(self.desk.writer(service), _snake(operation))
        self.book.write("call", {"call": n, "operation": call.operation, "params": call.params})
        deadline = self.desk.now() + self._pace.unclear_s * 1000
        resends = 0
        while True:
            try:
                answer: Mapping[str, Any] = method(**call.params)
                return answer
            except InProgress as error:
                return self._busy(plan, call, mark, error)
            except SourceError as error:
                if _passes(error) and not resends:
                    self.book.write("again", {"call": n, "words": f"not executed: {error.message}"})
                    # What came before it changed the subject already: there is no going back to look whether it may.
                    raise (_Again(error) if n == 0 else error) from None
                if not (isinstance(error, Unreachable) or _passes(error)) or (never_sent(error) and not resends):
                    raise
                self.book.write("unclear", {"call": n, "words": error.message, "code": error.code})
            if not call.token:
                return self._look_for(plan, call, mark)
            if self.desk.now() >= deadline:
                advice = f"lastgood resume {plan.id} asks again, with the same token"
                raise TimedOut(f"whether {operation} was accepted cannot be told", advice=advice)
            self._sleep(self._pace.rest_s(resends))
            resends += 1

    def _busy(self, plan: Plan, call: Call, mark: str, error: InProgress) -> Mapping[str, Any] | Sighting:
        """Somebody was faster than our last look. What they do may even be what we ask for (facts section 2.4)."""
        words = f"somebody else changes {plan.subject}: {error.message}"
        try:
            if self.deed.took(self.desk, plan, call):
                self.book.write("note", {"words": f"{words}; to what was asked for"})
                return {}
            seen = self.deed.verify(self.desk, plan, mark, [])
        except SourceError:
            return Sighting(Stage.OVERTAKEN, words)
        return seen if seen.stage is Stage.OVERTAKEN else Sighting(Stage.OVERTAKEN, words)

    def _look_for(self, plan: Plan, call: Call, mark: str) -> Mapping[str, Any] | Sighting:
        """After an unclear write: observe until it shows, or long enough that it cannot be on its way any more.

        Returns an empty answer if it took effect, else how it ended.
        """
        deadline = self.desk.now() + self._pace.unclear_s * 1000
        last = deadline + self._pace.patience_s * 1000
        for looks in count():
            now = self.desk.now()
            try:
                took = self.deed.took(self.desk, plan, call)
                if took:
                    self.book.write("note", {"words": f"observed: {call.operation} took effect"})
                    return {}
                if took is False and now >= deadline:
                    # It may have been executed and undone before anybody looked: then the subject has changed since.
                    seen = self.deed.verify(self.desk, plan, mark, [])
                    if seen.stage in STEPS:
                        return seen
                    return Sighting(Stage.FAILED, f"{call.operation} shows no effect: {plan.subject} is as it was")
            except (SourceError, LedgerError):
                pass  # not seeing is not knowing
            if now >= last:
                advice = f"look at {plan.subject}; lastgood resume {plan.id} goes on looking"
                raise TimedOut(f"whether {call.operation} took effect cannot be told", advice=advice)
            self._sleep(self._pace.rest_s(looks))
        raise AssertionError("unreachable")

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


def _passes(error: SourceError) -> bool:
    """Whether the call surely was not executed, for a reason that may pass."""
    if isinstance(error, CredentialsError):
        return error.resumes
    return isinstance(error, Throttled) or (isinstance(error, Unreachable) and never_sent(error))


def _snake(operation: str) -> str:
    """`UpdateEndpointWeightsAndCapacities` → `update_endpoint_weights_and_capacities`"""
    return "".join(f"_{c.lower()}" if c.isupper() and n else c.lower() for n, c in enumerate(operation))


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
