"""Metrics as the source computes them, before CloudWatch delays them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from console.world.cloudwatch.series import Key, Metrics, Stats
from console.world.cloudwatch.sketch import percentile
from console.world.traffic.behaviour import Behaviour, Behaviours
from console.world.traffic.metrics import EndpointMetrics
from tests.world.conftest import Lab

SAGEMAKER, HOSTS, COMPONENTS = "AWS/SageMaker", "/aws/sagemaker/Endpoints", "/aws/sagemaker/InferenceComponents"
QUIET = {"config_lag_s": 0.0}


def key(metric: str, endpoint: str = "", variant: str = "AllTraffic", config: str = "", *, component: str = "") -> Key:
    """With the dimensions that are given; a host's metric by its name."""
    host = metric.startswith(("CPU", "Memory", "GPU", "Disk", "LoadedModel"))
    if component:
        return Key.of(COMPONENTS if host else SAGEMAKER, metric, InferenceComponentName=component)
    names = {"EndpointName": endpoint, "VariantName": variant, "EndpointConfigName": config}
    return Key.of(HOSTS if host else SAGEMAKER, metric, **{name: value for name, value in names.items() if value})


@dataclass
class Gauge:
    """Reads series of a lab's endpoints."""

    lab: Lab

    @property
    def source(self) -> EndpointMetrics:
        (found,) = self.lab.world.region().of(Metrics).sources
        assert isinstance(found, EndpointMetrics)
        return found

    def read(self, one: Key, minutes: int = 30, *, ago: int = 0, step: int = 60) -> Stats:
        """The last whole minutes before now, or before `ago` minutes ago."""
        self.lab.world.advance()
        end = int(self.lab.clock.now) // 60 * 60 - ago * 60
        found = self.source.read(one, end - minutes * 60, minutes * 60 // step, step)
        assert found is not None, one
        return found

    def total(self, one: Key, minutes: int = 30, **how: int) -> float:
        stats = self.read(one, minutes, **how)
        return float(stats.sum[stats.count > 0].sum())

    def mean(self, one: Key, minutes: int = 30, **how: int) -> float:
        stats = self.read(one, minutes, **how)
        return float(stats.sum.sum() / stats.count.sum())

    def p(self, fraction: float, one: Key, minutes: int = 30, **how: int) -> float:
        stats = self.read(one, minutes, **how).coarser(minutes)
        assert stats.bins is not None
        return float(percentile(stats.bins, stats.minimum, stats.maximum, fraction)[0])

    def has(self, one: Key) -> bool:
        return self.source.unit(one) is not None

    def set(self, name: str, behaviour: Behaviour) -> None:
        self.lab.world.advance()
        self.lab.world.region().of(Behaviours).set(name, behaviour)

    def names(self, **dimensions: str) -> set[str]:
        wanted = tuple(sorted(dimensions.items()))
        return {one.metric for one, _ in self.source.keys() if one.dimensions == wanted}  # noqa: SIM118


@pytest.fixture
def gauge(lab: Lab) -> Gauge:
    return Gauge(lab)


@pytest.fixture
def gauges(world: Callable[..., Lab]) -> Callable[..., Gauge]:
    return lambda **options: Gauge(world(**options))


def settled(stats: Stats) -> np.ndarray:
    """Which periods have data."""
    return np.flatnonzero(stats.count > 0)
