"""What becomes of a deployment, as data: phases in order, and what is where at any second of them.

Pure: durations are seconds of the modelled service since the change was accepted; the backend keeps the clock, reads
the alarms and applies the end. Phases, messages and guardrails: facts sagemaker 2.2, 2.6 and 2.8.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Literal

from console.world.errors import validation

SHIFT_S = 20.0
"""Seconds to move traffic."""
DRAIN_S = 60.0
"""Seconds to terminate instances."""

Routing = Literal["ALL_AT_ONCE", "CANARY", "LINEAR", "ROLLING"]
Side = Literal["new", "old"]


class Ending(Enum):
    DONE = "done"
    REVERTED = "reverted"
    MIXED = "mixed"
    """A rolling deployment failed, and so did its roll back: UpdateRollbackFailed."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Size:
    """CapacitySize: a share of the fleet in percent, or a number of instances."""

    percent: bool
    value: int

    @classmethod
    def read(cls, size: dict[str, Any]) -> Size:
        return cls(size["Type"] == "CAPACITY_PERCENT", int(size["Value"]))

    def share(self, instances: int) -> float:
        """Of a fleet, above 0 and up to 1; at least one instance."""
        count = math.ceil(instances * self.value / 100) if self.percent else self.value
        return min(1.0, max(1, count) / max(1, instances))


@dataclass(frozen=True, slots=True)
class Policy:
    """A DeploymentConfig, read. None at all means all at once with neither bake nor alarms."""

    routing: Routing = "ALL_AT_ONCE"
    step: Size = Size(True, 100)
    wait_s: float = 0.0
    termination_wait_s: float = 0.0
    timeout_s: float = math.inf
    rollback_step: Size = Size(True, 100)
    alarms: tuple[str, ...] = ()

    @classmethod
    def read(cls, config: dict[str, Any] | None) -> Policy:
        """Raises ValidationException for sizes out of the ranges that the models' shapes do not state."""
        config = config or {}
        alarms = tuple(
            alarm["AlarmName"] for alarm in (config.get("AutoRollbackConfiguration") or {}).get("Alarms", ())
        )
        blue_green, rolling = config.get("BlueGreenUpdatePolicy"), config.get("RollingUpdatePolicy")
        if blue_green and rolling:
            raise validation("Only one of BlueGreenUpdatePolicy and RollingUpdatePolicy can be specified.")
        if rolling:
            step = Size.read(rolling["MaximumBatchSize"])
            _within(step, "MaximumBatchSize", 5, 50)
            back = rolling.get("RollbackMaximumBatchSize")
            return cls(
                "ROLLING",
                step,
                wait_s=rolling["WaitIntervalInSeconds"],
                timeout_s=rolling.get("MaximumExecutionTimeoutInSeconds", math.inf),
                rollback_step=Size.read(back) if back else Size(True, 100),
                alarms=alarms,
            )
        if not blue_green:
            return cls(alarms=alarms)
        routing = blue_green["TrafficRoutingConfiguration"]
        member = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}.get(routing["Type"])
        step = Size(True, 100)
        if member:
            if member not in routing:
                raise validation(f"{member} must be specified when the traffic routing type is {routing['Type']}.")
            step = Size.read(routing[member])
            _within(step, member, 10 if member == "LinearStepSize" else 1, 50)
        return cls(
            routing["Type"],
            step,
            wait_s=routing["WaitIntervalInSeconds"],
            termination_wait_s=blue_green.get("TerminationWaitInSeconds", 0),
            timeout_s=blue_green.get("MaximumExecutionTimeoutInSeconds", math.inf),
            alarms=alarms,
        )


PLAIN = Policy()


def _within(size: Size, member: str, low: int, high: int) -> None:
    if size.percent and not low <= size.value <= high:
        raise validation(f"{member} must be between {low} and {high} percent of the variant's capacity.")


@dataclass(frozen=True, slots=True)
class Phase:
    """One VariantStatus for a while. Shares are of the fleets' desired capacity, as they are during the phase."""

    status: Literal["Creating", "ActivatingTraffic", "Baking", "Deleting", "Updating"]
    lasts_s: float
    old: float = 1.0
    """Share of the old fleet that runs."""
    new: float = 0.0
    """Share of the new fleet that runs."""
    traffic: float = 0.0
    """Share of the traffic that the new fleet takes."""
    moved: float = 1.0
    """Share of the fleet `side` that is launched, terminated, or given traffic."""
    side: Side = "new"
    capacity: str = "full"
    wait: str = ""
    """Name of the parameter that a bake waits for."""
    watched: bool = False
    """Whether the rollback alarms decide: from the first traffic on the new fleet, while the old one is whole."""
    endpoint: str = "Updating"
    """EndpointStatus meanwhile."""

    def message(self, instances: int) -> str | None:
        """StatusMessage for a variant of that many instances on `side`; None for a serverless one (0),
        and for Updating, where it depends on what was before."""
        count = counted(self.moved, instances)
        match self.status:
            case _ if not instances:
                return None
            case "Creating":
                return f"Launching {count} instance(s)."
            case "ActivatingTraffic":
                return f"Activating traffic on {self.capacity} capacity of {count} instance(s)."
            case "Baking":
                return (
                    f"Baking for {self.lasts_s:.0f} seconds ({self.wait}) with traffic enabled on "
                    f"{self.capacity} capacity of {count} instance(s)."
                )
            case "Deleting":
                return f"Terminating {count} instance(s)."
        return None


def counted(share: float, instances: int) -> int:
    """Instances that a share of a fleet means, rounded up as SageMaker does."""
    return math.ceil(share * instances - 1e-9)


Phases = tuple[Phase, ...]


def rollout(policy: Policy, instances: int, launch_s: float) -> Phases:
    """The phases of a deployment that goes well. `instances` is the new fleet's largest variant, `launch_s` the time
    until its instances serve."""
    return tuple(
        _rolling(policy, instances, launch_s)
        if policy.routing == "ROLLING"
        else _blue_green(policy, instances, launch_s)
    )


def _blue_green(policy: Policy, instances: int, launch_s: float) -> Iterator[Phase]:
    yield Phase("Creating", launch_s)
    shifted = 0.0
    for share in _steps(policy.step.share(instances), policy.routing):
        last = share >= 1.0
        capacity = "full" if last else policy.routing.lower()
        ready = Phase(
            "ActivatingTraffic", SHIFT_S, new=1.0, traffic=shifted, moved=share, capacity=capacity, watched=True
        )
        yield ready
        wait_s = policy.termination_wait_s if last else policy.wait_s
        if wait_s:
            wait = "TerminationWaitInSeconds" if last else "WaitIntervalInSeconds"
            yield replace(ready, status="Baking", lasts_s=wait_s, traffic=share, wait=wait)
        shifted = share
    yield Phase("Deleting", DRAIN_S, old=1.0, new=1.0, traffic=1.0, side="old")


def _steps(share: float, routing: Routing) -> list[float]:
    """Shares of traffic on the new fleet, one after the other, up to 1."""
    if routing == "ALL_AT_ONCE":
        return [1.0]
    if routing == "CANARY":
        return [share, 1.0] if share < 1.0 else [1.0]
    count = math.ceil(1.0 / share - 1e-9)
    return [min(1.0, share * step) for step in range(1, count)] + [1.0]


def _rolling(policy: Policy, instances: int, launch_s: float) -> Iterator[Phase]:
    done = 0.0
    for share in _steps(policy.step.share(instances), "ROLLING"):
        batch = share - done
        launch = Phase("Creating", launch_s, old=1.0 - done, new=done, traffic=done, moved=batch, watched=done > 0)
        yield launch
        ready = replace(launch, new=share, capacity="batch", watched=True)
        yield replace(ready, status="ActivatingTraffic", lasts_s=SHIFT_S)
        if policy.wait_s:
            yield replace(ready, status="Baking", lasts_s=policy.wait_s, traffic=share, wait="WaitIntervalInSeconds")
        yield replace(ready, status="Deleting", lasts_s=DRAIN_S, traffic=share, side="old", watched=share < 1.0)
        done = share


def length_s(phases: Phases) -> float:
    return sum(phase.lasts_s for phase in phases)


def at(phases: Phases, elapsed_s: float) -> tuple[int, float]:
    """Index of the phase at that second and the second it began; the last one for any later moment."""
    began = 0.0
    for index, phase in enumerate(phases):
        if elapsed_s < began + phase.lasts_s:
            return index, began
        began += phase.lasts_s
    return len(phases) - 1, began - phases[-1].lasts_s


def cut(phases: Phases, elapsed_s: float) -> Phases:
    """What has happened by then."""
    index, began = at(phases, elapsed_s)
    return (*phases[:index], replace(phases[index], lasts_s=max(0.0, elapsed_s - began)))


def reverted(phases: Phases, elapsed_s: float, policy: Policy, launch_s: float) -> Phases:
    """The phases until then, and the way back. Blue/green moves the traffic at once and drops the new fleet; rolling
    must first launch again what it terminated, in batches of RollbackMaximumBatchSize."""
    done = cut(phases, elapsed_s)
    old, new = done[-1].old, done[-1].new
    way: list[Phase] = []
    missing = 1.0 - old
    if missing > 1e-9:
        batch = min(missing, policy.rollback_step.share(100))
        for step in range(math.ceil(missing / batch - 1e-9)):
            have, moved = old + step * batch, min(batch, missing - step * batch)
            way.append(Phase("Creating", launch_s, old=have, new=new, traffic=new, moved=moved, side="old"))
    if new > 0 or done[-1].status == "Creating":
        way.append(Phase("Deleting", DRAIN_S, old=1.0, new=new, traffic=0.0, moved=max(new, done[-1].moved)))
    return (*done, *way)
