"""Where keys lead: screens register here what they show, and the shell asks here what there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from textual.screen import Screen

from console.actions.verb import Verb
from screens.feed import Feed


@dataclass(frozen=True, slots=True)
class Look:
    """A way to look at a subject (`d` describe, `l` logs, …). `kinds` are kind ids, empty for all; never writes."""

    id: str
    key: str
    label: str
    effect: str
    open: Callable[[Feed, str, str], Screen[Any]]
    """Feed, kind id, name."""
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Everywhere:
    """A screen about no single thing, reached from any other by `:` and its id."""

    id: str
    effect: str
    open: Callable[[Feed], Screen[Any]]


@dataclass(slots=True)
class Places:
    """What is there beside the lists."""

    subjects: dict[str, Callable[[Feed, str], Screen[Any]]] = field(default_factory=dict)
    """By kind id: the screen of one thing, given its name (⏎)."""
    looks: list[Look] = field(default_factory=list)
    everywhere: list[Everywhere] = field(default_factory=list)
    plan: Callable[[Feed, Verb, tuple[str, ...]], Screen[Any]] | None = None
    """The screen that asks for a verb's options, shows its plan and takes consent."""

    def looks_for(self, kind_id: str) -> list[Look]:
        return [look for look in self.looks if not look.kinds or kind_id in look.kinds]
