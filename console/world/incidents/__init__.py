"""Incidents: small scripts with a known right answer. Importing the package registers them."""

from console.world.incidents import (  # noqa: F401
    async_backlog,
    bad_canary,
    bad_config,
    caller_change,
    flapping,
    latency_saturation,
    max_capacity,
    mme_thrash,
    no_capacity,
    oom,
    overhead,
    ping_failure,
    pipeline_capacity,
    pipeline_data,
    quality_gate,
    quota,
    silent_rollback,
    slow_dependency,
    stuck_update,
    undone_fix,
)
from console.world.incidents.registry import INCIDENTS, SPEED, Incident, incident

__all__ = ["INCIDENTS", "SPEED", "Incident", "incident"]
