"""Fills a new world: a fleet with the history of a month, the same for the same seed and moment."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from console.world import past, pipeline_seed
from console.world.artifacts import BUCKET
from console.world.cloudwatch.guards import put_alarm
from console.world.errors import AwsError
from console.world.identity import CI, TERRAFORM, Caller, role_session
from console.world.quotas import Quotas
from console.world.roster import ROSTER, Service, roster
from console.world.sagemaker.endpoint_logs import EndpointLogs
from console.world.sagemaker.endpoint_view import search_record
from console.world.sagemaker.endpoints import Endpoint, Endpoints
from console.world.sagemaker.fleet import fleet_of, instances_by_type, quota_exceeded
from console.world.sagemaker.resources import Configs, Models
from console.world.sagemaker.search import SearchIndex
from console.world.sagemaker.tags import Tags

if TYPE_CHECKING:
    from console.world.world import Region, World

DAY_S = 86400.0
HISTORY_S = 30 * DAY_S
ROLE = "arn:aws:iam::123456789012:role/service-role/acme-sagemaker-execution"


@dataclass(frozen=True, slots=True)
class Release:
    """One version of a service and when it was deployed."""

    version: int
    at: float
    by: Caller


def plant(world: World, fleet: int) -> None:
    """In-process and without the operations' checks: a thousand endpoints with their pipelines take 1.5 seconds."""
    region, services = world.region(), roster(fleet, world.seed)
    with _no_garbage():
        for service in services:
            plant_service(world, region, service)
        pipeline_seed.plant(world, {service.name: service.team for service in services})
    for model, ago_s in pipeline_seed.RUNNING.items():
        if any(service.name == model for service in services):
            pipeline_seed.launch(world, model, world.now - world.clock.real(ago_s))


@contextlib.contextmanager
def _no_garbage() -> Iterator[None]:
    """Collections would walk a growing world again and again to find nothing: a third of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def config_name(service: Service, release: Release) -> str:
    return f"{service.name}-v{release.version}"


def deployer_of(service: Service) -> Caller:
    if service.deployer == "ci":
        return CI
    return TERRAFORM if service.deployer == "terraform" else role_session("MLEngineer", service.owner)


def model_request(region: str, service: str, version: int) -> dict[str, Any]:
    """CreateModel's members for a version of a service, the same whoever asks."""
    digest = hashlib.sha256(f"{service}:{version}".encode()).hexdigest()
    run = digest[20:32]
    url = f"s3://{BUCKET}/{service}/train/pipelines-{run}-TrainModel/output/model.tar.gz"
    many = next((one.kind == "multi-model" for one in ROSTER if one.name == service), False)
    return {
        "ModelName": f"{service}-v{version}",
        "ExecutionRoleArn": ROLE,
        "PrimaryContainer": {
            "Image": f"123456789012.dkr.ecr.{region}.amazonaws.com/ml/{service}@sha256:{digest}",
            "Mode": "MultiModel" if many else "SingleModel",
            "ModelDataUrl": f"s3://{BUCKET}/{service}/models/" if many else url,
            "Environment": {
                "MODEL_SERVER_WORKERS": "4",
                "LOG_LEVEL": "info",
                "GIT_COMMIT": digest[32:72][:40],
                "FEATURE_STORE_TOKEN": f"fst_{digest[40:64]}",
            },
        },
    }


def config_request(service: Service, version: int) -> dict[str, Any]:
    """CreateEndpointConfig's members for a version of a service."""
    champion = {
        "VariantName": "AllTraffic",
        "ModelName": f"{service.name}-v{version}",
        "InstanceType": service.instance_type,
        "InitialInstanceCount": 1 if service.autoscaled else service.instances,
        "InitialVariantWeight": 1.0,
    }
    if service.kind == "serverless":
        for member in ("InstanceType", "InitialInstanceCount"):
            del champion[member]
        champion["ServerlessConfig"] = {"MemorySizeInMB": 2048, "MaxConcurrency": 20}
    if service.kind == "components":
        del champion["ModelName"]
        champion["ManagedInstanceScaling"] = {"Status": "ENABLED", "MinInstanceCount": 1, "MaxInstanceCount": 4}
        champion["RoutingConfig"] = {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}
    variants = [champion]
    if service.challenger:
        older = {"VariantName": "challenger", "ModelName": f"{service.name}-v{version - 1}"}
        variants = [champion | {"InitialVariantWeight": 0.9}, champion | older | {"InitialVariantWeight": 0.1}]
    request: dict[str, Any] = {"EndpointConfigName": f"{service.name}-v{version}", "ProductionVariants": variants}
    if service.kind == "components":
        request["ExecutionRoleArn"] = ROLE
    if service.kind == "async":
        request["AsyncInferenceConfig"] = {
            "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 1},
            "OutputConfig": {
                "S3OutputPath": f"s3://{BUCKET}/{service.name}/out",
                "S3FailurePath": f"s3://{BUCKET}/{service.name}/failed",
            },
        }
    if service.shadow:
        next_ = {"VariantName": "shadow-next", "ModelName": f"{service.name}-next", "InitialVariantWeight": 0.5}
        request["ShadowProductionVariants"] = [champion | next_]
    if service.capture_percent:
        request["DataCaptureConfig"] = {
            "EnableCapture": True,
            "InitialSamplingPercentage": service.capture_percent,
            "DestinationS3Uri": f"s3://{BUCKET}/{service.name}/capture",
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        }
    return request


def deployment_config(service: Service) -> dict[str, Any] | None:
    """The policy that the service's deployer asks for."""
    alarms = {"Alarms": [{"AlarmName": f"{service.name}-5xx"}, {"AlarmName": f"{service.name}-latency-p99"}]}
    match service.rollout:
        case "plain":
            return None
        case "rolling":
            batch = {"Type": "CAPACITY_PERCENT", "Value": 50}
            policy = {
                "RollingUpdatePolicy": {
                    "MaximumBatchSize": batch,
                    "WaitIntervalInSeconds": 120,
                    "MaximumExecutionTimeoutInSeconds": 3600,
                }
            }
        case "canary" | "linear":
            canary = service.rollout == "canary"
            size = {"Type": "CAPACITY_PERCENT", "Value": 33 if canary else 50}
            routing: dict[str, Any] = {"Type": service.rollout.upper(), "WaitIntervalInSeconds": 300}
            routing["CanarySize" if canary else "LinearStepSize"] = size
            policy = {
                "BlueGreenUpdatePolicy": {
                    "TrafficRoutingConfiguration": routing,
                    "TerminationWaitInSeconds": 300,
                    "MaximumExecutionTimeoutInSeconds": 3600,
                }
            }
    return policy | {"AutoRollbackConfiguration": alarms}


def update_request(service: Service, version: int) -> dict[str, Any]:
    """UpdateEndpoint's members as the service's deployer sends them."""
    request: dict[str, Any] = {
        "EndpointName": service.name,
        "EndpointConfigName": f"{service.name}-v{version}",
        "RetainAllVariantProperties": bool(service.autoscaled),
    }
    deployment = deployment_config(service)
    return request | {"DeploymentConfig": deployment} if deployment else request


def plant_service(world: World, region: Region, service: Service) -> None:
    """An endpoint with its past: models, configs, tags, alarms, scaling, and who deployed what when."""
    now, chance = world.now, random.Random(f"{world.seed}/{service.name}")
    first = max(1, service.version - service.kept + 1)
    versions = range(first, service.version + 1 + service.failed_last)
    # Deployments happen in working hours of the last month, the newest a day to a week ago.
    newest = now - (1 + 6 * chance.random()) * DAY_S
    gap = (newest - (now - HISTORY_S + DAY_S)) / max(1, len(versions))
    releases = [
        Release(
            version, round(newest - gap * (versions[-1] - version + 0.2 * chance.random()), 3), deployer_of(service)
        )
        for version in versions
    ]
    if service.shadow and not region.of(Models).find(f"{service.name}-next"):
        upcoming = model_request(region.name, service.name, service.version + 1) | {"ModelName": f"{service.name}-next"}
        _shelve(region.of(Models), upcoming, "ModelName", releases[0].at)
    for release in releases:
        _record_release(region, service, release)
    last_good = releases[-2] if service.failed_last else releases[-1]
    endpoints = region.of(Endpoints)
    fleet = fleet_of(config_request(service, service.version))
    if service.autoscaled:
        fleet = tuple(replace(variant, instances=service.instances) for variant in fleet)
    endpoint = Endpoint(
        name=service.name,
        arn=endpoints.arn(service.name),
        config=config_name(service, last_good),
        created=round(now - chance.uniform(60, 700) * DAY_S, 3),
        modified=releases[-1].at + 1500,
        fleet=fleet,
        last_deployment=deployment_config(service),
        launched=last_good.at + 200,
    )
    if service.failed_last:
        endpoint.reason = (
            "The primary container for production variant AllTraffic did not pass the ping health check. "
            "Please check CloudWatch Logs logs for this endpoint."
        )
    endpoints.add(endpoint)
    moves = [(release.at + 31, release.version) for release in releases[: -1 if service.failed_last else None]]
    if service.undone:
        moves = sorted([*moves, (releases[-2].at + 2900, releases[-3].version)])
    if service.kind == "components":
        past.plant_components(region, service, endpoint.launched)
    past.plant(region, service, endpoint, moves)
    for instance_type, used in instances_by_type([fleet]).items():
        region.of(Quotas).grant(instance_type, 2 * used)  # room for the second fleet of a blue/green deployment
    region.of(Tags).put(endpoint.arn, _tags(service))
    region.of(SearchIndex).put("Endpoint", endpoint.arn, search_record(region, endpoint, None))
    region.of(EndpointLogs).register(endpoint)
    if service.rollout != "plain" or service.tier == 1:
        put_alarm(region, f"{service.name}-5xx", service.name, "Invocation5XXErrors", 20)
        put_alarm(region, f"{service.name}-latency-p99", service.name, "ModelLatency", 250_000, "p99")
    for index in range(service.refused):
        _record_refusal(region, service, releases[-1 - index])
    if service.undone:
        _record_undoing(region, service, releases[-2], releases[-3])


def _record_release(region: Region, service: Service, release: Release) -> None:
    """A version's model and config, and the calls that made and deployed them."""
    model, config = model_request(region.name, service.name, release.version), config_request(service, release.version)
    models, configs, trail = region.of(Models), region.of(Configs), region.trail
    if models.find(model["ModelName"]) is None:
        _shelve(models, model, "ModelName", release.at)
    if service.challenger and models.find(f"{service.name}-v{release.version - 1}") is None:
        _shelve(models, model_request(region.name, service.name, release.version - 1), "ModelName", release.at)
    made = _shelve(configs, config, "EndpointConfigName", release.at + 4)
    region.of(Tags).put(made.arn, _tags(service))
    arn = region.of(Endpoints).arn(service.name)
    trail.record("sagemaker", "CreateModel", model, release.by, release.at, answer={"ModelArn": models.arn(made.name)})
    answer = {"EndpointConfigArn": made.arn}
    trail.record("sagemaker", "CreateEndpointConfig", config, release.by, release.at + 4, answer=answer)
    update = update_request(service, release.version)
    trail.record("sagemaker", "UpdateEndpoint", update, release.by, release.at + 31, answer={"EndpointArn": arn})


def _shelve(shelf: Any, request: dict[str, Any], name: str, at: float) -> Any:
    return shelf.add(request[name], {key: value for key, value in request.items() if key != name}, at)


def _record_undoing(region: Region, service: Service, bad: Release, good: Release) -> None:
    """The owner rolled a release back the same hour; the next one mended it."""
    owner = role_session("OnCall", service.owner)
    update = update_request(service, good.version)
    answer = {"EndpointArn": region.of(Endpoints).arn(service.name)}
    region.trail.record("sagemaker", "UpdateEndpoint", update, owner, bad.at + 2900, answer=answer)


def _record_refusal(region: Region, service: Service, release: Release) -> None:
    """The same deployment tried an hour before it worked, when the account had no instances to spare."""
    error: AwsError = quota_exceeded(service.instance_type, 4, 4, service.instances)
    update = update_request(service, release.version)
    region.trail.record("sagemaker", "UpdateEndpoint", update, release.by, release.at - 3600, error=error)


def _tags(service: Service) -> list[dict[str, str]]:
    managed_by = {"ci": "codepipeline", "terraform": "terraform", "person": "manual"}[service.deployer]
    tags = {
        "team": service.team,
        "owner": f"{service.owner}@acme.example",
        "tier": str(service.tier),
        "managed-by": managed_by,
        "env": "prod",
    }
    return [{"Key": key, "Value": value} for key, value in tags.items()]
