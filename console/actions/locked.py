"""One action at a time on a subject, for as long as its executor lives."""

from __future__ import annotations

from contextlib import suppress

from console.actions.model import Plan
from console.errors import Refused
from console.ledger.locks import Held, Locks, action_lock, subject_lock


class Locked:
    """The subject's lock (nobody else acts on it) and the action's own (it lives), while a `with` lasts."""

    def __init__(self, locks: Locks, plan: Plan) -> None:
        self._locks, self._plan = locks, plan
        self._held: list[Held] = []

    def __enter__(self) -> None:
        plan = self._plan
        for name in (subject_lock(plan.scope, plan.kind, plan.subject), action_lock(plan.id)):
            held = self._locks.acquire(name, plan.title)
            if held is None:
                holder = self._locks.holder(name)
                who = f": {holder.purpose} (pid {holder.pid})" if holder else ""
                self.__exit__()
                words = f"another action on {plan.subject} is running{who}; this one is {plan.title}"
                raise Refused(words, advice="wait for it, then plan again")
            self._held.append(held)

    def beat(self) -> None:
        """Say that the action's process is at work: its lock is held by a frozen one, too."""
        for held in self._held:
            with suppress(OSError):
                held.beat()

    def __exit__(self, *_: object) -> None:
        for held in reversed(self._held):
            held.release()
