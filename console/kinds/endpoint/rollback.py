"""Roll back: a second update to a config that served. There is no cancel, no token, and "InService" proves nothing.

The rules are DESIGN.md section 3, 1-6; the mechanics facts/sagemaker.md sections 2.4-2.8.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from console.actions.drafting import draft
from console.actions.model import Call, Check, Level, Plan, Sighting, Stage, Verdict
from console.actions.verb import Desk
from console.clock import Millis, clock_time, duration
from console.errors import Refused, SourceError, UsageError
from console.kinds.endpoint import preflight
from console.kinds.endpoint.looking import around, best_way, config_of, created_at, find_ways, observe
from console.kinds.endpoint.motion import bakes_until, current_phase, going_back, motion_words
from console.kinds.endpoint.record import Endpoint
from console.kinds.endpoint.view import EndpointView
from console.kinds.endpoint.ways import Way, doubted, nearest
from console.kinds.hold.record import Act, key
from console.text import count, echoed

UPDATE = "sagemaker:UpdateEndpoint"
CONFIG_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
"""As the service model has it; a longer or stranger one need not be asked for."""


class Rollback:
    """The deed behind `lastgood rollback`. Options: `to` (a config), `gradual` (keep the last deployment's policy)."""

    def plan(self, desk: Desk, subject: str, args: Mapping[str, Any]) -> Plan:
        e = observe(desk, subject)
        view = around(desk, e)
        candidates = find_ways(desk, view)
        target = str(args.get("to") or "")
        if not target:
            target = best_way(desk, candidates)
            if not target:
                raise Refused(
                    f"no config of {subject} is known to have served before {_serving(e)}",
                    advice=f"lastgood describe endpoint {subject} lists the ways back; name one with --to CONFIG",
                )
        if not CONFIG_NAME.fullmatch(target):
            raise UsageError(f"{echoed(target)!r} cannot be the name of a config", advice=nearest(target, candidates))
        if target == e.config and e.pending is None:
            raise Refused(f"{subject} is on {target} already", advice="choose another config with --to CONFIG")
        way = next((w for w in candidates if w.config == target), None)
        current, wanted = config_of(desk, e.config), config_of(desk, target)
        way = doubted(way, created_at(wanted), desk.now()) if way else None
        checks = list(preflight.checks(desk, view, way, target, current, wanted))
        if wanted is None and way is None:
            checks = [_said_nearest(check, target, candidates) for check in checks]
        deployment, how, alarm_check = _policy(desk, e, gradual=bool(args.get("gradual")))
        if alarm_check is not None:
            checks.append(alarm_check)
        params: dict[str, Any] = {
            "EndpointName": e.name,
            "EndpointConfigName": target,
            "RetainAllVariantProperties": True,
        }
        if deployment:
            params["DeploymentConfig"] = deployment
        instances = sum(v.desired_instances or v.instances or 0 for v in e.variants)
        kept = f"{count(instances, 'instance')} kept" if instances else "capacity kept"
        moving = e.moving and e.status != "UpdateRollbackFailed"
        return draft(
            desk,
            "rollback",
            "endpoint",
            e.name,
            target=target,
            level=Level.DANGER,
            title=f"Roll back {e.name} → {target}",
            before={
                "config": e.config,
                "status": e.status,
                "pending_config": e.pending.config if e.pending else None,
            },
            after={"config": target},
            calls=(Call(UPDATE, params),),
            causes=(f"a second fleet of {count(instances, 'instance')} runs until the old one is gone",)
            if instances
            else (),
            preflight=checks,
            inverse=f"lastgood rollback {e.name} --to {_serving(e)}",
            when=_when(view, moving, desk.now()),
            starts_at=_starts_at(view, moving, desk.now()),
            cost=f"{_serving(e)} goes on serving until the new fleet takes traffic" if not moving else _waiting(e),
            how=f"{how}, {kept}",
            settle=f"InService on {e.pending.config}" if moving and e.pending else ("InService" if moving else ""),
            basis={
                "config": e.config,
                "pending": e.pending.config if e.pending else "",
                "created_at": e.created_at,
                "target_created_at": created_at(wanted),
            },
            args=args,
        )

    def ready(self, desk: Desk, plan: Plan) -> Sighting:
        e = observe(desk, plan.subject)
        if e.created_at != plan.basis["created_at"]:
            return Sighting(Stage.OVERTAKEN, f"{plan.subject} was deleted and created again")
        settled = not e.moving or e.status == "UpdateRollbackFailed"
        queued = bool(plan.settle)
        if not settled:
            pending = e.pending.config if e.pending else ""
            if queued and pending in {plan.basis["pending"], ""}:
                return Sighting(Stage.WAIT, f"waits for {plan.settle}", _phase(e, desk.now()))
            who = f"a deployment of {pending}" if pending else e.status
            return Sighting(Stage.OVERTAKEN, f"{who} began after the plan was made")
        if e.config == plan.target and e.status == "InService":
            return Sighting(Stage.NOT_NEEDED, f"{plan.subject} is InService on {plan.target}: nothing to do")
        expected = plan.basis["pending"] or plan.basis["config"] if queued else plan.basis["config"]
        if e.config != expected:
            return Sighting(Stage.OVERTAKEN, f"config is {e.config}, the plan was made on {expected}")
        current, wanted = config_of(desk, e.config), config_of(desk, plan.target)
        planned, made = plan.basis.get("target_created_at"), created_at(wanted)
        if planned is not None and made is not None and made != planned:
            return Sighting(Stage.OVERTAKEN, f"{plan.target} was deleted and created again after the plan was made")
        checks = preflight.checks(desk, around(desk, e), None, plan.target, current, wanted)
        failed = [f"{c.check}: {c.detail}" for c in checks if c.verdict is Verdict.FAIL]
        if failed:
            return Sighting(Stage.FAILED, "; ".join(failed))
        return Sighting(Stage.GO, f"InService on {e.config}", mark=str(e.modified_at))

    def took(self, desk: Desk, plan: Plan, call: Call) -> bool | None:
        e = observe(desk, plan.subject)
        if e.pending is not None:
            return e.pending.config == plan.target
        if e.config == plan.target:
            return True
        return None if e.moving else False

    def verify(self, desk: Desk, plan: Plan, mark: str, answers: Sequence[Mapping[str, Any]]) -> Sighting:
        """The verdict table of facts section 2.6. Unchanged since before the write means: not visible yet."""
        e = observe(desk, plan.subject)
        if e.created_at != plan.basis["created_at"]:
            return Sighting(Stage.OVERTAKEN, f"{plan.subject} was deleted and created again")
        if e.pending is not None and e.pending.config != plan.target:
            return Sighting(Stage.OVERTAKEN, f"somebody else deploys {e.pending.config}")
        if not e.moving and e.status != "InService":
            return Sighting(Stage.FAILED, f"{e.status}: {e.failure_reason or 'no reason given'}")
        if e.moving:
            return Sighting(Stage.WAIT, _phase(e, desk.now()), e.status)
        if e.config == plan.target:
            return Sighting(Stage.DONE, f"InService on {plan.target}, nothing pending", e.status)
        if str(e.modified_at) == mark:
            return Sighting(Stage.WAIT, "accepted, not visible yet", e.status)
        reason = e.failure_reason or f"no reason given; see /aws/sagemaker/Endpoints/{e.name} and the alarms"
        return Sighting(Stage.FAILED, f"InService on {e.config}, not on {plan.target}: {reason}")

    def keep(self, desk: Desk, plan: Plan) -> None:
        """After DONE: the fact that its reversal is told from."""
        act = Act(
            kind="endpoint",
            subject=plan.subject,
            verb="rollback",
            before=plan.basis["pending"] or plan.basis["config"],
            target=plan.target,
            by=plan.identity,
            at=desk.now(),
            action=plan.id,
        )
        desk.saw("act", key("endpoint", plan.subject), act)


def _said_nearest(check: Check, target: str, candidates: Sequence[Way]) -> Check:
    if check.check != "target config" or check.verdict is not Verdict.FAIL:
        return check
    return msgspec.structs.replace(check, detail=f"{check.detail}; {nearest(target, candidates)}")


def _policy(desk: Desk, e: Endpoint, *, gradual: bool) -> tuple[dict[str, Any], str, Check | None]:
    """(DeploymentConfig, how in words, alarm check). An alarm that is red already would revert the fix: left out."""
    alarms = [a["AlarmName"] for a in e.policy.get("AutoRollbackConfiguration", {}).get("Alarms", ())]
    red: set[str] = set()
    check: Check | None = None
    if alarms:
        try:
            answer = desk.reader("cloudwatch").describe_alarms(
                AlarmNames=alarms, AlarmTypes=["MetricAlarm", "CompositeAlarm"]
            )
            states = {a["AlarmName"]: a["StateValue"] for a in (*answer["MetricAlarms"], *answer["CompositeAlarms"])}
            red = {name for name in alarms if states.get(name) == "ALARM"}
            gone = [name for name in alarms if name not in states]
            if gone:
                check = Check("alarms", Verdict.WARN, f"{', '.join(gone)} do not exist any more: left out")
            elif red:
                check = Check(
                    "alarms",
                    Verdict.WARN,
                    f"{', '.join(sorted(red))} in ALARM: left out, or it would revert this",
                )
            else:
                check = Check("alarms", Verdict.PASS, f"{', '.join(alarms)} guard it")
            alarms = [name for name in alarms if name not in red and name not in gone]
        except SourceError as error:
            # An alarm of unknown state could revert the fix: better none than a trap.
            check = Check("alarms", Verdict.UNKNOWN, f"{error.message}: {', '.join(alarms)} left out")
            alarms = []
    guard = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in alarms]}} if alarms else {}
    if gradual and e.policy:
        kept = {k: v for k, v in e.policy.items() if k != "AutoRollbackConfiguration"}
        return {**kept, **guard}, "as the last deployment did it", check
    if not guard:
        return {}, "all at once", check
    blue_green = {"TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}}
    return (
        {"BlueGreenUpdatePolicy": blue_green, **guard},
        f"all at once, guarded by {', '.join(alarms)}",
        check,
    )


def _serving(e: Endpoint) -> str:
    return e.pending.config if e.pending else e.config


def _starts_at(view: EndpointView, moving: bool, now: Millis) -> Millis | None:
    """When the deployment in motion should have settled, by the endpoint's own median; None if nothing tells."""
    pending = view.endpoint.pending
    if not (moving and view.typical_ms and pending and pending.started_at):
        return None
    return max(now, pending.started_at + view.typical_ms)


def _when(view: EndpointView, moving: bool, now: Millis) -> str:
    usual = view.typical_ms
    takes = f"usually {duration(usual)}" if usual else "how long is not known: none was watched from start to end"
    if not moving:
        safe_at = f", users safe ~{clock_time(now + usual, now)}" if usual else ""
        return f"starts at once; {takes}{safe_at}"
    begins = _starts_at(view, moving, now)
    if usual and begins:
        return f"queued (no cancel exists): starts ~{clock_time(begins, now)}, safe ~{clock_time(begins + usual, now)}"
    bake = bakes_until(current_phase(view.endpoint))
    earliest = f", after its bake ends {clock_time(bake, now)} at the earliest" if bake and bake > now else ""
    return f"queued (no cancel exists): starts when the deployment settles{earliest}; {takes}"


def _waiting(e: Endpoint) -> str:
    phase = current_phase(e)
    if e.pending is None or going_back(e):
        return f"{e.config} serves until then"
    if phase is not None and phase.status in {"ActivatingTraffic", "Baking", "Deleting"}:
        return f"until then {e.pending.config} takes traffic, by then maybe all of it"
    return f"{e.config} serves until {e.pending.config} takes traffic"


def _phase(e: Endpoint, now: Millis) -> str:
    return motion_words(e.pending.config if e.pending else e.config, e, now)
