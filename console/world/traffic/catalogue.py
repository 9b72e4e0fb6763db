"""Which metrics exist for which flavour of endpoint, in which unit, and how each follows from a fleet's minutes.

Names, namespaces, units and dimensions: facts sagemaker 5.1-5.5 (SageMaker Developer Guide: Metrics for monitoring
Amazon SageMaker AI with Amazon CloudWatch; Alarms and logs for tracking metrics from asynchronous endpoints).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from console.world.cloudwatch.series import Stats
from console.world.traffic.history import Flavour, Serving
from console.world.traffic.latency import Part, spread
from console.world.traffic.model import COLD_START_US, LOAD_MODEL_US, TIMEOUT_US
from console.world.traffic.noise import Floats, normal, seed_of, uniform
from console.world.traffic.simulation import Minutes, machine_of

SAGEMAKER = "AWS/SageMaker"
HOSTS = "/aws/sagemaker/Endpoints"
COMPONENTS = "/aws/sagemaker/InferenceComponents"

Build = Callable[[Minutes], Stats]


@dataclass(frozen=True, slots=True)
class Metric:
    namespace: str
    unit: str
    build: Build
    resolution: int = 60
    """Seconds."""


def _each(count: Floats, value: Floats | float = 1.0) -> Stats:
    """One sample of `value` per request."""
    value = np.zeros_like(count) + value
    return Stats(count * value, count, value, value)


def _flags(name: str, of: str = "requests") -> Build:
    """1 for each request that it is true of, else 0: Average is the ratio, Sum the number."""

    def build(minutes: Minutes) -> Stats:
        count, some = minutes.of[of], np.minimum(minutes.of[name], minutes.of[of])
        return Stats(some, count, (some >= count).astype(float), (some > 0).astype(float))

    return build


def _hits(minutes: Minutes) -> Stats:
    count, missed = minutes.of["requests"], minutes.of["waits"]
    return Stats(count - missed, count, (missed <= 0).astype(float), (missed < count).astype(float))


def _latency(minutes: Minutes) -> Stats:
    whole = np.ones_like(minutes.of["requests"])
    part = Part(whole, minutes.of["latency_us"], minutes.of["sigma"])
    return spread(_seed(minutes), minutes.ticks, minutes.of["requests"], [part], TIMEOUT_US)


def _overhead(minutes: Minutes) -> Stats:
    """Whoever waits for a model to be loaded, or a container to start, waits outside of the container's own time."""
    count = minutes.of["requests"]
    waits = minutes.of["waits"] / np.maximum(count, 1.0)
    slow = COLD_START_US if minutes.serving.flavour == "serverless" else LOAD_MODEL_US
    quick = Part(1.0 - waits, minutes.of["overhead_us"], minutes.of["overhead_sigma"])
    parts = [quick, Part(waits, np.full_like(count, slow), np.full_like(count, 0.4))]
    return spread(_seed(minutes) ^ 0x51, minutes.ticks, count, parts, TIMEOUT_US)


def _waiting(median_us: float, sigma: float = 0.4) -> Build:
    """Of the requests that waited for something that takes about `median_us`."""

    def build(minutes: Minutes) -> Stats:
        whole = np.ones_like(minutes.of["waits"])
        part = Part(whole, whole * median_us, whole * sigma)
        return spread(_seed(minutes) ^ int(median_us), minutes.ticks, minutes.of["waits"], [part], 4 * TIMEOUT_US)

    return build


def _processing(scale: float, name: str = "latency_us", factor: float = 1.0) -> Build:
    def build(minutes: Minutes) -> Stats:
        count = minutes.of["requests"]
        part = Part(np.ones_like(count), minutes.of[name] * factor / scale, minutes.of["sigma"])
        return spread(_seed(minutes) ^ 0x77, minutes.ticks, count, [part], 3.6e9 / scale)

    return build


def _seed(minutes: Minutes) -> int:
    one = minutes.serving
    return seed_of(one.config, one.variant, one.component)


def _hosts(name: str, wiggle: float, most: Callable[[Serving], float] | float = 100.0) -> Build:
    """One sample a minute from each instance; they differ by about `wiggle` of the value."""

    def build(minutes: Minutes) -> Stats:
        value, hosts = minutes.of[name], minutes.hosts
        top = most(minutes.serving) if callable(most) else most
        mean = np.clip(value * (1.0 + 0.5 * wiggle * normal(_seed(minutes) ^ 0x99, minutes.ticks)), 0.0, top)
        apart = np.where(hosts > 1, mean * wiggle * (0.5 + uniform(_seed(minutes) ^ 0x98, minutes.ticks)), 0.0)
        high = np.minimum(mean + apart, top)
        if name == "memory":
            high = np.maximum(high, minutes.memory_top)
        return Stats(mean * hosts, hosts, np.maximum(mean - apart, 0.0), high)

    return build


def _normalized(name: str) -> Build:
    """Percent of what is there, 0 to 100: inference components alone have it."""

    def build(minutes: Minutes) -> Stats:
        one = machine_of(minutes.serving)
        whole = {"cpu": one.vcpus, "gpu": one.gpus, "gpu_memory": one.gpus}.get(name, 1.0)
        value = np.minimum(minutes.of[name] / max(whole, 1e-9), 100.0)
        return Stats(value * minutes.hosts, minutes.hosts, value, value)

    return build


def _concurrent(minutes: Minutes) -> Stats:
    """Every ten seconds from each instance (facts 5.1: only Min and Max mean something)."""
    mean = minutes.of["concurrency"]
    count = np.where(minutes.of["requests"] > 0, minutes.hosts * minutes.samples, 0.0)
    swing = 1.6 * np.sqrt(np.maximum(mean, 0.05)) * (0.7 + 0.6 * uniform(_seed(minutes) ^ 0x41, minutes.ticks))
    low, high = np.floor(np.maximum(mean - swing, 0.0)), np.ceil(mean + swing)
    return Stats(mean * count, count, low, high)


def _gauge(name: str) -> Build:
    def build(minutes: Minutes) -> Stats:
        value = minutes.of[name]
        return _each((minutes.covered > 0).astype(float), value)

    return build


def _provisioned(minutes: Minutes) -> Stats:
    """0..1: of the containers that are kept warm, those that work."""
    value = np.minimum(1.4 * minutes.of["concurrency"] / max(1, minutes.serving.provisioned), 1.0)
    return _each((minutes.of["requests"] > 0).astype(float), value)


def _when_busy(name: str) -> Build:
    def build(minutes: Minutes) -> Stats:
        return _each((minutes.of["requests"] > 0).astype(float), minutes.of[name])

    return build


def _all_vcpus(one: Serving) -> float:
    return 100.0 * machine_of(one).vcpus


def _all_gpus(one: Serving) -> float:
    return 100.0 * machine_of(one).gpus


def _of(name: str) -> Build:
    return lambda minutes: _each(minutes.of[name])


_ERRORS = {
    "Invocation4XXErrors": Metric(SAGEMAKER, "Count", _flags("bad_requests")),
    "Invocation5XXErrors": Metric(SAGEMAKER, "Count", _flags("errors")),
    "ModelLatency": Metric(SAGEMAKER, "Microseconds", _latency),
}
_REQUESTS = _ERRORS | {
    "Invocations": Metric(SAGEMAKER, "Count", _of("requests")),
    "InvocationModelErrors": Metric(SAGEMAKER, "Count", _flags("model_errors")),
    "OverheadLatency": Metric(SAGEMAKER, "Microseconds", _overhead),
}


def _per_instance(minutes: Minutes) -> Stats:
    return _each(minutes.of["requests"], 1.0 / np.maximum(minutes.active, 1.0))


_CONCURRENT = Metric(SAGEMAKER, "Count", _concurrent, resolution=10)
_INSTANCES = {
    "InvocationsPerInstance": Metric(SAGEMAKER, "Count", _per_instance),
    "ConcurrentRequestsPerModel": _CONCURRENT,
}
_MACHINE = {
    "CPUUtilization": Metric(HOSTS, "Percent", _hosts("cpu", 0.06, _all_vcpus)),
    "MemoryUtilization": Metric(HOSTS, "Percent", _hosts("memory", 0.015)),
    "DiskUtilization": Metric(HOSTS, "Percent", _hosts("disk", 0.01)),
}
_GPU = {
    "GPUUtilization": Metric(HOSTS, "Percent", _hosts("gpu", 0.05, _all_gpus)),
    "GPUMemoryUtilization": Metric(HOSTS, "Percent", _hosts("gpu_memory", 0.01, _all_gpus)),
}
_MODELS = {
    "ModelCacheHit": Metric(SAGEMAKER, "None", _hits),
    "ModelLoadingWaitTime": Metric(SAGEMAKER, "Microseconds", _waiting(LOAD_MODEL_US)),
    "ModelDownloadingTime": Metric(SAGEMAKER, "Microseconds", _waiting(1.1e6)),
    "ModelLoadingTime": Metric(SAGEMAKER, "Microseconds", _waiting(0.6e6)),
    "ModelUnloadingTime": Metric(SAGEMAKER, "Microseconds", _waiting(0.09e6)),
    "LoadedModelCount": Metric(HOSTS, "None", _hosts("loaded", 0.0, 1e6)),
}
_SERVERLESS = {
    "ModelSetupTime": Metric(SAGEMAKER, "Microseconds", _waiting(COLD_START_US, 0.3)),
    "ServerlessConcurrentExecutionsUtilization": Metric(SAGEMAKER, "None", _when_busy("utilisation")),
    "MemoryUtilization": Metric(HOSTS, "Percent", _when_busy("memory")),
}
_PROVISIONED = {"ServerlessProvisionedConcurrencyUtilization": Metric(SAGEMAKER, "None", _provisioned)}
_ASYNC = {
    "InvocationFailures": Metric(SAGEMAKER, "Count", _of("errors")),
    "InvocationsProcesssed": Metric(SAGEMAKER, "Count", _of("requests")),
    "ExpiredRequests": Metric(SAGEMAKER, "Count", _of("unplaced")),
    "TimeInBacklog": Metric(SAGEMAKER, "Milliseconds", _processing(1000.0, "overhead_us")),
    "TotalProcessingTime": Metric(SAGEMAKER, "Milliseconds", _processing(1000.0, factor=1.08)),
    "RequestDownloadLatency": Metric(SAGEMAKER, "Microseconds", _processing(1.0, factor=0.02)),
    "ResponseUploadLatency": Metric(SAGEMAKER, "Microseconds", _processing(1.0, factor=0.008)),
}
_RESERVED = {
    "CPUReservation": Metric(HOSTS, "Percent", _gauge("cpu_reserved")),
    "MemoryReservation": Metric(HOSTS, "Percent", _gauge("memory_reserved")),
    "CPUUtilizationNormalized": Metric(HOSTS, "Percent", _normalized("cpu")),
    "MemoryUtilizationNormalized": Metric(HOSTS, "Percent", _normalized("memory")),
}
_RESERVED_GPU = {
    "GPUReservation": Metric(HOSTS, "Percent", _gauge("gpu_reserved")),
    "GPUUtilizationNormalized": Metric(HOSTS, "Percent", _normalized("gpu")),
}
_COMPONENT = {
    "InvocationsPerCopy": Metric(SAGEMAKER, "Count", _per_instance),
    "ConcurrentRequestsPerCopy": _CONCURRENT,
    "NoCapacityInvocationFailures": Metric(SAGEMAKER, "Count", _of("unplaced")),
    "CPUUtilization": Metric(COMPONENTS, "Percent", _hosts("cpu", 0.06, _all_vcpus)),
    "CPUUtilizationNormalized": Metric(COMPONENTS, "Percent", _normalized("cpu")),
    "MemoryUtilization": Metric(COMPONENTS, "Percent", _hosts("memory", 0.015)),
    "MemoryUtilizationNormalized": Metric(COMPONENTS, "Percent", _normalized("memory")),
}
_COMPONENT_GPU = {
    "GPUUtilization": Metric(COMPONENTS, "Percent", _hosts("gpu", 0.05, _all_gpus)),
    "GPUUtilizationNormalized": Metric(COMPONENTS, "Percent", _normalized("gpu")),
    "GPUMemoryUtilization": Metric(COMPONENTS, "Percent", _hosts("gpu_memory", 0.01, _all_gpus)),
    "GPUMemoryUtilizationNormalized": Metric(COMPONENTS, "Percent", _normalized("gpu_memory")),
}

# By (flavour, has GPUs): what is published with EndpointName and VariantName.
_VARIANT: dict[tuple[Flavour, bool], dict[str, Metric]] = {}
for _gpus in (False, True):
    _machine = _MACHINE | (_GPU if _gpus else {})
    _VARIANT["instances", _gpus] = _REQUESTS | _INSTANCES | _machine
    _VARIANT["multi-model", _gpus] = _REQUESTS | _INSTANCES | _machine | _MODELS
    _VARIANT["async", _gpus] = _ERRORS | _ASYNC | _machine
    _VARIANT["serverless", _gpus] = _REQUESTS | _SERVERLESS
    _VARIANT["host", _gpus] = _REQUESTS | _machine | _RESERVED | (_RESERVED_GPU if _gpus else {})
    _VARIANT["component", _gpus] = _REQUESTS
_BY_COMPONENT = {False: _REQUESTS | _COMPONENT, True: _REQUESTS | _COMPONENT | _COMPONENT_GPU}
BACKLOG = {
    "ApproximateBacklogSize": Metric(SAGEMAKER, "Count", _gauge("backlog")),
    "ApproximateBacklogSizePerInstance": Metric(SAGEMAKER, "Count", _gauge("backlog_each")),
    "ApproximateAgeOfOldestRequest": Metric(SAGEMAKER, "Seconds", _gauge("age_s")),
    "HasBacklogWithoutCapacity": Metric(SAGEMAKER, "Count", _gauge("stranded")),
}
"""Of an asynchronous endpoint, with dimension EndpointName alone."""


def of_variant(serving: Serving) -> dict[str, Metric]:
    """What the serving adds to the metrics with EndpointName and VariantName, by name."""
    found = _VARIANT[serving.flavour, machine_of(serving).gpus > 0]
    return found | _PROVISIONED if serving.provisioned else found


def of_component(serving: Serving) -> dict[str, Metric]:
    """With InferenceComponentName alone, by name."""
    return _BY_COMPONENT[serving.gpus > 0]
