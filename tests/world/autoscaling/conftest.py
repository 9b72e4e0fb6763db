"""An autoscaled endpoint over HTTP, its load in the test's hands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from console.world.traffic.behaviour import Behaviour, Behaviours
from console.world.traffic.load import factor_for
from console.world.world import World
from tests.world.conftest import Clock, Lab

START = 1_795_400_000.0
ENDPOINT = "search-rank"
RESOURCE = f"endpoint/{ENDPOINT}/variant/AllTraffic"
INSTANCES = "sagemaker:variant:DesiredInstanceCount"
CONCURRENCY = "sagemaker:variant:DesiredProvisionedConcurrency"
COPIES = "sagemaker:inference-component:DesiredCopyCount"
SPACE = {"ServiceNamespace": "sagemaker"}


def named(resource: str = RESOURCE, dimension: str = INSTANCES) -> dict[str, str]:
    return SPACE | {"ResourceId": resource, "ScalableDimension": dimension}


def steps(*adjustments: tuple[float | None, float | None, int], type_: str = "ChangeInCapacity") -> dict[str, Any]:
    """A StepScalingPolicyConfiguration."""
    listed = [
        {"ScalingAdjustment": change}
        | ({} if low is None else {"MetricIntervalLowerBound": low})
        | ({} if high is None else {"MetricIntervalUpperBound": high})
        for low, high, change in adjustments
    ]
    return {"AdjustmentType": type_, "StepAdjustments": listed}


@dataclass
class Scaler:
    lab: Lab

    def __post_init__(self) -> None:
        self.aas = self.lab.client("application-autoscaling")
        self.sagemaker = self.lab.client("sagemaker")
        self.cloudwatch = self.lab.client("cloudwatch")

    def pass_(self, minutes: float, step_s: float = 20.0) -> None:
        for _ in range(int(minutes * 60 / step_s)):
            self.lab.clock.tick(step_s)
            self.lab.world.advance()

    def load(self, busy: float | None, endpoint: str = ENDPOINT) -> None:
        """So much of what its instances can do; None: as usual."""
        self.lab.world.advance()
        region = self.lab.world.region()
        region.of(Behaviours).end("load")
        if busy is not None:
            factor = factor_for(region, endpoint, "AllTraffic", busy)
            region.of(Behaviours).set("load", Behaviour(endpoint, demand_factor=factor))

    def counts(self, endpoint: str = ENDPOINT) -> tuple[int, int]:
        """Current and desired."""
        variant = self.sagemaker.describe_endpoint(EndpointName=endpoint)["ProductionVariants"][0]
        return variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]

    def activities(self, since: float = 0.0, *, all_: bool = False, resource: str = RESOURCE) -> list[dict[str, Any]]:
        """Oldest first."""
        pages = self.aas.get_paginator("describe_scaling_activities").paginate(
            **SPACE, ResourceId=resource, IncludeNotScaledActivities=all_
        )
        found = [one for cut in pages for one in cut["ScalingActivities"]]
        return [one for one in reversed(found) if one["StartTime"].timestamp() > since]

    def codes(self, since: float) -> list[str]:
        told = self.activities(since, all_=True)
        return [reason["Code"] for one in told for reason in one.get("NotScaledReasons", ())]

    def policy(self) -> dict[str, Any]:
        (found,) = self.aas.describe_scaling_policies(**named())["ScalingPolicies"]
        return dict(found)

    def states(self, resource: str = RESOURCE) -> dict[str, str]:
        """By side."""
        alarms = self.cloudwatch.describe_alarms(AlarmNamePrefix=f"TargetTracking-{resource}-")["MetricAlarms"]
        return {one["AlarmName"].removeprefix(f"TargetTracking-{resource}-")[:8]: one["StateValue"] for one in alarms}


@pytest.fixture
def scaler() -> Iterator[Scaler]:
    """At a fixed moment: the noise of the minutes decides how many steps a scaling takes."""
    clock = Clock()
    clock.now = START
    made = World(validate=True, throttle=False, now=clock)
    with made.serve() as served:
        yield Scaler(Lab(made, clock, served))
