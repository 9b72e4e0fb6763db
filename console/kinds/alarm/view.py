"""An alarm with what the ledger knows around it: what it guards, who mutes it, what it cannot see."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from console.clock import MINUTE, Millis, clock_time, iso
from console.kinds.alarm.record import Alarm, Mute
from console.kinds.alarm.sight import EndpointSeen, limits
from console.kinds.alarm.words import threshold
from console.kinds.base import Sign, Verdict
from console.kinds.reading import decode
from console.kinds.vitals.reading import pulses
from console.kinds.vitals.record import Pulse

if TYPE_CHECKING:
    from console.kinds.scaling.view import ScalingView
    from console.ledger.snapshot import Snapshot

SCALES_WITHIN = 15 * MINUTE
"""How long load may be above a scaling target before somebody should look: launching takes 5 to 10 minutes."""

FIRST_LOOK = 5 * MINUTE
"""An alarm that was made so lately may simply not have been evaluated yet."""

UNEXPLAINED = "at its maximum, or scaling fails?"
"""Why a sensor stays red, where its scalable target does not tell."""


class AlarmView(msgspec.Struct, frozen=True, kw_only=True):
    """One row. `endpoints` are those that it is about, by dimensions, math or children; `guards` those whose
    deployments it reverts."""

    alarm: Alarm
    observed_at: Millis
    verdict: Verdict
    endpoints: tuple[str, ...] = ()
    guards: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    mutes: tuple[Mute, ...] = ()
    undescribed: tuple[str, ...] = ()
    """Endpoints it is about whose deployment policy was not read yet: whether it guards them is not known."""

    @property
    def name(self) -> str:
        return self.alarm.name

    @property
    def arn(self) -> str:
        return self.alarm.arn

    @property
    def sign(self) -> Sign:
        return self.verdict.sign

    @property
    def muted_until(self) -> Millis | None:
        """The last known end of what mutes it now; None also where a recurring rule does not tell."""
        return self.mutes[0].until if self.mutes else None

    def to_json(self) -> dict[str, Any]:
        a = self.alarm
        return {
            "name": a.name,
            "arn": a.arn,
            "type": "composite" if a.composite else "metric",
            "state": a.state,
            "sign": self.verdict.sign.value,
            "what": self.verdict.words,
            "since": iso(a.since) if a.since else None,
            "reason": a.reason or None,
            "threshold": threshold(a),
            "metrics": [
                {"namespace": m.namespace, "metric": m.name, "stat": m.stat, "dimensions": m.dimensions}
                for m in a.metrics
            ],
            "children": a.children,
            "parents": self.parents,
            "endpoints": self.endpoints,
            "guards": self.guards,
            "scaling": a.scaling or None,
            "actions_enabled": a.enabled,
            "actions": a.actions,
            "muted": bool(self.mutes) if a.mutes is not None else None,
            "muted_until": iso(self.muted_until) if self.muted_until else None,
            "muted_by": [mute.rule for mute in self.mutes],
            "limits": self.limits,
            "observed_at": iso(self.observed_at),
        }


def views(snapshot: Snapshot, names: Sequence[str] | None = None) -> list[AlarmView]:
    """All alarms of a snapshot, or those named (by ARN, too)."""
    known = _Known(snapshot)
    if names is None:
        return known.views(known.alarms)
    wanted = set(names)
    return known.views([name for name, alarm in known.alarms.items() if name in wanted or alarm.arn in wanted])


def alarms_of(snapshot: Snapshot, endpoints: Iterable[str]) -> dict[str, list[AlarmView]]:
    """By endpoint: those that guard it first, then those about it; the worst first."""
    known = _Known(snapshot)
    subjects = {name: about(alarm, known.alarms) for name, alarm in known.alarms.items()}
    found: dict[str, list[AlarmView]] = {}
    for endpoint in endpoints:
        guards = known.endpoints[endpoint].guards if endpoint in known.endpoints else ()
        mine = [name for name, subject in subjects.items() if name in guards or endpoint in subject]
        found[endpoint] = sorted(known.views(mine), key=lambda v: (endpoint not in v.guards, *order(v)))
    return found


class _Known:
    """All alarms as of a moment, and what they are seen against."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        decoder = msgspec.json.Decoder(Alarm)
        facts = snapshot.heads("alarm")
        self.observed = {fact.name: fact.observed_at for fact in facts}
        self.alarms = {fact.name: decoder.decode(fact.body) for fact in facts}
        self.endpoints = {e.name: e for e in decode(snapshot, "endpoint", EndpointSeen)} if facts else {}
        self.guards: dict[str, list[str]] = defaultdict(list)
        for endpoint in self.endpoints.values():
            for name in endpoint.guards:
                self.guards[name].append(endpoint.name)
        self.parents: dict[str, list[str]] = defaultdict(list)
        for alarm in self.alarms.values():
            for child in alarm.children:
                self.parents[child].append(alarm.name)

    def views(self, names: Iterable[str]) -> list[AlarmView]:
        now, found = self.snapshot.moment, [self.alarms[name] for name in names]
        counted = {metric.endpoint for alarm in found for metric in alarm.metrics if metric.endpoint}
        traffic = _traffic(self.snapshot, sorted(counted))
        made = []
        for alarm in found:
            guards = tuple(self.guards.get(alarm.name, ()))
            made.append(
                AlarmView(
                    alarm=alarm,
                    observed_at=self.observed[alarm.name],
                    verdict=self._explained(alarm, judge(alarm, guards, now=now)),
                    endpoints=about(alarm, self.alarms),
                    guards=guards,
                    parents=tuple(self.parents.get(alarm.name, ())),
                    limits=limits(alarm, self.endpoints, guards, traffic),
                    mutes=alarm.muted(now),
                    undescribed=self._undescribed(alarm),
                )
            )
        return made

    def _explained(self, alarm: Alarm, verdict: Verdict) -> Verdict:
        """Of a sensor that is red for long: why its target does not scale, as the list of these says it."""
        if not alarm.scaling or verdict.sign is not Sign.WARNING or not verdict.words.endswith(UNEXPLAINED):
            return verdict
        targets = [t for t in self.scaling if any(alarm.name in policy.alarms for policy in t.target.policies or ())]
        words = targets[0].verdict.words if targets else ""
        if not words or words.startswith("above its target"):
            return verdict
        return msgspec.structs.replace(verdict, words=verdict.words.removesuffix(UNEXPLAINED) + words)

    @cached_property
    def scaling(self) -> list[ScalingView]:
        from console.kinds.scaling.view import views  # where a sensor asks for more in vain

        return views(self.snapshot)

    def _undescribed(self, alarm: Alarm) -> tuple[str, ...]:
        known = (self.endpoints.get(name) for name in about(alarm, self.alarms))
        return tuple(endpoint.name for endpoint in known if endpoint is not None and not endpoint.detailed)


def _traffic(snapshot: Snapshot, endpoints: list[str]) -> dict[tuple[str, str], float]:
    """Requests a minute by endpoint and variant, where its vital signs are known and young."""
    decoder = msgspec.json.Decoder(Pulse)
    beats = {name: decoder.decode(body) for name, body in pulses(snapshot, endpoints).items()} if endpoints else {}
    return {
        (name, signs.variant): signs.invocations_per_min
        for name, beat in beats.items()
        if snapshot.moment < beat.stale_at
        for signs in beat.variants
        if signs.invocations_per_min is not None
    }


def about(alarm: Alarm, alarms: Mapping[str, Alarm]) -> tuple[str, ...]:
    """Endpoints that it is about, a composite by those of its rule."""
    found: dict[str, None] = {}
    seen: set[str] = set()
    todo = [alarm]
    while todo:
        one = todo.pop()
        if one.name not in seen:
            seen.add(one.name)
            found |= dict.fromkeys(metric.endpoint for metric in one.metrics if metric.endpoint)
            todo += [alarms[name] for name in one.children if name in alarms]
    return tuple(sorted(found))


def judge(alarm: Alarm, guards: tuple[str, ...] = (), *, now: Millis) -> Verdict:
    """What its state means for somebody on call. A scaling policy's alarms are its sensors: the low one is red
    whenever there is little traffic (facts section 5.9) and never a reason to look."""
    since = f" since {clock_time(alarm.since, now)}" if alarm.since else ""
    reasons = (alarm.reason,) if alarm.reason else ()
    if alarm.evaluation in {"EVALUATION_ERROR", "EVALUATION_FAILURE"}:
        why = "its settings or permissions" if alarm.evaluation == "EVALUATION_ERROR" else "CloudWatch's own failure"
        return Verdict(Sign.UNKNOWN, f"cannot be evaluated: {why}", reasons, alarm.since)
    if alarm.scaling:
        return _scaling(alarm, since, reasons, now)
    if mutes := alarm.muted(now):
        return _muted(alarm, mutes[0], since, reasons, now)
    if alarm.state == "ALARM":
        what = f"{' and '.join(guards[:2])} deploys under it" if guards else ""
        if not alarm.enabled:
            return Verdict(
                Sign.WARNING, f"in ALARM{since}, its actions are disabled: nobody is told", reasons, alarm.since
            )
        if not alarm.actions:
            words = f"in ALARM{since}{', reverts deployments of ' + ', '.join(guards) if guards else ', tells nobody'}"
            return Verdict(Sign.CRITICAL if guards else Sign.WARNING, words, reasons, alarm.since)
        words = f"in ALARM{since}{f'; {what}' if what else ''}"
        return Verdict(Sign.CRITICAL, words, reasons, alarm.since)
    if alarm.state == "INSUFFICIENT_DATA":
        new = alarm.configured_at is not None and alarm.configured_at > now - FIRST_LOOK
        words = "not evaluated yet" if new else f"no data{since}"
        return Verdict(Sign.UNKNOWN, words, reasons, alarm.since)
    if alarm.state != "OK":
        return Verdict(Sign.UNKNOWN, f"state {alarm.state or 'missing'} is not known here", reasons, alarm.since)
    if not alarm.enabled:
        return Verdict(Sign.OK, "note: its actions are disabled, nobody would be told", reasons, alarm.since)
    return Verdict(Sign.OK, "ok", reasons, alarm.since)


def _scaling(alarm: Alarm, since: str, reasons: tuple[str, ...], now: Millis) -> Verdict:
    way = "in" if alarm.scaling == "in" else "out"
    if alarm.muted(now):
        return Verdict(Sign.WARNING, f"muted: its policy does not scale {way}", reasons, alarm.since)
    if not alarm.enabled:
        return Verdict(Sign.WARNING, f"its actions are disabled: its policy does not scale {way}", reasons, alarm.since)
    if alarm.state == "INSUFFICIENT_DATA":
        return Verdict(Sign.OK, "note: no data, so no scaling either way", reasons, alarm.since)
    if alarm.state != "ALARM":
        return Verdict(Sign.OK, "ok", reasons, alarm.since)
    if way == "in":
        return Verdict(Sign.OK, f"ok, little load{since}: it may scale in", reasons, alarm.since)
    if alarm.since is not None and now - alarm.since > SCALES_WITHIN:
        words = f"above its scaling target{since}: {UNEXPLAINED}"
        return Verdict(Sign.WARNING, words, reasons, alarm.since)
    return Verdict(Sign.MOVING, f"above its scaling target{since}: scales out", reasons, alarm.since)


def _muted(alarm: Alarm, mute: Mute, since: str, reasons: tuple[str, ...], now: Millis) -> Verdict:
    state = {"ALARM": f"in ALARM{since}, ", "OK": "", "INSUFFICIENT_DATA": "no data, "}.get(alarm.state, "")
    until = f"until {clock_time(mute.until, now)}" if mute.until else f"by {mute.rule}"
    return Verdict(Sign.HELD, f"{state}muted {until}", (*reasons, f"mute rule {mute.rule}"), alarm.since)


def order(view: AlarmView) -> tuple[int, bool, bool, str]:
    """Worst first; guards before others; scaling policies' sensors last."""
    return (view.verdict.sign.rank, bool(view.alarm.scaling), not view.guards, view.name)
