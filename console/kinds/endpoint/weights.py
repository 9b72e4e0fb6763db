"""Shift traffic between production variants: at once, or in steps with a look at errors after each one.

UpdateEndpointWeightsAndCapacities has no token, is accepted only while the endpoint is InService, and moves it to
Updating; a change that fails ends in RollingBack and the weights of before (facts/sagemaker.md sections 2.2, 2.7, 13).
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from console.actions.drafting import draft
from console.actions.model import Call, Level, Plan, Sighting, Stage
from console.actions.verb import Desk
from console.clock import MINUTE, Millis, clock_time, duration, parse_duration
from console.errors import Refused, SourceError, UsageError
from console.kinds.endpoint.looking import around, observe
from console.kinds.endpoint.record import Endpoint
from console.kinds.endpoint.shifting import (
    OPERATION,
    Watching,
    checks,
    requests_s,
    step_words,
    weights_of,
)
from console.kinds.endpoint.traffic import (
    Load,
    Weights,
    loads,
    pairs,
    parse_steps,
    parse_weights,
    percent,
    same,
    shares,
    tidy,
    told,
    way,
)
from console.kinds.hold import putback
from console.kinds.hold.check import forbidden
from console.kinds.hold.record import Setting, key
from console.text import echoed

EVERY_MS = 5 * MINUTE
LATE_MS = 5 * MINUTE
"""How long after its time a step waits for its first numbers, before it counts as not to be judged."""


class Shift:
    """The deed behind `lastgood weights`. Options: `weights` (by variant), `steps`, `every`, `release`."""

    def __init__(self) -> None:
        self._watching = Watching()

    def plan(self, desk: Desk, subject: str, args: Mapping[str, Any]) -> Plan:
        e = observe(desk, subject)
        before = weights_of(e)
        asked = wanted(e, args.get("weights") or {})
        after = before | asked
        if not sum(after.values()):
            raise UsageError("no variant would get traffic", advice="at least one weight must be above 0")
        if same(shares(before), shares(after)):
            raise Refused(f"{subject} serves so already: {told(before)}", advice="name other weights")
        steps, every_ms = _steps(args)
        stages = way(before, after, steps)
        view = around(desk, e)
        load = loads(before, after, requests_s(view), {v.name: v.instances for v in e.variants})
        now, several = desk.now(), len(stages) > 1
        plan = draft(
            desk,
            "weights",
            "endpoint",
            e.name,
            level=Level.DANGER,
            title=f"Shift traffic of {e.name}: {told(after)}",
            target=told(after),
            before={"weights": tidy(before)},
            after={"weights": tidy(after)},
            calls=[_call(e.name, weights) for weights in stages],
            restore=[_call(e.name, before)] if several else (),
            causes=[one.host_words for one in load if one.host_words],
            preflight=checks(desk, view, before, after, load, steps=len(stages), released=bool(args.get("release"))),
            inverse=f"lastgood weights {shlex.quote(e.name)} {pairs(before)}",
            when=_when(e, len(stages), every_ms, now),
            cost=f"until then {told(before)}" if e.moving else "",
            how=_how(load, stages, every_ms),
            settle="InService" if e.moving else "",
            basis={
                "weights": tidy(before),
                "config": e.config,
                "created_at": e.created_at,
                "every_ms": every_ms,
                "about": f"endpoint/{e.name}/weights",
                "watched": True,
            },
            args={"weights": {name: f"{weight:.6g}" for name, weight in asked.items()}}
            | {name: args[name] for name in ("steps", "every", "release") if args.get(name)},
        )
        return plan

    def ready(self, desk: Desk, plan: Plan) -> Sighting:
        e = observe(desk, plan.subject)
        if other := _another(e, plan):
            return Sighting(Stage.OVERTAKEN, other)
        here, before, after = weights_of(e), plan.basis["weights"], plan.after["weights"]
        if same(here, after):
            return Sighting(Stage.NOT_NEEDED, f"{plan.subject} serves so already: {told(here)}")
        if not same(here, before):
            return Sighting(Stage.OVERTAKEN, f"its weights are {pairs(here)}, the plan was made on {pairs(before)}")
        if e.moving:
            return Sighting(Stage.WAIT, "waits for InService", e.status)
        if e.status != "InService":
            return Sighting(Stage.FAILED, f"status is {e.status}: weights are not accepted")
        if why := forbidden(desk, plan, e.name):
            return Sighting(Stage.FAILED, why)
        last = desk.now() + (len(plan.calls) - 1) * plan.basis["every_ms"]
        if len(plan.calls) > 1 and desk.acting_ends is not None and desk.acting_ends <= last:
            until, now = clock_time(desk.acting_ends, desk.now()), desk.now()
            return Sighting(
                Stage.FAILED, f"the acting credentials end {until}, the last step is {clock_time(last, now)}"
            )
        return Sighting(Stage.GO, f"InService with {told(here)}", mark=str(e.modified_at))

    def took(self, desk: Desk, plan: Plan, call: Call) -> bool | None:
        return same(weights_of(observe(desk, plan.subject)), _weights(call))

    def between(self, desk: Desk, plan: Plan, mark: str, answered: Sequence[Millis]) -> Sighting:
        """Each step stays for `every`; errors are looked at every minute, and once more at its end."""
        n, now = len(answered), desk.now()
        step = _weights(plan.calls[n - 1])
        e = observe(desk, plan.subject)
        seen = _seen(e, plan, step, mark, _before_call(plan, n - 1))
        scales = seen.stage is Stage.WAIT and e.moving and _in_force(e, step)
        if seen.stage is not Stage.DONE and not scales:
            return seen
        since, until = answered[-1], answered[-1] + plan.basis["every_ms"]
        wait = Sighting(Stage.WAIT, step_words(n, len(plan.calls), step, until, now))
        try:
            if rise := self._watching.rise(desk, e, answered[0], since):
                return Sighting(Stage.FAILED, f"stopped after step {n} of {len(plan.calls)} ({told(step)}): {rise}")
        except SourceError as error:
            if now < until + LATE_MS:
                return wait
            words = f"errors after step {n} of {len(plan.calls)} cannot be seen: {error.message}"
            return Sighting(Stage.FAILED, words)
        if now < until or (self._watching.silent and now < until + LATE_MS):
            return wait
        if scales:  # more traffic makes it: the next step has to wait, and errors are looked at meanwhile
            return seen
        if self._watching.silent:
            words = f"no requests were measured after step {n} of {len(plan.calls)}, though there were some before"
            return Sighting(Stage.FAILED, words)
        words = f"step {n} of {len(plan.calls)} stays: {told(step)}; {self._watching.words}"
        return Sighting(Stage.GO, words, mark=str(e.modified_at))

    def restored(self, desk: Desk, plan: Plan, mark: str) -> Sighting:
        e = observe(desk, plan.subject)
        before = plan.basis["weights"]
        if other := _another(e, plan):
            return Sighting(Stage.OVERTAKEN, other)
        if e.moving or (mark and str(e.modified_at) == mark):
            return Sighting(Stage.WAIT, f"the weights of before are brought back: {told(before)}", e.status)
        if e.status == "InService" and same(weights_of(e), before):
            return Sighting(Stage.DONE, f"the weights are as before: {told(before)}")
        if not any(same(weights_of(e), known) for known in (before, *map(_weights, plan.calls))):
            return Sighting(Stage.OVERTAKEN, f"somebody else set them to {pairs(weights_of(e))}")
        return Sighting(Stage.FAILED, f"{e.status} with {told(weights_of(e))}", mark=str(e.modified_at))

    def verify(self, desk: Desk, plan: Plan, mark: str, answers: Sequence[Mapping[str, Any]]) -> Sighting:
        # After a step that was looked at the weights are there already: its mark is newer than the change.
        mark = mark if len(plan.calls) == 1 else ""
        return _seen(observe(desk, plan.subject), plan, plan.after["weights"], mark, plan.basis["weights"])

    def keep(self, desk: Desk, plan: Plan) -> None:
        """After DONE: what its reversal is told from."""
        basis = plan.basis
        putback.keep(
            desk,
            Setting(
                endpoint=plan.subject,
                about=basis["about"],
                of="weights",
                source=plan.subject,
                before=basis["weights"],
                after=plan.after["weights"],
                by=desk.identity,
                at=desk.now(),
                action=plan.id,
                created_at=basis["created_at"],
            ),
        )
        if plan.args.get("release"):
            desk.gone("hold", [key("endpoint", plan.subject)])


def wanted(e: Endpoint, given: Mapping[str, str] | str) -> Weights:
    """The weights asked for, of variants that there are. Raises UsageError, or Refused where there is nothing to
    shift."""
    names = [v.name for v in e.variants]
    if len(names) < 2:
        only = f": {names[0]}" if names else ""
        advice = f"lastgood describe endpoint {e.name} tells what helps"
        raise Refused(f"{e.name} has one variant{only}; all traffic is its own", advice=advice)
    asked = parse_weights(_split(given) if isinstance(given, str) else given)
    usual = " ".join(f"{name}={weight:g}" for name, weight in weights_of(e).items())
    if not asked:
        raise UsageError("no weights are given", advice=f"now it is: lastgood weights {e.name} {usual}")
    for name in asked:
        if name in {v.name for v in e.shadows}:
            raise UsageError(f"{name} is a shadow variant: it gets copies of requests", advice=f"of these: {usual}")
        if name not in names:
            raise UsageError(f"no variant {echoed(name)} in {e.name}", advice=f"there are: {', '.join(names)}")
    return asked


def _split(text: str) -> dict[str, str]:
    """As a form has it: `a=90 b=10`. Raises UsageError."""
    found = {}
    for word in text.split():
        name, equals, value = word.partition("=")
        if not (name and equals) or name in found:
            raise UsageError(f"{echoed(word)!r} is no weight", advice="each variant once, as NAME=WEIGHT")
        found[name] = value
    return found


def _steps(args: Mapping[str, Any]) -> tuple[tuple[float, ...], int]:
    """(percents of the way, ms between them). Raises UsageError."""
    if not args.get("steps"):
        if args.get("every"):
            raise UsageError("--every is the time between steps", advice="name them: --steps 10,50,100")
        return (100.0,), 0
    every_ms = parse_duration(str(args["every"])) if args.get("every") else EVERY_MS
    if not MINUTE <= every_ms <= 60 * MINUTE:
        raise UsageError(f"--every {echoed(str(args['every']))}", advice="1m to 1h; metrics come by the minute")
    return parse_steps(str(args["steps"])), every_ms


def _call(name: str, weights: Weights) -> Call:
    wanted = [{"VariantName": variant, "DesiredWeight": weight} for variant, weight in tidy(weights).items()]
    return Call(OPERATION, {"EndpointName": name, "DesiredWeightsAndCapacities": wanted})


def _weights(call: Call) -> Weights:
    return {one["VariantName"]: one["DesiredWeight"] for one in call.params["DesiredWeightsAndCapacities"]}


def _before_call(plan: Plan, n: int) -> Weights:
    """What was before the call `n`."""
    before: Weights = plan.basis["weights"] if n == 0 else _weights(plan.calls[n - 1])
    return before


def _when(e: Endpoint, steps: int, every_ms: int, now: Millis) -> str:
    begins = "queued: starts when the endpoint is InService" if e.moving else "starts at once"
    if steps == 1:
        return f"{begins}; requests in flight end where they are"
    if e.moving:
        return f"{begins}; the last step comes {duration((steps - 1) * every_ms)} later"
    return f"{begins}; the last step ~{clock_time(now + (steps - 1) * every_ms, now)}"


def _how(load: Sequence[Load], stages: Sequence[Weights], every_ms: int) -> str:
    """Who gets what, then the steps by the shares of the variant that gains most."""
    gets = "; ".join(one.words for one in load)
    if len(stages) == 1:
        return f"{gets}; in one step, instances stay as they are"
    gainer = max(load, key=lambda one: one.share_after - one.share).variant
    there = ", ".join(percent(shares(stage)[gainer], unit=False) for stage in stages)
    steps = f"{len(stages)} steps of {duration(every_ms)} ({gainer} {there} %)"
    return f"{gets}; in {steps}, each watched: a rise of 5XX brings the weights back"


def _another(e: Endpoint, plan: Plan) -> str:
    """Why the endpoint is not the one that the plan was made for, or an empty text."""
    if e.created_at != plan.basis["created_at"]:
        return f"{plan.subject} was deleted and created again"
    if e.pending is not None:
        return f"a deployment of {e.pending.config} began"
    if e.config != plan.basis["config"]:
        return f"config is {e.config}, the plan was made on {plan.basis['config']}"
    return ""


def _seen(e: Endpoint, plan: Plan, step: Weights, mark: str, before: Weights) -> Sighting:
    """Whether these weights are in force: InService, and current as desired. `before`: those of before that call."""
    if other := _another(e, plan):
        return Sighting(Stage.OVERTAKEN, other)
    here = weights_of(e)
    if e.moving:
        if _in_force(e, step):
            return Sighting(Stage.WAIT, f"{told(step)} are in force, waits for InService", e.status)
        if not (same(here, step) or same(here, before)):
            return Sighting(Stage.OVERTAKEN, f"somebody else sets the weights to {pairs(here)}")
        return Sighting(Stage.WAIT, f"the weights are being set: {told(step)}", e.status)
    if e.status != "InService":
        return Sighting(Stage.FAILED, f"{e.status}: {e.failure_reason or 'no reason given'}")
    if _in_force(e, step):
        return Sighting(Stage.DONE, f"InService with {told(step)}")
    if same(here, step) or (mark and str(e.modified_at) == mark):
        return Sighting(Stage.WAIT, "accepted, not visible yet", e.status)
    if same(here, before):
        return Sighting(
            Stage.FAILED, f"InService with {told(here)}, as before: {e.failure_reason or 'no reason given'}"
        )
    return Sighting(Stage.OVERTAKEN, f"somebody else set the weights to {pairs(here)}")


def _in_force(e: Endpoint, weights: Weights) -> bool:
    current = {v.name: v.weight or 0.0 for v in e.variants}
    return same(current, weights) and same(weights_of(e), weights)
