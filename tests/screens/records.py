"""Records of the tests of texts: made by hand, in every state, with names nobody should have to read."""

from __future__ import annotations

from typing import Any

from console.clock import DAY, HOUR, MINUTE, Millis
from console.kinds.deployment.record import Deployment, Outcome
from console.kinds.endpoint.record import Capture, Endpoint, Pending, Phase, Variant
from console.kinds.endpoint.verdict import judge
from console.kinds.endpoint.view import EndpointView
from console.kinds.execution.record import Execution, Step
from console.kinds.execution.view import ExecutionView
from console.kinds.execution.view import judge as judge_run
from console.kinds.hold.record import Hold
from console.kinds.pipeline.record import Node
from screens.blocks import Line
from screens.pieces import lay_out

NOW: Millis = 1_795_489_920_000  # 2026-11-24T03:12:00Z
HOSTILE = "evil\x1b]0;gone\x07[red]na\u202eme\n\t推荐" + "é" * 3
LONG = "ClientError: " + "a word or two " * 75

CANARY: dict[str, Any] = {
    "BlueGreenUpdatePolicy": {
        "TrafficRoutingConfiguration": {
            "Type": "CANARY",
            "WaitIntervalInSeconds": 600,
            "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10},
        },
        "TerminationWaitInSeconds": 300,
    },
    "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "risk-5xx"}]},
}
STARTED = NOW - 9 * MINUTE
CREATING = Phase("Creating", "Launching 6 instance(s).", STARTED)
ACTIVATING = Phase("ActivatingTraffic", "Activating traffic on canary capacity of 1 instance(s).", NOW - 6 * MINUTE)
BAKING = Phase(
    "Baking",
    "Baking for 600 seconds (WaitIntervalInSeconds) with traffic enabled on canary capacity of 1 instance(s).",
    NOW - 6 * MINUTE + 4000,
)
FULL = Phase(
    "Baking",
    "Baking for 300 seconds (TerminationWaitInSeconds) with traffic enabled on full capacity of 6 instance(s).",
    NOW - MINUTE,
)
LEAVING = Phase("Deleting", "Terminating 6 instance(s).", NOW - MINUTE)
IMAGE = "1.dkr.ecr.eu-central-1.amazonaws.com/risk@sha256:3f9c1e77aa0011223344556677889900"


def endpoint(
    phase: Phase | None = None,
    *,
    status: str = "InService",
    old_phase: Phase | None = None,
    weights: tuple[float, float] = (1.0, 0.0),
    policy: dict[str, Any] | None = None,
    **more: Any,
) -> Endpoint:
    """risk-v7 with, if there is a phase, risk-v8 coming in."""
    pending = None
    if phase is not None or old_phase is not None:
        phases = (phase,) if phase else ()
        new = Variant("AllTraffic", weights[1], 1.0, 6, 6, (IMAGE.replace("3f9c", "b0a7"),), phases)
        pending = Pending("risk-v8", STARTED, (new,))
    old = Variant("AllTraffic", weights[0], 1.0, 6, 6, (IMAGE,), (old_phase,) if old_phase else ())
    fields: dict[str, Any] = {
        "name": "delay-risk",
        "arn": "arn:aws:sagemaker:eu-central-1:123456789012:endpoint/delay-risk",
        "status": "Updating" if pending else status,
        "config": "risk-v7",
        "created_at": NOW - 90 * DAY,
        "modified_at": NOW - 9 * MINUTE,
        "variants": (old,),
        "pending": pending,
        "capture": Capture(True, 20, "Started"),
        "policy": CANARY if policy is None else policy,
        "tags": {"owner": "maria.lindt@acme.example", "team": "logistics"},
        "detailed": True,
    }
    return Endpoint(**{**fields, **more})


def deployment(target: str, outcome: Outcome, at: Millis, **more: Any) -> Deployment:
    fields: dict[str, Any] = {"source": "", "target": target, "started_at": at, "outcome": outcome}
    return Deployment(**{**fields, "by": "ci-deployer", "actor": "ci", **more})


PAST = (
    deployment("risk-v7", Outcome.SUCCEEDED, NOW - 12 * DAY, ended_at=NOW - 12 * DAY + 9 * MINUTE),
    deployment("risk-v6", Outcome.SUCCEEDED, NOW - 33 * DAY, until=NOW - 12 * DAY),
    deployment("risk-v5", Outcome.ROLLED_BACK, NOW - 40 * DAY, ended_at=NOW - 40 * DAY + 4 * MINUTE, reason="alarm"),
    deployment("risk-v4", Outcome.UNKNOWN, NOW - 50 * DAY, until=NOW - 33 * DAY),
    deployment("risk-v3", Outcome.FAILED, NOW - 60 * DAY, ended_at=NOW - 60 * DAY + HOUR),
)
MOVING = deployment("risk-v8", Outcome.IN_PROGRESS, STARTED, source="risk-v7")


def endpoint_view(
    e: Endpoint, *, deployments: tuple[Deployment, ...] | None = None, hold: bool = False
) -> EndpointView:
    past = deployments if deployments is not None else (MOVING, *PAST) if e.pending else PAST
    held = Hold("endpoint", e.name, "migration of features", "ana", NOW - HOUR) if hold else None
    return EndpointView(
        endpoint=e, observed_at=NOW - 4000, verdict=judge(e, past, now=NOW, hold=held), deployments=past, hold=held
    )


NODES = (
    Node("Preprocess", "Processing", cached=True),
    Node("Train", "Training", ("Preprocess",)),
    Node("Evaluate", "Processing", ("Train", "Preprocess")),
    Node("CheckAuc", "Condition", ("Evaluate",)),
    Node("Register-RegisterModel", "RegisterModel", ("Evaluate", "Train"), "CheckAuc:if"),
    Node("TooLow", "Fail", ("CheckAuc",), "CheckAuc:else"),
)


def step(name: str, status: str = "Succeeded", *, after: int = 0, took: int = 60_000, **more: Any) -> Step:
    started = NOW - HOUR + after
    ended = started + took if status not in ("Executing", "Starting") else None
    fields: dict[str, Any] = {"type": "ProcessingJob", "attempts": 1, "started_at": started, "ended_at": ended}
    return Step(name=name, status=status, **{**fields, **more})


def run(status: str = "Succeeded", *steps: Step, id: str = "7qk2x", **more: Any) -> Execution:
    fields: dict[str, Any] = {
        "arn": f"arn:aws:sagemaker:eu-central-1:123456789012:pipeline/risk-train/execution/{id}",
        "pipeline": "risk-train",
        "status": status,
        "created_at": NOW - HOUR,
        "modified_at": NOW - 8 * MINUTE,
        "by": "ana",
        "steps": steps,
        "parameters": {"month": "2013-07", "horizon": "30"},
        "definition": "d1",
        "detailed": True,
    }
    return Execution(**{**fields, **more})


GREEN = run(id="green", parameters={"month": "2013-06", "horizon": "30"}, created_at=NOW - DAY)
FAILED = run(
    "Failed",
    step("Preprocess", cached_from="arn:other"),
    step("Train", after=60_000, took=11 * MINUTE),
    step(
        "Evaluate",
        "Failed",
        after=12 * MINUTE,
        took=40_000,
        failure_reason='ClientError: column "dep_delay" is missing',
    ),
)


def run_view(e: Execution, nodes: tuple[Node, ...] = NODES, green: Execution | None = GREEN) -> ExecutionView:
    return ExecutionView(execution=e, observed_at=NOW, verdict=judge_run(e, now=NOW), nodes=nodes, green=green)


def seen(lines: list[Line], width: int = 80) -> str:
    """What a terminal of that width shows of the lines."""
    return "\n".join("".join(char for char, _ in lay_out(line, (), width)).rstrip() for line in lines)


def words(lines: list[Line], width: int = 80) -> str:
    """The same on one line, so that a wrap is no difference."""
    return " ".join(seen(lines, width).split())
