"""Suspend scale-in, and resume it: SuspendedState of RegisterScalableTarget, which nothing ends but the next call.

The call moves capacity into the target's bounds although it is about suspension alone (facts/sagemaker.md section 5.9):
the plan says so where it would.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from console.actions.drafting import draft
from console.actions.model import Call, Level, Plan, Sighting, Stage
from console.actions.verb import Desk
from console.errors import Refused
from console.kinds.capacity.looking import Subject, ground, look
from console.kinds.capacity.preflight import Effect, checks
from console.kinds.capacity.verbs import REGISTER
from console.kinds.hold.check import forbidden
from console.kinds.hold.record import Suspension, key
from console.kinds.scaling.record import Suspended, Target


class Suspend:
    """The deed behind `lastgood suspend` (`on`) and `lastgood unsuspend`. Options: `variant`, `release`; `all` of the
    second."""

    def __init__(self, kind: str, *, on: bool) -> None:
        self._kind, self._on = kind, on
        self._verb = "suspend" if on else "unsuspend"

    def plan(self, desk: Desk, subject: str, args: Mapping[str, Any]) -> Plan:
        s = look(desk, self._kind, subject, str(args.get("variant") or ""))
        t = _target(s)
        wanted = self._wanted(t.suspended, all=bool(args.get("all")))
        if wanted == t.suspended:
            raise Refused(*self._so_already(t, s))
        have = s.desired or 0
        effect = Effect(have, max(t.min, min(t.max, have)), t.min, t.max)
        named = wanted.words if self._on else t.suspended.words if args.get("all") else "scale-in"
        return draft(
            desk,
            self._verb,
            self._kind,
            subject,
            level=Level.DANGER if effect.then < effect.have else Level.CHANGE,
            title=f"{'Suspend' if self._on else 'Resume'} {'scale-in' if self._on else named} of {s.name}",
            target=f"{wanted.words} suspended" if wanted.words else "nothing suspended",
            before={"suspended": msgspec.to_builtins(t.suspended)},
            after={"suspended": msgspec.to_builtins(wanted)},
            # All three, as a member that is left out may count as false.
            calls=(Call(REGISTER, {**s.key, "SuspendedState": wanted.params}),),
            causes=self._causes(s, t, wanted, effect),
            preflight=checks(desk, s, ground(desk, s), effect, verb=self._verb, released=bool(args.get("release"))),
            inverse=self._inverse(s, t, subject, args),
            when="queued until it is InService, then at once" if s.moving else "at once",
            how="its policies and their alarms stay as they are",
            settle="InService" if s.moving else "",
            basis={
                "suspended": t.suspended.params,
                "min": t.min,
                "max": t.max,
                "created_at": s.endpoint.created_at,
                "wanted": wanted.params,
                "outside": effect.then != effect.have,
            },
            args={name: args[name] for name in ("variant", "all", "release") if args.get(name)},
        )

    def _wanted(self, now: Suspended, *, all: bool) -> Suspended:
        if all and not self._on:
            return Suspended()
        return msgspec.structs.replace(now, scale_in=self._on)

    def _so_already(self, t: Target, s: Subject) -> tuple[str]:
        if self._on:
            return (f"scale-in of {s.name} is suspended already",)
        rest = (
            f"; {t.suspended.words} {'is' if ' and ' not in t.suspended.words else 'are'} suspended: --all resumes all"
        )
        return (f"scale-in of {s.name} is not suspended{rest if t.suspended.words else ''}",)

    def _causes(self, s: Subject, t: Target, wanted: Suspended, effect: Effect) -> Iterator[str]:
        if self._on:
            yield f"the {effect.then} {s.nouns[1]} stay until it is resumed: nothing ends it by itself"
            yield f"scale-out goes on, up to {t.max}" if not wanted.scale_out else "scale-out is suspended, too"
        else:
            yield "with little load instances are taken away within minutes"
            if wanted.words:
                yield f"{wanted.words} stays suspended"
        if effect.then != effect.have:
            yield f"capacity moves at once: {effect.have} → {effect.then}, into {t.min}–{t.max}"

    def _inverse(self, s: Subject, t: Target, subject: str, args: Mapping[str, Any]) -> str:
        if not self._on and args.get("all") and (t.suspended.scale_out or t.suspended.scheduled):
            state = ",".join(f"{name}={str(value).lower()}" for name, value in t.suspended.params.items())
            of = f"--resource-id {shlex.quote(t.resource)} --scalable-dimension {t.dimension}"
            return (
                f"aws application-autoscaling register-scalable-target --service-namespace sagemaker {of} "
                f"--suspended-state {state}"
            )
        several = self._kind == "endpoint" and len(s.endpoint.variants) > 1
        variant = f" --variant {shlex.quote(s.variant.name)}" if several else ""
        other = "unsuspend" if self._on else "suspend"
        return f"lastgood {other} {self._kind} {shlex.quote(subject)}{variant}"

    def ready(self, desk: Desk, plan: Plan) -> Sighting:
        s = self._look(desk, plan)
        if s.endpoint.created_at != plan.basis["created_at"]:
            return Sighting(Stage.OVERTAKEN, f"{s.endpoint.name} was deleted and created again")
        t = s.target
        if t is None:
            return Sighting(Stage.OVERTAKEN, f"{s.name} is not autoscaled any more")
        if t.suspended.params == plan.basis["wanted"]:
            return Sighting(Stage.NOT_NEEDED, f"{t.suspended.words or 'nothing'} suspended already")
        if t.suspended.params != plan.basis["suspended"]:
            return Sighting(Stage.OVERTAKEN, f"somebody else changed it: {t.suspended.words or 'nothing'} suspended")
        if s.moving:
            return Sighting(Stage.WAIT, "waits for InService", s.endpoint.status)
        if s.desired is not None and not t.min <= s.desired <= t.max and not plan.basis["outside"]:
            return Sighting(Stage.OVERTAKEN, f"{s.desired} is outside of {t.min}–{t.max} now: the call would move it")
        if why := forbidden(desk, plan, s.endpoint.name):
            return Sighting(Stage.FAILED, why)
        return Sighting(Stage.GO, f"{t.suspended.words or 'nothing'} suspended")

    def took(self, desk: Desk, plan: Plan, call: Call) -> bool | None:
        t = self._look(desk, plan).target
        return t is not None and t.suspended.params == plan.basis["wanted"]

    def verify(self, desk: Desk, plan: Plan, mark: str, answers: Sequence[Mapping[str, Any]]) -> Sighting:
        t = self._look(desk, plan).target
        if t is None:
            return Sighting(Stage.OVERTAKEN, "it is not autoscaled any more")
        said = f"{t.suspended.words or 'nothing'} suspended"
        if t.suspended.params == plan.basis["wanted"]:
            return Sighting(Stage.DONE, said)
        if t.suspended.params == plan.basis["suspended"]:
            return Sighting(Stage.WAIT, "accepted, not visible yet")
        return Sighting(Stage.OVERTAKEN, f"somebody else changed it: {said}")

    def keep(self, desk: Desk, plan: Plan) -> None:
        s = self._look(desk, plan)
        if s.target is not None and self._on:
            begun = desk.ledger.journal.entries(desk.scope, action_id=plan.id)
            reason = next((str(e.body["reason"]) for e in begun if e.body.get("reason")), "")
            by = desk.identity.rsplit("/", 1)[-1]
            desk.saw("suspension", s.target.name, Suspension(by, desk.now(), plan.id, reason))
        elif s.target is not None:
            desk.gone("suspension", [s.target.name])
        if plan.args.get("release"):
            desk.gone("hold", [key("endpoint", s.endpoint.name)])

    def _look(self, desk: Desk, plan: Plan) -> Subject:
        return look(desk, self._kind, plan.subject, str(plan.args.get("variant") or ""))


def _target(s: Subject) -> Target:
    """Raises Refused."""
    if s.target is None:
        raise Refused(
            f"{s.name} is not autoscaled: there is nothing to suspend", advice="lastgood get scaling lists it"
        )
    return s.target
