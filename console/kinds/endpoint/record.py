"""An endpoint as SageMaker reports it. Pure.

Field meanings: facts/sagemaker.md sections 2.1-2.9. `EndpointConfigName` is the OLD config while an update runs; the
new one is in `pending` (only DescribeEndpoint tells; Search does not).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from console.clock import SECOND, Millis, to_ms

SETTLED = frozenset({"InService", "OutOfService", "Failed", "UpdateRollbackFailed"})
"""Statuses in which nothing moves. An unknown status is not settled: it is watched, never called healthy."""

MOVING = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})


class Phase(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One VariantStatus: Creating, Updating, Deleting, ActivatingTraffic, Baking, or what AWS adds later."""

    status: str
    message: str = ""
    started_at: Millis | None = None


class Variant(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One production or shadow variant. Weights are relative; `images` are resolved digests where AWS gives them."""

    name: str
    weight: float | None = None
    desired_weight: float | None = None
    instances: int | None = None
    desired_instances: int | None = None
    images: tuple[str, ...] = ()
    phases: tuple[Phase, ...] = ()
    serverless: dict[str, Any] = {}


class Pending(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A deployment in motion (PendingDeploymentSummary)."""

    config: str
    started_at: Millis | None = None
    variants: tuple[Variant, ...] = ()


class Capture(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    enabled: bool
    percent: int = 0
    status: str = ""


class Endpoint(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Observed fields only. `detailed` tells whether DescribeEndpoint was seen or only Search."""

    name: str
    arn: str
    status: str
    config: str
    created_at: Millis | None = None
    modified_at: Millis | None = None
    failure_reason: str = ""
    variants: tuple[Variant, ...] = ()
    shadows: tuple[Variant, ...] = ()
    pending: Pending | None = None
    capture: Capture | None = None
    policy: dict[str, Any] = {}
    tags: dict[str, str] = {}
    detailed: bool = False

    @property
    def moving(self) -> bool:
        return self.status not in SETTLED or self.pending is not None

    @property
    def serving(self) -> str:
        """The config that serves, or that is about to."""
        return self.pending.config if self.pending else self.config

    @property
    def bake_ms(self) -> int:
        """How long the last deployment's policy only waits: traffic steps, then the old fleet kept (facts 2.8)."""
        blue_green = self.policy.get("BlueGreenUpdatePolicy") or {}
        routing = blue_green.get("TrafficRoutingConfiguration") or {}
        rolling = self.policy.get("RollingUpdatePolicy") or {}
        size = routing.get("LinearStepSize") or rolling.get("MaximumBatchSize") or {}
        share = size.get("Value", 100) if size.get("Type") == "CAPACITY_PERCENT" else 5
        waits = 1 if routing.get("Type") == "CANARY" else math.ceil(100 / max(share, 1)) - bool(routing)
        each = routing.get("WaitIntervalInSeconds", 0) or rolling.get("WaitIntervalInSeconds", 0)
        return int(SECOND * (waits * each + blue_green.get("TerminationWaitInSeconds", 0)))

    @property
    def limit_ms(self) -> int | None:
        """After how long AWS gives a deployment up by its policy, if it says so."""
        policy = self.policy.get("BlueGreenUpdatePolicy") or self.policy.get("RollingUpdatePolicy") or {}
        seconds = policy.get("MaximumExecutionTimeoutInSeconds")
        return SECOND * seconds if seconds else None


class PhaseGlimpse(msgspec.Struct, frozen=True, gc=False):
    status: str


class VariantGlimpse(msgspec.Struct, frozen=True, gc=False):
    phases: tuple[PhaseGlimpse, ...] = ()


class PendingGlimpse(msgspec.Struct, frozen=True, gc=False):
    config: str
    started_at: Millis | None = None
    variants: tuple[VariantGlimpse, ...] = ()


class Glimpse(msgspec.Struct, frozen=True, gc=False):
    """What of an `Endpoint` its history is told from: thousands of them are read to draw one table."""

    status: str
    config: str
    created_at: Millis | None = None
    modified_at: Millis | None = None
    failure_reason: str = ""
    pending: PendingGlimpse | None = None
    detailed: bool = False

    @property
    def moving(self) -> bool:
        return self.status not in SETTLED or self.pending is not None


def short(config: str, name: str) -> str:
    """A config's name where its endpoint's stands beside it: `delay-risk-v8` of `delay-risk` is `v8`."""
    rest = config.removeprefix(name).lstrip("-_.")
    return rest if rest and config.startswith(name) else config


def from_api(answer: Mapping[str, Any], *, detailed: bool) -> Endpoint:
    """From DescribeEndpoint or from the Endpoint of a Search result: times to UTC ms, absent members stay absent."""
    pending = answer.get("PendingDeploymentSummary")
    capture = answer.get("DataCaptureConfig")
    return Endpoint(
        name=answer["EndpointName"],
        arn=answer.get("EndpointArn", ""),
        status=answer.get("EndpointStatus", ""),
        config=answer.get("EndpointConfigName", ""),
        created_at=_ms(answer.get("CreationTime")),
        modified_at=_ms(answer.get("LastModifiedTime")),
        failure_reason=answer.get("FailureReason", ""),
        variants=tuple(_variant(item) for item in answer.get("ProductionVariants", ())),
        shadows=tuple(_variant(item) for item in answer.get("ShadowProductionVariants", ())),
        pending=Pending(
            config=pending.get("EndpointConfigName", ""),
            started_at=_ms(pending.get("StartTime")),
            variants=tuple(_variant(item) for item in pending.get("ProductionVariants", ())),
        )
        if pending
        else None,
        capture=Capture(
            enabled=bool(capture.get("EnableCapture")),
            percent=capture.get("CurrentSamplingPercentage", 0),
            status=capture.get("CaptureStatus", ""),
        )
        if capture
        else None,
        policy=answer.get("LastDeploymentConfig", {}),
        tags={tag["Key"]: tag["Value"] for tag in answer.get("Tags", ())},
        detailed=detailed,
    )


def _variant(item: Mapping[str, Any]) -> Variant:
    return Variant(
        name=item.get("VariantName", ""),
        weight=item.get("CurrentWeight"),
        desired_weight=item.get("DesiredWeight"),
        instances=item.get("CurrentInstanceCount"),
        desired_instances=item.get("DesiredInstanceCount"),
        images=tuple(i.get("ResolvedImage") or i.get("SpecifiedImage", "") for i in item.get("DeployedImages", ())),
        phases=tuple(
            Phase(p.get("Status", ""), p.get("StatusMessage", ""), _ms(p.get("StartTime")))
            for p in item.get("VariantStatus", ())
        ),
        serverless=item.get("CurrentServerlessConfig", {}),
    )


def _ms(value: Any) -> Millis | None:
    return to_ms(value) if value is not None else None
