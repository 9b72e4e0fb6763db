"""Scaling itself: from alarms in ALARM to a change of capacity, and what came of it.

An alarm triggers its policies when it moves to ALARM and once a minute while it stays there. What is decided is
`decisions`; here it meets the clock, the endpoint that may be busy, and the quota.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.world.autoscaling import activities, capacity, decisions
from console.world.autoscaling.activities import Activities, Activity
from console.world.autoscaling.capacity import Capacity
from console.world.autoscaling.decisions import Code, NotScaled, Wish
from console.world.autoscaling.policies import TRACKING, Policies, Policy
from console.world.autoscaling.targets import Key, ScalableTargets, Target
from console.world.autoscaling.tracking import HIGH, LOW
from console.world.cloudwatch import watching
from console.world.cloudwatch.alarms import CATCH_UP_S, LEAST_INTERVAL_S, Alarm, Alarms
from console.world.cloudwatch.series import Metrics
from console.world.errors import AwsError
from console.world.sagemaker.components import Component, InferenceComponents
from console.world.sagemaker.endpoints import Endpoint, Endpoints

if TYPE_CHECKING:
    from console.world.autoscaling.scheduled import ScheduledAction
    from console.world.world import Region

AGAIN_S = 60.0
REST_S = 300.0
"""After an attempt that failed, in modelled seconds."""


@dataclass(slots=True)
class _Move:
    """The last change that a policy, or a change of the bounds, brought about."""

    before: int
    after: int
    activity: Activity
    policy: str

    @property
    def out(self) -> bool:
        return self.after > self.before


class Scaling:
    """`region.of(Scaling)`."""

    def __init__(self, region: Region) -> None:
        self._region = region
        self._world = region.world
        self._running: dict[Key, _Move] = {}
        self._moves: dict[tuple[Key, str], _Move] = {}
        self._rests_until: dict[Key, float] = {}
        self._told: dict[Key, NotScaled] = {}
        """Why nothing was done the last time: only another reason is told."""
        self._unbounded: dict[Key, str] = {}
        """Bounds that changed while SageMaker was busy, by Cause."""
        self._ticking: set[Key] = set()
        region.of(Alarms).on_change.append(self._alarm_moved)
        region.of(Endpoints).on_settled.append(self._endpoint_settled)
        region.of(InferenceComponents).on_settled.append(self._component_settled)

    def is_running(self, key: Key) -> bool:
        return key in self._running

    def bounds_changed(self, key: Key, cause: str | None = None) -> None:
        """Moves the current capacity into the bounds; when SageMaker is busy, as soon as it is not."""
        target, now = self._region.of(ScalableTargets).get(key), capacity.read(self._region, key)
        self._unbounded.pop(key, None)
        if target is None or now is None:
            return
        wanted = target.bounded(now.desired)
        if wanted == now.desired:
            return
        which, bound = ("minimum", target.low) if wanted > now.desired else ("maximum", target.high)
        cause = cause or f"{which} capacity was set to {bound}"
        if now.busy:
            self._unbounded[key] = cause
        else:
            self._change(key, now.desired, wanted, cause, "")

    def run(self, action: ScheduledAction) -> None:
        """A scheduled action's time has come."""
        target = self._region.of(ScalableTargets).get(action.key)
        if target is None or target.suspended.get("ScheduledScalingSuspended"):
            return
        wanted = action.request["ScalableTargetAction"]
        low, high = wanted.get("MinCapacity", target.low), wanted.get("MaxCapacity", target.high)
        parts = [f"{word} capacity to {wanted[name]}" for word, name in _BOUNDS if name in wanted]
        what, cause = " and ".join(parts), f"scheduled action name {action.name} was triggered"
        told = Activity(action.key, f"Setting {what}", cause, self._world.now, self._world.now, "Successful")
        self._region.of(Activities).add(told)
        if low > high:
            told.status = "Failed"
            told.message = f"Failed to set {what}. Reason: Maximum capacity cannot be less than minimum capacity."
            return
        told.message = f"Successfully set {what}"
        target.low, target.high = low, high
        self.bounds_changed(action.key)

    def _alarm_moved(self, alarm: Alarm) -> None:
        if alarm.state != "ALARM":
            return
        for action in alarm.request.get("AlarmActions", ()):
            policy = self._region.of(Policies).by_action(action)
            if policy is not None and self._consider(policy.key):
                self._again(policy.key)

    def _again(self, key: Key) -> None:
        if key in self._ticking:
            return
        self._ticking.add(key)
        due = self._world.now + max(LEAST_INTERVAL_S, self._world.clock.real(AGAIN_S))
        self._world.agenda.at(max(due, self._world.clock.now() - CATCH_UP_S), lambda _: self._tick(key))

    def _tick(self, key: Key) -> None:
        self._ticking.discard(key)
        if self._consider(key):
            self._again(key)

    def _consider(self, key: Key) -> bool:
        """Whether an alarm of one of its policies is in ALARM: then it is looked at again in a minute."""
        target, now = self._region.of(ScalableTargets).get(key), capacity.read(self._region, key)
        policies = self._region.of(Policies).of(key)
        alarms = {policy.name: self._region.of(Policies).alarms(policy) for policy in policies}
        red = {name: [one for one in all_ if one.state == "ALARM"] for name, all_ in alarms.items()}
        if target is None or now is None or not any(red.values()):
            return False
        red = {name: [one for one in all_ if self._triggers(one)] for name, all_ in red.items()}
        if key in self._running or self._world.now < self._rests_until.get(key, 0.0):
            return True
        wishes = [
            wish
            for policy in policies
            for alarm in red[policy.name]
            for wish in self._wishes(target, now, policy, alarm)
        ]
        ready = all(
            any(_is(alarm, policy, LOW) for alarm in red[policy.name])
            for policy in policies
            if policy.type == TRACKING and policy.scales_in
        )
        wish = decisions.choose(wishes, now.desired, ready=ready)
        if wish is not None:
            self._grant(target, now, wish)
        return True

    def _triggers(self, alarm: Alarm) -> bool:
        """Muted, or without actions, it triggers nothing."""
        return bool(alarm.request.get("ActionsEnabled", True)) and not self._region.of(Alarms).mutes_of(alarm)

    def _wishes(self, target: Target, now: Capacity, policy: Policy, alarm: Alarm) -> Iterator[Wish]:
        """None while suspended, in a cooldown, or without data."""
        tracking = policy.type == TRACKING
        points = [
            point.value for point in watching.datapoints(self._region.of(Metrics), alarm.request, self._world.now)
        ]
        if not points:
            return
        base = self._base(target.key, policy, now)
        reason: Code | None = None
        if tracking and _is(alarm, policy, HIGH):
            wanted = max(now.desired, decisions.track_out(base, points[-1] / policy.config["TargetValue"]))
        elif tracking:
            if not policy.scales_in:
                return
            wanted = decisions.track_in(now.desired, max(points) / policy.config["TargetValue"])
            reason = "AutoScalingAnticipatedFlapping" if wanted == now.desired else None
        else:
            newest = points[-int(alarm.request["EvaluationPeriods"]) :]
            value = decisions.aggregate(newest, policy.config.get("MetricAggregationType", "Average"))
            found = decisions.step(policy.config, base, value - float(alarm.request["Threshold"]))
            if found is None:
                return
            # While a scale-out takes effect, the same step counts it in and wants no more.
            wanted = max(found, now.desired) if base < now.desired and found > base else found
        low_side = wanted < now.desired or reason is not None
        member = "DynamicScalingInSuspended" if low_side else "DynamicScalingOutSuspended"
        if target.suspended.get(member) or (low_side and self._is_cooling(target.key, policy)):
            return
        if wanted == now.desired and base < now.desired:
            return  # what it wants has been done, and takes effect
        yield Wish(wanted, policy.name, alarm.name, tracking, reason)

    def _base(self, key: Key, policy: Policy, now: Capacity) -> int:
        """The capacity that a scale-out counts from: within its cooldown, that before the last one."""
        last = self._moves.get((key, policy.name))
        if last is None or not last.out or last.activity.status != "Successful" or last.after != now.desired:
            return now.serving
        return last.before if self._since(last) < policy.cooldown_s(out=True) else now.serving

    def _is_cooling(self, key: Key, policy: Policy) -> bool:
        last = self._moves.get((key, policy.name))
        return last is not None and not last.out and self._since(last) < policy.cooldown_s(out=False)

    def _since(self, move: _Move) -> float:
        """Modelled seconds."""
        return self._world.clock.modelled(self._world.now - (move.activity.ended or self._world.now))

    def _grant(self, target: Target, now: Capacity, wish: Wish) -> None:
        key, cause = target.key, activities.by_alarm(wish.alarm, wish.policy)
        reason = decisions.blocked(wish, now.desired, target.low, target.high)
        if reason is None and now.busy:
            reason = NotScaled("TargetServicePutResourceAsUnscalable", {"CurrentCapacity": now.desired})
        if reason is None:
            self._change(key, now.desired, target.bounded(wish.capacity), cause, wish.policy)
        elif self._told.get(key) != reason:
            self._told[key] = reason
            failed = Activity(key, activities.ATTEMPT, cause, self._world.now, status="Failed", not_scaled=reason)
            self._region.of(Activities).add(failed)

    def _change(self, key: Key, before: int, after: int, cause: str, policy: str) -> None:
        activity = self._region.of(Activities).add(Activity.to(key, after, cause, self._world.now))
        self._told.pop(key, None)
        move = _Move(before, after, activity, policy)
        self._running[key] = move
        try:
            capacity.change(self._region, key, after)
        except AwsError as error:
            del self._running[key]
            self._fail(move, _reason(error, activity))
        else:
            activity.status = "InProgress"
            activity.message = (
                f"Successfully set {activities.noun(key)} to {after}. Waiting for change to be fulfilled by sagemaker."
            )

    def _fail(self, move: _Move, reason: str) -> None:
        activity = move.activity
        activity.status, activity.ended = "Failed", self._world.now
        activity.message = f"Failed to set {activities.noun(activity.key)} to {move.after}. Reason: {reason}"
        self._rests_until[activity.key] = self._world.now + self._world.clock.real(REST_S)

    def _endpoint_settled(self, endpoint: Endpoint) -> None:
        keys = [target.key for target in self._region.of(ScalableTargets).of_endpoint(endpoint.name)]
        self._settled(keys, endpoint.reason)

    def _component_settled(self, component: Component) -> None:
        keys = [key for key in {**self._running, **self._unbounded} if not key.endpoint and key.name == component.name]
        self._settled(keys, component.reason)

    def _settled(self, keys: list[Key], reason: str | None) -> None:
        for key in keys:
            move, now = self._running.pop(key, None), capacity.read(self._region, key)
            if move is not None and now is not None:
                self._conclude(move, now, reason)
            if key in self._unbounded:
                self.bounds_changed(key, self._unbounded[key])

    def _conclude(self, move: _Move, now: Capacity, reason: str | None) -> None:
        activity = move.activity
        if now.serving == move.after:
            activity.fulfil(move.after, self._world.now)
            if move.policy:
                self._moves[activity.key, move.policy] = move
            return
        # AWS' words for it are not known; the reason is the endpoint's FailureReason.
        activity.status, activity.ended = "Unfulfilled", self._world.now
        why = f" Reason: {reason}" if reason else ""
        activity.message = (
            f"Successfully set {activities.noun(activity.key)} to {move.after}. "
            f"Change could not be fulfilled by sagemaker.{why}"
        )
        self._rests_until[activity.key] = self._world.now + self._world.clock.real(REST_S)


_BOUNDS = (("min", "MinCapacity"), ("max", "MaxCapacity"))


def _is(alarm: Alarm, policy: Policy, side: str) -> bool:
    return alarm.name in policy.own_alarms and f"-{side}-" in alarm.name


def _reason(error: AwsError, activity: Activity) -> str:
    tail = (
        f"(Service: AmazonSageMaker; Status Code: {error.status}; Error Code: {error.code}; Request ID: {activity.id})"
    )
    return f"{error.message} {tail}."
