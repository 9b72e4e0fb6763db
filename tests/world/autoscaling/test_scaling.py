"""Scaling that changes what serves, over time: by target tracking, steps, and what holds it back."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable

from console.world.quotas import Quotas
from console.world.sagemaker.endpoints import Endpoints
from tests.world.autoscaling.conftest import CONCURRENCY, COPIES, ENDPOINT, SPACE, Scaler, named, steps
from tests.world.conftest import Lab

SCALED = "Successfully set desired instance count to {}. Change successfully fulfilled by sagemaker."


def suspend(scaler: Scaler, **members: bool) -> None:
    scaler.aas.register_scalable_target(**named(), SuspendedState=members)


def invocations(scaler: Scaler) -> float:
    """Of one instance in the last whole minute."""
    now = int(scaler.lab.clock.now) // 60 * 60
    names = [{"Name": "EndpointName", "Value": ENDPOINT}, {"Name": "VariantName", "Value": "AllTraffic"}]
    found = scaler.cloudwatch.get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName="InvocationsPerInstance",
        Dimensions=names,
        Period=60,
        Statistics=["Sum"],
        StartTime=now - 600,
        EndTime=now - 180,
    )
    return float(max(found["Datapoints"], key=lambda one: one["Timestamp"])["Sum"])


def test_at_rest_nothing_scales_and_the_low_alarm_is_red(scaler: Scaler) -> None:
    since = scaler.lab.clock.now
    scaler.pass_(40)
    assert scaler.counts() == (4, 4) and scaler.activities(since) == []
    assert scaler.states()["AlarmHig"] == "OK"
    assert len(scaler.codes(since)) <= 1, "why it does not scale in is told once"


def test_out_with_the_load_and_in_again(scaler: Scaler) -> None:
    scaler.pass_(1)
    scaler.load(1.0)
    before, since = invocations(scaler), scaler.lab.clock.now
    scaler.pass_(5)
    assert scaler.states()["AlarmHig"] == "ALARM"
    assert scaler.counts() == (4, 8), "in proportion, at most the maximum; the new ones do not serve yet"
    (going,) = scaler.activities(since)
    assert going["StatusCode"] == "InProgress" and "EndTime" not in going
    alarm = next(one["AlarmName"] for one in scaler.policy()["Alarms"] if "AlarmHigh" in one["AlarmName"])
    assert going["Cause"] == f"monitor alarm {alarm} in state ALARM triggered policy search-rank-invocations"
    assert scaler.sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointStatus"] == "Updating"
    scaler.pass_(10)
    assert scaler.counts() == (8, 8)
    (done,) = scaler.activities(since)
    assert (done["StatusCode"], done["StatusMessage"]) == ("Successful", SCALED.format(8))
    assert 60 < (done["EndTime"] - done["StartTime"]).total_seconds() < 600
    scaler.load(None)
    scaler.pass_(12)
    assert scaler.counts() == (8, 8), "in only after fifteen minutes"
    scaler.pass_(30)
    assert scaler.counts() == (4, 4)
    told = scaler.activities(since)[1:]
    counts = [int(one["Description"].split()[-1].rstrip(".")) for one in told]
    assert len(counts) >= 3 and counts == sorted(counts, reverse=True) and counts[-1] == 4, "more gradually"
    gaps = [(later["StartTime"] - earlier["EndTime"]).total_seconds() for earlier, later in itertools.pairwise(told)]
    assert all(gap >= 300 for gap in gaps), "the cooldown"
    assert invocations(scaler) < before * 1.3


def test_cloudtrail_tells_who_scaled(scaler: Scaler) -> None:
    scaler.load(1.0)
    scaler.pass_(12)
    trail = scaler.lab.client("cloudtrail")
    wanted = {"AttributeKey": "EventName", "AttributeValue": "UpdateEndpointWeightsAndCapacities"}
    event = trail.lookup_events(LookupAttributes=[wanted])["Events"][-1]
    told = json.loads(event["CloudTrailEvent"])
    assert event["Username"] == "AutoScaling-UpdateDesiredCapacity"
    assert told["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"].startswith(
        "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
    )
    assert told["sourceIPAddress"] == "application-autoscaling.amazonaws.com"
    started = [str(one["StartTime"].timestamp())[:10] for one in scaler.activities()]
    (asked,) = told["requestParameters"]["desiredWeightsAndCapacities"]
    assert asked["variantName"] == "AllTraffic" and asked["desiredInstanceCount"] > 4
    assert str(event["EventTime"].timestamp())[:10] in started


def test_at_the_maximum_the_reason_is_told_once(scaler: Scaler) -> None:
    scaler.load(2.5)
    scaler.pass_(15)
    since = scaler.lab.clock.now - 1
    scaler.pass_(20)
    assert scaler.counts() == (8, 8) and scaler.states()["AlarmHig"] == "ALARM"
    (told,) = [one for one in scaler.activities(all_=True) if one.get("NotScaledReasons")][-1:]
    assert told["NotScaledReasons"] == [{"Code": "AlreadyAtMaxCapacity", "MaxCapacity": 8}]
    assert (told["Description"], told["StatusCode"]) == ("Attempting to scale due to alarm triggered", "Failed")
    assert len(scaler.codes(since)) <= 1 and scaler.activities(since) == [], "without asking it is not told at all"
    scaler.aas.register_scalable_target(**named(), MaxCapacity=12)
    scaler.pass_(12)
    assert scaler.counts() == (12, 12), "the right deed: more at most"


def test_suspended_scaling(scaler: Scaler) -> None:
    suspend(scaler, DynamicScalingOutSuspended=True)
    scaler.load(1.0)
    since = scaler.lab.clock.now
    scaler.pass_(15)
    assert scaler.counts() == (4, 4) and scaler.states()["AlarmHig"] == "ALARM"
    assert scaler.activities(since) == [] and "AlreadyAtMaxCapacity" not in scaler.codes(since), "it says nothing"
    suspend(scaler, DynamicScalingOutSuspended=False, DynamicScalingInSuspended=True)
    scaler.pass_(12)
    assert scaler.counts() == (8, 8)
    scaler.load(None)
    scaler.pass_(40)
    assert scaler.counts() == (8, 8), "in is suspended"
    suspend(scaler, DynamicScalingInSuspended=False)
    scaler.pass_(5)
    assert scaler.counts()[1] == 6


def test_muted_or_switched_off_alarms_trigger_nothing(scaler: Scaler) -> None:
    names = [one["AlarmName"] for one in scaler.policy()["Alarms"]]
    scaler.cloudwatch.disable_alarm_actions(AlarmNames=names)
    scaler.load(1.0)
    scaler.pass_(15)
    assert scaler.states()["AlarmHig"] == "ALARM" and scaler.counts() == (4, 4)
    scaler.cloudwatch.enable_alarm_actions(AlarmNames=names)
    scaler.pass_(3)
    assert scaler.counts() == (4, 8), "as long as it is red it triggers every minute"


def test_no_data_scales_in_neither_direction(scaler: Scaler) -> None:
    """As where a release renamed the variant: its metric ends."""
    custom = {"Namespace": "acme", "MetricName": "queue", "Statistic": "Average"}
    scaler.aas.put_scaling_policy(
        **named(),
        PolicyName="silent",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={"TargetValue": 5.0, "CustomizedMetricSpecification": custom},
    )
    scaler.load(0.05)
    scaler.pass_(40)
    silent = scaler.aas.describe_scaling_policies(**named(), PolicyNames=["silent"])["ScalingPolicies"][0]["Alarms"]
    states = scaler.cloudwatch.describe_alarms(AlarmNames=[one["AlarmName"] for one in silent])["MetricAlarms"]
    assert {one["StateValue"] for one in states} == {"INSUFFICIENT_DATA"}
    assert scaler.counts() == (4, 4), "in only if all agree"
    scaler.load(1.0)
    scaler.pass_(6)
    assert scaler.counts() == (4, 8), "out if any says so"
    scaler.lab.settle(ENDPOINT)
    scaler.load(0.05)
    scaler.aas.delete_scaling_policy(**named(), PolicyName="silent")
    scaler.pass_(25)
    assert scaler.counts()[1] < 8


def test_no_instances_to_be_had(scaler: Scaler) -> None:
    scaler.lab.world.region().of(Endpoints).scarce.add("ml.g5.xlarge")
    scaler.load(1.0)
    since = scaler.lab.clock.now
    scaler.pass_(13)
    told = scaler.activities(since)[0]
    assert told["StatusCode"] == "Unfulfilled" and "InsufficientInstanceCapacity" in told["StatusMessage"]
    assert scaler.counts() == (4, 4)
    failed = scaler.sagemaker.describe_endpoint(EndpointName=ENDPOINT)
    assert failed["FailureReason"].startswith("Unable to provision requested ML compute capacity")
    scaler.lab.world.region().of(Endpoints).scarce.clear()
    scaler.pass_(20)
    assert scaler.counts() == (8, 8), "it tries again"


def test_no_quota(scaler: Scaler) -> None:
    quotas = scaler.lab.world.region().of(Quotas)
    quotas.limits["ml.g5.xlarge"] = 6
    scaler.load(1.0)
    since = scaler.lab.clock.now
    scaler.pass_(12)
    told = scaler.activities(since)
    assert 1 <= len(told) <= 3 and {one["StatusCode"] for one in told} == {"Failed"}
    assert "account-level service limit 'ml.g5.xlarge for endpoint usage' is 6 Instances" in told[0]["StatusMessage"]
    assert scaler.counts() == (4, 4)
    quotas.limits["ml.g5.xlarge"] = 20
    scaler.pass_(12)
    assert scaler.counts() == (8, 8)


def test_a_deployment_blocks_scaling(scaler: Scaler) -> None:
    scaler.load(1.0)
    scaler.pass_(2)
    since = scaler.lab.clock.now
    scaler.sagemaker.update_endpoint(
        EndpointName=ENDPOINT, EndpointConfigName="search-rank-v22", RetainAllVariantProperties=True
    )
    scaler.pass_(3)
    assert "TargetServicePutResourceAsUnscalable" in scaler.codes(since)
    assert scaler.activities(since) == []
    scaler.lab.settle(ENDPOINT)
    scaler.pass_(10)
    assert scaler.counts() == (8, 8), "when it is over"


def test_a_forgotten_retain_is_mended_by_the_load(scaler: Scaler) -> None:
    """The 3 a.m. trap resets to one instance; the policy notices, minutes later."""
    scaler.sagemaker.update_endpoint(EndpointName=ENDPOINT, EndpointConfigName="search-rank-v22")
    scaler.lab.settle(ENDPOINT)
    assert scaler.counts() == (1, 1)
    scaler.pass_(30)
    assert scaler.counts()[0] >= 3, "three bear it at this hour, if only just"


def test_step_scaling_follows_an_alarm_of_ones_own(scaler: Scaler) -> None:
    scaler.aas.delete_scaling_policy(**named(), PolicyName="search-rank-invocations")
    config = steps((0, 20, 1), (20, None, 3))
    policy = scaler.aas.put_scaling_policy(**named(), PolicyName="steps", StepScalingPolicyConfiguration=config)
    assert policy["Alarms"] == []

    def put(value: float) -> None:
        scaler.cloudwatch.put_metric_data(
            Namespace="acme", MetricData=[{"MetricName": "queue", "Value": value, "Timestamp": scaler.lab.clock.now}]
        )

    scaler.cloudwatch.put_metric_alarm(
        AlarmName="queue-long",
        Namespace="acme",
        MetricName="queue",
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=50,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[policy["PolicyARN"]],
    )
    (shown,) = scaler.aas.describe_scaling_policies(**named())["ScalingPolicies"]
    assert [one["AlarmName"] for one in shown["Alarms"]] == ["queue-long"]
    assert shown["StepScalingPolicyConfiguration"]["MetricAggregationType"] == "Average"
    since = scaler.lab.clock.now
    for _ in range(10):  # within the cooldown the same step wants no more
        put(60.0)
        scaler.pass_(1)
    assert [one["Description"] for one in scaler.activities(since)] == ["Setting desired instance count to 5."]
    assert "queue-long in state ALARM triggered policy steps" in scaler.activities(since)[0]["Cause"]
    put(90.0)
    scaler.pass_(2)
    assert scaler.counts()[1] in (7, 8), "a larger step counts from before, or from now once the cooldown is over"


def test_copies_of_an_inference_component(scaler: Scaler) -> None:
    name = "churn-scorer-b2b"
    resource = f"inference-component/{name}"
    scaler.aas.register_scalable_target(**named(resource, COPIES), MinCapacity=3, MaxCapacity=4)
    scaler.pass_(4)
    config = scaler.sagemaker.describe_inference_component(InferenceComponentName=name)["RuntimeConfig"]
    assert config == {"DesiredCopyCount": 3, "CurrentCopyCount": 3}
    (done,) = scaler.activities(resource=resource)
    assert done["StatusMessage"].startswith("Successfully set desired copy count to 3. Change successfully")
    scaler.aas.register_scalable_target(**named(resource, COPIES), MinCapacity=4, MaxCapacity=4)
    scaler.pass_(4)
    assert scaler.activities(resource=resource)[-1]["StatusCode"] == "Unfulfilled", "no room on the instances"
    metric = {"PredefinedMetricType": "SageMakerInferenceComponentInvocationsPerCopy"}
    answer = scaler.aas.put_scaling_policy(
        **named(resource, COPIES),
        PolicyName="calls",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={"TargetValue": 1e6, "PredefinedMetricSpecification": metric},
    )
    scaler.pass_(8)
    low = answer["Alarms"][1]["AlarmName"]
    (alarm,) = scaler.cloudwatch.describe_alarms(AlarmNames=[low])["MetricAlarms"]
    assert alarm["Dimensions"] == [{"Name": "InferenceComponentName", "Value": name}]
    assert alarm["StateValue"] == "ALARM", "its metric has data"
    scaler.sagemaker.delete_inference_component(InferenceComponentName=name)
    scaler.pass_(2)
    assert scaler.aas.describe_scalable_targets(**SPACE, ResourceIds=[resource])["ScalableTargets"] == []


def test_provisioned_concurrency_of_a_serverless_variant(scaler: Scaler) -> None:
    resource = "endpoint/lead-value/variant/AllTraffic"
    scaler.aas.register_scalable_target(**named(resource, CONCURRENCY), MinCapacity=2, MaxCapacity=8)
    scaler.lab.settle("lead-value")
    (variant,) = scaler.sagemaker.describe_endpoint(EndpointName="lead-value")["ProductionVariants"]
    assert variant["CurrentServerlessConfig"]["ProvisionedConcurrency"] == 2
    assert variant["CurrentServerlessConfig"]["MaxConcurrency"] == 20
    (done,) = scaler.activities(resource=resource)
    assert done["Description"] == "Setting desired provisioned concurrency to 2."
    metric = {"PredefinedMetricType": "SageMakerVariantProvisionedConcurrencyUtilization"}
    scaler.aas.put_scaling_policy(
        **named(resource, CONCURRENCY),
        PolicyName="warm",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={"TargetValue": 0.7, "PredefinedMetricSpecification": metric},
    )
    scaler.pass_(20)
    assert set(scaler.states(resource).values()) <= {"OK", "ALARM"}, "its metric has data"


def test_speed_shortens_launches_and_cooldowns(world: Callable[..., Lab]) -> None:
    scaler = Scaler(world(speed=6.0))
    scaler.load(1.0)
    since = scaler.lab.clock.now
    scaler.pass_(6)
    (done,) = scaler.activities(since)
    assert done["StatusCode"] == "Successful"
    assert (done["EndTime"] - done["StartTime"]).total_seconds() < 70
