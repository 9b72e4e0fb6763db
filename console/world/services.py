"""Every service this world answers itself: importing this module registers their operations."""

from console.world import cloudwatch, ecr, iam, log_operations, quotas, sagemaker, sts, trail
from console.world.autoscaling import operations as autoscaling
from console.world.autoscaling import policy_operations, schedule_operations

__all__ = [
    "autoscaling",
    "cloudwatch",
    "ecr",
    "iam",
    "log_operations",
    "policy_operations",
    "quotas",
    "sagemaker",
    "schedule_operations",
    "sts",
    "trail",
]
