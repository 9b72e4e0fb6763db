"""The alarms of a region: their state over time, what follows a change of state, and when each is evaluated."""

from __future__ import annotations

import datetime as dt
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from console.world.cloudwatch import composite, watching
from console.world.cloudwatch.evaluation import State
from console.world.cloudwatch.history import VERSION, History
from console.world.cloudwatch.mute import MuteRule
from console.world.cloudwatch.series import Metrics
from console.world.errors import AwsError

if TYPE_CHECKING:
    from console.world.world import Region

INTERVAL_S, LEAST_INTERVAL_S = 60.0, 5.0
"""Modelled seconds between two evaluations of an alarm, and the least in wall seconds."""
UNCHECKED = "Unchecked: Initial alarm creation"
CATCH_UP_S = 1800.0
"""A world that slept longer than this evaluates only the rest of the time: a laptop that was shut over night must not
evaluate for minutes."""
_ACTIONS: dict[State, str] = {
    "ALARM": "AlarmActions",
    "OK": "OKActions",
    "INSUFFICIENT_DATA": "InsufficientDataActions",
}


@dataclass(slots=True)
class Alarm:
    type: Literal["MetricAlarm", "CompositeAlarm"]
    request: dict[str, Any]
    """As it was put, with defaults."""
    arn: str
    configured: float
    """Epoch seconds, as all times here."""
    state: State = "INSUFFICIENT_DATA"
    reason: str = UNCHECKED
    reason_data: str | None = None
    updated: float = 0.0
    transitioned: float = 0.0
    held: bool = False
    """Whether its state was set by a deed of the world and is not evaluated until it is released."""
    rule: composite.Rule | None = None

    @property
    def name(self) -> str:
        return str(self.request["AlarmName"])

    def shown(self) -> dict[str, Any]:
        """A MetricAlarm or CompositeAlarm of DescribeAlarms."""
        kept = {name: value for name, value in self.request.items() if name != "Tags"}
        return kept | {
            "AlarmArn": self.arn,
            "AlarmConfigurationUpdatedTimestamp": self.configured,
            "StateValue": self.state,
            "StateReason": self.reason,
            "StateReasonData": self.reason_data,
            "StateUpdatedTimestamp": self.updated,
            "StateTransitionedTimestamp": self.transitioned,
        }


@dataclass(slots=True)
class _Told:
    """A state as history tells it."""

    alarm: Alarm
    state: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        data = self.alarm.reason_data
        self.state = {"stateValue": self.alarm.state, "stateReason": self.alarm.reason}
        if data:
            try:
                self.state["stateReasonData"] = json.loads(data)
            except ValueError:
                self.state["stateReasonData"] = data


class Alarms:
    """`region.of(Alarms)`."""

    def __init__(self, region: Region) -> None:
        self._region = region
        self._world = region.world
        self._items: dict[str, Alarm] = {}
        self._next: dict[str, int] = {}
        """By name: handle of the next evaluation in the agenda."""
        self.history = History()
        self.mutes: dict[str, MuteRule] = {}
        self.on_change: list[Callable[[Alarm], None]] = []
        """Called after an alarm has moved to another state: guardrails and scaling policies."""

    def __iter__(self) -> Iterator[Alarm]:
        """By name."""
        return iter(sorted(self._items.values(), key=lambda alarm: alarm.name))

    def __contains__(self, name: str) -> bool:
        return name in self._items

    def get(self, name: str) -> Alarm:
        """Raises ResourceNotFound."""
        found = self._items.get(name)
        if found is None:
            raise AwsError("ResourceNotFound", f"Alarm {name} does not exist", 404)
        return found

    def in_alarm(self) -> set[str]:
        """Names. INSUFFICIENT_DATA is not ALARM (facts: sagemaker 2.8)."""
        return {alarm.name for alarm in self._items.values() if alarm.state == "ALARM"}

    def put(
        self,
        type_: Literal["MetricAlarm", "CompositeAlarm"],
        request: dict[str, Any],
        *,
        fine_since: float | None = None,
    ) -> Alarm:
        """Creates an alarm, or overwrites its configuration and leaves its state. The request is checked already.
        `fine_since`: it has been there, and OK, from that moment on, and its history begins later."""
        now, name = self._world.now, request["AlarmName"]
        old = self._items.get(name)
        if old is not None and old.type != type_:
            raise AwsError("ValidationError", f"An alarm named {name} of another type exists already.")
        rule = composite.parse(request["AlarmRule"]) if type_ == "CompositeAlarm" else None
        if old is None:
            arn = self._region.arn(f"alarm:{name}", service="cloudwatch")
            since = now if fine_since is None else fine_since
            alarm = Alarm(type_, request, arn, since, updated=since, transitioned=since, rule=rule)
            self._items[name] = alarm
            if fine_since is None:
                told = {"type": "Create", "createdAlarm": request}
                self.history.add(now, name, type_, "ConfigurationUpdate", f'Alarm "{name}" created', **told)
            else:
                alarm.state = "OK"
            if rule is None:
                self._schedule(alarm, first=True)
        else:
            alarm, old.request, old.configured, old.rule = old, request, now, rule
            self.history.add(
                now, name, type_, "ConfigurationUpdate", f'Alarm "{name}" updated', type="Update", updatedAlarm=request
            )
        if rule is not None:
            self._judge_composite(alarm, None)
        return alarm

    def delete(self, name: str) -> None:
        alarm = self._items.pop(name)
        self._next.pop(name, None)
        self.history.add(
            self._world.now,
            name,
            alarm.type,
            "ConfigurationUpdate",
            f'Alarm "{name}" deleted',
            type="Delete",
            deletedAlarm=alarm.request,
        )

    def hold(self, name: str, state: State, reason: str) -> None:
        """A deed of the world: the state stays until `release`, or SetAlarmState, whatever the metrics say."""
        self.set(name, state, reason)
        self._items[name].held = True

    def release(self, name: str, state: State, reason: str) -> None:
        """From now on evaluated again."""
        self.set(name, state, reason)

    def set(self, name: str, state: State, reason: str, data: str | None = None) -> None:
        """SetAlarmState: until the next evaluation finds otherwise."""
        alarm = self.get(name)
        alarm.held = False
        self._move(alarm, state, reason, data)

    def mutes_of(self, alarm: Alarm) -> list[MuteRule]:
        """Mute rules whose window is open now."""
        now = self._world.now
        return [rule for rule in self.mutes.values() if alarm.name in rule.alarms and rule.window(now) is not None]

    def _schedule(self, alarm: Alarm, *, first: bool = False) -> None:
        if not self._world.evaluate:
            return
        now = self._world.now
        every_s = max(LEAST_INTERVAL_S, self._world.clock.real(INTERVAL_S))
        due = now + every_s
        if first:  # each at its own moment, so that a thousand do not come at once
            due = now + every_s * (zlib.crc32(alarm.name.encode()) % 1000) / 1000
        due = max(due, self._world.clock.now() - CATCH_UP_S)
        self._next[alarm.name] = self._world.agenda.at(due, lambda _: self._evaluate(alarm))

    def look_back(self, name: str, since: float) -> None:
        """Evaluated from `since` (epoch seconds, at most CATCH_UP_S ago) on, as if the world had run then: what went
        wrong before an incident was played has been noticed, and scaling policies have done what they do."""
        if not self._world.evaluate or self.get(name).type == "CompositeAlarm":
            return
        self._world.agenda.cancel(self._next[name])
        alarm, spread_s = self.get(name), zlib.crc32(name.encode()) % 1000 / 1000 * self._world.clock.real(INTERVAL_S)
        self._next[name] = self._world.agenda.at(since + spread_s, lambda _: self._evaluate(alarm))

    def _evaluate(self, alarm: Alarm) -> None:
        if self._items.get(alarm.name) is not alarm:
            return  # deleted, and perhaps made anew
        self._schedule(alarm)
        if alarm.held:
            return
        found = watching.evaluate(self._region.of(Metrics), alarm.request, alarm.state, self._world.now)
        if found is None:
            return
        if found.state != alarm.state:
            self._move(alarm, found.state, found.reason, found.data)
        elif alarm.reason == UNCHECKED:
            alarm.reason, alarm.reason_data = found.reason, found.data

    def _move(self, alarm: Alarm, state: State, reason: str, data: str | None) -> None:
        now, before = self._world.now, _Told(alarm).state
        changed = state != alarm.state
        alarm.state, alarm.reason, alarm.reason_data, alarm.updated = state, reason, data, now
        if not changed:
            return
        alarm.transitioned = now
        summary = f"Alarm updated from {before['stateValue']} to {state}"
        self.history.add(
            now, alarm.name, alarm.type, "StateUpdate", summary, oldState=before, newState=_Told(alarm).state
        )
        self._act(alarm)
        for tell in self.on_change:
            tell(alarm)
        for other in list(self._items.values()):
            if other.rule is not None and alarm.name in other.rule.children:
                self._judge_composite(other, alarm)

    def _act(self, alarm: Alarm) -> None:
        """Nothing in this world listens to SNS: what AWS would have done is in the history. What was muted is done when
        the window closes, if the alarm is still in that state."""
        if not alarm.request.get("ActionsEnabled", True):
            return
        now, muted = self._world.now, self.mutes_of(alarm)
        suppressor = alarm.request.get("ActionsSuppressor", "")
        suppressed = suppressor.rpartition(":alarm:")[2] in self.in_alarm()
        actions = alarm.request.get(_ACTIONS[alarm.state], ())
        for action in actions:
            if muted:
                state = "Muted"
                names = ", ".join(rule.name for rule in muted)
                summary = f"Action {action} not executed: muted by alarm mute rule {names}"
            elif suppressed:
                state, summary = "Suppressed", f"Action {action} not executed: suppressed by {suppressor}"
            else:
                state, summary = "Succeeded", f"Successfully executed action {action}"
            told = {"actionState": state, "notificationResource": action}
            self.history.add(now, alarm.name, alarm.type, "Action", summary, **told)
        if muted and actions:
            since = alarm.transitioned
            windows = [window for rule in muted if (window := rule.window(now))]
            self._world.agenda.at(max(until for _, until in windows), lambda _: self._act_late(alarm, since))

    def _act_late(self, alarm: Alarm, since: float) -> None:
        if self._items.get(alarm.name) is alarm and alarm.transitioned == since:
            self._act(alarm)

    def _judge_composite(self, alarm: Alarm, by: Alarm | None) -> None:
        assert alarm.rule is not None
        if alarm.held or (by is alarm):
            return
        states = {one.name: one.state for one in self._items.values()}
        state: State = "ALARM" if alarm.rule.holds(states.get) else "OK"
        if state == alarm.state:
            return
        day = dt.datetime.fromtimestamp(self._world.now, dt.UTC).strftime("%A %d %B, %Y %H:%M:%S UTC")
        reason = f"{alarm.arn} was created and its alarm rule evaluates to {state}"
        data = None
        if by is not None:
            reason = f"{by.arn} transitioned to {by.state} at {day}"
            child = {"arn": by.arn, "state": {"value": by.state, "timestamp": watching.stamp(self._world.now)}}
            data = json.dumps({"version": VERSION, "triggeringAlarms": [child]})
        self._move(alarm, state, reason, data)
