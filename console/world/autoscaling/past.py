"""Scaling before the world began: what target tracking did in the last weeks with the demand of each day.

Pure, and told only when somebody asks; the same for the same endpoint and moment.
"""

from __future__ import annotations

import bisect
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from console.world.autoscaling import decisions
from console.world.autoscaling.activities import ATTEMPT, KEPT_S, Activity, by_alarm
from console.world.autoscaling.decisions import MARGIN, NotScaled, Wish
from console.world.autoscaling.targets import Key
from console.world.autoscaling.tracking import HIGH, LOW, LOW_SHARE
from console.world.traffic import demand
from console.world.traffic.demand import Workload
from console.world.traffic.noise import Floats

PACE_S = 300
"""Between two looks at the demand: as long as three datapoints and their arrival take."""
COOLDOWN_S = 300.0
IN_S = 60.0
"""Until instances are gone."""
_PLATEAU_S = 7200.0
_SETTLED_S = 2400.0


@dataclass(frozen=True, slots=True)
class Tracked:
    """A variant and the policy it is under."""

    key: Key
    share: float
    """Of the endpoint's requests."""
    low: int
    high: int
    final: int
    """Instances when the world begins."""
    target: float
    """Invocations per instance and minute."""
    policy: str
    alarms: dict[str, str]
    """Names by side."""


@dataclass(frozen=True, slots=True)
class Step:
    at: float
    ended: float
    """Epoch seconds; from then on `after` serve."""
    key: Key
    before: int
    after: int
    side: str


@dataclass(frozen=True, slots=True)
class Refusal:
    at: float
    key: Key
    side: str
    reason: NotScaled


@dataclass(slots=True)
class _State:
    count: int
    cools_until: dict[str, float] = field(default_factory=dict)
    told: NotScaled | None = None


def target_for(work: Workload, share: float, instances: int, now: float) -> float:
    """A target with which so many instances are right at this hour, to three digits."""
    around = now + np.linspace(-_PLATEAU_S, _PLATEAU_S, 5)
    per_instance = 60.0 * float(demand.rate(work, around).mean()) * share / max(1, instances)
    # One instance less would be too few, and one more too many.
    ratio = max(0.80, 1.04 * (instances - 1) / max(1, instances))
    return float(f"{per_instance / ratio:.3g}")


@dataclass
class ScalingPast:
    """Of one endpoint."""

    work: Workload
    tracked: Sequence[Tracked]
    begins: float
    now: float
    launch_s: float
    blocked: Sequence[tuple[float, float]]
    """Deployments: while one runs nothing is scaled."""

    @cached_property
    def _told(self) -> tuple[list[Step], list[Refusal], dict[Key, int]]:
        begins = max(self.begins, self.now - KEPT_S - 86400.0)
        times = np.arange(begins, self.now, PACE_S)
        rates = demand.rate(self.work, times) if len(times) else times
        high15 = np.maximum.reduce([rates, np.roll(rates, 1), np.roll(rates, 2)]) if len(times) else times
        first = {one.key: self._fitting(one, rates) for one in self.tracked}
        states = {one.key: _State(first[one.key]) for one in self.tracked}
        steps: list[Step] = []
        refusals: list[Refusal] = []
        free = begins
        for at, rate, most in zip(times.tolist(), rates.tolist(), high15.tolist(), strict=True):
            if at < free or any(begin <= at + PACE_S and at < end for begin, end in self.blocked):
                continue
            for one in self.tracked:
                found = self._look(one, states[one.key], at, 60.0 * rate * one.share, 60.0 * most * one.share)
                if isinstance(found, Step):
                    steps.append(found)
                    free = found.ended + 1.0
                    break  # the endpoint is busy with it
                if found is not None:
                    refusals.append(found)
        steps.extend(self._last(states, free))
        return steps, refusals, first

    def _fitting(self, one: Tracked, rates: Floats) -> int:
        if not len(rates):
            return one.final
        fits = decisions.track_out(1, 60.0 * float(rates[0]) * one.share / one.target / MARGIN)
        return max(one.low, min(one.high, fits))

    def _look(self, one: Tracked, state: _State, at: float, calls: float, most: float) -> Step | Refusal | None:
        """`calls` of this minute and the `most` of the last quarter of an hour, both for all instances."""
        count = state.count
        ratio, highest = calls / one.target / count, most / one.target / count
        if ratio > 1.0:
            side, wanted = HIGH, decisions.track_out(count, ratio)
        elif highest < LOW_SHARE:
            side, wanted = LOW, decisions.track_in(count, highest)
        else:
            return None
        if at < state.cools_until.get(side, 0.0):
            return None
        flapping = wanted == count
        wish = Wish(wanted, one.policy, one.alarms[side], reason="AutoScalingAnticipatedFlapping" if flapping else None)
        moment = at + zlib.crc32(f"{one.key}{at}".encode()) % 240000 / 1000
        reason = decisions.blocked(wish, count, one.low, one.high)
        if reason is not None:
            told, state.told = state.told, reason
            return Refusal(moment, one.key, side, reason) if reason != told and moment < self.now else None
        after = max(one.low, min(one.high, wanted))
        step = self._step(one, state, moment, after, side)
        return step if step.ended < self.now else None

    def _step(self, one: Tracked, state: _State, at: float, after: int, side: str) -> Step:
        lasts_s = self.launch_s if after > state.count else IN_S
        step = Step(
            round(at, 3), round(at + lasts_s + zlib.crc32(f"{at}".encode()) % 41, 3), one.key, state.count, after, side
        )
        if step.ended < self.now:
            state.count, state.told = after, None
            state.cools_until[side] = step.ended + COOLDOWN_S
        return step

    def _last(self, states: dict[Key, _State], free: float) -> Iterator[Step]:
        """What is left to come to the instances that serve now."""
        for one in self.tracked:
            state = states[one.key]
            if state.count != one.final:
                at = max(free, self.now - _SETTLED_S)
                at = min(at, self.now - self.launch_s - 60.0)
                step = self._step(one, state, at, one.final, HIGH if one.final > state.count else LOW)
                free = step.ended + 1.0
                yield step

    def changes(self) -> list[float]:
        """When another number of instances began to serve."""
        return [step.ended for step in self._told[0]]

    def counts(self, moment: float) -> dict[str, int]:
        """Instances that serve, by variant."""
        steps, _, first = self._told
        found = {key.name: count for key, count in first.items()}
        for step in steps[: bisect.bisect_right(steps, moment, key=lambda one: one.ended)]:
            found[step.key.name] = step.after
        return found

    def activities(self, key: Key) -> list[Activity]:
        """Of one variant."""
        (one,) = (one for one in self.tracked if one.key == key)
        steps, refusals, _ = self._told
        found = []
        for step in (step for step in steps if step.key == key):
            cause = by_alarm(one.alarms[step.side], one.policy)
            activity = Activity.to(step.key, step.after, cause, step.at)
            activity.fulfil(step.after, step.ended)
            found.append(activity)
        for no in (no for no in refusals if no.key == key):
            cause = by_alarm(one.alarms[no.side], one.policy)
            found.append(Activity(no.key, ATTEMPT, cause, round(no.at, 3), status="Failed", not_scaled=no.reason))
        return found
