"""Roll back: a second update to a config that served. There is no cancel, no token, and "InService" proves nothing.

The rules are DESIGN.md section 3, 1-6; the mechanics facts/sagemaker.md sections 2.4-2.8.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from console.actions.model import Call, Check, Level, Plan, Sighting, Stage, Verdict
from console.actions.verb import Desk
from console.clock import Millis, clock_time, duration
from console.errors import NotFound, NotPermitted, Refused, SourceError
from console.kinds.deployment.derive import derive
from console.kinds.endpoint import preflight
from console.kinds.endpoint.known import configs_seen, last_act
from console.kinds.endpoint.record import Endpoint, from_api
from console.kinds.endpoint.verdict import current_phase, judge, phase_words, typical
from console.kinds.endpoint.view import EndpointView, views
from console.kinds.endpoint.ways import Way, choose, stem, ways
from console.kinds.hold.record import Act, key
from console.kinds.reading import decode
from console.text import count

UPDATE = "sagemaker:UpdateEndpoint"


class Rollback:
    """The deed behind `lastgood rollback`. Options: `to` (a config), `gradual` (keep the last deployment's policy)."""

    def plan(self, desk: Desk, subject: str, args: Mapping[str, Any]) -> Plan:
        e = observe(desk, subject)
        view = around(desk, e)
        candidates = find_ways(desk, view)
        target = str(args.get("to") or "")
        if not target:
            best = choose(candidates)
            if best is None:
                raise Refused(
                    f"no config of {subject} is known to have served before {_serving(e)}",
                    advice=f"lastgood describe endpoint {subject} lists the ways back; name one with --to CONFIG",
                )
            target = best.config
        if target == e.config and e.pending is None:
            raise Refused(f"{subject} is on {target} already", advice="choose another config with --to CONFIG")
        way = next((w for w in candidates if w.config == target), None)
        current, wanted = config_of(desk, e.config), config_of(desk, target)
        checks = list(preflight.checks(desk, view, way, target, current, wanted))
        deployment, how, alarm_check = _policy(desk, e, gradual=bool(args.get("gradual")))
        if alarm_check is not None:
            checks.append(alarm_check)
            checks.sort(key=lambda c: list(Verdict).index(c.verdict))
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
        return Plan(
            id=secrets.token_hex(6),
            verb="rollback",
            kind="endpoint",
            subject=e.name,
            target=target,
            level=Level.DANGER,
            scope=desk.scope,
            context=desk.context,
            identity=desk.identity,
            created_at=desk.now(),
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
            preflight=tuple(checks),
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
            },
            args=dict(args),
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
        checks = preflight.checks(
            desk, around(desk, e), None, plan.target, config_of(desk, e.config), config_of(desk, plan.target)
        )
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


def observe(desk: Desk, name: str) -> Endpoint:
    """A fresh DescribeEndpoint, also kept as a fact: what an action sees is history as well."""
    try:
        answer = desk.reader("sagemaker").describe_endpoint(EndpointName=name)
    except NotFound as error:
        raise NotFound(f"no endpoint {name} in {desk.scope}", advice="lastgood get endpoints lists them") from error
    e = from_api(answer, detailed=True)
    for known in decode(desk.snapshot(), "endpoint", Endpoint, [name]):
        e = msgspec.structs.replace(e, tags=known.tags)  # DescribeEndpoint has none; Search brought them
    desk.saw("endpoint", name, e, provider_at=e.modified_at)
    return e


def around(desk: Desk, e: Endpoint) -> EndpointView:
    """The view of a freshly observed endpoint; where nobody watched before, the little there is."""
    found = views(desk.snapshot(), [e.name])
    if found:
        return found[0]
    deployments = derive([(desk.now(), e)], [])
    verdict = judge(e, deployments, now=desk.now())
    return EndpointView(
        endpoint=e,
        observed_at=desk.now(),
        verdict=verdict,
        deployments=deployments,
        typical_ms=typical(deployments),
    )


def find_ways(desk: Desk, view: EndpointView) -> list[Way]:
    """Candidates from the ledger, CloudTrail as the ledger has it, CloudWatch dimensions, and configs named alike."""
    e = view.endpoint
    snapshot = desk.snapshot()
    return ways(
        e,
        view.deployments,
        now=desk.now(),
        act=last_act(snapshot, e.name),
        seen_configs=configs_seen(snapshot, e.name),
        with_traffic=_with_traffic(desk, e.name),
        configs=_alike(desk, e),
    )


def _with_traffic(desk: Desk, name: str) -> set[str]:
    """Configs under whose name CloudWatch has invocations of the last two weeks (facts section 8, source 4)."""
    try:
        pages = (
            desk.reader("cloudwatch")
            .get_paginator("list_metrics")
            .paginate(
                Namespace="AWS/SageMaker",
                MetricName="Invocations",
                Dimensions=[{"Name": "EndpointName", "Value": name}, {"Name": "EndpointConfigName"}],
            )
        )
        metrics = [metric for page in pages for metric in page["Metrics"]]
    except SourceError:
        return set()  # one source of evidence less
    return {d["Value"] for m in metrics for d in m["Dimensions"] if d["Name"] == "EndpointConfigName"}


def _alike(desk: Desk, e: Endpoint) -> dict[str, Millis | None] | None:
    """Configs that share the stem of the endpoint's or its config's name, newest first; at most 100."""
    found: dict[str, Millis | None] = {}
    try:
        for word in {stem(e.name), stem(e.config)}:
            answer = desk.reader("sagemaker").list_endpoint_configs(
                NameContains=word[:63], SortBy="CreationTime", SortOrder="Descending", MaxResults=100
            )
            for item in answer["EndpointConfigs"]:
                found[item["EndpointConfigName"]] = round(item["CreationTime"].timestamp() * 1000)
    except SourceError:
        return None
    for tag, value in e.tags.items():
        if "previous" in tag.lower() and "config" in tag.lower():
            found.setdefault(value, None)
    return found


def config_of(desk: Desk, name: str) -> preflight.Looked:
    """DescribeEndpointConfig, None where it does not exist, or the refusal where it may not be looked at."""
    try:
        answer: preflight.Config = desk.reader("sagemaker").describe_endpoint_config(EndpointConfigName=name)
    except NotFound:
        return None
    except NotPermitted as error:
        return error
    return answer


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
    return f"queued (no cancel exists): starts when the deployment settles; {takes}"


def _waiting(e: Endpoint) -> str:
    phase = current_phase(e)
    if e.pending is None:
        return f"{e.config} serves until then"
    if phase is not None and phase.status in {"ActivatingTraffic", "Baking", "Deleting"}:
        return f"until then {e.pending.config} takes traffic"
    return f"{e.config} serves until {e.pending.config} takes traffic"


def _phase(e: Endpoint, now: Millis) -> str:
    return phase_words(e.pending.config if e.pending else e.config, current_phase(e), now)
