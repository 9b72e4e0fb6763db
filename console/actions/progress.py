"""How far an action has come, told from its journal alone: what a second process needs to go on. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from console.clock import Millis
from console.ledger.journal import ASIDE, TERMINAL

Step = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Progress:
    """`sent` and `answers` are indexes into the plan's calls. A call that is sent and not answered is unclear."""

    began: bool = False
    sent: frozenset[int] = frozenset()
    answers: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    answered: Mapping[int, Millis] = field(default_factory=dict)
    """When, by the index of the call."""
    stopped: str = ""
    """Why its steps did not go on: what is left to do is to restore."""
    mark: str = ""
    ended: str = ""
    """The terminal step, or an empty string."""
    words: str = ""
    """The last thing it said."""


def progress(steps: Iterable[Step]) -> Progress:
    began, sent, answers, mark, ended, words = False, set[int](), dict[int, Mapping[str, Any]](), "", "", ""
    answered, stopped = dict[int, Millis](), ""
    for step, body in steps:
        began = began or step == "intent"
        call = int(body.get("call", 0))
        match step:
            case "ready":
                mark = str(body.get("mark", ""))
            case "call":
                sent.add(call)
            case "again":  # surely not executed: it counts as never sent
                sent.discard(call)
            case "answer":
                answers[call] = body.get("answer") or {}
                answered[call] = int(body.get("answered_at") or 0)
            case "stopped":
                stopped = str(body.get("words") or "stopped")
            case _ if step in TERMINAL:
                ended = step
        if body.get("words") and (step not in ASIDE or not ended):
            words = str(body["words"])
    return Progress(began, frozenset(sent), answers, answered, stopped, mark, ended, words)
