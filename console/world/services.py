"""Every service this world answers itself: importing this module registers their operations."""

from console.world import autoscaling, cloudwatch, ecr, iam, quotas, sagemaker, sts, trail

__all__ = ["autoscaling", "cloudwatch", "ecr", "iam", "quotas", "sagemaker", "sts", "trail"]
