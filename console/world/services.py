"""Every service this world answers itself: importing this module registers their operations."""

from console.world import autoscaling, ecr, iam, quotas, sagemaker, sts, trail

__all__ = ["autoscaling", "ecr", "iam", "quotas", "sagemaker", "sts", "trail"]
