"""A plan is data: what would be done, why it is safe, how to undo it. `--dry-run` prints it, consent applies it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import msgspec

from console.clock import Millis, iso


class Level(StrEnum):
    """What a plan causes decides what consent it needs (DESIGN.md section 4)."""

    NOTE = "note"
    CHANGE = "change"
    DANGER = "danger"


class Verdict(StrEnum):
    """Of one preflight check. `unknown` is "not permitted to check" or "could not": never shown as passed."""

    FAIL = "fail"
    WARN = "warn"
    UNKNOWN = "unknown"
    PASS = "pass"


_RANKS = {verdict: rank for rank, verdict in enumerate(Verdict)}


class Check(msgspec.Struct, frozen=True):
    check: str
    verdict: Verdict
    detail: str


def worst_first(checks: Iterable[Check]) -> tuple[Check, ...]:
    """By verdict, in the order of the preflight among equals."""
    return tuple(sorted(checks, key=lambda check: _RANKS[check.verdict]))


class Call(msgspec.Struct, frozen=True):
    """One write, exactly as it will be sent. `operation` is `service:Operation`."""

    operation: str
    params: dict[str, Any]
    token: bool = False
    """Whether `params` carry an idempotency token: then sending it again is the same request."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the operator consents to. `basis` is what it was made from: if that changed, applying refuses.

    `when`, `cost` and `how` are finished sentences for the screen. `settle` is empty, or the condition the plan waits
    for in a queue ("InService on risk-v8"), and `starts_at` when that is expected, if anything is known about it.
    `inverse` is the command that undoes it; `restore` are the calls that are sent by themselves where a plan of
    several steps must not go on.
    """

    id: str
    verb: str
    kind: str
    subject: str
    target: str
    level: Level
    scope: str
    context: str
    identity: str
    created_at: Millis
    title: str
    before: dict[str, Any]
    after: dict[str, Any]
    calls: tuple[Call, ...]
    restore: tuple[Call, ...] = ()
    causes: tuple[str, ...] = ()
    preflight: tuple[Check, ...] = ()
    inverse: str = ""
    when: str = ""
    cost: str = ""
    how: str = ""
    settle: str = ""
    starts_at: Millis | None = None
    basis: dict[str, Any] = {}
    args: dict[str, Any] = {}

    @property
    def refused(self) -> tuple[Check, ...]:
        """The checks that forbid it."""
        return tuple(check for check in self.preflight if check.verdict is Verdict.FAIL)

    def to_json(self) -> dict[str, Any]:
        """As `--dry-run -o json` prints it; scripts rely on the names (DESIGN.md section 7)."""
        return {
            "id": self.id,
            "verb": self.verb,
            "kind": self.kind,
            "subject": self.subject,
            "target": self.target,
            "title": self.title,
            "level": self.level.value,
            "context": self.context,
            "scope": self.scope,
            "identity": self.identity,
            "created_at": iso(self.created_at),
            "before": self.before,
            "after": self.after,
            "calls": [{"operation": call.operation, "params": call.params} for call in self.calls],
            "restore": [{"operation": call.operation, "params": call.params} for call in self.restore],
            "causes": list(self.causes),
            "preflight": [{"check": c.check, "verdict": c.verdict.value, "detail": c.detail} for c in self.preflight],
            "inverse": self.inverse or None,
            "when": self.when,
            "cost": self.cost,
            "how": self.how,
            "waits_for": self.settle or None,
            "starts_at": iso(self.starts_at) if self.starts_at else None,
            "args": self.args,
        }


class Stage(StrEnum):
    """Where an action stands after looking at its subject."""

    GO = "go"
    """Settled as the plan expects: the calls may be sent."""
    WAIT = "wait"
    """In motion: keep observing."""
    DONE = "done"
    """Verified: what was asked for is what is."""
    NOT_NEEDED = "not_needed"
    """The world got there by itself; nothing was sent."""
    FAILED = "failed"
    """It ended otherwise than asked for."""
    OVERTAKEN = "overtaken"
    """Somebody else changed the subject."""


class Sighting(msgspec.Struct, frozen=True):
    """What one look at the subject says about the plan, in words for the journal and the screen."""

    stage: Stage
    words: str
    phase: str = ""
    mark: str = ""
    """With GO: what `verify` tells "not visible yet" from "never happened" by."""
