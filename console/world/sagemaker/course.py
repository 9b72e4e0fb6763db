"""The course of a change to an endpoint: its phases, how it ends, and why. Pure, as `deployment` is."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from console.world.sagemaker.deployment import (
    DRAIN_S,
    PLAIN,
    Ending,
    Phase,
    Phases,
    Policy,
    at,
    cut,
    length_s,
    reverted,
    rollout,
)

PING_S = 24 * 60.0
"""Until a container that never answers /ping is given up (field reports: 24-30 minutes; facts sagemaker 2.5)."""
WEIGHTS_S = 30.0
NO_CAPACITY = (
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. Please retry using a "
    "different ML instance type or after some time."
)
"""FailureReason where AWS has no such instances left (facts: sagemaker 5.9)."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why instances of a config never come up: the last fleet (or batch) that is launched is given up."""

    reason: str | None
    """FailureReason; None reverts without a word, as the field has seen (terraform-provider-aws #48997)."""
    after_s: float = PING_S
    way_back_fails: bool = False
    """For a rolling deployment: the roll back fails as well, and the fleets stay mixed."""


@dataclass(frozen=True, slots=True)
class Course:
    phases: Phases
    ending: Ending = Ending.DONE
    reason: str | None = None
    policy: Policy = PLAIN
    launch_s: float = 0.0

    @property
    def length_s(self) -> float:
        return length_s(self.phases)

    def at(self, elapsed_s: float) -> tuple[Phase, float]:
        """The phase at that second and the second it began."""
        index, began_s = at(self.phases, elapsed_s)
        return self.phases[index], began_s

    def next_boundary(self, elapsed_s: float) -> float:
        """The second when the phase after this one begins, or the course ends."""
        phase, began_s = self.at(elapsed_s)
        return began_s + phase.lasts_s

    def turned_back(self, elapsed_s: float, reason: str | None) -> Course:
        """The same, given up at that second."""
        phases = reverted(self.phases, elapsed_s, self.policy, self.launch_s)
        return replace(self, phases=phases, ending=Ending.REVERTED, reason=reason)


def update(policy: Policy, instances: int, launch_s: float, trouble: Trouble | None = None) -> Course:
    """UpdateEndpoint. `instances` is the new fleet's largest variant. MaximumExecutionTimeout cuts what is longer."""
    course = Course(rollout(policy, instances, launch_s), policy=policy, launch_s=launch_s)
    fails_s, reason = math.inf, None
    if trouble:
        stuck = max(index for index, phase in enumerate(course.phases) if phase.status == "Creating")
        fails_s, reason = length_s(course.phases[:stuck]) + trouble.after_s, trouble.reason
        stalled = replace(course.phases[stuck], lasts_s=trouble.after_s)
        course = replace(course, phases=(*course.phases[:stuck], stalled))
    if min(course.length_s, fails_s) > policy.timeout_s:
        fails_s, trouble = policy.timeout_s, None
        reason = f"Deployment exceeded MaximumExecutionTimeoutInSeconds ({policy.timeout_s:.0f})."
    if math.isinf(fails_s):
        return course
    if trouble and trouble.way_back_fails and course.phases[-1].new > 0:
        return replace(course, phases=cut(course.phases, fails_s), ending=Ending.MIXED, reason=reason)
    return course.turned_back(fails_s, reason)


def create(launch_s: float, trouble: Trouble | None = None) -> Course:
    launch = Phase("Creating", trouble.after_s if trouble else launch_s, old=0.0, endpoint="Creating")
    ending, reason = (Ending.FAILED, trouble.reason) if trouble else (Ending.DONE, None)
    return Course((launch,), ending, reason, launch_s=launch_s)


def scale(lasts_s: float, trouble: Trouble | None = None) -> Course:
    """UpdateEndpointWeightsAndCapacities. When it fails the endpoint is RollingBack, then as it was."""
    if trouble is None:
        return Course((Phase("Updating", lasts_s),))
    back = Phase("Updating", DRAIN_S, endpoint="RollingBack")
    return Course((Phase("Updating", trouble.after_s), back), Ending.REVERTED, trouble.reason)


def maintenance(lasts_s: float) -> Course:
    """AWS' own work: nothing of the customer's changes."""
    return Course((Phase("Updating", lasts_s, endpoint="SystemUpdating"),))


def deletion() -> Course:
    return Course((Phase("Deleting", DRAIN_S, side="old", endpoint="Deleting"),))
