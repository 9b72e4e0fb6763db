"""Inference components over boto3: their statuses, copies, capacity, refusals, and the load that moves with them."""

from __future__ import annotations

from typing import Any

import pytest

from console.world.sagemaker.endpoint_logs import component_group_of, group_of
from console.world.traffic.behaviour import Behaviour
from tests.world.conftest import Lab
from tests.world.test_endpoints import refused
from tests.world.traffic.conftest import Gauge, key

HOST, B2B = "churn-scorer", "churn-scorer-b2b"


def describe(lab: Lab, name: str = B2B) -> dict[str, Any]:
    found: dict[str, Any] = lab.client("sagemaker").describe_inference_component(InferenceComponentName=name)
    return found


def copies(lab: Lab, name: str = B2B) -> tuple[str, int, int]:
    found = describe(lab, name)
    config = found["RuntimeConfig"]
    return found["InferenceComponentStatus"], config["DesiredCopyCount"], config["CurrentCopyCount"]


def test_list_and_describe(lab: Lab) -> None:
    sagemaker = lab.client("sagemaker")
    listed = sagemaker.list_inference_components(EndpointNameEquals=HOST, SortBy="Name", SortOrder="Ascending")
    assert [one["InferenceComponentName"] for one in listed["InferenceComponents"]] == [B2B, "churn-scorer-b2c"]
    assert not sagemaker.list_inference_components(EndpointNameEquals="delay-risk")["InferenceComponents"]
    assert not sagemaker.list_inference_components(StatusEquals="Failed")["InferenceComponents"]
    found = describe(lab)
    assert (found["EndpointName"], found["VariantName"]) == (HOST, "AllTraffic")
    assert found["Specification"]["ComputeResourceRequirements"]["NumberOfCpuCoresRequired"] == 1.5
    assert copies(lab) == ("InService", 2, 2)
    (variant,) = sagemaker.describe_endpoint_config(EndpointConfigName="churn-scorer-v5")["ProductionVariants"]
    assert "ModelName" not in variant and variant["ManagedInstanceScaling"]["Status"] == "ENABLED"
    (running,) = sagemaker.describe_endpoint(EndpointName=HOST)["ProductionVariants"]
    assert running["ManagedInstanceScaling"]["MaxInstanceCount"] == 4 and "DeployedImages" not in running


def test_more_copies_take_the_load_off_each(gauge: Gauge, lab: Lab) -> None:
    update = lab.client("sagemaker").update_inference_component_runtime_config
    before = gauge.mean(key("CPUUtilization", component=B2B), 10)
    update(InferenceComponentName=B2B, DesiredRuntimeConfig={"CopyCount": 3})
    assert copies(lab) == ("Updating", 3, 2)
    assert refused(update, InferenceComponentName=B2B, DesiredRuntimeConfig={"CopyCount": 1}) == (
        "ValidationException",
        f'Cannot update in-progress inference component "{describe(lab)["InferenceComponentArn"]}".',
    )
    lab.clock.tick(160)
    assert copies(lab) == ("InService", 3, 3)
    lab.clock.tick(720)
    assert gauge.mean(key("CPUUtilization", component=B2B), 10) < 0.9 * before
    assert gauge.mean(key("InvocationsPerCopy", component=B2B), 10) == pytest.approx(1 / 3)
    assert gauge.mean(key("CPUReservation", HOST), 10) == pytest.approx(100 * 7.5 / 8)


def test_copies_that_do_not_fit_are_not_placed(lab: Lab) -> None:
    lab.client("sagemaker").update_inference_component_runtime_config(
        InferenceComponentName=B2B, DesiredRuntimeConfig={"CopyCount": 9}
    )
    lab.clock.tick(160)
    assert copies(lab) == ("InService", 9, 3)
    assert "does not have enough compute resources to place 9 copies" in describe(lab)["FailureReason"]


def test_without_a_copy_requests_fail(gauge: Gauge, lab: Lab) -> None:
    failures = key("NoCapacityInvocationFailures", component=B2B)
    assert not gauge.has(failures)
    lab.client("sagemaker").update_inference_component_runtime_config(
        InferenceComponentName=B2B, DesiredRuntimeConfig={"CopyCount": 0}
    )
    lab.clock.tick(660)
    assert copies(lab) == ("InService", 0, 0)
    assert gauge.total(failures, 5) > 10
    assert not gauge.read(key("Invocations", component=B2B), 5).count.any()
    assert gauge.total(key("Invocations", component="churn-scorer-b2c"), 5) > 10, "the other goes on"


def test_create_update_and_delete(gauge: Gauge, lab: Lab) -> None:
    sagemaker = lab.client("sagemaker")
    needs = {"NumberOfCpuCoresRequired": 0.5, "MinMemoryRequiredInMb": 1024}
    request = {
        "InferenceComponentName": "churn-scorer-new",
        "EndpointName": HOST,
        "VariantName": "AllTraffic",
        "Specification": {"ModelName": "churn-scorer-v4", "ComputeResourceRequirements": needs},
        "RuntimeConfig": {"CopyCount": 1},
    }
    sagemaker.create_inference_component(**request)
    assert copies(lab, "churn-scorer-new") == ("Creating", 1, 0)
    assert refused(sagemaker.create_inference_component, **request)[1].startswith("Cannot create already existing")
    lab.clock.tick(160)
    assert copies(lab, "churn-scorer-new") == ("InService", 1, 1)
    changed = request["Specification"] | {"ModelName": "churn-scorer-v5"}  # type: ignore[operator]
    sagemaker.update_inference_component(InferenceComponentName="churn-scorer-new", Specification=changed)
    lab.clock.tick(720)
    assert describe(lab, "churn-scorer-new")["Specification"]["ModelName"] == "churn-scorer-v5"
    assert gauge.total(key("Invocations", component="churn-scorer-new"), 5) > 0
    assert refused(sagemaker.delete_endpoint, EndpointName=HOST)[0] == "ValidationException"
    for name in ("churn-scorer-new", B2B, "churn-scorer-b2c"):
        sagemaker.delete_inference_component(InferenceComponentName=name)
    assert describe(lab)["InferenceComponentStatus"] == "Deleting"
    lab.clock.tick(40)
    assert not sagemaker.list_inference_components()["InferenceComponents"]
    assert refused(sagemaker.describe_inference_component, InferenceComponentName=B2B)[0] == "ValidationException"
    sagemaker.delete_endpoint(EndpointName=HOST)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"EndpointName": "gone"}, "Could not find endpoint"),
        ({"EndpointName": "delay-risk"}, "does not support inference components"),
        ({"VariantName": "other"}, "does not support inference components"),
        (
            {"Specification": {"ModelName": "gone", "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 128}}},
            "model",
        ),
        ({"Specification": {"ModelName": "churn-scorer-v5"}}, "ComputeResourceRequirements must be"),
    ],
)
def test_what_create_refuses(lab: Lab, change: dict[str, Any], says: str) -> None:
    needs = {"MinMemoryRequiredInMb": 128}
    request = {
        "InferenceComponentName": "x",
        "EndpointName": HOST,
        "VariantName": "AllTraffic",
        "Specification": {"ModelName": "churn-scorer-v5", "ComputeResourceRequirements": needs},
    } | change
    code, message = refused(lab.client("sagemaker").create_inference_component, **request)
    assert code == "ValidationException" and says in message


def test_one_that_cannot_be_placed_at_all_fails(lab: Lab) -> None:
    needs = {"NumberOfCpuCoresRequired": 4.0, "MinMemoryRequiredInMb": 1024}
    lab.client("sagemaker").create_inference_component(
        InferenceComponentName="large",
        EndpointName=HOST,
        Specification={"ModelName": "churn-scorer-v5", "ComputeResourceRequirements": needs},
    )
    lab.clock.tick(160)
    assert copies(lab, "large") == ("Failed", 1, 0)


def test_each_logs_to_a_group_of_its_own(gauge: Gauge, lab: Lab) -> None:
    logs = lab.client("logs")
    gauge.set("bad", Behaviour(HOST, variant=B2B, errors=1.0))
    lab.clock.tick(120)
    own = logs.filter_log_events(logGroupName=component_group_of(B2B))["events"]
    assert len({one["logStreamName"] for one in own}) == 2, "two copies"
    assert any("ValueError" in one["message"] for one in own)
    other = logs.filter_log_events(logGroupName=component_group_of("churn-scorer-b2c"))["events"]
    assert other and not any("ValueError" in one["message"] for one in other)
    assert not logs.describe_log_streams(logGroupName=group_of(HOST))["logStreams"]
