"""Scaling policies and the alarms that target tracking keeps."""

from __future__ import annotations

from typing import Any

import pytest

from tests.world.autoscaling.conftest import COPIES, ENDPOINT, RESOURCE, SPACE, Scaler, named, steps
from tests.world.test_endpoints import refused

TRACKING = {"PolicyType": "TargetTrackingScaling"}
PREDEFINED = {"PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}}


def tracking(value: float = 700.0, **members: Any) -> dict[str, Any]:
    return TRACKING | {"TargetTrackingScalingPolicyConfiguration": {"TargetValue": value} | (members or PREDEFINED)}


def described(scaler: Scaler, name: str) -> dict[str, Any]:
    (found,) = scaler.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return dict(found)


def test_target_tracking_makes_its_alarms_and_deletes_them(scaler: Scaler) -> None:
    answer = scaler.aas.put_scaling_policy(**named(), PolicyName="mine", **tracking())
    high, low = (described(scaler, one["AlarmName"]) for one in answer["Alarms"])
    assert high["AlarmName"].startswith(f"TargetTracking-{RESOURCE}-AlarmHigh-")
    assert low["AlarmName"].startswith(f"TargetTracking-{RESOURCE}-AlarmLow-")
    assert (high["Threshold"], high["ComparisonOperator"], high["EvaluationPeriods"]) == (
        700,
        "GreaterThanThreshold",
        3,
    )
    assert (low["Threshold"], low["ComparisonOperator"], low["EvaluationPeriods"]) == (630, "LessThanThreshold", 15)
    assert (high["MetricName"], high["Statistic"], high["Period"]) == ("InvocationsPerInstance", "Sum", 60)
    assert high["Dimensions"] == [
        {"Name": "EndpointName", "Value": ENDPOINT},
        {"Name": "VariantName", "Value": "AllTraffic"},
    ]
    assert high["AlarmActions"][0].startswith(answer["PolicyARN"]) and ":policyName/mine" in answer["PolicyARN"]
    assert high["AlarmDescription"].startswith("DO NOT EDIT OR DELETE. For TargetTrackingScaling policy arn:aws:")
    assert high["StateValue"] == "INSUFFICIENT_DATA", "until it has been evaluated"

    again = scaler.aas.put_scaling_policy(**named(), PolicyName="mine", **tracking(800.0))
    assert again["PolicyARN"] == answer["PolicyARN"]
    names = [one["AlarmName"] for one in answer["Alarms"]]
    assert scaler.cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"] == [], "made anew"
    assert described(scaler, again["Alarms"][0]["AlarmName"])["Threshold"] == 800
    policies = scaler.aas.describe_scaling_policies(**named(), PolicyNames=["mine"])["ScalingPolicies"]
    assert [one["Alarms"] for one in policies] == [again["Alarms"]]

    scaler.aas.delete_scaling_policy(**named(), PolicyName="mine")
    assert len(scaler.states()) == 2, "those of the seeded policy"
    code, message = refused(scaler.aas.delete_scaling_policy, **named(), PolicyName="mine")
    assert code == "ObjectNotFoundException" and message.endswith("policy name: mine")


def test_the_seeded_fleet_has_its_policies(scaler: Scaler) -> None:
    policies = scaler.aas.describe_scaling_policies(**SPACE)["ScalingPolicies"]
    assert [one["ResourceId"] for one in policies] == [
        "endpoint/eta-minutes/variant/AllTraffic",
        "endpoint/fraud-online/variant/AllTraffic",
        "endpoint/fraud-online/variant/challenger",
        RESOURCE,
    ]
    for policy in policies:
        config = policy["TargetTrackingScalingPolicyConfiguration"]
        assert (config["ScaleInCooldown"], config["ScaleOutCooldown"]) == (300, 300)
        assert len(policy["Alarms"]) == 2


def test_high_resolution_and_customised_metrics(scaler: Scaler) -> None:
    def alarms(name: str, **members: Any) -> list[dict[str, Any]]:
        answer = scaler.aas.put_scaling_policy(**named(), PolicyName=name, **tracking(8.0, **members))
        return [described(scaler, one["AlarmName"]) for one in answer["Alarms"]]

    quick = {"PredefinedMetricType": "SageMakerVariantConcurrentRequestsPerModelHighResolution"}
    high, low = alarms("quick", PredefinedMetricSpecification=quick)
    assert (high["Period"], high["EvaluationPeriods"], low["EvaluationPeriods"]) == (10, 3, 90)
    assert high["MetricName"] == "ConcurrentRequestsPerModel"
    cpu = {
        "Namespace": "/aws/sagemaker/Endpoints",
        "MetricName": "CPUUtilization",
        "Statistic": "Average",
        "Dimensions": [{"Name": "EndpointName", "Value": ENDPOINT}, {"Name": "VariantName", "Value": "AllTraffic"}],
    }
    high, _ = alarms("cpu", CustomizedMetricSpecification=cpu)
    assert (high["MetricName"], high["Statistic"], high["Period"]) == ("CPUUtilization", "Average", 60)
    metric = {name: cpu[name] for name in ("Namespace", "MetricName", "Dimensions")}
    queries = [
        {"Id": "m", "MetricStat": {"Metric": metric, "Stat": "Average"}, "ReturnData": False},
        {"Id": "e", "Expression": "m / 4"},
    ]
    high, _ = alarms("math", CustomizedMetricSpecification={"Metrics": queries})
    assert [one["Id"] for one in high["Metrics"]] == ["m", "e"]
    scaler.pass_(8)
    assert set(scaler.states().values()) <= {"OK", "ALARM"}
    assert described(scaler, high["AlarmName"])["StateValue"] in ("OK", "ALARM"), "all of them have data"


@pytest.mark.parametrize(
    "members, word",
    [
        (tracking(0.0), "TargetValue"),
        (TRACKING, "is required"),
        (TRACKING | {"StepScalingPolicyConfiguration": steps((0, None, 1))}, "cannot be specified"),
        ({"PolicyType": "PredictiveScaling"}, "not supported"),
        (tracking(1.0, **PREDEFINED, ScaleInCooldown=-1), "cooldown"),
        (
            tracking(1.0, PredefinedMetricSpecification={"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}),
            "type",
        ),
        (tracking(1.0, CustomizedMetricSpecification={"MetricName": "x", "Namespace": "y"}), "Statistic"),
        (tracking(1.0, **PREDEFINED, CustomizedMetricSpecification={"MetricName": "x"}), "Exactly one"),
        ({"StepScalingPolicyConfiguration": {"AdjustmentType": "ChangeInCapacity"}}, "step adjustment"),
        ({"StepScalingPolicyConfiguration": steps((0, 10, 1), (5, None, 2))}, "overlap"),
        ({"StepScalingPolicyConfiguration": steps((0, 10, 1), (20, None, 2))}, "gap"),
        ({"StepScalingPolicyConfiguration": steps((10, 10, 1))}, "less than its upper"),
        ({"StepScalingPolicyConfiguration": steps((0, None, 1)) | {"MinAdjustmentMagnitude": 2}}, "Magnitude"),
    ],
)
def test_what_is_no_policy(scaler: Scaler, members: dict[str, Any], word: str) -> None:
    code, message = refused(scaler.aas.put_scaling_policy, **named(), PolicyName="x", **members)
    assert code == "ValidationException" and word in message


def test_a_policy_needs_a_target_and_keeps_its_type(scaler: Scaler) -> None:
    put, step = scaler.aas.put_scaling_policy, {"StepScalingPolicyConfiguration": steps((0, None, 1))}
    code, _ = refused(put, **named("inference-component/churn-scorer-b2b", COPIES), PolicyName="x", **step)
    assert code == "ObjectNotFoundException"
    put(**named(), PolicyName="x", **step)
    assert "cannot be changed" in refused(put, **named(), PolicyName="x", **tracking())[1]


def test_quotas_are_no_throttling(scaler: Scaler) -> None:
    put, step = scaler.aas.put_scaling_policy, {"StepScalingPolicyConfiguration": steps((0, None, 1))}
    for index in range(49):  # and the seeded one
        put(**named(), PolicyName=f"step-{index}", **step)
    assert refused(put, **named(), PolicyName="one-more", **step)[0] == "LimitExceededException"
    many = steps(*((index, index + 1, 1) for index in range(21)))
    code, _ = refused(put, **named(), PolicyName="step-0", StepScalingPolicyConfiguration=many)
    assert code == "LimitExceededException"
    pages = scaler.aas.get_paginator("describe_scaling_policies").paginate(**SPACE)
    assert [len(cut["ScalingPolicies"]) for cut in pages] == [50, 3]
