"""What an alarm reads as a vital sign: only the very same metric, in the unit that is plotted."""

from __future__ import annotations

import pytest

from console.kinds.alarm.aim import Aim, aim
from console.kinds.alarm.record import Alarm, Metric
from console.kinds.vitals.queries import COMPONENTS, HOSTS, SAGEMAKER, of_endpoint
from console.kinds.vitals.record import Shape, Signs, VariantShape

MINE = {"EndpointName": "e", "VariantName": "main"}
SHAPE = Shape("e-v7", (VariantShape("main", "instances", "ml.c6i.2xlarge"),))


def seen(
    name: str,
    stat: str,
    threshold: float,
    namespace: str = SAGEMAKER,
    *,
    kind: str = "",
    period_s: int = 60,
    **more: str,
) -> Aim | None:
    shape = Shape("e-v7", (VariantShape("main", kind, "ml.m5.large"),)) if kind else SHAPE
    dimensions = more if kind == "async" or "InferenceComponentName" in more else MINE | more
    alarm = Alarm(
        "a", "arn", "OK", metrics=(Metric(namespace, name, stat, dimensions),), comparison="GreaterThanThreshold",
        threshold=threshold, period_s=period_s,
    )  # fmt: skip
    return aim(alarm, of_endpoint("e", shape, everything=True, configs=("e-v8",), components=(("copy", "main"),)))


@pytest.mark.parametrize(
    ("one", "level"),
    [
        (seen("Invocation5XXErrors", "Average", 0.05), ("5xx", 5.0)),
        (seen("Invocation4XXErrors", "Average", 0.2), ("4xx", 20.0)),
        (seen("ModelLatency", "p99", 250_000.0), ("p99", 250.0)),
        (seen("OverheadLatency", "Average", 30_000.0), ("overhead", 30.0)),
        (seen("CPUUtilization", "Average", 640.0, HOSTS), ("cpu", 80.0)),
        (seen("MemoryUtilization", "Maximum", 90.0, HOSTS), ("memory", 90.0)),
        (seen("Invocations", "Sum", 600.0), ("requests", 10.0)),
        (seen("Invocations", "Sum", 3000.0, period_s=300), ("requests", 10.0)),
        (seen("InvocationsPerInstance", "Sum", 3000.0, period_s=300), ("per_instance", 600.0)),
        (seen("ModelCacheHit", "Average", 0.8, kind="multi-model"), ("hits", 80.0)),
        (seen("ApproximateBacklogSize", "Maximum", 100.0, kind="async", EndpointName="e"), ("backlog", 100.0)),
        (seen("CPUUtilizationNormalized", "Average", 85.0, COMPONENTS, InferenceComponentName="copy"), ("cpu", 85.0)),
    ],
)
def test_the_same_statistic_has_a_level_in_the_unit_of_its_plot(one: Aim | None, level: tuple[str, float]) -> None:
    assert one is not None and one.level == (level[0], pytest.approx(level[1]))


@pytest.mark.parametrize(
    "one",
    [
        seen("ModelLatency", "Average", 250_000.0),
        seen("ModelLatency", "p99", 250_000.0, EndpointConfigName="e-v6"),
        seen("CPUUtilization", "Maximum", 640.0, HOSTS),
        seen("CPUUtilization", "Average", 640.0),
        seen("OverheadLatency", "Average", 1.0, EndpointConfigName="e-v8"),
        seen("ModelCacheHit", "Average", 0.8),
    ],
)
def test_another_statistic_fleet_or_namespace_is_no_vital_sign(one: Aim | None) -> None:
    assert one is None


def test_a_count_of_errors_is_read_but_is_no_line_among_shares() -> None:
    one = seen("Invocation5XXErrors", "Sum", 20.0, period_s=300)
    assert one is not None and one.level is None and one.unit == ""
    assert one.value(Signs("main", minutes=5, invocations=5000.0, errors_5xx=30.0)) == 30.0
    assert one.value(Signs("main", minutes=5, invocations=5000.0)) is None


def test_a_fleet_has_its_own() -> None:
    one = seen("Invocation5XXErrors", "Average", 0.01, EndpointConfigName="e-v8")
    assert one is not None and one.who == ("main", "e-v8", "") and one.level == ("5xx", 1.0)
    assert one.value(Signs("main", "e-v8", minutes=5, invocations=1440.0, errors_5xx=42.0)) == pytest.approx(
        2.9167, 1e-4
    )
    assert one.value(Signs("main", "e-v8", minutes=5, errors_5xx=42.0)) is None
