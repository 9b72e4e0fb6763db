"""Target tracking: which metric a policy follows, and the two alarms that watch it.

Application Auto Scaling User Guide, Target tracking scaling policies: high after 3 datapoints above the target, low
after 15 minutes below 90 % of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from console.world.autoscaling.targets import Key

LOW_SHARE = 0.9
HIGH, LOW = "AlarmHigh", "AlarmLow"
_LOW_S = 900

# Metric, statistic and period in seconds, by the scalable dimension that the type is for (facts: sagemaker 5.9).
PREDEFINED = {
    "sagemaker:variant:DesiredInstanceCount": {
        "SageMakerVariantInvocationsPerInstance": ("InvocationsPerInstance", "Sum", 60),
        "SageMakerVariantConcurrentRequestsPerModelHighResolution": ("ConcurrentRequestsPerModel", "Maximum", 10),
    },
    "sagemaker:variant:DesiredProvisionedConcurrency": {
        "SageMakerVariantProvisionedConcurrencyUtilization": (
            "ServerlessProvisionedConcurrencyUtilization",
            "Maximum",
            60,
        ),
    },
    "sagemaker:inference-component:DesiredCopyCount": {
        "SageMakerInferenceComponentInvocationsPerCopy": ("InvocationsPerCopy", "Sum", 60),
        "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution": (
            "ConcurrentRequestsPerCopy",
            "Maximum",
            10,
        ),
    },
}


def alarms(key: Key, config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """PutMetricAlarm's members for the high and the low alarm, without name, description and actions."""
    target = float(config["TargetValue"])
    metric, period = _metric(key, config)
    whole = {
        "ActionsEnabled": True,
        "OKActions": [],
        "InsufficientDataActions": [],
        "TreatMissingData": "missing",
        **metric,
    }
    high = {
        "EvaluationPeriods": 3,
        "Threshold": target,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    low = {
        "EvaluationPeriods": max(1, _LOW_S // period),
        "Threshold": LOW_SHARE * target,
        "ComparisonOperator": "LessThanThreshold",
    }
    return {HIGH: whole | high, LOW: whole | low}


def _metric(key: Key, config: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """The alarm's members that name its metric, and the period in seconds."""
    predefined = config.get("PredefinedMetricSpecification")
    if predefined:
        name, statistic, period = PREDEFINED[key.dimension][predefined["PredefinedMetricType"]]
        of_component = {"InferenceComponentName": key.name}
        names = {"EndpointName": key.endpoint, "VariantName": key.name} if key.endpoint else of_component
        listed = [{"Name": one, "Value": value} for one, value in names.items()]
        return {
            "Namespace": "AWS/SageMaker",
            "MetricName": name,
            "Dimensions": listed,
            "Statistic": statistic,
            "Period": period,
        }, period
    custom = config["CustomizedMetricSpecification"]
    if "Metrics" in custom:
        queries = [
            query | ({"MetricStat": query["MetricStat"] | {"Period": 60}} if "MetricStat" in query else {"Period": 60})
            for query in custom["Metrics"]
        ]
        return {"Metrics": queries}, 60
    kept = {name: custom[name] for name in ("Namespace", "MetricName", "Statistic", "Unit") if name in custom}
    return kept | {"Dimensions": custom.get("Dimensions", []), "Period": 60}, 60
