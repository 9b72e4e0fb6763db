"""Scheduled actions: at their time they set a target's bounds, and its capacity is moved into them."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from console.world.autoscaling import schedule

if TYPE_CHECKING:
    from console.world.autoscaling.targets import Key
    from console.world.world import Region


@dataclass(slots=True)
class ScheduledAction:
    key: Key
    name: str
    request: dict[str, Any]
    arn: str
    created: float
    plan: schedule.Schedule

    def next(self, moment: float) -> float | None:
        """The next run, in epoch seconds: only within [StartTime, EndTime]."""
        found = self.plan.after(max(moment, self.request.get("StartTime", -math.inf) - 1e-3))
        return None if found is None or found > self.request.get("EndTime", math.inf) else found


class ScheduledActions:
    """Those of one region."""

    def __init__(self, region: Region) -> None:
        self._region = region
        self._items: dict[tuple[Key, str], ScheduledAction] = {}

    def of(self, key: Key) -> list[ScheduledAction]:
        return [action for (owner, _), action in sorted(self._items.items()) if owner == key]

    def all(self) -> list[ScheduledAction]:
        return [self._items[at] for at in sorted(self._items)]

    def get(self, key: Key, name: str) -> ScheduledAction | None:
        return self._items.get((key, name))

    def put(self, key: Key, name: str, request: dict[str, Any], zone: dt.tzinfo) -> ScheduledAction:
        """`request`: the members that are kept. Raises ValidationException for a schedule that is none."""
        now, old = self._region.world.now, self._items.get((key, name))
        created = old.created if old else now
        plan = schedule.read(request["Schedule"], zone, request.get("StartTime", now))
        action = ScheduledAction(key, name, request, self._arn(key, name), created, plan)
        self._items[key, name] = action
        self._await(action, now)
        return action

    def delete(self, action: ScheduledAction) -> None:
        del self._items[action.key, action.name]

    def forget(self, key: Key) -> None:
        for action in self.of(key):
            self.delete(action)

    def _await(self, action: ScheduledAction, now: float) -> None:
        due = action.next(now)
        if due is not None:
            self._region.world.agenda.at(due, lambda _: self._run(action, due))

    def _run(self, action: ScheduledAction, due: float) -> None:
        from console.world.autoscaling.scaling import Scaling  # which itself asks for the targets

        if self._items.get((action.key, action.name)) is not action:
            return  # deleted, or put anew
        # A world that slept runs once what was due often meanwhile.
        self._await(action, max(due, self._region.world.clock.now()))
        self._region.of(Scaling).run(action)

    def _arn(self, key: Key, name: str) -> str:
        stem = hashlib.sha256("/".join(key).encode()).hexdigest()[:32]
        return self._region.arn(
            f"scheduledAction:{stem}:resource/sagemaker/{key.resource}:scheduledActionName/{name}",
            service="autoscaling",
        )
