"""A write somebody made, as CloudTrail tells it: who, with what, to which subject. Pure.

CloudTrail is late by minutes, keeps 90 days, and says that the API accepted a call, never that a deployment succeeded
(facts/sagemaker.md section 8).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from console.clock import MINUTE, Millis, iso, to_ms

EVENTS: dict[str, tuple[str, str, str]] = {
    "UpdateEndpoint": ("endpoint", "endpointName", "endpointConfigName"),
    "CreateEndpoint": ("endpoint", "endpointName", "endpointConfigName"),
    "DeleteEndpoint": ("endpoint", "endpointName", ""),
    "UpdateEndpointWeightsAndCapacities": ("endpoint", "endpointName", ""),
    "StartPipelineExecution": ("pipeline", "pipelineName", ""),
    "StopPipelineExecution": ("execution", "pipelineExecutionArn", ""),
    "RetryPipelineExecution": ("execution", "pipelineExecutionArn", ""),
}
"""Event name to (kind of subject, request parameter that names it, request parameter that names its target).

What tells most comes first: a look in a hurry may not get to the others."""

LATE = 20 * MINUTE
"""How long CloudTrail may take to deliver (minutes, by its documentation): what it has not told by then is not so."""


def read_until(event: str) -> str:
    """The key under which the watch remembers up to when it has asked for an event."""
    return f"change.{event}.until"


CAPACITY = "desiredInstanceCount"

DEPLOYS = frozenset({"CreateEndpoint", "UpdateEndpoint"})

_MACHINES = (
    ("terraform", "tf"),
    ("hashicorp", "tf"),
    ("codepipeline", "ci"),
    ("codebuild", "ci"),
    ("github-actions", "ci"),
    ("gitlab", "ci"),
    ("jenkins", "ci"),
    ("cloudformation", "cfn"),
    ("application-autoscaling", "aas"),
    ("autoscaling-updatedesiredcapacity", "aas"),
    ("eventbridge", "events"),
    ("events.amazonaws.com", "events"),
    ("scheduler.amazonaws.com", "events"),
)


ACTORS = {"tf": "Terraform", "ci": "CI", "cfn": "CloudFormation", "events": "EventBridge", "aas": "Auto Scaling"}
"""What machines are called in words; other actors are people's names."""


class Change(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One recorded call. `actor` is one of ACTORS or a person; `target` the config it names, if any."""

    id: str
    at: Millis
    event: str
    kind: str
    subject: str
    by: str = ""
    actor: str = ""
    agent: str = ""
    target: str = ""
    made: str = ""
    error: str = ""
    asked: str = ""
    """What a call asked for that names no target: `9 instances`, `weights a 10, b 90`."""
    why: str = ""
    """AWS's words where it refused."""

    @property
    def name(self) -> str:
        return self.id

    def to_json(self) -> dict[str, Any]:
        return {
            "at": iso(self.at),
            "event": self.event,
            "kind": self.kind,
            "subject": self.subject,
            "by": self.by,
            "actor": self.actor,
            "target": self.target or None,
            "agent": self.agent or None,
            "error": self.error or None,
            "asked": self.asked or None,
            "why": self.why or None,
        }


def named(subject: str) -> str:
    """The name in an ARN (`PIPELINE/ID` of a run), lower-cased as there; anything else as it is."""
    if not subject.startswith("arn:"):
        return subject
    _, _, name = subject.split(":", 5)[-1].partition("/")
    return name.replace("/execution/", "/") or subject


_TOOLS = (
    *("lastgood", "terraform", "pulumi", "aws-cdk", "sagemaker-python-sdk", "sagemaker-pipelines", "aws-cli", "boto3"),
    *("botocore", "aws-sdk-go-v2", "aws-sdk-go", "aws-sdk-java", "aws-sdk-js"),
)
"""What people recognise in a user agent, the telling one first: Terraform runs on an SDK, SageMaker's on boto3."""


def tool(agent: str) -> str:
    """`aws-cli/2.15.0` of a user agent of 200 characters; services by their name, a browser as the AWS console."""
    products = {word.partition("/")[0].lower(): word for word in reversed(agent.split())}
    if known := next((products[name] for name in _TOOLS if name in products), ""):
        return known
    return "AWS console" if "mozilla" in products else agent.partition(" (")[0].partition(" md/")[0]


_MADE_UP = re.compile(r"[0-9a-z]{20,}|[\w-]*-?\d{9,}|i-[0-9a-f]{8,}")
"""Session names that services and SDKs make up: the role tells more."""


def caller(arn: str) -> str:
    """Who an ARN is, as a person would say: the user, the session, or the role of a session nobody named."""
    head, _, name = arn.rpartition("/")
    return head.rsplit("/", 1)[-1] if ":assumed-role/" in arn and _MADE_UP.fullmatch(name) else name


def who(event: Mapping[str, Any]) -> tuple[str, str]:
    """(by, actor) of a CloudTrail event: the session or user name, and what kind of actor that is."""
    identity = event.get("userIdentity") or {}
    arn = identity.get("arn") or identity.get("principalId") or ""
    by = identity.get("userName") or caller(arn) or identity.get("invokedBy") or ""
    agent = event.get("userAgent") or ""
    # Who drives it tells more than what sent it: CI runs the aws CLI and Terraform runs an SDK.
    haystack = " ".join((identity.get("invokedBy") or "", agent, arn)).lower()
    actor = next((label for word, label in _MACHINES if word in haystack), by)
    return (ACTORS["aas"] if actor == "aas" else by), actor  # its session's name is made up


def from_event(event: Mapping[str, Any], *, event_id: str, at: Any) -> Change | None:
    """From the parsed JSON of `CloudTrailEvent`; None for events that concern none of our kinds."""
    known = EVENTS.get(event.get("eventName", ""))
    if known is None or event.get("eventSource") != "sagemaker.amazonaws.com":
        return None
    kind, names, targets = known
    request = event.get("requestParameters") or {}
    answer = event.get("responseElements") or {}
    by, actor = who(event)
    subject = named(str(request.get(names) or ""))
    return Change(
        id=event_id,
        at=to_ms(at),
        event=event["eventName"],
        kind=kind,
        subject=subject,
        by=by,
        actor=actor,
        agent=event.get("userAgent") or "",
        target=str(request.get(targets) or "") if targets else "",
        made=str(answer.get("pipelineExecutionArn") or ""),
        error=event.get("errorCode") or "",
        asked=_asked(request.get("desiredWeightsAndCapacities") or ()),
        why=event.get("errorMessage") or "",
    )


def _asked(wanted: Sequence[Mapping[str, Any]]) -> str:
    def told(key: str) -> str:
        found = [(one.get("variantName", ""), one[key]) for one in wanted if one.get(key) is not None]
        if len(wanted) == 1 and found and key == CAPACITY:
            return f"{found[0][1]:g}"
        return ", ".join(f"{name} {value:g}" for name, value in found)

    counts, weights = told(CAPACITY), told("desiredWeight")
    parts = (
        f"{counts} instance{'' if counts == '1' else 's'}" if counts else "",
        f"weights {weights}" if weights else "",
    )
    return " and ".join(filter(None, parts))
