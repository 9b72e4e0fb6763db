"""The way into acting: straight to the plan, or by a form where the verb is about values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from console.actions.model import Level
from console.actions.verb import Verb
from console.fleet.feed import LedgerFeed
from screens.base import ConsoleScreen
from screens.form import FormScreen
from screens.plan import PlanScreen


def asks_first(verb: Verb) -> bool:
    """Whether the options come before the plan: values of parameters, the reason of a note."""
    return verb.level is Level.NOTE or any(option.kind in ("map", "words") for option in verb.options)


def plan_or_form(
    feed: LedgerFeed, verb: Verb, subjects: Sequence[str], number: int = 0, args: Mapping[str, Any] | None = None
) -> ConsoleScreen:
    """`number`: which of the subjects it is about; each has a plan of its own."""
    screen = FormScreen if asks_first(verb) else PlanScreen
    return screen(feed, verb, subjects, number, args)
