"""Which metrics exist for which flavour of endpoint, how they are asked for, and their one conversion of units. Pure.

Namespaces, names, units and dimensions: facts/sagemaker.md sections 5.1-5.5. Dimensions must match exactly; CloudWatch
adds nothing up over variants. Up to five statistics of one metric are billed once (section 5.7).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from math import isfinite
from typing import Any, NamedTuple

from console.clock import MINUTE, Millis, to_ms
from console.kinds.vitals.machines import Machine, machine
from console.kinds.vitals.record import Shape, Signs, VariantShape, Vitals, merged

SAGEMAKER = "AWS/SageMaker"
HOSTS = "/aws/sagemaker/Endpoints"
COMPONENTS = "/aws/sagemaker/InferenceComponents"

AT_MOST = 500
"""Queries of one GetMetricData."""
POINTS_AT_MOST = 15_000
"""Of the 100,800 that one answer may hold: while it is parsed a point takes half a kilobyte."""
DOLLARS = 0.01 / 1000
"""Of one metric requested."""

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


def billed(series: Iterable[Series]) -> int:
    """Metrics requested, as the bill counts them: statistics of one metric together, up to five."""
    stats: dict[tuple[Any, ...], int] = {}
    for one in series:
        stats[_key(one)] = stats.get(_key(one), 0) + 1
    return sum(-(-n // 5) for n in stats.values())


def batches(series: Sequence[Series], points_each: int) -> Iterator[Sequence[Series]]:
    """As few calls as possible. An endpoint stays in one call if it fits, and statistics of one metric do in any case:
    apart they would be billed twice."""
    room = max(1, min(AT_MOST, POINTS_AT_MOST // max(1, points_each)))
    batch: list[Series] = []
    for _, found in groupby(series, key=lambda one: one.endpoint):
        whole = list(found)
        groups = [whole] if len(whole) <= room else [list(g) for _, g in groupby(sorted(whole, key=_key), key=_key)]
        for group in groups:
            if batch and len(batch) + len(group) > room:
                yield batch
                batch = []
            batch = [*batch, *group]
    if batch:
        yield batch


def _key(one: Series) -> tuple[Any, ...]:
    return one.metric.namespace, one.metric.name, one.dimensions


def request(batch: Sequence[Series], start: Millis, end: Millis, *, period_s: int = 60) -> dict[str, Any]:
    """Of GetMetricData. No Unit: a wrong one would filter everything out."""
    return {
        "StartTime": start / 1000,
        "EndTime": end / 1000,
        "ScanBy": "TimestampAscending",
        "MetricDataQueries": [
            {
                "Id": f"m{n}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": one.metric.namespace,
                        "MetricName": one.metric.name,
                        "Dimensions": [{"Name": key, "Value": value} for key, value in one.dimensions],
                    },
                    "Period": period_s,
                    "Stat": one.metric.stat,
                },
                "ReturnData": True,
            }
            for n, one in enumerate(batch)
        ],
    }


Points = dict[Millis, float]


def points(batch: Sequence[Series], answer: Mapping[str, Any], into: dict[int, Points]) -> None:
    """Values of one page by the query's place in its batch, converted; what cannot be converted is absent."""
    for result in answer.get("MetricDataResults", ()):
        n = int(result["Id"][1:])
        one = batch[n]
        for at, value in zip(result.get("Timestamps", ()), result.get("Values", ()), strict=False):
            converted = one.metric.convert(value, one.machine)
            if converted is not None and isfinite(converted):  # metric math may divide by zero
                into.setdefault(n, {})[to_ms(at)] = converted


def minutes_of(batch: Sequence[Series], found: Mapping[int, Points]) -> dict[str, dict[Millis, Vitals]]:
    """Minutes by endpoint. A field that two spellings fill takes the one that has data."""
    signs: dict[str, dict[Millis, dict[tuple[str, str, str], dict[str, float]]]] = {}
    for n, values in found.items():
        one = batch[n]
        who = (one.variant, one.config, one.component)
        for at, value in values.items():
            minute = signs.setdefault(one.endpoint, {}).setdefault(at - at % MINUTE, {})
            minute.setdefault(who, {}).setdefault(one.metric.field, value)
    return {
        name: {
            at: Vitals(tuple(_signs(who, fields) for who, fields in sorted(of.items()))) for at, of in minutes.items()
        }
        for name, minutes in signs.items()
    }


def _signs(who: tuple[str, str, str], fields: dict[str, Any]) -> Signs:
    return Signs(*who, **fields)


def together(old: Vitals | None, new: Vitals) -> Vitals:
    """One minute, of which a look asked some metrics and another one others."""
    if old is None:
        return new
    known = {(one.variant, one.config, one.component): one for one in old.signs}
    for one in new.signs:
        who = (one.variant, one.config, one.component)
        known[who] = merged(known[who], one) if who in known else one
    return Vitals(tuple(known[who] for who in sorted(known)))


def shape_of(config: Mapping[str, Any], multi_model: Callable[[str], bool]) -> Shape:
    """From DescribeEndpointConfig; `multi_model` tells of a model by its name whether its container is one."""
    return Shape(
        config["EndpointConfigName"],
        tuple(
            VariantShape(variant.get("VariantName", ""), _flavour(config, variant, multi_model), _type(variant))
            for variant in config.get("ProductionVariants", ())
        ),
    )


def _flavour(config: Mapping[str, Any], variant: Mapping[str, Any], multi_model: Callable[[str], bool]) -> str:
    if variant.get("ServerlessConfig"):
        return "serverless"
    if config.get("AsyncInferenceConfig"):
        return "async"
    if not variant.get("ModelName"):
        return "components"
    return "multi-model" if multi_model(variant["ModelName"]) else "instances"


def _type(variant: Mapping[str, Any]) -> str:
    """Of a pool of several types none is known to run: CPU is then not normalised."""
    return "" if variant.get("InstancePools") else str(variant.get("InstanceType", ""))


def plain_shape(config: str, variants: Iterable[tuple[str, bool]]) -> Shape:
    """Before the config is described: (variant, whether it is serverless); hosts of an unknown type."""
    return Shape(config, tuple(VariantShape(n, "serverless" if s else "instances") for n, s in variants))
