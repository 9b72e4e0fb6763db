"""Which metrics exist for which flavour of endpoint, and their one conversion of units. Pure.

Namespaces, names, units and dimensions: facts/sagemaker.md sections 5.1-5.5. Dimensions must match exactly; CloudWatch
adds nothing up over variants.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from console.kinds.config.record import Config, ConfigVariant
from console.kinds.vitals.machines import Machine, machine
from console.kinds.vitals.record import Shape, VariantShape

SAGEMAKER = "AWS/SageMaker"
HOSTS = "/aws/sagemaker/Endpoints"
COMPONENTS = "/aws/sagemaker/InferenceComponents"

Convert = Callable[[float, Machine | None], float | None]


def plain(value: float, machine: Machine | None) -> float | None:
    return value


def us_to_ms(value: float, machine: Machine | None) -> float | None:
    return value / 1000.0


def per_vcpu(value: float, machine: Machine | None) -> float | None:
    return value / machine.vcpus if machine else None


def per_gpu(value: float, machine: Machine | None) -> float | None:
    return value / machine.gpus if machine and machine.gpus else None


class Metric(NamedTuple):
    """One statistic of one metric, and the field of `Signs` that it becomes."""

    field: str
    namespace: str
    name: str
    stat: str
    convert: Convert = plain


_TRAFFIC = (Metric("invocations", SAGEMAKER, "Invocations", "Sum"),)
_ERRORS = (Metric("errors_5xx", SAGEMAKER, "Invocation5XXErrors", "Sum"),)
_P99 = (Metric("latency_p99_ms", SAGEMAKER, "ModelLatency", "p99", us_to_ms),)
_CALLERS = (Metric("errors_4xx", SAGEMAKER, "Invocation4XXErrors", "Sum"),)
_LATENCY = (
    Metric("latency_p50_ms", SAGEMAKER, "ModelLatency", "p50", us_to_ms),
    Metric("latency_p90_ms", SAGEMAKER, "ModelLatency", "p90", us_to_ms),
)
_MODEL_ERRORS = (Metric("model_errors", SAGEMAKER, "InvocationModelErrors", "Sum"),)
_OVERHEAD = (Metric("overhead_avg_ms", SAGEMAKER, "OverheadLatency", "Average", us_to_ms),)
_MACHINE = (
    Metric("cpu_percent", HOSTS, "CPUUtilization", "Average", per_vcpu),
    # The fullest instance: it is the one that is killed.
    Metric("memory_percent", HOSTS, "MemoryUtilization", "Maximum"),
    Metric("disk_percent", HOSTS, "DiskUtilization", "Maximum"),
)
_GPU = (
    Metric("gpu_percent", HOSTS, "GPUUtilization", "Average", per_gpu),
    Metric("gpu_memory_percent", HOSTS, "GPUMemoryUtilization", "Maximum", per_gpu),
)
_PER_INSTANCE = (
    Metric("invocations_per_instance", SAGEMAKER, "InvocationsPerInstance", "Sum"),
    Metric("concurrency_max", SAGEMAKER, "ConcurrentRequestsPerModel", "Maximum"),
)
_CACHE = (
    Metric("cache_hit_ratio", SAGEMAKER, "ModelCacheHit", "Average"),
    Metric("loading_wait_ms", SAGEMAKER, "ModelLoadingWaitTime", "Average", us_to_ms),
)
# The Developer Guide spells these in two ways each (facts 5.4, 5.5): whichever has data counts.
_SERVERLESS_ERRORS = (Metric("errors_5xx", SAGEMAKER, "Invocations5XXErrors", "Sum"),)
_SERVERLESS_CALLERS = (Metric("errors_4xx", SAGEMAKER, "Invocations4XXErrors", "Sum"),)
_SERVERLESS = (
    Metric(
        "concurrency_utilization_percent",
        SAGEMAKER,
        "ServerlessConcurrentExecutionsUtilization",
        "Maximum",
        lambda value, machine: 100.0 * value,
    ),
    Metric("setup_ms", SAGEMAKER, "ModelSetupTime", "Average", us_to_ms),
    Metric("memory_percent", HOSTS, "MemoryUtilization", "Maximum"),
)
_PROCESSED = (
    Metric("invocations", SAGEMAKER, "InvocationsProcesssed", "Sum"),
    Metric("invocations", SAGEMAKER, "InvocationsProcessed", "Sum"),
)
_FAILURES = (Metric("failures", SAGEMAKER, "InvocationFailures", "Sum"),)
_QUEUE = (
    Metric("backlog", SAGEMAKER, "ApproximateBacklogSize", "Maximum"),
    Metric("oldest_request_s", SAGEMAKER, "ApproximateAgeOfOldestRequest", "Maximum"),
)
_QUEUE_MORE = (
    Metric("backlog_per_instance", SAGEMAKER, "ApproximateBacklogSizePerInstance", "Maximum"),
    Metric("stranded", SAGEMAKER, "HasBacklogWithoutCapacity", "Maximum"),
)
_COPIES = (
    Metric("cpu_percent", COMPONENTS, "CPUUtilizationNormalized", "Average"),
    # One sample a minute from each copy.
    Metric("copies", COMPONENTS, "CPUUtilizationNormalized", "SampleCount"),
    Metric("memory_percent", COMPONENTS, "MemoryUtilizationNormalized", "Maximum"),
    Metric("gpu_percent", COMPONENTS, "GPUUtilizationNormalized", "Average"),
    Metric("invocations_per_instance", SAGEMAKER, "InvocationsPerCopy", "Sum"),
    Metric("concurrency_max", SAGEMAKER, "ConcurrentRequestsPerCopy", "Maximum"),
    Metric("unplaced", SAGEMAKER, "NoCapacityInvocationFailures", "Sum"),
)

_FEW = _TRAFFIC + _ERRORS + _P99
_ALL = _FEW + _CALLERS + _MODEL_ERRORS + _LATENCY + _OVERHEAD
_FLEET = _TRAFFIC + _ERRORS + _P99 + _MODEL_ERRORS + _LATENCY

FEW: dict[str, tuple[Metric, ...]] = {
    "instances": _FEW,
    "multi-model": _FEW,
    "components": _FEW,
    "serverless": _FEW + _SERVERLESS_ERRORS,
    "async": _PROCESSED + _FAILURES + _P99,
}
"""Of the query of the whole fleet, by flavour."""

SOME: dict[str, tuple[Metric, ...]] = {
    "instances": _FEW + _CALLERS + _OVERHEAD,
    "multi-model": _FEW + _CALLERS + _OVERHEAD + _CACHE,
    "components": _FEW + _CALLERS + _OVERHEAD,
    "serverless": FEW["serverless"] + _CALLERS + _SERVERLESS_CALLERS + _OVERHEAD + _SERVERLESS[1:2],
    "async": FEW["async"],
}
"""Of the same query now and then: what hurts callers and shows in none of the few."""

ALL: dict[str, tuple[Metric, ...]] = {
    "instances": _ALL + _PER_INSTANCE + _MACHINE,
    "multi-model": _ALL + _PER_INSTANCE + _MACHINE + _CACHE,
    "components": _ALL + _MACHINE,
    "serverless": _ALL + _SERVERLESS_ERRORS + _SERVERLESS_CALLERS + _SERVERLESS,
    "async": FEW["async"] + _ERRORS + _CALLERS + _LATENCY + _MACHINE,
}
"""Of what is on screen, deploying or unhealthy."""

BEFORE: tuple[Metric, ...] = (
    *_FEW,
    *_CALLERS,
    *_OVERHEAD,
    _MACHINE[0],
    _PER_INSTANCE[0],
)
"""What a baseline is made of, where the flavour has it."""


class Series(NamedTuple):
    """One query: whose sign it is, with the dimensions that the metric has."""

    endpoint: str
    variant: str
    config: str
    component: str
    metric: Metric
    dimensions: tuple[tuple[str, str], ...]
    machine: Machine | None = None


def of_endpoint(
    name: str,
    shape: Shape,
    *,
    everything: bool,
    wide: bool = False,
    configs: Sequence[str] = (),
    components: Sequence[tuple[str, str]] = (),
) -> list[Series]:
    """All queries of one endpoint. `wide`: some in place of the few; `configs`: the fleets of a deployment;
    `components`: (name, variant)."""
    table = ALL if everything else SOME if wide else FEW
    return [*_of_variants(name, shape, table, configs), *_of_components(name, everything, components)]


def _of_variants(
    name: str, shape: Shape, table: Mapping[str, tuple[Metric, ...]], configs: Sequence[str]
) -> Iterator[Series]:
    everything = table is ALL
    for one in shape.variants:
        kind = machine(one.instance_type)
        wanted = table[one.flavour]
        if everything and kind is not None and kind.gpus and one.flavour != "serverless":
            wanted += _GPU
        dimensions = (("EndpointName", name), ("VariantName", one.name))
        for metric in wanted:
            yield Series(name, one.name, "", "", metric, dimensions, kind)
        if everything and one.flavour not in {"async", "serverless"}:
            for config in configs:
                fleet = (*dimensions, ("EndpointConfigName", config))
                for metric in _FLEET:
                    yield Series(name, one.name, config, "", metric, fleet, kind)
    for one in shape.variants[:1]:
        if one.flavour == "async":
            for metric in _QUEUE + (_QUEUE_MORE if everything else ()):
                yield Series(name, one.name, "", "", metric, (("EndpointName", name),))


def _of_components(name: str, everything: bool, components: Sequence[tuple[str, str]]) -> Iterator[Series]:
    for component, variant in components if everything else ():
        for metric in (*_ALL, *_COPIES):
            yield Series(name, variant, "", component, metric, (("InferenceComponentName", component),))


def before(name: str, shape: Shape) -> list[Series]:
    """What the endpoint was: the same metrics by the hour."""
    found = []
    for one in shape.variants:
        there = {(m.namespace, m.name) for m in ALL[one.flavour]}
        wanted = [m for m in (*BEFORE, *_PROCESSED) if (m.namespace, m.name) in there]
        dimensions = (("EndpointName", name), ("VariantName", one.name))
        kind = machine(one.instance_type)
        found += [Series(name, one.name, "", "", metric, dimensions, kind) for metric in wanted]
    return found


def shape_of(config: Config) -> Shape:
    serving = (one for one in config.variants if not one.shadow)
    return Shape(config.name, tuple(VariantShape(v.name, _flavour(config, v), _type(v)) for v in serving))


def _flavour(config: Config, variant: ConfigVariant) -> str:
    if variant.serverless:
        return "serverless"
    if config.queued:
        return "async"
    if not variant.model:
        return "components"
    return "multi-model" if any(one.mode == "MultiModel" for one in variant.containers) else "instances"


def _type(variant: ConfigVariant) -> str:
    """Of a pool of several types none is known to run: CPU is then not normalised."""
    return "" if variant.pooled else variant.instance_type


def plain_shape(config: str, variants: Iterable[tuple[str, bool]]) -> Shape:
    """Before the config is described: (variant, whether it is serverless); hosts of an unknown type."""
    return Shape(config, tuple(VariantShape(n, "serverless" if s else "instances") for n, s in variants))
