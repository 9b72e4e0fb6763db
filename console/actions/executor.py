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
from typing import Any

import msgspec

from console.actions.book import Book
from console.actions.model import Call, Plan, Sighting, Stage
from console.actions.verb import Deed, Desk
from console.clients.errors import never_sent
from console.errors import LastgoodError, Refused, SourceError, Throttled, TimedOut, Unreachable
from console.ledger.locks import Locks, action_lock, subject_lock

POLL_S = 5.0
UNCLEAR_S = 60.0
"""How long an unclear write is looked for before it counts as not having happened."""

THROTTLES = 6
RESENDS = 3

STEPS = {
    Stage.NOT_NEEDED: "not_needed",
    Stage.OVERTAKEN: "overtaken",
    Stage.FAILED: "failed",
    Stage.DONE: "done",
}
"""Terminal stages as journal steps."""


class Executor:
    """Applies plans. `sleep` and `patience_s` are given by tests; `patience_s` bounds queue and verification each."""

    def __init__(
        self,
        desk: Desk,
        deed: Deed,
        book: Book,
        locks: Locks,
        *,
        sleep: Callable[[float], None] = time.sleep,
        poll_s: float = POLL_S,
        patience_s: float = 6 * 3600,
    ) -> None:
        self.desk, self.deed, self.book, self.locks = desk, deed, book, locks
        self._sleep, self._poll_s, self._patience_s = sleep, poll_s, patience_s

    def apply(self, plan: Plan, *, reason: str = "", ticket: str = "") -> Sighting:
        """Do it and verify it. Returns the terminal sighting; raises Refused before anything was written."""
        if plan.refused:
            raise Refused("; ".join(f"{c.check}: {c.detail}" for c in plan.refused), advice="mend it, then plan again")
        if plan.scope != self.desk.scope:
            raise Refused(f"the plan is for {plan.scope}, this is {self.desk.scope}", advice="choose its context")
        with self._locked(plan):
            if self.book.steps(plan.id):
                raise Refused(
                    f"plan {plan.id} was applied already", advice=f"lastgood audit {plan.id} tells its outcome"
                )
            intent = {
                "plan": msgspec.to_builtins(plan),
                "reason": reason,
                "ticket": ticket,
                "by": self.desk.identity,
                "at": f"{getpass.getuser()}@{socket.gethostname()}",
                "pid": os.getpid(),
            }
            self.book.write("intent", intent)
            return self._guarded(plan, lambda: self._go(plan))

    def resume(self, plan: Plan) -> Sighting:
        """Go on where a dead executor stopped: what was sent is observed, never sent again unless its token allows."""
        with self._locked(plan):
            steps = self.book.steps(plan.id)
            sent = [body for step, body in steps if step == "call"]
            answers = [body.get("answer", {}) for step, body in steps if step == "answer"]
            mark = next((str(body.get("mark", "")) for step, body in steps if step == "ready"), "")
            self.book.write("note", {"words": f"taken over by pid {os.getpid()}"})
            if not sent:
                return self._guarded(plan, lambda: self._go(plan))
            return self._guarded(plan, lambda: self._finish(plan, mark, answers, len(sent)))

    def _locked(self, plan: Plan) -> _Locks:
        return _Locks(self.locks, plan)

    def _guarded(self, plan: Plan, do: Callable[[], Sighting]) -> Sighting:
        try:
            end = do()
        except TimedOut:
            raise  # left open on purpose: the next console observes and closes it
        except LastgoodError as error:
            self.book.write("failed", {"words": error.message, "advice": error.advice})
            raise
        if end.stage is Stage.DONE:
            self.deed.keep(self.desk, plan)
        self.book.write(STEPS[end.stage], {"words": end.words})
        return end

    def _go(self, plan: Plan) -> Sighting:
        seen = self._await("queued", lambda: self.deed.ready(self.desk, plan), {Stage.WAIT})
        if seen.stage is Stage.FAILED:
            self.book.write("refused", {"words": seen.words})
            raise Refused(seen.words, advice="nothing was changed; mend it, then plan again")
        if seen.stage is not Stage.GO:
            return seen
        self.book.write("ready", {"words": seen.words, "mark": seen.mark})
        return self._finish(plan, seen.mark, [], 0)

    def _finish(self, plan: Plan, mark: str, answers: list[Mapping[str, Any]], sent: int) -> Sighting:
        for n, call in enumerate(plan.calls):
            if n < len(answers):
                continue
            if n < sent and not call.token:
                took = self._look_for(plan, call)
                if not took:
                    return Sighting(Stage.FAILED, f"{call.operation} was sent, but did not take effect")
                answers.append({})
            else:
                answers.append(self._send(plan, call))
            self.book.write("answer", {"call": n, "answer": _plain(answers[-1])})
        return self._await(
            "verifying", lambda: self.deed.verify(self.desk, plan, mark, answers), {Stage.WAIT, Stage.GO}
        )

    def _send(self, plan: Plan, call: Call) -> Mapping[str, Any]:
        """One request leaves this process. Only what was surely not executed, or has a token, is sent again."""
        service, _, operation = call.operation.partition(":")
        client = self.desk.writer(service)
        method = getattr(client, _snake(operation))
        self.book.write("call", {"operation": call.operation, "params": call.params})
        throttles = resends = 0
        while True:
            try:
                answer: Mapping[str, Any] = method(**call.params)
                return answer
            except Throttled as error:
                throttles += 1
                if throttles > THROTTLES:
                    raise
                self.book.write("note", {"words": f"throttled: {error.message}"})
                self._sleep(min(2.0**throttles, 20.0))
            except Unreachable as error:
                if never_sent(error):
                    raise
                self.book.write("unclear", {"words": error.message, "code": error.code})
                if call.token and resends < RESENDS:
                    resends += 1
                    self._sleep(self._poll_s)
                    continue
                if self._look_for(plan, call):
                    return {}
                raise Unreachable(
                    f"{error.message}: {plan.subject} shows no effect of it",
                    code=error.code,
                    operation=call.operation,
                    advice="nothing was changed as far as can be seen; plan again",
                ) from error

    def _look_for(self, plan: Plan, call: Call) -> bool:
        """After an unclear write: observe until it shows, or long enough that it cannot be on its way any more."""
        deadline = self.desk.now() + UNCLEAR_S * 1000
        while True:
            try:
                took = self.deed.took(self.desk, plan, call)
            except SourceError:
                took = None
                deadline = max(deadline, self.desk.now() + 1000)  # not seeing is not knowing
            if took:
                self.book.write("note", {"words": "observed: it took effect"})
                return True
            if took is False and self.desk.now() >= deadline:
                return False
            if took is None and self.desk.now() >= deadline + self._patience_s * 1000:
                raise TimedOut(f"whether {call.operation} took effect cannot be told", advice="look at the endpoint")
            self._sleep(self._poll_s)

    def _await(self, step: str, look: Callable[[], Sighting], go_on: set[Stage]) -> Sighting:
        """Observe until the stage leaves `go_on`. A source that fails meanwhile is waited out, and said once."""
        deadline = self.desk.now() + self._patience_s * 1000
        told = ""
        while True:
            try:
                seen = look()
                words = f"{seen.words}{f': {seen.phase}' if seen.phase and seen.phase not in seen.words else ''}"
                if seen.stage not in go_on:
                    return seen
            except SourceError as error:
                words = f"cannot look: {error.message}"
            if words != told:
                self.book.write(step, {"words": words})
                told = words
            if self.desk.now() >= deadline:
                raise TimedOut(f"still {words}", advice="lastgood resume goes on watching")
            self._sleep(self._poll_s)


class _Locks:
    """The action's own lock (it lives) and the subject's (nobody else acts on it)."""

    def __init__(self, locks: Locks, plan: Plan) -> None:
        self._locks, self._plan = locks, plan
        self._held: list[Any] = []

    def __enter__(self) -> _Locks:
        plan = self._plan
        for name in (subject_lock(plan.scope, plan.kind, plan.subject), action_lock(plan.id)):
            held = self._locks.acquire(name, f"{plan.verb} {plan.subject}")
            if held is None:
                holder = self._locks.holder(name)
                who = f" (pid {holder.pid}, {holder.purpose})" if holder else ""
                self.__exit__()
                raise Refused(
                    f"another action on {plan.subject} is running{who}", advice="wait for it, then plan again"
                )
            self._held.append(held)
        return self

    def __exit__(self, *_: object) -> None:
        for held in reversed(self._held):
            held.release()


def _snake(operation: str) -> str:
    """`UpdateEndpointWeightsAndCapacities` → `update_endpoint_weights_and_capacities`"""
    return "".join(f"_{c.lower()}" if c.isupper() and n else c.lower() for n, c in enumerate(operation))


def _plain(answer: Mapping[str, Any]) -> dict[str, Any]:
    """An answer as JSON data, without the SDK's metadata."""
    kept = {k: v for k, v in answer.items() if k != "ResponseMetadata"}
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(kept, enc_hook=str))
    return plain


def words_of(steps: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The last thing an action said."""
    return next((str(body["words"]) for _, body in reversed(steps) if body.get("words")), "")
