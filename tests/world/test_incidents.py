"""Each incident on an endpoint happens as told, its right answer resolves it, and a wrong one does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from console.world.incidents import INCIDENTS
from console.world.sagemaker.endpoint_logs import group_of
from tests.world.conftest import Lab
from tests.world.test_endpoints import refused


def describe(lab: Lab, name: str) -> dict[str, Any]:
    found: dict[str, Any] = lab.client("sagemaker").describe_endpoint(EndpointName=name)
    return found


def state_of(lab: Lab, alarm: str) -> str:
    (found,) = lab.client("cloudwatch").describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
    return str(found["StateValue"])


def deployers(lab: Lab, endpoint: str) -> list[tuple[str, str]]:
    """(config, role) of the deployments that CloudTrail knows, newest first."""
    wanted = [{"AttributeKey": "EventName", "AttributeValue": "UpdateEndpoint"}]
    pages = lab.client("cloudtrail").get_paginator("lookup_events").paginate(LookupAttributes=wanted)
    bodies = [json.loads(one["CloudTrailEvent"]) for cut in pages for one in cut["Events"]]
    return [
        (
            body["requestParameters"]["endpointConfigName"],
            body["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"],
        )
        for body in bodies
        if body["requestParameters"]["endpointName"] == endpoint and "errorCode" not in body
    ]


def test_bad_config(lab: Lab) -> None:
    lab.world.play("bad-config")
    live = describe(lab, "delay-risk")
    assert (live["EndpointStatus"], live["PendingDeploymentSummary"]["EndpointConfigName"]) == (
        "Updating",
        "delay-risk-v8",
    )
    assert lab.clock.now - live["PendingDeploymentSummary"]["StartTime"].timestamp() == pytest.approx(210)
    lab.clock.tick(40)
    assert describe(lab, "delay-risk")["EndpointConfigName"] == "delay-risk-v8"
    assert deployers(lab, "delay-risk")[0] == ("delay-risk-v8", "ci-deployer")
    lab.clock.tick(360)
    assert state_of(lab, "delay-risk-5xx") == "ALARM", "three bad minutes of three, and until they have arrived"
    logs = lab.client("logs")
    assert logs.filter_log_events(logGroupName=group_of("delay-risk"), filterPattern="KeyError")["events"]
    lab.client("sagemaker").update_endpoint(
        EndpointName="delay-risk", EndpointConfigName="delay-risk-v7", RetainAllVariantProperties=True
    )
    assert lab.settle("delay-risk")["EndpointConfigName"] == "delay-risk-v7"
    lab.clock.tick(420)
    assert state_of(lab, "delay-risk-5xx") == "OK"


def test_bad_config_with_the_red_alarm_reverts_its_own_fix(lab: Lab) -> None:
    """DESIGN 3.3: a roll back guarded by the alarm that the bad config made red undoes itself."""
    lab.world.play("bad-config")
    lab.clock.tick(200)
    guard = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "delay-risk-5xx"}]}}
    lab.client("sagemaker").update_endpoint(
        EndpointName="delay-risk", EndpointConfigName="delay-risk-v7", DeploymentConfig=guard
    )
    assert lab.settle("delay-risk")["EndpointConfigName"] == "delay-risk-v8"


def test_silent_rollback(lab: Lab) -> None:
    lab.world.play("silent-rollback")
    assert describe(lab, "eta-minutes")["EndpointStatus"] == "Updating"
    lab.clock.tick(60)
    found = describe(lab, "eta-minutes")
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", "eta-minutes-v14")
    assert "FailureReason" not in found
    assert deployers(lab, "eta-minutes")[0] == ("eta-minutes-v15", "terraform")
    logs = lab.client("logs")
    assert logs.filter_log_events(logGroupName=group_of("eta-minutes"), filterPattern="ModuleNotFoundError")["events"]


def test_stuck_update(lab: Lab) -> None:
    lab.world.play("stuck-update")
    found = describe(lab, "fraud-online")
    status = found["PendingDeploymentSummary"]["ProductionVariants"][0]["VariantStatus"][0]
    assert status["Status"] == "Creating"
    assert lab.clock.now - status["StartTime"].timestamp() == pytest.approx(47 * 60)
    update = lab.client("sagemaker").update_endpoint
    assert refused(update, EndpointName="fraud-online", EndpointConfigName="fraud-online-v30")[1].startswith("Cannot")
    lab.clock.tick(13 * 60 + 70)
    found = describe(lab, "fraud-online")
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", "fraud-online-v31")
    assert "MaximumExecutionTimeoutInSeconds" in found["FailureReason"]


def test_undone_fix(lab: Lab) -> None:
    lab.world.play("undone-fix")
    lab.clock.tick(60)
    assert describe(lab, "eta-minutes")["EndpointConfigName"] == "eta-minutes-v15"
    sagemaker = lab.client("sagemaker")
    back = {"EndpointName": "eta-minutes", "EndpointConfigName": "eta-minutes-v14", "RetainAllVariantProperties": True}
    sagemaker.update_endpoint(**back)
    assert lab.settle("eta-minutes")["EndpointConfigName"] == "eta-minutes-v14"
    lab.clock.tick(200)
    assert describe(lab, "eta-minutes")["EndpointStatus"] == "InService", "verified, one would think"
    lab.clock.tick(60)
    assert describe(lab, "eta-minutes")["PendingDeploymentSummary"]["EndpointConfigName"] == "eta-minutes-v15"
    lab.settle("eta-minutes")
    lab.clock.tick(60)
    assert [role for _, role in deployers(lab, "eta-minutes")[:3]] == ["terraform", "OnCall", "terraform"]
    sagemaker.update_endpoint(**back)
    lab.settle("eta-minutes")
    lab.clock.tick(3600)
    assert describe(lab, "eta-minutes")["EndpointConfigName"] == "eta-minutes-v14", "once is enough"


@pytest.mark.parametrize("name", ["bad-config", "silent-rollback", "stuck-update", "undone-fix"])
def test_incidents_play_on_any_fleet_twice_and_at_any_speed(world: Callable[..., Lab], name: str) -> None:
    lab = world(fleet=1, speed=50)
    subject = INCIDENTS[name].subject.removeprefix("endpoint/")
    lab.world.play(name)
    assert describe(lab, subject)["EndpointStatus"] in ("Updating", "InService")
    lab.clock.tick(31)
    assert deployers(lab, subject)[0][1] in ("ci-deployer", "terraform"), "the deployment was accepted"
    lab.clock.tick(3600)
    assert describe(lab, subject)["EndpointStatus"] == "InService"
    lab.world.play(name)
    assert describe(lab, subject)["EndpointStatus"] == "Updating"


def test_an_unknown_incident_names_those_there_are(lab: Lab) -> None:
    with pytest.raises(KeyError, match="bad-config"):
        lab.world.play("nope")
