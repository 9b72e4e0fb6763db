"""The fleet that a new world has: valid, believable, the same again, and quick for thousands."""

from __future__ import annotations

import time
from collections.abc import Callable

from console.world.sagemaker.endpoints import Endpoints
from console.world.sagemaker.resources import Configs
from console.world.world import World
from tests.world.conftest import Clock, Lab


def test_every_endpoint_can_be_described_to_the_bottom(lab: Lab) -> None:
    sagemaker = lab.client("sagemaker")
    for one in sagemaker.list_endpoints(MaxResults=100)["Endpoints"]:
        found = sagemaker.describe_endpoint(EndpointName=one["EndpointName"])
        assert found["EndpointStatus"] == "InService"
        config = sagemaker.describe_endpoint_config(EndpointConfigName=found["EndpointConfigName"])
        for variant in config["ProductionVariants"]:
            models = [variant["ModelName"]] if "ModelName" in variant else []
            for component in sagemaker.list_inference_components(EndpointNameEquals=found["EndpointName"])[
                "InferenceComponents"
            ]:
                described = sagemaker.describe_inference_component(
                    InferenceComponentName=component["InferenceComponentName"]
                )
                models.append(described["Specification"]["ModelName"])
            assert models, "a variant names its model, or inference components do"
            for name in models:
                assert "@sha256:" in sagemaker.describe_model(ModelName=name)["PrimaryContainer"]["Image"]
        assert len(sagemaker.list_tags(ResourceArn=one["EndpointArn"])["Tags"]) == 5
        assert found["LastModifiedTime"] > found["CreationTime"]


def test_no_incident_by_default(lab: Lab) -> None:
    assert not lab.client("cloudwatch").describe_alarms(StateValue="ALARM")["MetricAlarms"]


def test_other_regions_are_empty(lab: Lab) -> None:
    assert lab.client("sagemaker", region="us-east-1").list_endpoints()["Endpoints"] == []


def test_the_same_seed_makes_the_same_world() -> None:
    clock = Clock()

    def told(seed: int) -> list[tuple[str, str, float]]:
        region = World(seed=seed, now=clock).region()
        return [(one.name, one.config, one.modified) for one in region.of(Endpoints)]

    assert told(1) == told(1) != told(2)


def test_thousands_in_no_time(world: Callable[..., Lab]) -> None:
    started = time.process_time()
    lab = world(fleet=1000)
    assert time.process_time() - started < 3
    pages = lab.client("sagemaker").get_paginator("list_endpoints").paginate(PaginationConfig={"PageSize": 100})
    assert sum(len(cut["Endpoints"]) for cut in pages) == 1000
    assert len(list(lab.world.region().of(Configs))) > 1500


def test_an_empty_account(world: Callable[..., Lab]) -> None:
    assert world(fleet=0).client("sagemaker").list_endpoints()["Endpoints"] == []
