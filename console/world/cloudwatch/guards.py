"""The alarms that the owners of a service have made on its endpoint."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from console.world.cloudwatch.alarms import Alarms
from console.world.cloudwatch.statistics import PLAIN

if TYPE_CHECKING:
    from console.world.world import Region


def put_alarm(region: Region, name: str, endpoint: str, metric: str, threshold: float, statistic: str = "Sum") -> None:
    """On a metric of variant AllTraffic, three minutes of three. There for a while: OK, in no history."""
    member = "Statistic" if statistic in PLAIN else "ExtendedStatistic"
    request = {
        "AlarmName": name,
        "AlarmDescription": f"{metric} of {endpoint}",
        "ActionsEnabled": True,
        "OKActions": [],
        "AlarmActions": [region.arn("ml-oncall", service="sns")],
        "InsufficientDataActions": [],
        "Namespace": "AWS/SageMaker",
        "MetricName": metric,
        "Dimensions": [
            {"Name": "EndpointName", "Value": endpoint},
            {"Name": "VariantName", "Value": "AllTraffic"},
        ],
        member: statistic,
        "Period": 60,
        "EvaluationPeriods": 3,
        "Threshold": float(threshold),
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }
    age_s = 86400.0 * (20 + zlib.crc32(name.encode()) % 70)
    region.of(Alarms).put("MetricAlarm", request, fine_since=region.world.now - age_s)
