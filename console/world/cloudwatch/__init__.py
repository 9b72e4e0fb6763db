"""CloudWatch of the embedded world: metrics and alarms. Importing it registers its operations."""

from console.world.cloudwatch import alarm_operations, metric_operations, mute_operations

__all__ = ["alarm_operations", "metric_operations", "mute_operations"]
