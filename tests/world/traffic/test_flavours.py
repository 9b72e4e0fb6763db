"""Which series each flavour of endpoint has, with exactly which dimensions (facts: sagemaker 5.1-5.5)."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from console.world.cloudwatch.series import Key
from tests.world.conftest import Lab
from tests.world.traffic.conftest import HOSTS, SAGEMAKER, Gauge, key

REQUESTS = {"Invocations", "Invocation4XXErrors", "Invocation5XXErrors", "InvocationModelErrors", "ModelLatency"} | {
    "OverheadLatency"
}
INSTANCES = REQUESTS | {"InvocationsPerInstance", "ConcurrentRequestsPerModel"}
MACHINE = {"CPUUtilization", "MemoryUtilization", "DiskUtilization"}
GPU = {"GPUUtilization", "GPUMemoryUtilization"}
BACKLOG = {"ApproximateBacklogSize", "ApproximateBacklogSizePerInstance", "ApproximateAgeOfOldestRequest"} | {
    "HasBacklogWithoutCapacity"
}


def test_instances(gauge: Gauge) -> None:
    assert gauge.names(EndpointName="delay-risk", VariantName="AllTraffic") == INSTANCES | MACHINE
    assert gauge.names(EndpointName="search-rank", VariantName="AllTraffic") == INSTANCES | MACHINE | GPU
    config = {"EndpointName": "delay-risk", "VariantName": "AllTraffic", "EndpointConfigName": "delay-risk-v7"}
    assert gauge.names(**config) == INSTANCES | MACHINE
    assert not gauge.names(EndpointName="delay-risk"), "nothing is added up over variants"


def test_dimensions_match_to_the_letter(gauge: Gauge) -> None:
    assert gauge.has(key("Invocations", "delay-risk"))
    for wrong in (
        key("Invocations", "Delay-Risk"),
        key("Invocations", "delay-risk", "Alltraffic"),
        key("Invocations", "delay-risk", ""),
        key("Invocations", "delay-risk", config="delay-risk-v8"),
        key("Invokations", "delay-risk"),
        key("Invocations", "gone"),
        Key.of(HOSTS, "Invocations", EndpointName="delay-risk", VariantName="AllTraffic"),
        Key.of(SAGEMAKER, "CPUUtilization", EndpointName="delay-risk", VariantName="AllTraffic"),
    ):
        assert not gauge.has(wrong) and gauge.source.read(wrong, 0, 1, 60) is None


def test_several_variants_share_by_weight(gauge: Gauge) -> None:
    champion, challenger = (
        gauge.total(key("Invocations", "fraud-online", name)) for name in ("AllTraffic", "challenger")
    )
    assert 0.09 < challenger / (champion + challenger) < 0.11


def test_a_shadow_gets_a_copy(gauge: Gauge, lab: Lab) -> None:
    described = lab.client("sagemaker").describe_endpoint(EndpointName="price-elastic")
    assert [one["VariantName"] for one in described["ShadowProductionVariants"]] == ["shadow-next"]
    served, shadowed = (
        gauge.total(key("Invocations", "price-elastic", name)) for name in ("AllTraffic", "shadow-next")
    )
    assert 0.49 < shadowed / served < 0.51
    per_instance = gauge.total(key("InvocationsPerInstance", "price-elastic"))
    assert abs(per_instance - served / 2) < 1e-6 * served, "of two instances"


def test_multi_model(gauge: Gauge, lab: Lab) -> None:
    names = gauge.names(EndpointName="demand-cast", VariantName="AllTraffic")
    extra = {"ModelLoadingWaitTime", "ModelUnloadingTime", "ModelDownloadingTime", "ModelLoadingTime", "ModelCacheHit"}
    assert names == INSTANCES | MACHINE | extra | {"LoadedModelCount"}
    assert 0.95 < gauge.mean(key("ModelCacheHit", "demand-cast")) < 1
    assert gauge.mean(key("LoadedModelCount", "demand-cast")) > 10
    waited = gauge.read(key("ModelLoadingWaitTime", "demand-cast"))
    hits = gauge.read(key("ModelCacheHit", "demand-cast"))
    assert waited.count.sum() == (hits.count - hits.sum).sum()
    model = lab.client("sagemaker").describe_model(ModelName="demand-cast-v3")
    assert model["PrimaryContainer"]["Mode"] == "MultiModel"


def test_serverless_has_no_host(gauge: Gauge, lab: Lab) -> None:
    names = gauge.names(EndpointName="lead-value", VariantName="AllTraffic")
    assert names == REQUESTS | {"ModelSetupTime", "ServerlessConcurrentExecutionsUtilization", "MemoryUtilization"}
    (variant,) = lab.client("sagemaker").describe_endpoint(EndpointName="lead-value")["ProductionVariants"]
    assert variant["CurrentServerlessConfig"] == {"MemorySizeInMB": 2048, "MaxConcurrency": 20}
    assert "CurrentInstanceCount" not in variant
    day = gauge.read(key("ModelSetupTime", "lead-value"), 1440)
    assert day.count.sum() > 10 and day.sum.sum() / day.count.sum() > 1e6, "microseconds of a cold start"
    used = gauge.read(key("ServerlessConcurrentExecutionsUtilization", "lead-value"), 1440)
    assert 0 < used.maximum[used.count > 0].max() < 1
    assert (gauge.read(key("Invocations", "lead-value"), 1440).count == 0).any() or used.count.min() > 0


def test_asynchronous(gauge: Gauge, lab: Lab) -> None:
    names = gauge.names(EndpointName="doc-extract", VariantName="AllTraffic")
    assert not names & {"Invocations", "OverheadLatency", "InvocationsPerInstance"}
    assert names >= {"InvocationsProcesssed", "TimeInBacklog", "TotalProcessingTime", "InvocationFailures"} | GPU
    assert gauge.names(EndpointName="doc-extract") == BACKLOG
    assert lab.client("sagemaker").describe_endpoint(EndpointName="doc-extract")["AsyncInferenceConfig"]
    week = gauge.total(key("InvocationsProcesssed", "doc-extract"), 7 * 1440)
    assert week > 500
    size = gauge.read(key("ApproximateBacklogSize", "doc-extract", ""), 7 * 1440)
    assert size.count.all() and 1 <= size.maximum.max() < 200, "a gauge: always there"
    seconds = gauge.mean(key("TotalProcessingTime", "doc-extract"), 7 * 1440) / 1000
    assert 10 < seconds < 60
    assert 0.02 < gauge.mean(key("GPUUtilization", "doc-extract"), 7 * 1440) / 100 < 0.9


def test_inference_components(gauge: Gauge) -> None:
    copies = REQUESTS | {"InvocationsPerCopy", "ConcurrentRequestsPerCopy"}
    own = {"CPUUtilization", "CPUUtilizationNormalized", "MemoryUtilization", "MemoryUtilizationNormalized"}
    assert gauge.names(InferenceComponentName="churn-scorer-b2b") == copies | own
    reserved = {"CPUReservation", "MemoryReservation", "CPUUtilizationNormalized", "MemoryUtilizationNormalized"}
    names = gauge.names(EndpointName="churn-scorer", VariantName="AllTraffic")
    assert names == REQUESTS | MACHINE | reserved
    whole = gauge.total(key("Invocations", "churn-scorer"))
    parts = [gauge.total(key("Invocations", component=f"churn-scorer-{one}")) for one in ("b2b", "b2c")]
    assert whole == sum(parts) and min(parts) > 0
    assert gauge.mean(key("CPUReservation", "churn-scorer")) == 75, "4 copies of 1.5 on 2 x 4 vCPUs"
    assert 0 < gauge.mean(key("CPUUtilizationNormalized", component="churn-scorer-b2b")) <= 100
    assert gauge.mean(key("CPUUtilization", "churn-scorer")) > gauge.mean(
        key("CPUUtilization", component="churn-scorer-b2b")
    ), "the host's is the sum of its copies'"
    both = 2 * sum(gauge.mean(key("CPUUtilization", component=f"churn-scorer-{one}")) for one in ("b2b", "b2c"))
    idle = 0.03 * 400
    assert np.isclose(2 * (gauge.mean(key("CPUUtilization", "churn-scorer")) - idle), both, rtol=0.15)


def test_concurrency_comes_every_ten_seconds(gauge: Gauge) -> None:
    one = key("ConcurrentRequestsPerModel", "delay-risk")
    fine, coarse = gauge.read(one, 10, step=10), gauge.read(one, 10)
    assert len(fine) == 60 and (fine.count == 3).all(), "one sample from each of three instances"
    assert (coarse.count == 18).all() and fine.maximum.max() >= 1
    assert not gauge.read(key("Invocations", "delay-risk"), 10, step=10).count.any(), "has minutes only"


def test_host_samples_are_instances_and_cpu_is_a_sum(gauge: Gauge) -> None:
    busy = gauge.read(key("CPUUtilization", "eta-minutes"), 1440)
    assert min(busy.count) >= 3 and busy.count[-1] == 4.0 and max(busy.count) <= 10, "instances, autoscaled"
    assert 100 < busy.maximum.max() <= 800, "8 vCPUs"
    assert (busy.minimum <= busy.sum / busy.count + 1e-9).all()


def test_statistics_mean_what_aws_says(gauge: Gauge) -> None:
    invocations = gauge.read(key("Invocations", "delay-risk"))
    assert (invocations.sum == invocations.count).all()
    errors = gauge.read(key("Invocation4XXErrors", "delay-risk"), 120)
    assert (errors.count == gauge.read(key("Invocations", "delay-risk"), 120).count).all(), "0 or 1 for each request"
    assert 0 < errors.sum.sum() / errors.count.sum() < 0.005, "Average is the ratio"
    latency = gauge.read(key("ModelLatency", "delay-risk"))
    assert latency.bins is not None and np.allclose(latency.bins.sum(axis=1), latency.count)
    assert 5_000 < gauge.p(0.5, key("ModelLatency", "delay-risk")) < gauge.p(0.99, key("ModelLatency", "delay-risk"))
    assert 3_000 < latency.sum.sum() / latency.count.sum() < 100_000, "microseconds"
    assert gauge.source.unit(key("ModelLatency", "delay-risk")) == "Microseconds"


def test_five_hundred_series_of_a_thousand_endpoints(gauges: Callable[..., Gauge]) -> None:
    """Three hours of one-minute points; 0.45 s of this machine's CPU when nothing is known yet."""
    gauge = gauges(fleet=1000)
    wanted = [
        one
        for one, _ in gauge.source.keys()  # noqa: SIM118
        if one.metric in ("Invocations", "Invocation5XXErrors", "ModelLatency", "OverheadLatency", "CPUUtilization")
        and len(one.dimensions) == 2
    ][1000:1500]
    started = time.process_time()
    read = [gauge.read(one, 180) for one in wanted]
    assert time.process_time() - started < 2.0
    assert len(read) == 500 and all(one.count.any() for one in read)
