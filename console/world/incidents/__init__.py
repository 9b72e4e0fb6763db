"""Incidents: small scripts with a known right answer. Importing the package registers them."""

from console.world.incidents import (  # noqa: F401
    bad_config,
    pipeline_capacity,
    pipeline_data,
    quality_gate,
    silent_rollback,
    stuck_update,
    undone_fix,
)
from console.world.incidents.registry import INCIDENTS, Incident, incident

__all__ = ["INCIDENTS", "Incident", "incident"]
