"""The course of a deployment as stages with clock times, from VariantStatus and the policy (pure).

Statuses and messages: facts/sagemaker.md section 2.2. VariantStatus says what is going on now; when earlier phases
began is known from what was observed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple

from console.clock import SECOND, Millis, clock_time
from console.kinds.alarm.view import AlarmView
from console.kinds.endpoint.motion import current_phase, going_back
from console.kinds.endpoint.record import Endpoint, Phase


class State(Enum):
    DONE = "✓"
    NOW = "◐"
    NEXT = "○"


class Stage(NamedTuple):
    """`words` with what is known of its time: `launched 03:06Z`, `canary 10 % until 03:16Z`, `clean up ~03:22Z`."""

    words: str
    state: State


_KINDS = {"CANARY": "canary", "LINEAR": "linear"}


def routing(policy: Mapping[str, Any]) -> str:
    """`canary`, `linear`, `rolling` or `all at once`."""
    if policy.get("RollingUpdatePolicy"):
        return "rolling"
    traffic = _traffic(policy)
    return _KINDS.get(str(traffic.get("Type", "")), "all at once")


def alarms(policy: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the alarms that would take the deployment back."""
    guards = (policy.get("AutoRollbackConfiguration") or {}).get("Alarms") or ()
    return tuple(str(alarm.get("AlarmName", "")) for alarm in guards if isinstance(alarm, Mapping))


def stages(endpoint: Endpoint, seen: Iterable[Phase], now: Millis) -> list[Stage]:
    """The stages of the deployment in motion; empty where nothing is deployed.

    `seen`: the phases of this deployment that were observed, in any order.
    """
    if endpoint.pending is None:
        return []
    phases = sorted({p.started_at: p for p in seen if p.started_at}.values(), key=lambda p: p.started_at or 0)
    phase = current_phase(endpoint)
    if going_back(endpoint):
        return [*_launched(phases, "now" if not phases else ""), Stage(_since("going back", phase, now), State.NOW)]
    kind = routing(endpoint.policy)
    names = {
        "canary": ["launch", "canary", "all", "clean up"],
        "linear": ["launch", "linear", "all", "clean up"],
        "rolling": ["batches"],
    }.get(kind, ["launch", "all", "clean up"])
    at = _index(names, phase)
    return [Stage(_words(name, n, at, endpoint, phases, phase, now), _state(n, at)) for n, name in enumerate(names)]


def _state(n: int, at: int) -> State:
    return State.DONE if n < at else State.NOW if n == at else State.NEXT


def _index(names: Sequence[str], phase: Phase | None) -> int:
    if names == ["batches"] or phase is None or phase.status in {"Creating", "Updating"}:
        return 0
    if phase.status == "Deleting":
        return len(names) - 1
    partial = names[1] if names[1] in phase.message else ""
    return names.index(partial or "all")


def _words(name: str, n: int, at: int, e: Endpoint, phases: Sequence[Phase], phase: Phase | None, now: Millis) -> str:
    if name == "batches":
        return _batch(phase, now)
    if name == "launch":
        return _launch(phases, phase, done=n < at, now=now)
    if name in ("canary", "linear"):
        share = _share(e)
        words = "canary" if name == "canary" else "step by step"
        words += f" {share:.0f} %" if share and n == at else _size(e.policy, name)
        return f"{words}{_until(phase, now)}" if n == at else words
    if name == "all":
        return "all traffic" + (_until(phase, now) if n == at else _full(phases, now) if n < at else "")
    if n == at and phase is not None and phase.started_at:
        return f"clean up since {clock_time(phase.started_at, now)}"
    end = _end(phase)
    last = at == n - 1
    return f"clean up ~{clock_time(end, now)}" if end and last else "clean up"


def _launch(phases: Sequence[Phase], phase: Phase | None, *, done: bool, now: Millis) -> str:
    if done:
        traffic = next((p for p in phases if p.status in {"ActivatingTraffic", "Baking"}), None)
        return f"launched {clock_time(traffic.started_at, now)}" if traffic and traffic.started_at else "launched"
    number = re.search(r"Launching (\d+) instance", phase.message) if phase else None
    words = f"launching {number[1]}" if number else "launching"
    return _since(words, phase, now)


def _batch(phase: Phase | None, now: Millis) -> str:
    if phase is None:
        return "batch by batch, starting"
    doing = {
        "Creating": "launching",
        "ActivatingTraffic": "taking traffic",
        "Baking": "baking",
        "Deleting": "old leaving",
    }
    words = f"batch by batch, {doing.get(phase.status, phase.status.lower())}"
    return f"{words}{_until(phase, now)}" if phase.status == "Baking" else _since(words, phase, now)


def _launched(phases: Sequence[Phase], never: str) -> list[Stage]:
    return [] if never else [Stage("launched", State.DONE)]


def _since(words: str, phase: Phase | None, now: Millis) -> str:
    return f"{words} since {clock_time(phase.started_at, now)}" if phase and phase.started_at else words


def _end(phase: Phase | None) -> Millis | None:
    """When a bake ends: AWS's message has its seconds."""
    seconds = re.search(r"for (\d+) seconds", phase.message) if phase and phase.status == "Baking" else None
    return phase.started_at + int(seconds[1]) * SECOND if seconds and phase and phase.started_at else None


def _until(phase: Phase | None, now: Millis) -> str:
    if end := _end(phase):
        return f" until {clock_time(end, now)}"
    return (
        f" since {clock_time(phase.started_at, now)}" if phase and phase.status == "Baking" and phase.started_at else ""
    )


def _full(phases: Sequence[Phase], now: Millis) -> str:
    full = next((p for p in phases if "full capacity" in p.message and p.started_at), None)
    return f" {clock_time(full.started_at, now)}" if full and full.started_at else ""


def _share(e: Endpoint) -> float | None:
    """Percent of the traffic on the new fleet, by the weights that AWS reports now."""
    new = sum(v.weight or 0 for v in e.pending.variants) if e.pending else 0
    every = new + sum(v.weight or 0 for v in e.variants)
    return 100 * new / every if every and new else None


def _size(policy: Mapping[str, Any], name: str) -> str:
    size = _traffic(policy).get("CanarySize" if name == "canary" else "LinearStepSize") or {}
    if not size:
        return ""
    unit = " %" if size.get("Type") == "CAPACITY_PERCENT" else " inst."
    return f" {size.get('Value')}{unit}"


def _traffic(policy: Mapping[str, Any]) -> Mapping[str, Any]:
    return (policy.get("BlueGreenUpdatePolicy") or {}).get("TrafficRoutingConfiguration") or {}


BLIND = ("never fires", "sees nothing", "sees only", "covers both fleets", "needs about")
"""How the sentences of kinds/alarm/sight.py begin that speak of an alarm that may not fire."""


def guard_words(endpoint: Endpoint, seen: Sequence[AlarmView] = ()) -> str:
    """Who takes a bad deployment back, and why it may not, in a sentence or two; empty where that was not read."""
    if not endpoint.detailed:
        return ""
    names = alarms(endpoint.policy)
    if not names:
        return "No alarm guards it: nothing takes it back by itself."
    calm = [one for one in seen if one.name in names and one.alarm.state != "ALARM"]
    limits: dict[str, list[str]] = {}
    for one in calm:
        for limit in one.limits:
            if limit.startswith(BLIND):
                limits.setdefault(limit, []).append(one.name)
    if not limits:
        return f"Alarms {', '.join(names)} take it back."
    every = len(names) if len(names) > 1 else 0
    doubts = [f"{'each' if len(of) == every else ', '.join(of)} {limit}" for limit, of in limits.items()]
    return f"Alarms {', '.join(names)} take it back only if they fire: {'; '.join(doubts[:2])}."
