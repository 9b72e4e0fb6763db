"""Scalable targets: registering, its side effect, its refusals, and what goes with them."""

from __future__ import annotations

import pytest

from tests.world.autoscaling.conftest import CONCURRENCY, COPIES, ENDPOINT, INSTANCES, RESOURCE, SPACE, Scaler, named
from tests.world.conftest import Lab
from tests.world.test_endpoints import make_version, refused


@pytest.mark.parametrize(
    "low, high, count, cause",
    [
        (6, 8, 6, "minimum capacity was set to 6"),
        (1, 3, 3, "maximum capacity was set to 3"),
    ],
)
def test_registering_moves_the_capacity_into_the_bounds(
    scaler: Scaler, low: int, high: int, count: int, cause: str
) -> None:
    """The trap of facts 5.9: also when it is called only to suspend."""
    since = scaler.lab.clock.now - 1
    scaler.aas.register_scalable_target(
        **named(), MinCapacity=low, MaxCapacity=high, SuspendedState={"DynamicScalingInSuspended": True}
    )
    (going,) = scaler.activities(since)
    assert (going["StatusCode"], going["Cause"]) == ("InProgress", cause)
    assert scaler.counts() == (4, count), "desired at once, current in minutes"
    assert scaler.lab.settle(ENDPOINT)["ProductionVariants"][0]["CurrentInstanceCount"] == count
    (done,) = scaler.activities(since)
    assert done["StatusMessage"] == (
        f"Successfully set desired instance count to {count}. Change successfully fulfilled by sagemaker."
    )
    assert done["Description"] == f"Setting desired instance count to {count}."
    assert done["EndTime"] > done["StartTime"]
    (target,) = scaler.aas.describe_scalable_targets(**SPACE, ResourceIds=[RESOURCE])["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (low, high)
    assert target["SuspendedState"]["DynamicScalingInSuspended"] is True


def test_inside_the_bounds_nothing_moves(scaler: Scaler) -> None:
    before = len(scaler.activities())
    scaler.aas.register_scalable_target(**named(), SuspendedState={"DynamicScalingInSuspended": True})
    scaler.aas.register_scalable_target(**named(), MaxCapacity=9)
    assert len(scaler.activities()) == before
    (target,) = scaler.aas.describe_scalable_targets(**SPACE, ResourceIds=[RESOURCE])["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 9)
    assert target["SuspendedState"]["DynamicScalingInSuspended"] is True, "what is not said stays"


def test_no_quota_is_a_failed_activity(scaler: Scaler) -> None:
    since = scaler.lab.clock.now - 1
    scaler.aas.register_scalable_target(**named(), MinCapacity=110, MaxCapacity=120)
    (failed,) = scaler.activities(since)
    assert failed["StatusCode"] == "Failed" and failed["Cause"] == "minimum capacity was set to 110"
    message = failed["StatusMessage"]
    assert message.startswith(
        "Failed to set desired instance count to 110. Reason: The account-level service limit 'ml.g5.xlarge for "
        "endpoint usage' is "
    )
    assert "a request delta of 106 Instances" in message and "Error Code: ResourceLimitExceeded" in message
    assert scaler.counts() == (4, 4)


def test_while_the_endpoint_updates_everything_is_refused(scaler: Scaler) -> None:
    scaler.sagemaker.update_endpoint(
        EndpointName=ENDPOINT, EndpointConfigName="search-rank-v22", RetainAllVariantProperties=True
    )
    policy = scaler.policy()
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    for call, request in (
        (scaler.aas.register_scalable_target, named() | {"MaxCapacity": 9}),
        (scaler.aas.deregister_scalable_target, named()),
        (scaler.aas.delete_scaling_policy, named() | {"PolicyName": policy["PolicyName"]}),
        (
            scaler.aas.put_scaling_policy,
            named()
            | {
                "PolicyName": "x",
                "PolicyType": "TargetTrackingScaling",
                "TargetTrackingScalingPolicyConfiguration": tracking,
            },
        ),
    ):
        code, message = refused(call, **request)
        assert code == "ConcurrentUpdateException" and "pending update" in message
    scaler.lab.settle(ENDPOINT)
    scaler.aas.register_scalable_target(**named(), MaxCapacity=9)


def test_deleting_the_endpoint_deregisters(scaler: Scaler) -> None:
    scaler.aas.put_scheduled_action(
        **named(),
        ScheduledActionName="night",
        Schedule="cron(0 22 * * ? *)",
        ScalableTargetAction={"MinCapacity": 1},
    )
    activities = len(scaler.activities())
    scaler.sagemaker.delete_endpoint(EndpointName=ENDPOINT)
    scaler.pass_(5)
    assert scaler.aas.describe_scalable_targets(**SPACE, ResourceIds=[RESOURCE])["ScalableTargets"] == []
    assert scaler.aas.describe_scaling_policies(**SPACE, ResourceId=RESOURCE)["ScalingPolicies"] == []
    assert scaler.aas.describe_scheduled_actions(**SPACE, ResourceId=RESOURCE)["ScheduledActions"] == []
    assert scaler.states() == {}
    assert len(scaler.activities()) == activities, "what was done is not forgotten"


def test_deregistering_takes_policies_and_alarms_along(scaler: Scaler) -> None:
    assert len(scaler.states()) == 2
    scaler.aas.deregister_scalable_target(**named())
    assert scaler.states() == {}
    code, message = refused(scaler.aas.deregister_scalable_target, **named())
    assert code == "ObjectNotFoundException"
    assert message == (
        f"No scalable target registered for service namespace: sagemaker, resource ID: {RESOURCE}, "
        f"scalable dimension: {INSTANCES}"
    )
    new = make_version(scaler.lab, ENDPOINT, 24, InstanceType="ml.m5.xlarge")
    scaler.sagemaker.update_endpoint(EndpointName=ENDPOINT, EndpointConfigName=new)  # refused before


@pytest.mark.parametrize(
    "resource, dimension",
    [
        ("endpoint/nope/variant/AllTraffic", INSTANCES),
        ("endpoint/search-rank/variant/nope", INSTANCES),
        ("endpoint/Search-Rank/variant/AllTraffic", INSTANCES),
        (RESOURCE, CONCURRENCY),
        ("endpoint/lead-value/variant/AllTraffic", INSTANCES),
        ("inference-component/nope", COPIES),
        ("inference-component/churn-scorer-b2b", INSTANCES),
        (RESOURCE, "ecs:service:DesiredCount"),
        (RESOURCE, COPIES),
    ],
)
def test_what_cannot_be_scaled(scaler: Scaler, resource: str, dimension: str) -> None:
    request = named(resource, dimension) | {"MinCapacity": 1, "MaxCapacity": 2}
    assert refused(scaler.aas.register_scalable_target, **request)[0] == "ValidationException"


def test_bounds_are_checked(scaler: Scaler) -> None:
    def refusal(**bounds: int) -> str:
        return refused(scaler.aas.register_scalable_target, **named(), **bounds)[1]

    assert "Maximum capacity cannot be less" in refusal(MinCapacity=9, MaxCapacity=8)
    assert "Minimum capacity cannot be less" in refusal(MinCapacity=-1)
    other = named("endpoint/delay-risk/variant/AllTraffic") | {"MinCapacity": 1}
    assert "both a minimum and a maximum" in refused(scaler.aas.register_scalable_target, **other)[1]


def test_pages_and_filters(lab: Lab) -> None:
    aas = lab.client("application-autoscaling")
    first = aas.describe_scalable_targets(**SPACE, MaxResults=3)
    rest = aas.describe_scalable_targets(**SPACE, MaxResults=3, NextToken=first["NextToken"])
    names = [one["ResourceId"] for one in first["ScalableTargets"] + rest["ScalableTargets"]]
    assert names == sorted(set(names)) and len(names) == 4 and "NextToken" not in rest
    assert refused(aas.describe_scaling_activities, **SPACE, NextToken="x")[0] == "InvalidNextTokenException"
    assert refused(aas.describe_scaling_activities, **SPACE, MaxResults=51)[0] == "ValidationException"
    for call in (aas.describe_scaling_policies, aas.describe_scheduled_actions, aas.describe_scaling_activities):
        assert refused(call, **SPACE, ScalableDimension=INSTANCES)[0] == "ValidationException"
    ecs = aas.describe_scaling_activities(ServiceNamespace="ecs")
    assert ecs["ScalingActivities"] == []
    assert len(aas.describe_scaling_activities(**SPACE)["ScalingActivities"]) == 50
