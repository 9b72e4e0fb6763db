"""Yesterday's step policies undo each other: the load that adds two instances is, spread over them, the load that takes
two away. Each time there are too few, users wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from console.world.autoscaling.policies import TRACKING, Policies
from console.world.autoscaling.targets import INSTANCES, SERVICE, Key
from console.world.clock import Effect
from console.world.errors import AwsError
from console.world.identity import Caller
from console.world.incidents.registry import Incident, incident
from console.world.incidents.release import service_named
from console.world.incidents.trouble import trouble
from console.world.seed import deployer_of
from console.world.traffic.behaviour import Behaviour
from console.world.traffic.load import extra_for, rps_at

if TYPE_CHECKING:
    from console.world.world import World

ENDPOINT = "eta-minutes"
STEP, COOLDOWN_S, AGO_S = 2, 60, 26 * 3600.0
OUT, IN = 0.84, 0.78
"""Shares of the load of one of four instances: one of six has two thirds of it."""


def play(world: World) -> None:
    service, region = service_named(world, ENDPOINT), world.region()
    more = extra_for(region, ENDPOINT, "AllTraffic", 0.98)
    per_minute = 60.0 * (rps_at(region, ENDPOINT, world.now) + more) / service.instances
    key = Key.of_variant(ENDPOINT, "AllTraffic")
    world.agenda.at(world.now - AGO_S, _retune(world, key, per_minute, deployer_of(service)))
    trouble(world, "flapping", Behaviour(ENDPOINT, demand_rps=more), ago_s=3600.0)


def _retune(world: World, key: Key, per_minute: float, by: Caller) -> Effect:
    """Steps in place of target tracking, as their owner made them."""
    of = {"ServiceNamespace": "sagemaker", "ResourceId": key.resource, "ScalableDimension": INSTANCES}

    def try_(due: float) -> None:
        try:
            do()
        except AwsError as error:
            if error.code != "ConcurrentUpdateException":
                raise
            world.after(60.0, try_)  # refused while it scales

    def do() -> None:
        for old in [one for one in world.region().of(Policies).of(key) if one.type == TRACKING]:
            world.call("DeleteScalingPolicy", of | {"PolicyName": old.name}, by, service=SERVICE)
        for way, step, share in (("out", STEP, OUT), ("in", -STEP, IN)):
            side = "Lower" if step > 0 else "Upper"
            steps: dict[str, Any] = {
                "AdjustmentType": "ChangeInCapacity",
                "StepAdjustments": [{f"MetricInterval{side}Bound": 0.0, "ScalingAdjustment": step}],
                "Cooldown": COOLDOWN_S,
                "MetricAggregationType": "Average",
            }
            policy = of | {"PolicyName": f"{ENDPOINT}-{way}", "PolicyType": "StepScaling"}
            answer = world.call(
                "PutScalingPolicy", policy | {"StepScalingPolicyConfiguration": steps}, by, service=SERVICE
            )
            names = {"EndpointName": ENDPOINT, "VariantName": "AllTraffic"}
            alarm = {
                "AlarmName": f"{ENDPOINT}-scale-{way}",
                "Namespace": "AWS/SageMaker",
                "MetricName": "InvocationsPerInstance",
                "Dimensions": [{"Name": name, "Value": value} for name, value in names.items()],
                "Statistic": "Sum",
                "Period": 60,
                "EvaluationPeriods": 1,
                "Threshold": round(share * per_minute),
                "ComparisonOperator": "GreaterThanThreshold" if step > 0 else "LessThanThreshold",
                "AlarmActions": [answer["PolicyARN"]],
            }
            world.call("PutMetricAlarm", alarm, by, service="cloudwatch")

    return try_


incident(
    Incident(
        name="flapping",
        headline="two scaling policies undo each other: instances come and go every few minutes",
        subject=f"endpoint/{ENDPOINT}",
        right="suspend",
        wrong=("rollback", "retrain"),
        play=play,
        speed=1.0,
    )
)
