"""How a screen comes by its plan: made by the command line, compared with its subject for as long as it is shown."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from console.actions.model import Plan
from console.actions.orphans import Orphan
from console.actions.verb import Verb
from console.clock import Millis
from console.errors import LastgoodError
from console.fleet.feed import LedgerFeed
from console.kinds.pipeline.record import Definition
from console.kinds.pipeline.view import PipelineView
from console.kinds.reading import decode
from screens.base import ConsoleScreen
from screens.making import make_plan
from screens.plan_text import LastValues, difference, state_of

_INTEREST_MS = 10_000


class MadeScreen(ConsoleScreen):
    """`subjects[number]` is the one it is about; the others come after it, each with a plan of its own.

    Subclasses draw: `remade` when it is made anew, `shown` when there is a plan, `changed` when what is known of its
    subject (or the error) is other than before.
    """

    def __init__(
        self,
        feed: LedgerFeed,
        verb: Verb,
        subjects: Sequence[str],
        number: int = 0,
        args: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self._of, self._verb, self._subjects, self._number = feed, verb, tuple(subjects), number
        self._args = dict(args or {})
        self.plan: Plan | None = None
        self._error: LastgoodError | None = None
        self._orphan: Orphan | None = None
        self._basis: dict[str, Any] | None = None
        self._changed = ""
        self._last_values = LastValues()
        self._told: Millis = 0

    @property
    def subject(self) -> str:
        return self._subjects[self._number]

    def remade(self) -> None:
        raise NotImplementedError

    def shown(self, plan: Plan) -> None:
        raise NotImplementedError

    def changed(self) -> None:
        raise NotImplementedError

    def on_mount(self) -> None:
        super().on_mount()
        if self._orphan is None:
            self.make()
        else:
            self._show(self._orphan.plan)
            self.run_worker(self._compare(), group="compare")

    def make(self) -> None:
        self.plan, self._error, self._changed, self._basis = None, None, "", None
        self.run_worker(self._made(), group="plan", exclusive=True)
        self.remade()

    def make_with(self, args: Mapping[str, Any]) -> None:
        """Anew, with other options."""
        self._args = dict(args)
        self.make()

    async def _made(self) -> None:
        try:
            plan = await make_plan(self._of, self._verb, self.subject, self._args)
        except LastgoodError as error:
            self._error = error
            self.changed()
        else:
            self._show(plan)
            await self._compare()

    def _show(self, plan: Plan) -> None:
        self.plan = plan
        self.shown(plan)

    def data_changed(self) -> None:
        if self.plan is not None:
            self.run_worker(self._compare(), group="compare", exclusive=True)

    async def _compare(self) -> None:
        """Whether the subject is still as it was when the plan was made."""
        try:
            view, self._last_values = await asyncio.to_thread(self._look)
        except LastgoodError:
            return  # not seeing is not knowing; the executor looks again before it writes
        if self._changed:
            return  # it stays so, whatever it changes back to: the plan was made of something else meanwhile
        if view is None:
            self._changed = "is gone from the ledger"
        else:
            state = state_of(view)
            self._basis = self._basis or state
            self._changed = difference(self._basis, state)
        self.changed()

    def _look(self) -> tuple[Any, LastValues]:
        """The subject now; of a pipeline also its last green run's parameters, by which a new run's are told."""
        view, last = self._of.view(self._verb.kind, self.subject), LastValues()
        name = str(self.plan.basis.get("definition") or "") if self.plan else ""
        if isinstance(view, PipelineView) and view.green is not None and name:
            definition = next(decode(self._of.snapshot(), "definition", Definition, [name]), None)
            # AWS lists some runs without the parameters that were left at their defaults.
            values = {p.name: p.default or "" for p in definition.parameters} if definition else {}
            last = LastValues(view.green.id, values | view.green.parameters)
        return view, last

    def tick(self, now: Millis) -> None:
        if now - self._told >= _INTEREST_MS:
            self._told = now
            self._of.interest(self._verb.kind, [self.subject])
