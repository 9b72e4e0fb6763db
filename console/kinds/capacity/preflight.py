"""What is checked before capacity changes: each check is a known way for it to fail, to do harm, or not to last.

What may not be looked at is `unknown` with the provider's words, never passed
(facts/sagemaker.md sections 2.7, 5.9, 9.2).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from console.actions.checks import endpoint_quotas, freeze, permission, unseen
from console.actions.model import Check, Verdict
from console.actions.verb import Desk
from console.clock import Millis
from console.errors import SourceError
from console.kinds.capacity.copies import fits
from console.kinds.capacity.looking import Ground, Subject
from console.kinds.capacity.verbs import COPIES as SET_COPIES
from console.kinds.capacity.verbs import INSTANCES as SET_INSTANCES
from console.kinds.capacity.verbs import REGISTER
from console.kinds.change.record import ACTORS
from console.kinds.endpoint.view import EndpointView
from console.kinds.hold.check import held
from console.kinds.scaling.record import COPIES, INSTANCES
from console.kinds.scaling.room import lacking, room
from console.kinds.scaling.seen import ABOVE
from console.kinds.scaling.verdict import flapped
from console.text import few


class Effect(NamedTuple):
    """Capacity now and after the call; the bounds after it, None where it is not autoscaled."""

    have: int
    then: int
    min: int | None = None
    max: int | None = None

    @property
    def more(self) -> int:
        return max(0, self.then - self.have)


def checks(desk: Desk, s: Subject, g: Ground, effect: Effect, *, verb: str, released: bool) -> Iterator[Check]:
    """`verb`: scale, suspend or unsuspend."""
    yield settled(s)
    yield _moved(s, effect, asked=verb == "scale")
    if verb == "scale":
        yield from _quota(desk, s, g, effect)
        yield from fits(desk, s, effect.then)
        yield from _to_be_had(desk, s, effect)
        yield _load(s, g, effect)
        yield from _zero(s, effect)
    yield need(g, verb, effect, desk.now())
    yield from _schedule(s)
    yield _owner(g.view)
    yield held(g.view.hold, released=released)
    yield freeze(desk)
    yield permission(desk, *_asked_for(s, bounds=effect.min is not None))


def settled(s: Subject) -> Check:
    """RegisterScalableTarget meets ConcurrentUpdateException while SageMaker changes what it is about."""
    e = s.endpoint
    if e.status in {"Failed", "Deleting", "Creating"}:
        return Check("settled", Verdict.FAIL, f"status is {e.status}: capacity cannot be changed")
    if e.pending is not None:
        detail = f"{e.pending.config} is being deployed: this waits until {e.name} is InService"
        return Check("settled", Verdict.WARN, detail)
    if s.moving:
        what = f"it scales {s.current} → {s.desired}" if s.current != s.desired else f"{s.name} is being changed"
        return Check("settled", Verdict.WARN, f"{what}: this waits until that is done")
    return Check("settled", Verdict.PASS, e.status)


def _moved(s: Subject, effect: Effect, *, asked: bool) -> Check:
    """RegisterScalableTarget moves capacity into the bounds, whatever it is called for (facts section 5.9)."""
    one, many = s.nouns
    if effect.then == effect.have:
        return Check("capacity", Verdict.PASS, f"{effect.have} {one if effect.have == 1 else many} stay")
    step = f"{effect.have} → {effect.then} {many} at once"
    if asked:
        verdict = Verdict.WARN if effect.then < effect.have else Verdict.PASS
        return Check("capacity", verdict, f"{step}{': some are taken away' if effect.then < effect.have else ''}")
    detail = f"{step}: the call moves capacity into {effect.min}–{effect.max}, though it is about suspension alone"
    return Check("capacity", Verdict.WARN, detail)


def _quota(desk: Desk, s: Subject, g: Ground, effect: Effect) -> Iterator[Check]:
    if s.dimension != INSTANCES:
        return
    try:
        type_ = g.seen.type or _type(desk, s)
        limit = endpoint_quotas(desk).get(f"{type_} for endpoint usage")
    except SourceError as error:
        yield Check("quota", Verdict.UNKNOWN, unseen(error))
        return
    if not type_ or limit is None:
        yield Check("quota", Verdict.UNKNOWN, f"{type_ or 'its instance type'}: quota not listed")
        return
    found = room(desk, g.around, type_, limit, effect.have)
    quota = found.quota
    if short := found.short_of(effect.more):
        yield Check("quota", Verdict.FAIL, short)
    elif effect.max is not None and quota.used + effect.max - effect.have > limit:
        reach = effect.have + int(limit) - quota.used
        yield Check("quota", Verdict.WARN, f"{found.words}: it can grow to {reach}, not to {effect.max}")
    else:
        sure = found.sure_of(max(effect.more, (effect.max or 0) - effect.have))
        yield Check("quota", Verdict.PASS if sure else Verdict.UNKNOWN, found.words)


def _zero(s: Subject, effect: Effect) -> Iterator[Check]:
    """What tracks load per host has no metric without one (facts sections 2.9 and 5.9)."""
    below = effect.min == 0 and (s.target is None or s.target.min > 0)
    if below or (effect.have and not effect.then):
        one = s.nouns[0]
        back = "NoCapacityInvocationFailures" if s.component else "HasBacklogWithoutCapacity (asynchronous)"
        detail = f"no {one}, no answer; a target per {one} does not bring it back, only a policy on {back}"
        yield Check("zero", Verdict.WARN, detail)


def _type(desk: Desk, s: Subject) -> str:
    config = desk.reader("sagemaker").describe_endpoint_config(EndpointConfigName=s.endpoint.config)
    found = (v for v in config.get("ProductionVariants", ()) if v.get("VariantName") == s.variant.name)
    return next((str(v.get("InstanceType", "")) for v in found), "")


def _to_be_had(desk: Desk, s: Subject, effect: Effect) -> Iterator[Check]:
    growing = effect.then > (s.current or 0) or (effect.max or 0) > effect.have
    if growing and (check := lacking(s.activities, s.endpoint.failure_reason, desk.now())) is not None:
        yield check


def _load(s: Subject, g: Ground, effect: Effect) -> Check:
    load, host = g.load, g.seen.target.host
    if load.now is None:
        return Check("load", Verdict.UNKNOWN, f"requests per {host} are not known: no vital signs of now in the ledger")
    said = f"{few(load.now)} requests a minute per {host} now"
    serving = s.current or effect.have
    then = load.among(effect.then, serving) if effect.then != effect.have else load.now
    if effect.then != effect.have and then is not None:
        said += f", {few(then)} with {effect.then}"
    grown = load.among(effect.max or 0, serving)
    if effect.then == effect.have and effect.max is not None and effect.max > effect.have and grown is not None:
        said += f", {few(grown)} if it goes to {effect.max}"
    target = f"; target {few(load.target)}" if load.target else ""
    was = f"; was {few(load.was)} at this hour" if load.was else ""
    above = load.target is not None and then is not None and then > ABOVE * load.target and effect.then <= effect.have
    shrinks = effect.then < effect.have
    if g.waits:
        return Check("load", Verdict.WARN, f"{said}{target}{was}; {g.waits}")
    return Check("load", Verdict.WARN if above and shrinks else Verdict.PASS, f"{said}{target}{was}")


def need(g: Ground, verb: str, effect: Effect, now: Millis) -> Check:
    """Whether what is wrong is mended by this: more hosts mend no slow dependency (facts section 9.2)."""
    words = f"{g.view.verdict.words}"
    scaling = {f.words for f in g.view.found if f.about == "scaling"}
    against = [f.words for f in g.view.found if verb in f.speaks_against and (effect.then >= effect.have)]
    for_ = [f.words for f in g.view.found if verb in f.speaks_for]
    if against:
        why = "it is asked for in vain" if scaling.intersection(against) else "more hosts do not mend it"
        return Check("need", Verdict.WARN, f"{against[0]}: {why}")
    if for_:
        return Check("need", Verdict.PASS, for_[0])
    if verb == "unsuspend" and (told := flapped(g.seen, now)):
        return Check("need", Verdict.WARN, f"{told} With little load it flaps again if not")
    return Check("need", Verdict.WARN, f"nothing known asks for it: {words}")


def _owner(view: EndpointView) -> Check:
    """Bounds and counts are in somebody's code as well, more often than not."""
    by = next((d.by for d in view.deployments if d.actor == view.owner), "")
    if view.owner in {"tf", "ci", "cfn"}:
        who = f"{ACTORS[view.owner]}{f' ({by})' if by else ''}"
        return Check("owner", Verdict.WARN, f"{who} deploys it: what its code says of capacity comes back with it")
    if not view.owner:
        return Check("owner", Verdict.UNKNOWN, "nobody is known to deploy it")
    return Check("owner", Verdict.PASS, f"deployed by {view.owner}")


def _schedule(s: Subject) -> Iterator[Check]:
    for action in s.target.scheduled or () if s.target else ():
        bounds = [f"min {action.min}" if action.min is not None else "", f"max {action.max}" if action.max else ""]
        detail = f"{action.name} ({action.schedule} {action.zone}) sets {' and '.join(filter(None, bounds))} again"
        yield Check("schedule", Verdict.WARN, detail)


def _asked_for(s: Subject, *, bounds: bool) -> tuple[str, list[str]]:
    if bounds:
        return REGISTER, [s.target.arn if s.target and s.target.arn else "*"]
    return (SET_COPIES, ["*"]) if s.dimension == COPIES else (SET_INSTANCES, [s.endpoint.arn])
