"""Scale: the bounds within which autoscaling moves capacity, or capacity itself.

Which one survives: a minimum does, a count that is set holds until the next scaling decision (facts/sagemaker.md
sections 2.7 and 5.9). RegisterScalableTarget and UpdateEndpointWeightsAndCapacities have no token; both are refused
while SageMaker changes the endpoint, so that the plan waits for its turn.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from console.actions.drafting import draft
from console.actions.model import Call, Level, Plan, Sighting, Stage
from console.actions.verb import Desk
from console.clock import MINUTE, Millis, clock_time, duration
from console.kinds.capacity.looking import Ground, Subject, ground, look
from console.kinds.capacity.preflight import Effect, checks
from console.kinds.capacity.verbs import COPIES as SET_COPIES
from console.kinds.capacity.verbs import INSTANCES as SET_INSTANCES
from console.kinds.capacity.verbs import REGISTER
from console.kinds.capacity.wish import Wish, bounds_of, effect_of, new, now_words, proposed, wished
from console.kinds.hold import putback
from console.kinds.hold.check import forbidden
from console.kinds.hold.record import Setting, key
from console.kinds.scaling.course import last_try, launch_ms
from console.kinds.scaling.growth import ACTS, LATE
from console.kinds.scaling.record import CONCURRENCY, COPIES, INSTANCES, Target
from console.kinds.scaling.room import lacking
from console.kinds.scaling.verdict import wants_more
from console.text import few

LONGEST = 25 * MINUTE
"""After a call that moves capacity: where nothing has moved by then, nothing will."""


class Scale:
    """The deed behind `lastgood scale`. Options: `min`, `max`, `desired`, `variant`, `release`; with none of the
    numbers it proposes some."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def plan(self, desk: Desk, subject: str, args: Mapping[str, Any]) -> Plan:
        given = wished(args)
        s = look(desk, self._kind, subject, str(args.get("variant") or ""))
        g = ground(desk, s)
        wish, why = (new(given, s), "") if given != Wish() else proposed(s, g)
        effect = effect_of(s, wish)
        call = _call(s, wish, effect)
        now, moving = desk.now(), s.moving
        then = _words(s.stated, wish)
        return draft(
            desk,
            "scale",
            self._kind,
            subject,
            level=Level.DANGER if effect.then < effect.have else Level.CHANGE,
            title=f"Scale {s.name}: {_change(s, wish)}",
            target=then,
            before=_state(s),
            after=_state(s) | {k: v for k, v in wish._asdict().items() if v is not None} | {"desired": effect.then},
            calls=(call,),
            causes=causes(s, g, wish, effect, now),
            preflight=checks(desk, s, g, effect, verb="scale", released=bool(args.get("release"))),
            inverse=_inverse(self._kind, subject, s, wish),
            when=_when(s, g, wish, effect, moving, now),
            how=f"proposed by the load: {why}. Other numbers: min, max or desired" if given == Wish() else "",
            cost=_cost(s, g, effect),
            settle="InService" if moving else "",
            basis=_basis(s) | {"watched": _watched(s, wish)},
            args={k: v for k, v in wish._asdict().items() if v is not None}
            | {k: args[k] for k in ("variant", "release") if args.get(k)},
        )

    def ready(self, desk: Desk, plan: Plan) -> Sighting:
        s, wish = self._look(desk, plan), _planned(plan)
        if changed := _changed(s, plan, wish):
            return changed
        if s.moving:
            return Sighting(Stage.WAIT, "waits for InService", s.endpoint.status)
        if s.endpoint.status != "InService":
            return Sighting(Stage.FAILED, f"status is {s.endpoint.status}: capacity cannot be changed")
        if _is_so(s, wish):
            return Sighting(Stage.NOT_NEEDED, f"{s.name} has {_words(s.stated, wish)} already")
        if why := forbidden(desk, plan, s.endpoint.name):
            return Sighting(Stage.FAILED, why)
        return Sighting(Stage.GO, f"InService with {s.desired}", mark=f"{s.endpoint.modified_at} {desk.now()}")

    def took(self, desk: Desk, plan: Plan, call: Call) -> bool | None:
        s, wish = self._look(desk, plan), _planned(plan)
        if _is_so(s, wish):
            return True
        return None if s.moving and not wish.bounds else False

    def verify(self, desk: Desk, plan: Plan, mark: str, answers: Sequence[Mapping[str, Any]]) -> Sighting:
        s, wish, now = self._look(desk, plan), _planned(plan), desk.now()
        before, _, sent = mark.partition(" ")
        sent_at = int(sent or now)
        if not _is_so(s, wish):
            if s.moving or str(s.endpoint.modified_at) == before:
                return Sighting(Stage.WAIT, "accepted, not visible yet", s.endpoint.status)
            why = s.endpoint.failure_reason or "somebody else changed it, or autoscaling did"
            stage = Stage.FAILED if s.endpoint.failure_reason and not wish.bounds else Stage.OVERTAKEN
            return Sighting(stage, f"{now_words(s)}, not {_words(s.stated, wish)}: {why}")
        t = s.target
        low, high = (t.min, t.max) if wish.bounds and t else (wish.desired, wish.desired)
        have = s.current
        if s.component is not None and s.component.reason and not s.moving and have != s.desired:
            return Sighting(Stage.FAILED, f"{now_words(s)}: {s.component.reason}")
        if s.moving or (have is not None and have != s.desired):
            return Sighting(Stage.WAIT, f"{have} → {s.desired} {s.nouns[1]}", s.endpoint.status)
        if have is not None and low is not None and high is not None and not low <= have <= high:
            tried = last_try(s.activities)
            if tried is not None and tried.failed and tried.at >= sent_at - MINUTE:
                return Sighting(Stage.FAILED, f"{now_words(s)}: {tried.message}")
            if not wish.bounds and str(s.endpoint.modified_at) != before:
                reason = s.endpoint.failure_reason or "no reason given"
                return Sighting(Stage.FAILED, f"{now_words(s)}: {reason}")
            if now - sent_at > LONGEST:
                return Sighting(Stage.FAILED, f"{now_words(s)}: nothing moved it in {duration(LONGEST)}")
            return Sighting(Stage.WAIT, f"{have} {s.nouns[1]} still, it is to move into {low}–{high}")
        return Sighting(Stage.DONE, f"{now_words(s)}{_effect(plan, wish, s, now)}")

    def keep(self, desk: Desk, plan: Plan) -> None:
        s = self._look(desk, plan)
        if (setting := _setting(desk, s, plan)) is not None:
            putback.keep(desk, setting)
        if plan.args.get("release"):
            desk.gone("hold", [key("endpoint", s.endpoint.name)])

    def _look(self, desk: Desk, plan: Plan) -> Subject:
        return look(desk, self._kind, plan.subject, str(plan.args.get("variant") or ""))


# What comes of it.


def _call(s: Subject, wish: Wish, effect: Effect) -> Call:
    if wish.bounds:
        bounds = {"MinCapacity": wish.min, "MaxCapacity": wish.max}
        return Call(REGISTER, {**s.key, **{name: value for name, value in bounds.items() if value is not None}})
    if s.dimension == COPIES:
        config = {"CopyCount": effect.then}
        return Call(SET_COPIES, {"InferenceComponentName": s.name, "DesiredRuntimeConfig": config})
    one: dict[str, Any] = {"VariantName": s.variant.name}
    if s.dimension == CONCURRENCY:
        one["ServerlessUpdateConfig"] = {"ProvisionedConcurrency": effect.then}
    else:
        one["DesiredInstanceCount"] = effect.then
    return Call(SET_INSTANCES, {"EndpointName": s.endpoint.name, "DesiredWeightsAndCapacities": [one]})


def causes(s: Subject, g: Ground, wish: Wish, effect: Effect, now: Millis) -> Iterator[str]:
    """Which number survives what."""
    many, t = s.nouns[1], s.target
    if wish.min is not None:
        yield f"min {wish.min} survives scale-in: autoscaling never goes below it"
    if wish.max is not None:
        if effect.then == effect.have:
            more = wants_more(g.seen, now)
            does = (
                "its policy wants more and may use it within minutes" if more else "its policies use it when they must"
            )
            yield f"max {wish.max} launches nothing by itself: {does}"
        if (effect.min or 0) < wish.max:
            yield f"max {wish.max} does not keep what scale-out brings: with less load it scales in to {effect.min}"
        else:
            yield f"min and max are {wish.max}: autoscaling changes nothing"
    if wish.bounds and effect.then != effect.have:
        yield f"capacity moves at once: {effect.have} → {effect.then} {many}"
    if wish.desired is not None and t is not None:
        yield f"{wish.desired} hold until autoscaling decides anew; --min {wish.desired} survives scale-in"
    elif wish.desired is not None:
        yield f"{wish.desired} stay: it is not autoscaled; a deployment that does not retain them sets its own count"
    then = g.load.among(effect.then, s.current or effect.have)
    if g.load.now is not None and then is not None and effect.then != effect.have:
        target = f" (target {few(g.load.target)})" if g.load.target else ""
        yield f"requests a minute per {g.seen.target.host}: {few(g.load.now)} → {few(then)}{target}"


def _when(s: Subject, g: Ground, wish: Wish, effect: Effect, moving: bool, now: Millis) -> str:
    start = "queued until it is InService, then at once" if moving else "at once"
    grows = effect.more > 0 or (wish.max is not None and effect.max is not None and wants_more(g.seen, now))
    if not grows:
        return start
    if (check := lacking(s.activities, "", now)) is not None:
        return f"{start}; when more serve nobody knows: {check.detail.partition(': ')[0]}"
    took = launch_ms(s.activities)
    if took is None:
        return f"{start}; how long more take to serve is not known: no scale-out was seen"
    serves = "" if moving else f" (~{clock_time(now + took[0], now)})"
    return f"{start}; more serve {duration(took[0])} later{serves}, the median of {took[1]}"


def _effect(plan: Plan, wish: Wish, s: Subject, now: Millis) -> str:
    """Done is what was asked for; what comes of it for users shows when the judged minutes are of the new capacity."""
    if (plan.after["desired"] or 0) > (plan.before["desired"] or 0):
        return f": as asked; what it does for users shows at ~{clock_time(now + LATE, now)}"
    if wish.max is not None and wish.max > plan.basis["max"]:
        took = launch_ms(s.activities)
        shows = now + ACTS + (took[0] if took else 0) + LATE
        return f": as asked; autoscaling acts next, what it does for users shows at ~{clock_time(shows, now)}"
    return ""


def _cost(s: Subject, g: Ground, effect: Effect) -> str:
    change = effect.then - effect.have
    if not change and effect.max is not None and s.target is not None and effect.max > s.target.max:
        up = effect.max - max(effect.have, s.target.max)
        type_ = f" of {g.seen.type}" if g.seen.type else ""
        return f"up to {up} {s.nouns[up != 1]}{type_} more, while the load wants them"
    return f"{abs(change)} {s.nouns[abs(change) != 1]} {'more' if change > 0 else 'less'}" if change else ""


# Words, and what the plan was made from.


def _words(t: Target, wish: Wish) -> str:
    if not wish.bounds:
        return f"{wish.desired} {t.nouns[wish.desired != 1]}"
    low, high = bounds_of(t, wish)
    return f"{low}–{high} {t.nouns[1]}"


def _change(s: Subject, wish: Wish) -> str:
    t = s.stated
    parts = []
    if wish.min is not None:
        parts.append(f"min {t.min} → {wish.min}")
    if wish.max is not None:
        parts.append(f"max {t.max} → {wish.max}")
    if wish.desired is not None:
        parts.append(f"{s.desired} → {wish.desired} {s.nouns[1]}")
    return ", ".join(parts)


def _state(s: Subject) -> dict[str, Any]:
    bounds = {"min": s.target.min, "max": s.target.max} if s.target else {}
    return bounds | {"desired": s.desired}


def _inverse(kind: str, subject: str, s: Subject, wish: Wish) -> str:
    old = [f"--{n} {v}" for n, v in (("min", s.stated.min), ("max", s.stated.max)) if getattr(wish, n) is not None]
    old += [f"--desired {s.desired}"] if wish.desired is not None else []
    variant = (
        [f"--variant {shlex.quote(s.variant.name)}"] if kind == "endpoint" and len(s.endpoint.variants) > 1 else []
    )
    return " ".join(["lastgood scale", kind, shlex.quote(subject), *variant, *old])


def _basis(s: Subject) -> dict[str, Any]:
    return {
        "min": s.target.min if s.target else None,
        "max": s.target.max if s.target else None,
        "desired": s.desired,
        "moving": s.moving,
        "created_at": s.endpoint.created_at,
        "about": _about(s),
    }


def _about(s: Subject) -> str:
    return f"{s.resource}/capacity"


def _watched(s: Subject, wish: Wish) -> bool:
    """Whether its reversal can be told: not of a count that autoscaling decides anew anyway, nor of copies and slots
    without autoscaling, which no list that is watched tells."""
    return s.target is not None if wish.bounds else s.target is None and s.dimension == INSTANCES


def _setting(desk: Desk, s: Subject, plan: Plan) -> Setting | None:
    """What its reversal is told from."""
    wish, basis = _planned(plan), plan.basis
    before: dict[str, float]
    after: dict[str, float]
    if not _watched(s, wish):
        return None
    if wish.bounds and s.target is not None:
        of, source, created = "bounds", s.target.name, s.target.created_at
        after = {name: value for name, value in (("min", wish.min), ("max", wish.max)) if value is not None}
        before = {name: basis[name] for name in after}
    else:
        of, source, created = "instances", s.endpoint.name, s.endpoint.created_at
        after, before = {s.variant.name: wish.desired or 0}, {s.variant.name: basis["desired"] or 0}
    return Setting(s.endpoint.name, _about(s), of, source, before, after, desk.identity, desk.now(), plan.id, created)


def _planned(plan: Plan) -> Wish:
    return Wish(*(plan.args.get(name) for name in Wish._fields))


def _is_so(s: Subject, wish: Wish) -> bool:
    if not wish.bounds:
        return s.desired == wish.desired
    t = s.target
    return t is not None and (t.min, t.max) == bounds_of(t, wish)


def _changed(s: Subject, plan: Plan, wish: Wish) -> Sighting | None:
    """What is other than when the plan was made, as far as it makes the plan another one."""
    basis = plan.basis
    if s.endpoint.created_at != basis["created_at"]:
        return Sighting(Stage.OVERTAKEN, f"{s.endpoint.name} was deleted and created again")
    if (s.target is None) != (basis["min"] is None):
        return Sighting(Stage.OVERTAKEN, f"{s.name} {'is not' if s.target is None else 'is'} autoscaled now")
    if s.target is not None and not (wish.bounds and _is_so(s, wish)):
        here, then = (s.target.min, s.target.max), (basis["min"], basis["max"])
        if here != then:
            return Sighting(
                Stage.OVERTAKEN, f"its bounds are {here[0]}–{here[1]}, the plan was made on {then[0]}–{then[1]}"
            )
    if basis["moving"] or s.moving:
        return None  # capacity is on its way: what it comes to is looked at once it has settled
    here_, then_ = effect_of(s, wish), basis["desired"]
    if s.desired != then_ and not _is_so(s, wish) and (not wish.bounds or here_.then != s.desired):
        return Sighting(Stage.OVERTAKEN, f"{s.desired} {s.nouns[1]} now, the plan was made on {then_}")
    return None
