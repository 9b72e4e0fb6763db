"""The variants of an endpoint: read from a config, retained from a running fleet, counted against the quota."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

from console.world.errors import AwsError, validation
from console.world.quotas import quota_name
from console.world.sagemaker.deployment import Policy


@dataclass(frozen=True, slots=True)
class Variant:
    name: str
    model: str | None
    instance_type: str | None
    instances: int
    """0 for a serverless variant."""
    weight: float
    serverless: dict[str, Any] | None = None
    scaling: dict[str, Any] | None = None
    """ManagedInstanceScaling."""
    routing: dict[str, Any] | None = None
    """RoutingConfig."""


Fleet = tuple[Variant, ...]


def fleet_of(config: dict[str, Any], member: str = "ProductionVariants") -> Fleet:
    """As the config says: InitialInstanceCount (1 if absent) and InitialVariantWeight (1.0)."""
    return tuple(
        Variant(
            name=variant["VariantName"],
            model=variant.get("ModelName"),
            instance_type=variant.get("InstanceType"),
            instances=0 if "ServerlessConfig" in variant else variant.get("InitialInstanceCount", 1),
            weight=float(variant.get("InitialVariantWeight", 1.0)),
            serverless=variant.get("ServerlessConfig"),
            scaling=variant.get("ManagedInstanceScaling"),
            routing=variant.get("RoutingConfig"),
        )
        for variant in config.get(member) or ()
    )


def retained(target: Fleet, running: Fleet, request: dict[str, Any]) -> Fleet:
    """The target with counts and weights of running variants of the same name, if RetainAllVariantProperties says
    so, but for what ExcludeRetainedVariantProperties names (facts: sagemaker 2.7)."""
    if not request.get("RetainAllVariantProperties"):
        return target
    excluded = {one["VariantPropertyType"] for one in request.get("ExcludeRetainedVariantProperties", ())}
    if "DataCaptureConfig" in excluded:
        raise validation("DataCaptureConfig is not currently supported in ExcludeRetainedVariantProperties.")
    known = {variant.name: variant for variant in running}
    kept = []
    for variant in target:
        old = known.get(variant.name)
        if old and "DesiredInstanceCount" not in excluded and variant.instances and old.instances:
            variant = replace(variant, instances=old.instances)
        if old and "DesiredWeight" not in excluded:
            variant = replace(variant, weight=old.weight)
        kept.append(variant)
    return tuple(kept)


def check_guardrails(policy: Policy, guarded: bool, old: Fleet, new: Fleet) -> None:
    """Raises ValidationException where a deployment policy does not go with the fleets (facts: sagemaker 2.8).
    `guarded`: the request, or the retained deployment, names a policy at all. AWS' own words are not known."""
    if not guarded:
        return
    if {variant.name for variant in old} != {variant.name for variant in new}:
        raise validation("The variant names of the new endpoint configuration must match the existing ones.")
    if policy.routing == "ROLLING" and (len(new) > 1 or any(variant.serverless for variant in new)):
        raise validation("RollingUpdatePolicy is not supported for serverless or multi-variant endpoints.")


def check_autoscaled(scaled: Collection[str], old: Fleet, new: Fleet) -> None:
    """An autoscaled variant can neither change its instance type nor go (facts: sagemaker 2.7)."""
    after = {variant.name: variant for variant in new}
    for variant in old:
        if variant.name not in scaled:
            continue
        if variant.name not in after:
            raise validation(f'Variant "{variant.name}" has autoscaling configured and cannot be removed.')
        if after[variant.name].instance_type != variant.instance_type:
            raise validation(
                f'The instance type of variant "{variant.name}" cannot be changed while autoscaling is configured. '
                "Deregister the scalable target first."
            )


def instances_by_type(fleets: Iterable[Fleet]) -> Counter[str]:
    used: Counter[str] = Counter()
    for fleet in fleets:
        for variant in fleet:
            if variant.instance_type:
                used[variant.instance_type] += variant.instances
    return used


def quota_exceeded(instance_type: str, limit: int, used: int, delta: int) -> AwsError:
    return AwsError(
        "ResourceLimitExceeded",
        f"The account-level service limit '{quota_name(instance_type)}' is {limit} Instances, with current "
        f"utilization of {used} Instances and a request delta of {delta} Instances. Please use AWS Service Quotas "
        "to request an increase for this quota. If AWS Service Quotas is not available, contact AWS support to "
        "request an increase for this quota.",
    )


def launch_s(instance_type: str) -> float:
    """Seconds until an instance of the type serves, model download included: 2 to 6 minutes."""
    family, _, size = instance_type.removeprefix("ml.").partition(".")
    base = {"t": 130, "m": 140, "c": 140, "r": 150}.get(family[:1], 150)
    if family[:1] in ("g", "p") or family.startswith(("inf", "trn")):
        base = 260
    grown = 2 if size.startswith("large") or size == "medium" else 20 if size == "xlarge" else 45
    return float(base + grown + (40 if "8x" in size or "12x" in size or "24x" in size or "48x" in size else 0))


def slowest_launch_s(fleet: Fleet) -> float:
    return max((launch_s(variant.instance_type or "serverless") for variant in fleet), default=0.0)


def largest(fleet: Fleet) -> int:
    """Instances of the largest variant; a serverless fleet counts as one."""
    return max((variant.instances for variant in fleet), default=1) or 1
