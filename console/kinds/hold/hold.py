"""Hold: "hands off" a pipeline or an endpoint, kept in the ledger alone. No call to a provider."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from console.actions.drafting import draft
from console.actions.model import Call, Level, Plan, Sighting, Stage
from console.actions.verb import Desk
from console.errors import Refused, UsageError
from console.kinds.hold.check import standing
from console.kinds.hold.record import Hold, key


def _inverse(subject: str, reason: str) -> str:
    name = shlex.quote(subject)
    return f"lastgood hold {name} --reason {shlex.quote(reason)}" if reason else f"lastgood hold {name} --release"


def _replaced(held: Hold | None) -> tuple[str, ...]:
    return (f"takes the place of the hold by {held.by}: {held.reason}",) if held else ()


class Holding:
    """The deed behind `lastgood hold`. Options: `reason`, `release`."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def plan(self, desk: Desk, subject: str, args: Mapping[str, Any]) -> Plan:
        held = standing(desk, self._kind, subject)
        if not any(True for _ in desk.snapshot().heads(self._kind, [subject])):
            raise UsageError(
                f"no {self._kind} {subject} in the ledger", advice=f"lastgood get {self._kind}s lists them"
            )
        release, reason = bool(args.get("release")), str(args.get("why") or args.get("reason") or "")
        if release and held is None:
            raise Refused(f"{subject} is not held", advice=f"lastgood get {self._kind}s shows what is")
        if not release and not reason:
            raise UsageError("a hold needs a reason", advice="say it with --reason")
        return draft(
            desk,
            "hold",
            self._kind,
            subject,
            target="released" if release else "held",
            level=Level.NOTE,
            title=f"Release {subject}" if release else f"Hold {subject}",
            before={"held": held.reason if held else None},
            after={"held": None if release else reason},
            calls=(),
            causes=() if release else (*_replaced(held), "retrain and approvals of it ask for its release first"),
            inverse=_inverse(subject, held.reason if held and release else ""),
            how="a note in this ledger; SageMaker and others do not know it",
            args={"release": release, "reason": reason},
        )

    def ready(self, desk: Desk, plan: Plan) -> Sighting:
        return Sighting(Stage.GO, "nothing is called")

    def took(self, desk: Desk, plan: Plan, call: Call) -> bool | None:
        return True

    def verify(self, desk: Desk, plan: Plan, mark: str, answers: Sequence[Mapping[str, Any]]) -> Sighting:
        return Sighting(Stage.DONE, f"{plan.subject} is {plan.target}")

    def keep(self, desk: Desk, plan: Plan) -> None:
        name = key(plan.kind, plan.subject)
        if plan.args["release"]:
            desk.gone("hold", [name])
        else:
            hold = Hold(plan.kind, plan.subject, plan.args["reason"], desk.identity.rsplit("/", 1)[-1], desk.now())
            desk.saw("hold", name, hold)
