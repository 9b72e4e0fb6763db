"""A scalable target as Application Auto Scaling reports it, with its policies, schedule and scaling activities. Pure.

Field meanings: facts/sagemaker.md sections 2.7 and 5.9; botocore's service model of application-autoscaling.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from console.clock import Millis, to_ms

INSTANCES = "sagemaker:variant:DesiredInstanceCount"
CONCURRENCY = "sagemaker:variant:DesiredProvisionedConcurrency"
COPIES = "sagemaker:inference-component:DesiredCopyCount"

NOUNS = {INSTANCES: ("instance", "instances"), CONCURRENCY: ("slot", "slots"), COPIES: ("copy", "copies")}
"""What is scaled; slots are provisioned concurrency."""

PER_HOST = frozenset(
    {
        "InvocationsPerInstance",
        "SageMakerVariantInvocationsPerInstance",
        "SageMakerInferenceComponentInvocationsPerCopy",
    }
)
"""Metrics of requests a minute per instance or copy."""

KEPT = 40
"""Activities kept of one target, the newest; AWS keeps those of six weeks."""


class Policy(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """`target` in the metric's own unit (of PER_HOST: requests a minute). Steps: `steps` in words, no target."""

    name: str
    type: str
    metric: str = ""
    target: float | None = None
    out_cooldown_s: int = 300
    in_cooldown_s: int = 300
    scales_in: bool = True
    steps: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()

    @property
    def follows(self) -> str:
        """`InvocationsPerInstance`, `steps`, or its type."""
        metric = self.metric.removeprefix("SageMaker").removeprefix("Variant").removeprefix("InferenceComponent")
        return metric or ("steps" if self.steps else self.type)


class Scheduled(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """At its times the bounds are set anew, and capacity is moved into them."""

    name: str
    schedule: str
    zone: str = "UTC"
    min: int | None = None
    max: int | None = None
    starts_at: Millis | None = None
    ends_at: Millis | None = None


class Suspended(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What a policy or schedule may not do meanwhile."""

    scale_in: bool = False
    scale_out: bool = False
    scheduled: bool = False

    @property
    def words(self) -> str:
        """`scale-in and scale-out`, or an empty text."""
        named = (("scale-in", self.scale_in), ("scale-out", self.scale_out), ("scheduled scaling", self.scheduled))
        told = [word for word, holds in named if holds]
        return " and ".join([", ".join(told[:-1]), told[-1]] if len(told) > 1 else told)

    @property
    def params(self) -> dict[str, bool]:
        """SuspendedState of RegisterScalableTarget."""
        return {
            "DynamicScalingInSuspended": self.scale_in,
            "DynamicScalingOutSuspended": self.scale_out,
            "ScheduledScalingSuspended": self.scheduled,
        }


class Target(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What may be scaled within which bounds. `policies` None: nobody may or could look at them."""

    resource: str
    dimension: str
    min: int
    max: int
    arn: str = ""
    created_at: Millis | None = None
    suspended: Suspended = Suspended()
    policies: tuple[Policy, ...] | None = None
    scheduled: tuple[Scheduled, ...] | None = None

    @property
    def name(self) -> str:
        """`search-rank/AllTraffic`, or the inference component's."""
        return short_name(self.resource)

    @property
    def endpoint(self) -> str:
        """Empty for an inference component."""
        return self.resource.split("/")[1] if self.resource.startswith("endpoint/") else ""

    @property
    def variant(self) -> str:
        return self.resource.rpartition("/")[2] if self.endpoint else ""

    @property
    def component(self) -> str:
        return "" if self.endpoint else self.resource.partition("/")[2]

    @property
    def nouns(self) -> tuple[str, str]:
        return NOUNS.get(self.dimension, ("unit", "units"))

    @property
    def host(self) -> str:
        """What bears the requests."""
        return "copy" if self.dimension == COPIES else "instance"

    @property
    def tracked(self) -> Policy | None:
        """The policy that follows requests per host, if one does."""
        return next((p for p in self.policies or () if p.metric in PER_HOST and p.target), None)


def short_name(resource: str) -> str:
    parts = resource.split("/")
    if parts[0] == "endpoint" and len(parts) == 4:
        return f"{parts[1]}/{parts[3]}"
    return resource.partition("/")[2] or resource


def of_variant(endpoint: str, variant: str) -> str:
    return f"endpoint/{endpoint}/variant/{variant}"


class NotScaled(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    code: str
    min: int | None = None
    max: int | None = None
    current: int | None = None

    @property
    def words(self) -> str:
        """Why nothing was scaled; a code that is not known here as it is."""
        match self.code:
            case "AlreadyAtMaxCapacity":
                return f"at its maximum{_number(self.max)}"
            case "AlreadyAtMinCapacity":
                return f"at its minimum{_number(self.min)}"
            case "AlreadyAtDesiredCapacity":
                return f"it has what is wanted{_number(self.current)}"
            case "AutoScalingAnticipatedFlapping":
                return "one less would soon be one more again"
            case "TargetServicePutResourceAsUnscalable":
                return "SageMaker was changing it, so that nothing could be scaled"
        return self.code


def _number(value: int | None) -> str:
    return "" if value is None else f", {value}"


class Activity(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One scaling activity. `wanted` is the capacity that it sets, where its description tells one."""

    id: str
    at: Millis
    status: str
    wanted: int | None = None
    ended_at: Millis | None = None
    cause: str = ""
    message: str = ""
    not_scaled: tuple[NotScaled, ...] = ()

    @property
    def moved(self) -> bool:
        """Whether capacity changed by it, or is about to."""
        return self.wanted is not None and self.status in {"Successful", "InProgress", "Pending"}

    @property
    def open(self) -> bool:
        return self.status in {"Pending", "InProgress"}

    @property
    def failed(self) -> bool:
        """Tried and not achieved; what was not even tried has its reasons instead."""
        return self.status in {"Failed", "Unfulfilled"} and not self.not_scaled

    def by(self, moment: Millis) -> Activity | None:
        """As it was then."""
        if self.at > moment:
            return None
        if self.ended_at is None or self.ended_at <= moment:
            return self
        return msgspec.structs.replace(self, status="InProgress", ended_at=None, message="")


class Activities(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Of one target, newest first. `whole`: they were asked for by name, not only met among the account's newest.

    `current` and `desired` copies where it is an inference component on `endpoint`: no list tells them.
    """

    items: tuple[Activity, ...] = ()
    whole: bool = False
    endpoint: str = ""
    variant: str = ""
    current: int | None = None
    desired: int | None = None
    status: str = ""
    reason: str = ""
    """Why AWS failed to do what was asked of the component last."""


class Limits(msgspec.Struct, frozen=True, gc=False):
    """The account's quotas `TYPE for endpoint usage`, by instance type."""

    endpoint_usage: dict[str, float]


# From answers.


def target_from_api(item: Mapping[str, Any]) -> Target:
    """A ScalableTarget of DescribeScalableTargets; policies and schedule are other operations'."""
    state = item.get("SuspendedState") or {}
    return Target(
        resource=item["ResourceId"],
        dimension=item.get("ScalableDimension", ""),
        min=item.get("MinCapacity", 0),
        max=item.get("MaxCapacity", 0),
        arn=item.get("ScalableTargetARN", ""),
        created_at=to_ms(item["CreationTime"]) if item.get("CreationTime") else None,
        suspended=Suspended(
            bool(state.get("DynamicScalingInSuspended")),
            bool(state.get("DynamicScalingOutSuspended")),
            bool(state.get("ScheduledScalingSuspended")),
        ),
    )


def policy_from_api(item: Mapping[str, Any]) -> Policy:
    tracking = item.get("TargetTrackingScalingPolicyConfiguration") or {}
    steps = item.get("StepScalingPolicyConfiguration") or {}
    cooldown = steps.get("Cooldown", 300)
    return Policy(
        name=item["PolicyName"],
        type=item.get("PolicyType", ""),
        metric=_metric(tracking),
        target=tracking.get("TargetValue"),
        out_cooldown_s=tracking.get("ScaleOutCooldown", cooldown),
        in_cooldown_s=tracking.get("ScaleInCooldown", cooldown),
        scales_in=not tracking.get("DisableScaleIn", False),
        steps=tuple(_step(steps, step) for step in steps.get("StepAdjustments", ())),
        alarms=tuple(alarm["AlarmName"] for alarm in item.get("Alarms", ()) if alarm.get("AlarmName")),
    )


def _metric(tracking: Mapping[str, Any]) -> str:
    if predefined := tracking.get("PredefinedMetricSpecification"):
        return str(predefined.get("PredefinedMetricType", ""))
    custom = tracking.get("CustomizedMetricSpecification") or {}
    if custom.get("MetricName"):
        return str(custom["MetricName"])
    told: Mapping[str, Any] = next((query for query in custom.get("Metrics", ()) if query.get("ReturnData", True)), {})
    return str(told.get("Expression") or "")


def _step(config: Mapping[str, Any], step: Mapping[str, Any]) -> str:
    """`+2 above its alarm's threshold`, or by how much above or below it."""
    change = step.get("ScalingAdjustment", 0)
    what = {"ExactCapacity": f"to {change}", "PercentChangeInCapacity": f"{change:+} %"}.get(
        str(config.get("AdjustmentType")), f"{change:+}"
    )
    low, high = step.get("MetricIntervalLowerBound"), step.get("MetricIntervalUpperBound")
    if (low or 0) == 0 and high is None:
        return f"{what} above its alarm"
    if low is None and (high or 0) == 0:
        return f"{what} below its alarm"
    between = [f"from {low:+g}" if low is not None else "", f"to {high:+g}" if high is not None else ""]
    return f"{what} {' '.join(filter(None, between))} of its alarm"


def scheduled_from_api(item: Mapping[str, Any]) -> Scheduled:
    action = item.get("ScalableTargetAction") or {}
    return Scheduled(
        name=item["ScheduledActionName"],
        schedule=item.get("Schedule", ""),
        zone=item.get("Timezone", "UTC"),
        min=action.get("MinCapacity"),
        max=action.get("MaxCapacity"),
        starts_at=to_ms(item["StartTime"]) if item.get("StartTime") else None,
        ends_at=to_ms(item["EndTime"]) if item.get("EndTime") else None,
    )


_WANTED = re.compile(r"Setting desired [a-z ]+ to (\d+)")


def activity_from_api(item: Mapping[str, Any]) -> Activity:
    """What is said of a success is the same each time, and kept of none: rows of forty are read by the thousand."""
    found, status = _WANTED.match(item.get("Description", "")), item.get("StatusCode", "")
    return Activity(
        id=item["ActivityId"],
        at=to_ms(item["StartTime"]),
        status=status,
        wanted=int(found[1]) if found else None,
        ended_at=to_ms(item["EndTime"]) if item.get("EndTime") else None,
        cause=item.get("Cause", "") if found or item.get("NotScaledReasons") else item.get("Description", ""),
        message="" if status == "Successful" and found else item.get("StatusMessage", ""),
        not_scaled=tuple(
            NotScaled(
                reason["Code"], reason.get("MinCapacity"), reason.get("MaxCapacity"), reason.get("CurrentCapacity")
            )
            for reason in item.get("NotScaledReasons") or ()
        ),
    )


def together(known: Iterable[Activity], seen: Iterable[Activity]) -> tuple[Activity, ...]:
    """Newest first; what was seen later replaces what was known of it."""
    by_id = {one.id: one for one in known} | {one.id: one for one in seen}
    return tuple(sorted(by_id.values(), key=lambda one: (-one.at, one.id)))[:KEPT]
