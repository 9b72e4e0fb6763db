"""Sending one call of a plan: once, and believed only when it is seen. What is unclear is looked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from console.actions.book import Book
from console.actions.model import Call, Plan, Sighting, Stage
from console.actions.verb import Deed, Desk
from console.clients.errors import InProgress, never_sent
from console.errors import CredentialsError, LedgerError, SourceError, Throttled, TimedOut, Unreachable

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


class Again(Exception):
    """A call that surely was not executed. It may be sent again, after another look at its subject."""

    def __init__(self, error: SourceError) -> None:
        super().__init__(error.message)
        self.error = error


class Sender:
    """Sends the calls of one action."""

    def __init__(
        self, desk: Desk, deed: Deed, book: Book, pace: Pace, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.desk, self.deed, self.book = desk, deed, book
        self._pace, self._sleep = pace, sleep

    def send_surely(self, plan: Plan, n: int, call: Call, mark: str) -> Mapping[str, Any] | Sighting:
        """The same for a call that nothing has to be looked at again for: tried a few times. Raises SourceError."""
        for tries in count(1):
            try:
                return self.send(plan, n, call, mark)
            except Again as again:
                if tries >= TRIES:
                    raise again.error from None
                self.rest(tries)
        raise AssertionError("unreachable")

    def rest(self, tries: int) -> None:
        """Before the next try."""
        self._sleep(min(2.0**tries, 4 * self._pace.poll_s))

    def send(self, plan: Plan, n: int, call: Call, mark: str) -> Mapping[str, Any] | Sighting:
        """One request leaves this process; only one that carries a token leaves it again after an unclear failure.

        Returns the answer, or how it ended without one. Raises Again if it surely was not executed.
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
                    raise Again(error) from None
                if not (isinstance(error, Unreachable) or _passes(error)) or (never_sent(error) and not resends):
                    raise
                self.book.write("unclear", {"call": n, "words": error.message, "code": error.code})
            if not call.token:
                return self.look_for(plan, call, mark)
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

    def look_for(self, plan: Plan, call: Call, mark: str) -> Mapping[str, Any] | Sighting:
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


def _passes(error: SourceError) -> bool:
    """Whether the call surely was not executed, for a reason that may pass."""
    if isinstance(error, CredentialsError):
        return error.resumes
    return isinstance(error, Throttled) or (isinstance(error, Unreachable) and never_sent(error))


def _snake(operation: str) -> str:
    """`UpdateEndpointWeightsAndCapacities` → `update_endpoint_weights_and_capacities`"""
    return "".join(f"_{c.lower()}" if c.isupper() and n else c.lower() for n, c in enumerate(operation))
