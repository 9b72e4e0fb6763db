"""Endpoints over HTTP, as facts sagemaker 2 and 13.1-13.8 say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from console.world.cloudwatch.alarms import Alarms
from console.world.identity import CI
from console.world.incidents.release import service_named
from console.world.sagemaker.course import Trouble
from console.world.sagemaker.endpoints import Endpoints
from console.world.seed import config_request, deployment_config, model_request
from tests.world.conftest import Lab

ARN = "arn:aws:sagemaker:eu-central-1:123456789012"
SIZE = {"Type": "CAPACITY_PERCENT", "Value": 33}


def refused(call: Callable[..., Any], **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def make_version(lab: Lab, name: str, version: int, **variant: Any) -> str:
    """A new version of a seeded service, its config old enough to be seen."""
    config = config_request(service_named(lab.world, name), version)
    config["ProductionVariants"][0] |= variant
    lab.world.call("CreateModel", model_request("eu-central-1", name, version), CI)
    lab.world.call("CreateEndpointConfig", config, CI)
    lab.clock.tick(5)
    return str(config["EndpointConfigName"])


def canary(**policy: Any) -> dict[str, Any]:
    routing = {"Type": "CANARY", "WaitIntervalInSeconds": 300, "CanarySize": SIZE}
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": 120} | policy}


def statuses(lab: Lab, name: str) -> list[tuple[str, str | None]]:
    """(VariantStatus, its message) of the new fleet until it settles, each once."""
    sagemaker, seen = lab.client("sagemaker"), []
    for _ in range(2000):
        found = sagemaker.describe_endpoint(EndpointName=name)
        if found["EndpointStatus"] == "InService":
            return seen
        pending = found["PendingDeploymentSummary"]["ProductionVariants"][0]["VariantStatus"][0]
        now = (pending["Status"], pending.get("StatusMessage"))
        if not seen or seen[-1] != now:
            seen.append(now)
        lab.clock.tick(5)
    raise AssertionError("never settles")


def test_a_canary_goes_through_its_phases(lab: Lab) -> None:
    sagemaker = lab.client("sagemaker")
    new = make_version(lab, "delay-risk", 8)
    sagemaker.update_endpoint(EndpointName="delay-risk", EndpointConfigName=new, DeploymentConfig=canary())
    lab.clock.tick(250)
    found = sagemaker.describe_endpoint(EndpointName="delay-risk")
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("Updating", "delay-risk-v7")
    assert found["LastDeploymentConfig"] == canary()
    (old,), (new_,) = found["ProductionVariants"], found["PendingDeploymentSummary"]["ProductionVariants"]
    assert (old["CurrentInstanceCount"], new_["CurrentInstanceCount"]) == (3, 3), "blue/green runs two fleets"
    assert (old["CurrentWeight"], new_["CurrentWeight"]) == (0.6667, 0.3333)
    assert new_["DeployedImages"][0]["ResolvedImage"].startswith("123456789012.dkr.ecr.")
    lab.clock.tick(-240)
    assert [status for status, _ in statuses(lab, "delay-risk")] == [
        "Creating",
        "ActivatingTraffic",
        "Baking",
        "ActivatingTraffic",
        "Baking",
        "Deleting",
    ]
    settled = sagemaker.describe_endpoint(EndpointName="delay-risk")
    assert settled["EndpointConfigName"] == new and "PendingDeploymentSummary" not in settled


def test_rolling_replaces_batches(lab: Lab) -> None:
    sagemaker = lab.client("sagemaker")
    new = make_version(lab, "eta-minutes", 15)
    policy = {"RollingUpdatePolicy": {"MaximumBatchSize": SIZE | {"Value": 50}, "WaitIntervalInSeconds": 60}}
    sagemaker.update_endpoint(EndpointName="eta-minutes", EndpointConfigName=new, DeploymentConfig=policy)
    seen = statuses(lab, "eta-minutes")
    # The configs say one instance, the fleet that runs has four: without RetainAll, one batch is all of the new fleet.
    assert [status for status, _ in seen] == ["Creating", "ActivatingTraffic", "Baking", "Deleting"]
    assert seen[0][1] == "Launching 1 instance(s)."
    assert lab.settle("eta-minutes")["EndpointConfigName"] == new


@pytest.mark.parametrize("retain, instances", [(True, 4), (False, 1)])
def test_capacity_is_kept_only_when_asked(lab: Lab, retain: bool, instances: int) -> None:
    """search-rank runs 4 instances, its configs say 1: the 3 a.m. trap (13.4)."""
    sagemaker = lab.client("sagemaker")
    sagemaker.update_endpoint(
        EndpointName="search-rank", EndpointConfigName="search-rank-v22", RetainAllVariantProperties=retain
    )
    (variant,) = lab.settle("search-rank")["ProductionVariants"]
    assert variant["DesiredInstanceCount"] == instances


def test_excluded_properties_are_not_retained(lab: Lab) -> None:
    sagemaker = lab.client("sagemaker")
    request = {
        "EndpointName": "search-rank",
        "EndpointConfigName": "search-rank-v22",
        "RetainAllVariantProperties": True,
    }
    capture = [{"VariantPropertyType": "DataCaptureConfig"}]
    code, message = refused(sagemaker.update_endpoint, **request, ExcludeRetainedVariantProperties=capture)
    assert code == "ValidationException" and "not currently supported" in message
    count = [{"VariantPropertyType": "DesiredInstanceCount"}]
    sagemaker.update_endpoint(**request, ExcludeRetainedVariantProperties=count)
    assert lab.settle("search-rank")["ProductionVariants"][0]["DesiredInstanceCount"] == 1


def test_refusals_have_the_words_of_aws(lab: Lab) -> None:
    sagemaker = lab.client("sagemaker")
    update, missing = sagemaker.update_endpoint, f'Could not find endpoint configuration "{ARN}:endpoint-config/'
    assert refused(sagemaker.describe_endpoint, EndpointName="Nope") == (
        "ValidationException",
        f'Could not find endpoint "{ARN}:endpoint/nope".',
    )
    assert refused(update, EndpointName="delay-risk", EndpointConfigName="nope")[1] == missing + 'nope".'
    assert refused(sagemaker.describe_model, ModelName="nope")[1] == f'Could not find model "{ARN}:model/nope".'
    assert refused(sagemaker.create_endpoint, EndpointName="Delay-Risk", EndpointConfigName="delay-risk-v7")[1] == (
        f'Cannot create already existing endpoint "{ARN}:endpoint/delay-risk".'
    )
    assert refused(update, EndpointName="delay-risk", EndpointConfigName="delay-risk-v7")[0] == "ValidationException"
    update(EndpointName="delay-risk", EndpointConfigName="delay-risk-v6")
    weights = [{"VariantName": "AllTraffic", "DesiredWeight": 1.0}]
    for call, more in (
        (update, {"EndpointConfigName": "delay-risk-v5"}),
        (sagemaker.update_endpoint_weights_and_capacities, {"DesiredWeightsAndCapacities": weights}),
        (sagemaker.delete_endpoint, {}),
    ):
        assert refused(call, EndpointName="delay-risk", **more) == (
            "ValidationException",
            f'Cannot update in-progress endpoint "{ARN}:endpoint/delay-risk".',
        )


def test_a_deleted_current_config_breaks_updates(lab: Lab) -> None:
    """Terraform #40048: the message names the old one."""
    sagemaker = lab.client("sagemaker")
    sagemaker.delete_endpoint_config(EndpointConfigName="delay-risk-v7")
    _, message = refused(sagemaker.update_endpoint, EndpointName="delay-risk", EndpointConfigName="delay-risk-v6")
    assert message == f'Could not find endpoint configuration "{ARN}:endpoint-config/delay-risk-v7".'


def test_a_new_config_is_invisible_for_a_moment(lab: Lab) -> None:
    sagemaker = lab.client("sagemaker")
    config = config_request(service_named(lab.world, "delay-risk"), 7) | {"EndpointConfigName": "delay-risk-hot"}
    sagemaker.create_endpoint_config(**config)
    assert sagemaker.describe_endpoint_config(EndpointConfigName="delay-risk-hot")
    request = {"EndpointName": "delay-risk", "EndpointConfigName": "delay-risk-hot"}
    assert refused(sagemaker.update_endpoint, **request)[1].startswith("Could not find endpoint configuration")
    lab.clock.tick(2.5)
    sagemaker.update_endpoint(**request)


@pytest.mark.parametrize("red_before", [True, False])
def test_a_red_alarm_turns_a_deployment_back(lab: Lab, red_before: bool) -> None:
    sagemaker, cloudwatch = lab.client("sagemaker"), lab.client("cloudwatch")
    alarm = {"AlarmName": "delay-risk-5xx", "StateReason": "test"}
    if red_before:
        lab.world.region().of(Alarms).hold("delay-risk-5xx", "ALARM", "whatever its metric says")
    policy = deployment_config(service_named(lab.world, "delay-risk"))
    sagemaker.update_endpoint(EndpointName="delay-risk", EndpointConfigName="delay-risk-v6", DeploymentConfig=policy)
    lab.clock.tick(300)
    found = sagemaker.describe_endpoint(EndpointName="delay-risk")
    if not red_before:
        assert found["PendingDeploymentSummary"]["ProductionVariants"][0]["VariantStatus"][0]["Status"] == "Baking"
        cloudwatch.set_alarm_state(**alarm, StateValue="INSUFFICIENT_DATA")
        lab.clock.tick(30)
        assert sagemaker.describe_endpoint(EndpointName="delay-risk")["EndpointStatus"] == "Updating"
        cloudwatch.set_alarm_state(**alarm, StateValue="ALARM")
        found = sagemaker.describe_endpoint(EndpointName="delay-risk")
        new = found["PendingDeploymentSummary"]["ProductionVariants"][0]
        assert (new["CurrentWeight"], new["VariantStatus"][0]["StatusMessage"]) == (0.0, "Terminating 3 instance(s).")
    settled = lab.settle("delay-risk")
    assert settled["EndpointConfigName"] == "delay-risk-v7"
    assert "delay-risk-5xx" in settled["FailureReason"]
    cloudwatch.set_alarm_state(**alarm, StateValue="OK")
    sagemaker.update_endpoint(EndpointName="delay-risk", EndpointConfigName="delay-risk-v6")
    assert "FailureReason" not in sagemaker.describe_endpoint(EndpointName="delay-risk"), "gone with the next update"
    assert lab.settle("delay-risk")["EndpointConfigName"] == "delay-risk-v6"


@pytest.mark.parametrize("reason", [None, "The primary container did not pass the ping health check."])
def test_a_fleet_that_never_comes_up_returns_to_the_old_config(lab: Lab, reason: str | None) -> None:
    lab.world.region().of(Endpoints).bad_configs["delay-risk-v6"] = Trouble(reason)
    lab.client("sagemaker").update_endpoint(EndpointName="delay-risk", EndpointConfigName="delay-risk-v6")
    started = lab.clock.now
    settled = lab.settle("delay-risk")
    assert settled["EndpointConfigName"] == "delay-risk-v7" and settled.get("FailureReason") == reason
    assert 24 * 60 <= lab.clock.now - started < 27 * 60


def test_a_failed_rolling_roll_back_leaves_mixed_fleets_and_takes_an_update(lab: Lab) -> None:
    sagemaker = lab.client("sagemaker")
    lab.world.region().of(Endpoints).bad_configs["ads-embed-v10"] = Trouble("capacity", way_back_fails=True)
    policy = deployment_config(service_named(lab.world, "ads-embed"))
    sagemaker.update_endpoint(EndpointName="ads-embed", EndpointConfigName="ads-embed-v10", DeploymentConfig=policy)
    assert lab.settle("ads-embed")["EndpointStatus"] == "UpdateRollbackFailed"
    sagemaker.update_endpoint(EndpointName="ads-embed", EndpointConfigName="ads-embed-v11")
    assert lab.settle("ads-embed")["EndpointStatus"] == "InService"


def test_weights_and_capacity(lab: Lab) -> None:
    sagemaker = lab.client("sagemaker")
    wanted = [
        {"VariantName": "AllTraffic", "DesiredWeight": 0.5},
        {"VariantName": "challenger", "DesiredWeight": 0.5, "DesiredInstanceCount": 8},
    ]
    sagemaker.update_endpoint_weights_and_capacities(EndpointName="fraud-online", DesiredWeightsAndCapacities=wanted)
    found = sagemaker.describe_endpoint(EndpointName="fraud-online")
    assert found["EndpointStatus"] == "Updating" and "PendingDeploymentSummary" not in found
    champion, challenger = found["ProductionVariants"]
    assert (champion["CurrentWeight"], champion["DesiredWeight"]) == (0.9, 0.5)
    assert challenger["VariantStatus"][0]["StatusMessage"] == "Scaling out desired instance count to 8."
    settled = lab.settle("fraud-online")["ProductionVariants"]
    assert [(one["CurrentWeight"], one["CurrentInstanceCount"]) for one in settled] == [(0.5, 6), (0.5, 8)]


def test_a_failed_scaling_rolls_back(lab: Lab) -> None:
    sagemaker = lab.client("sagemaker")
    lab.world.region().of(Endpoints).bad_scalings["delay-risk"] = Trouble("no capacity", after_s=120)
    wanted = [{"VariantName": "AllTraffic", "DesiredInstanceCount": 5}]
    sagemaker.update_endpoint_weights_and_capacities(EndpointName="delay-risk", DesiredWeightsAndCapacities=wanted)
    lab.clock.tick(130)
    found = sagemaker.describe_endpoint(EndpointName="delay-risk")
    assert found["EndpointStatus"] == "RollingBack"
    assert refused(sagemaker.update_endpoint, EndpointName="delay-risk", EndpointConfigName="delay-risk-v6")[0]
    settled = lab.settle("delay-risk")
    assert settled["ProductionVariants"][0]["DesiredInstanceCount"] == 3
    assert settled["FailureReason"] == "no capacity"


def test_quota_and_autoscaled_variants(lab: Lab) -> None:
    sagemaker = lab.client("sagemaker")
    big = make_version(lab, "delay-risk", 8, InstanceType="ml.p4d.24xlarge")
    code, message = refused(sagemaker.update_endpoint, EndpointName="delay-risk", EndpointConfigName=big)
    assert code == "ResourceLimitExceeded"
    assert message.startswith(
        "The account-level service limit 'ml.p4d.24xlarge for endpoint usage' is 0 Instances, with current "
        "utilization of 0 Instances and a request delta of 3 Instances."
    )
    other = make_version(lab, "search-rank", 24, InstanceType="ml.m5.xlarge")
    code, message = refused(sagemaker.update_endpoint, EndpointName="search-rank", EndpointConfigName=other)
    assert code == "ValidationException" and "autoscaling" in message
    quotas = lab.client("service-quotas")
    pages = quotas.get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
    named = {one["QuotaName"]: one for cut in pages for one in cut["Quotas"]}
    quota = named["ml.c6i.xlarge for endpoint usage"]
    again = quotas.get_service_quota(ServiceCode="sagemaker", QuotaCode=quota["QuotaCode"])["Quota"]
    assert again == quota and quota["Value"] >= 20
    targets = lab.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")
    assert "endpoint/search-rank/variant/AllTraffic" in [one["ResourceId"] for one in targets["ScalableTargets"]]


def test_data_capture_follows_the_config(lab: Lab) -> None:
    sagemaker = lab.client("sagemaker")
    assert sagemaker.describe_endpoint(EndpointName="delay-risk")["DataCaptureConfig"]["CaptureStatus"] == "Started"
    bare = config_request(service_named(lab.world, "delay-risk"), 7) | {"EndpointConfigName": "delay-risk-bare"}
    del bare["DataCaptureConfig"]
    sagemaker.create_endpoint_config(**bare)
    lab.clock.tick(5)
    sagemaker.update_endpoint(EndpointName="delay-risk", EndpointConfigName="delay-risk-bare")
    assert "DataCaptureConfig" not in lab.settle("delay-risk")


def test_an_endpoint_is_made_and_deleted(lab: Lab) -> None:
    sagemaker = lab.client("sagemaker")
    tags = [{"Key": "team", "Value": "x"}]
    made = sagemaker.create_endpoint(EndpointName="Fresh-One", EndpointConfigName="delay-risk-v7", Tags=tags)
    assert made["EndpointArn"] == f"{ARN}:endpoint/fresh-one"
    found = sagemaker.describe_endpoint(EndpointName="Fresh-One")
    assert found["EndpointStatus"] == "Creating" and found["PendingDeploymentSummary"]
    assert lab.settle("Fresh-One")["EndpointStatus"] == "InService"
    sagemaker.add_tags(ResourceArn=made["EndpointArn"], Tags=[{"Key": "tier", "Value": "1"}])
    sagemaker.delete_tags(ResourceArn=made["EndpointArn"], TagKeys=["team"])
    assert sagemaker.list_tags(ResourceArn=made["EndpointArn"])["Tags"] == [{"Key": "tier", "Value": "1"}]
    sagemaker.delete_endpoint(EndpointName="Fresh-One")
    assert sagemaker.describe_endpoint(EndpointName="Fresh-One")["EndpointStatus"] == "Deleting"
    lab.clock.tick(90)
    assert refused(sagemaker.describe_endpoint, EndpointName="Fresh-One")[1].startswith("Could not find endpoint")


def test_a_failed_endpoint_can_only_be_deleted(lab: Lab) -> None:
    sagemaker = lab.client("sagemaker")
    lab.world.region().of(Endpoints).bad_configs["delay-risk-v6"] = Trouble("ping", after_s=60)
    sagemaker.create_endpoint(EndpointName="broken", EndpointConfigName="delay-risk-v6")
    assert lab.settle("broken")["FailureReason"] == "ping"
    assert refused(sagemaker.update_endpoint, EndpointName="broken", EndpointConfigName="delay-risk-v7")[0]
    sagemaker.delete_endpoint(EndpointName="broken")


def test_maintenance_out_of_the_blue(lab: Lab) -> None:
    sagemaker = lab.client("sagemaker")
    lab.world.region().of(Endpoints).maintain("churn-scorer", 600)
    assert sagemaker.describe_endpoint(EndpointName="churn-scorer")["EndpointStatus"] == "SystemUpdating"
    assert refused(sagemaker.delete_endpoint, EndpointName="churn-scorer")[1].startswith("Cannot update in-progress")
    assert lab.settle("churn-scorer")["EndpointConfigName"] == "churn-scorer-v5"


def test_retained_deployment_config(lab: Lab) -> None:
    sagemaker = lab.client("sagemaker")
    sagemaker.update_endpoint(
        EndpointName="delay-risk", EndpointConfigName="delay-risk-v6", RetainDeploymentConfig=True
    )
    last = sagemaker.describe_endpoint(EndpointName="delay-risk")["LastDeploymentConfig"]
    assert last["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["Type"] == "CANARY"
    lab.settle("delay-risk")
    sagemaker.update_endpoint(EndpointName="delay-risk", EndpointConfigName="delay-risk-v7")
    assert "LastDeploymentConfig" not in sagemaker.describe_endpoint(EndpointName="delay-risk")
