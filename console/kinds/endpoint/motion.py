"""How far a deployment is, by AWS's phases (VariantStatus, facts/sagemaker.md section 2.2). Pure."""

from __future__ import annotations

import re

from console.clock import SECOND, Millis, clock_time
from console.kinds.endpoint.record import Endpoint, Phase


def current_phase(e: Endpoint) -> Phase | None:
    """The latest phase of the fleet that is coming in, else of the one that is leaving."""
    variants = (*(e.pending.variants if e.pending else ()), *e.variants)
    phases = [p for v in variants for p in v.phases]
    return max(phases, key=lambda p: p.started_at or 0, default=None)


def bakes_until(phase: Phase | None) -> Millis | None:
    """When the bake ends by AWS's message; None outside of one."""
    if phase is None or phase.status != "Baking" or not phase.started_at:
        return None
    seconds = re.search(r"for (\d+) seconds", phase.message)
    return phase.started_at + int(seconds[1]) * SECOND if seconds else None


def going_back(e: Endpoint) -> bool:
    """Whether it is the new fleet that leaves: the deployment is taken back, and what serves goes on serving."""
    phase = current_phase(e)
    if e.pending is None or e.pending.config == e.config or phase is None or phase.status != "Deleting":
        return False
    if not any(phase in v.phases for v in e.pending.variants):
        return False
    # While the old fleet leaves its phase may be the new one's, too: the traffic tells which of them goes.
    return all(v.weight == 0 for v in e.pending.variants) and any(v.weight for v in e.variants)


def motion_words(config: str, e: Endpoint, now: Millis) -> str:
    """How far the deployment of `config` (as it is to be called) is."""
    phase = current_phase(e)
    if going_back(e):
        since = f" since {clock_time(phase.started_at, now)}" if phase and phase.started_at else ""
        return f"{config}: given up, its fleet leaving{since}"
    return phase_words(config, phase, now)


def phase_words(config: str, phase: Phase | None, now: Millis) -> str:
    """`risk-v8: baking until 03:16Z` from a VariantStatus; the seconds stand in AWS's message (facts section 2.2)."""
    if phase is None:
        return f"{config}: starting"
    since = f" since {clock_time(phase.started_at, now)}" if phase.started_at else ""
    if phase.status == "Baking":
        part = re.search(r"on (\w+) capacity", phase.message)
        where = part[1] if part and part[1] != "full" else "full fleet"
        if (end := bakes_until(phase)) is not None and end > now:
            return f"{config}: {where} baking until {clock_time(end, now)}"
        return f"{config}: {where} baking{since}"
    named = {"Creating": "launching", "ActivatingTraffic": "taking traffic", "Deleting": "old fleet leaving"}
    return f"{config}: {named.get(phase.status, phase.status.lower())}{since}"
