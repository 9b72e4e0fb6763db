"""Request rates per account, region and operation, for all clients (facts: sagemaker 5.7, 6.1). Not adjustable."""

from __future__ import annotations

from console.world.errors import AwsError

_RATES = {
    1: "CreateEndpoint CreateEndpointConfig CreateModel CreateTrainingJob UpdateEndpoint DeleteEndpoint "
    "UpdateEndpointWeightsAndCapacities UpdateMonitoringAlert StopTrainingJob DescribeMlflowApp ListMlflowApps",
    500: "GetMetricData",
    400: "GetMetricStatistics",
    150: "PutMetricData",
    25: "ListMetrics",
    20: "DescribeAlarmHistory",
    9: "DescribeAlarms DescribeAlarmsForMetric",
    3: "PutMetricAlarm PutCompositeAlarm SetAlarmState EnableAlarmActions DisableAlarmActions",
    2: "ListEndpoints ListEndpointConfigs ListModels ListTrainingJobs ListTransformJobs ListMonitoringAlerts "
    "ListMonitoringAlertHistory LookupEvents",
}
PER_SECOND = {name: rate for rate, names in _RATES.items() for name in names.split()}
UNPUBLISHED = 5
"""Requests a second where AWS publishes no rate, and for the Describe calls at 5."""


class Throttle:
    """Token buckets that hold two seconds' worth. Rates are of real seconds, whatever the world's speed."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}

    def admit(self, region: str, operation: str, now: float) -> None:
        """Raises ThrottlingException as SageMaker words it (datahub #6357)."""
        rate = PER_SECOND.get(operation, UNPUBLISHED)
        tokens, since = self._buckets.get((region, operation), (2.0 * rate, now))
        tokens = min(2.0 * rate, tokens + max(0.0, now - since) * rate)
        admitted = tokens >= 1.0
        self._buckets[region, operation] = (tokens - 1.0 if admitted else tokens, now)
        if not admitted:
            raise AwsError("ThrottlingException", "Rate exceeded")
