"""An endpoint as DescribeEndpoint, ListEndpoints and Search answer it (facts: sagemaker 2.1, 13.2)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from console.world.sagemaker.deployment import Phase, counted
from console.world.sagemaker.fleet import Variant, fleet_of
from console.world.sagemaker.resources import Configs, Models
from console.world.sagemaker.tags import Tags

if TYPE_CHECKING:
    from console.world.sagemaker.endpoints import Endpoint
    from console.world.world import Region

Members = dict[str, Any]
Moment = tuple[Phase, float] | None
"""The phase of a change, and when it began in epoch seconds."""


def summary(endpoint: Endpoint) -> Members:
    return {
        "EndpointName": endpoint.name,
        "EndpointArn": endpoint.arn,
        "CreationTime": endpoint.created,
        "LastModifiedTime": endpoint.modified,
        "EndpointStatus": endpoint.status,
    }


def description(region: Region, endpoint: Endpoint, moment: Moment) -> Members:
    """What Describe answers. During a deployment the top level is the old config, the summary the new one."""
    return _common(region, endpoint, moment) | {
        "LastDeploymentConfig": endpoint.last_deployment,
        "PendingDeploymentSummary": _pending(region, endpoint, moment),
        **_config_members(region, endpoint.config, "AsyncInferenceConfig", "ExplainerConfig"),
    }


def search_record(region: Region, endpoint: Endpoint, moment: Moment) -> Members:
    """What the index holds: without PendingDeploymentSummary and LastDeploymentConfig."""
    return _common(region, endpoint, moment) | {"Tags": region.of(Tags).of(endpoint.arn)}


def _common(region: Region, endpoint: Endpoint, moment: Moment) -> Members:
    config = region.of(Configs).find(endpoint.config)
    return summary(endpoint) | {
        "EndpointConfigName": endpoint.config,
        "ProductionVariants": _running(region, endpoint, moment) or None,
        "ShadowProductionVariants": _shadows(region, endpoint.config, endpoint.modified),
        "DataCaptureConfig": _capture(config.body if config else {}),
        "FailureReason": endpoint.reason,
    }


def _running(region: Region, endpoint: Endpoint, moment: Moment) -> list[Members]:
    """The fleet that serves; none yet while it is created for the first time."""
    change = endpoint.change
    shown = []
    for variant in endpoint.fleet:
        view = _variant(region, variant, endpoint.modified)
        if change and moment:
            phase, began = moment
            if change.kind == "update":
                view["CurrentWeight"] = round(variant.weight * (1 - phase.traffic), 4)
                view["CurrentInstanceCount"] = counted(phase.old, variant.instances) or None
            if change.kind == "scale" and phase.endpoint == "Updating":
                target = next(one for one in change.fleet if one.name == variant.name)
                view |= _scaling(variant, target, began)
            elif change.kind in ("update", "delete") and phase.side == "old":
                view["VariantStatus"] = [_status(phase, variant.instances, began)]
        shown.append(view)
    return shown


def _scaling(now: Variant, target: Variant, began: float) -> Members:
    """What differs in a variant whose weight or count is being changed."""
    if target == now:
        return {}
    status: Members = {"Status": "Updating", "StartTime": round(began, 3)}
    if target.instances != now.instances:
        way = "out" if target.instances > now.instances else "in"
        status["StatusMessage"] = f"Scaling {way} desired instance count to {target.instances}."
    return {
        "DesiredWeight": target.weight,
        "DesiredInstanceCount": None if target.serverless else target.instances,
        "DesiredServerlessConfig": target.serverless,
        "VariantStatus": [status],
    }


def _pending(region: Region, endpoint: Endpoint, moment: Moment) -> Members | None:
    """Only while creating or updating with a config, as the model's documentation says."""
    change = endpoint.change
    if change is None or moment is None or change.kind not in ("create", "update"):
        return None
    phase, began = moment
    launching = phase.status == "Creating"
    variants = []
    for variant in change.fleet:
        view = _variant(region, variant, change.started)
        view["CurrentWeight"] = round(variant.weight * phase.traffic, 4)
        view["CurrentInstanceCount"] = counted(phase.new, variant.instances) if variant.instances else None
        view["InstanceType"] = variant.instance_type
        view["VariantStatus"] = [_status(phase, variant.instances, began)]
        if launching:
            view["DeployedImages"] = None  # known once the first instance runs
        variants.append(view)
    return {
        "EndpointConfigName": change.config,
        "StartTime": change.started,
        "ProductionVariants": variants,
        "ShadowProductionVariants": _shadows(region, change.config, change.started),
    }


def _shadows(region: Region, config: str, resolved_at: float) -> list[Members] | None:
    known = region.of(Configs).find(config)
    fleet = fleet_of(known.body, "ShadowProductionVariants") if known else ()
    return [_variant(region, one, resolved_at) for one in fleet] or None


def _variant(region: Region, variant: Variant, resolved_at: float) -> Members:
    image = region.of(Models).image(variant.model)
    return {
        "VariantName": variant.name,
        "DeployedImages": [_deployed(image, resolved_at)] if image else None,
        "CurrentWeight": variant.weight,
        "DesiredWeight": variant.weight,
        "CurrentInstanceCount": None if variant.serverless else variant.instances,
        "DesiredInstanceCount": None if variant.serverless else variant.instances,
        "CurrentServerlessConfig": variant.serverless,
        "DesiredServerlessConfig": variant.serverless,
        "ManagedInstanceScaling": variant.scaling,
        "RoutingConfig": variant.routing,
    }


def _deployed(image: str, resolved_at: float) -> Members:
    repository = image.split("@")[0].rsplit(":", 1)[0]
    digest = image.split("@sha256:")[1] if "@sha256:" in image else hashlib.sha256(image.encode()).hexdigest()
    resolved = f"{repository}@sha256:{digest}"
    return {"SpecifiedImage": image, "ResolvedImage": resolved, "ResolutionTime": resolved_at}


def _status(phase: Phase, instances: int, began: float) -> Members:
    return {"Status": phase.status, "StatusMessage": phase.message(instances), "StartTime": round(began, 3)}


def _capture(config: Members) -> Members | None:
    """Data capture follows the config: a roll back to one without it turns it off (facts: sagemaker 2.10)."""
    capture = config.get("DataCaptureConfig")
    if not capture:
        return None
    enabled = capture.get("EnableCapture", False)
    return {
        "EnableCapture": enabled,
        "CaptureStatus": "Started" if enabled else "Stopped",
        "CurrentSamplingPercentage": capture["InitialSamplingPercentage"],
        "DestinationS3Uri": capture["DestinationS3Uri"],
        "KmsKeyId": capture.get("KmsKeyId", ""),
    }


def _config_members(region: Region, name: str, *members: str) -> Members:
    config = region.of(Configs).find(name)
    return {member: config.body.get(member) for member in members} if config else {}
