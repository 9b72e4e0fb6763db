"""A world at 3 a.m., and what an operator reads of it with boto3: GetMetricData, alarms, endpoints, logs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from console.world.sagemaker.endpoint_logs import group_of
from console.world.server import Served
from console.world.world import World
from tests.world.conftest import Clock, Lab

MONDAY = dt.datetime(2026, 11, 23, tzinfo=dt.UTC).timestamp()
DAY_S, ARRIVED_S = 86400.0, 180.0
"""What is older than three minutes has arrived whole at speed 1."""
BEFORE_S = 40 * 60.0
"""Before an incident of 13 minutes' standing began, and hardly another hour of the day."""


@dataclass
class Night(Lab):
    @property
    def cloudwatch(self) -> Any:
        return self.client("cloudwatch")

    @property
    def sagemaker(self) -> Any:
        return self.client("sagemaker")

    def points(
        self, metric: str, stat: str, endpoint: str, minutes: int = 10, *, ago_s: float = 0.0, **dimensions: str
    ) -> list[float]:
        """Of the last whole minutes, or of those `ago_s` earlier; no variant: VariantName=''."""
        names = {"EndpointName": endpoint, "VariantName": "AllTraffic"} | dimensions
        host = metric.startswith(("CPU", "Memory", "GPU", "Disk", "Loaded"))
        end = (self.clock.now - ARRIVED_S - ago_s) // 60 * 60
        query = {
            "Metric": {
                "Namespace": "/aws/sagemaker/Endpoints" if host else "AWS/SageMaker",
                "MetricName": metric,
                "Dimensions": [{"Name": name, "Value": value} for name, value in names.items() if value],
            },
            "Period": 60,
            "Stat": stat,
        }
        answer = self.cloudwatch.get_metric_data(
            MetricDataQueries=[{"Id": "m", "MetricStat": query}],
            StartTime=dt.datetime.fromtimestamp(end - minutes * 60, dt.UTC),
            EndTime=dt.datetime.fromtimestamp(end, dt.UTC),
            ScanBy="TimestampAscending",
        )
        found: list[float] = answer["MetricDataResults"][0]["Values"]
        return found

    def mean(self, metric: str, stat: str, endpoint: str, minutes: int = 10, **how: Any) -> float:
        """Of the minutes' values; 0 without any."""
        found = self.points(metric, stat, endpoint, minutes, **how)
        return sum(found) / max(1, len(found))

    def ratio(self, metric: str, endpoint: str, minutes: int = 10, **how: Any) -> float:
        """Of all requests: sums over sums; 0 without any."""
        some = sum(self.points(metric, "Sum", endpoint, minutes, **how))
        return some / max(1.0, sum(self.points("Invocations", "Sum", endpoint, minutes, **how)))

    def grown(self, metric: str, stat: str, endpoint: str, minutes: int = 10, *, since_s: float = DAY_S) -> float:
        """What it is, as a multiple of what it was: yesterday at this hour, unless said. For what depends on how many
        call, that is another day of the week."""
        before = self.mean(metric, stat, endpoint, minutes, ago_s=since_s)
        return self.mean(metric, stat, endpoint, minutes) / before

    def describe(self, endpoint: str) -> dict[str, Any]:
        found: dict[str, Any] = self.sagemaker.describe_endpoint(EndpointName=endpoint)
        return found

    def state(self, alarm: str) -> str:
        (found,) = self.cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
        return str(found["StateValue"])

    def says(self, endpoint: str, pattern: str) -> bool:
        """Page after page: the first ones of a rare pattern are empty."""
        pages = self.client("logs").get_paginator("filter_log_events")
        phrase = pattern.replace('"', '\\"')
        found = pages.paginate(logGroupName=group_of(endpoint), filterPattern=f'"{phrase}"')
        return any(page["events"] for page in found)

    def activities(self, endpoint: str, minutes: float, *, reasons: bool = False) -> list[dict[str, Any]]:
        """That began in the last minutes, newest first; `reasons`: those where nothing was scaled too."""
        found: list[dict[str, Any]] = self.client("application-autoscaling").describe_scaling_activities(
            ServiceNamespace="sagemaker",
            ResourceId=f"endpoint/{endpoint}/variant/AllTraffic",
            IncludeNotScaledActivities=reasons,
        )["ScalingActivities"]
        return [one for one in found if self.clock.now - one["StartTime"].timestamp() < 60 * minutes]

    def register(self, endpoint: str, **members: Any) -> None:
        """RegisterScalableTarget on what is registered, as soon as nothing scales: until then it is refused."""
        self.settle(endpoint)
        self.client("application-autoscaling").register_scalable_target(
            ServiceNamespace="sagemaker",
            ResourceId=f"endpoint/{endpoint}/variant/AllTraffic",
            ScalableDimension="sagemaker:variant:DesiredInstanceCount",
            **members,
        )

    def instances(self, endpoint: str) -> int:
        return int(self.describe(endpoint)["ProductionVariants"][0]["CurrentInstanceCount"])

    def scale(self, endpoint: str, instances: int) -> None:
        wanted = {"VariantName": "AllTraffic", "DesiredInstanceCount": instances}
        self.settle(endpoint)
        self.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=endpoint, DesiredWeightsAndCapacities=[wanted]
        )
        self.settle(endpoint)

    def roll_back(self, endpoint: str, config: str = "") -> None:
        """All at once to `config`, or to the version before the one that serves; once it is settled."""
        serves = self.settle(endpoint)["EndpointConfigName"]
        name, version = serves.rsplit("-v", 1)
        self.sagemaker.update_endpoint(
            EndpointName=endpoint,
            EndpointConfigName=config or f"{name}-v{int(version) - 1}",
            RetainAllVariantProperties=True,
        )
        self.settle(endpoint)

    def wait(self, minutes: float) -> None:
        self.clock.tick(60 * minutes)
        self.describe("delay-risk")  # the world moves on when somebody looks


@pytest.fixture
def night(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Night]]:
    """Makes worlds at that hour (UTC) of one Monday, because the noise of the traffic is another on each day."""
    open_: list[Served] = []

    def make(hour: float = 3.2, **options: Any) -> Night:
        clock = Clock()
        clock.now = MONDAY + 3600 * hour
        # moto drops log lines that are older than two weeks.
        monkeypatch.setattr(
            "moto.logs.models.utcnow", lambda: dt.datetime.fromtimestamp(clock.now, dt.UTC).replace(tzinfo=None)
        )
        served = World(**({"validate": True, "throttle": False, "now": clock} | options)).serve()
        open_.append(served)
        return Night(served.world, clock, served)

    yield make
    for served in open_:
        served.close()
