"""Mute and unmute by CloudWatch's own mute rules: the server ends them, whoever is awake.

A muted alarm goes on changing its state, so it still reverts deployments that it guards and still counts in composite
alarms; only its own actions are not taken. If it is red when the window closes, they are taken then. (botocore's
documentation of PutAlarmMuteRule and DeleteAlarmMuteRule.) Whether AWS accepts an at() of the running minute is not
documented: a refusal is a failed action that muted nothing.
"""

from __future__ import annotations

import re
import shlex
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from console.actions.drafting import draft
from console.actions.model import Call, Check, Level, Plan, Sighting, Stage, Verdict
from console.actions.verb import Desk
from console.clock import DAY, MINUTE, Millis, clock_time, duration, iso, parse_duration
from console.errors import NotFound, Refused, UsageError
from console.kinds.alarm.record import Alarm, Mute, composite_alarm, metric_alarm
from console.kinds.alarm.view import AlarmView, views
from console.kinds.alarm.watch import LIVE, TYPES, read_rule
from console.text import count, echoed

PUT = "cloudwatch:PutAlarmMuteRule"
DELETE = "cloudwatch:DeleteAlarmMuteRule"
USUAL_MS = 30 * MINUTE
LONGEST_MS = 15 * DAY
PREFIX = "lastgood-"
"""Of our rules: others are never changed or deleted, and `lastgood iam` allows no other."""


class Muting:
    """The deed behind `lastgood mute`. Option `for`: a duration."""

    def plan(self, desk: Desk, subject: str, args: Mapping[str, Any]) -> Plan:
        now = desk.now()
        wanted = str(args.get("for") or "")
        length = parse_duration(wanted) if wanted else USUAL_MS
        if not MINUTE <= length <= LONGEST_MS:
            raise UsageError(f"--for {echoed(wanted)}", advice="CloudWatch mutes for 1m to 15d")
        alarm = observe(desk, subject)
        # Whole minutes: at() knows no seconds. It ends no earlier than was asked for, unless 15 days forbid it.
        start = now // MINUTE * MINUTE
        until = min(-(-(now + length) // MINUTE) * MINUTE, start + LONGEST_MS)
        ours = _ours(alarm, now)
        params = {
            "Name": rule_for(alarm.name),
            "Description": f"muted by {desk.identity.rsplit('/', 1)[-1]} with lastgood"[:1024],
            "Rule": {"Schedule": {"Expression": _at(start), "Duration": _length(until - start), "Timezone": "UTC"}},
            "MuteTargets": {"AlarmNames": [alarm.name]},
            "ExpireDate": iso(until),
        }
        told = ", ".join(alarm.told) or "nobody"
        return _plan(
            desk,
            alarm,
            verb="mute",
            call=Call(PUT, params),
            title=f"Mute {alarm.name} until {clock_time(until, now)}",
            target=f"muted until {iso(until)}",
            after={"muted_until": iso(until)},
            causes=(f"until {clock_time(until, now)} it reaches nobody: {told}",
                    "if it is in ALARM when that ends, its actions are taken then"),
            preflight=checks(desk, alarm, until),
            inverse=_mute_again(alarm.name, ours, now) if ours else f"lastgood unmute alarm {shlex.quote(alarm.name)}",
            when=f"at once; CloudWatch ends it at {clock_time(until, now)}, {duration(until - now)} from now",
            how="a mute rule of CloudWatch; the alarm goes on watching and changing its state",
            basis=_basis(alarm, now) | {"until": until, "since": start},
            args={"for": wanted} if wanted else {},
        )  # fmt: skip

    def ready(self, desk: Desk, plan: Plan) -> Sighting:
        if desk.now() >= plan.basis["until"]:
            return Sighting(Stage.OVERTAKEN, "the time to mute is over already: plan again")
        alarm = observe(desk, plan.subject)
        if changed := _changed(alarm, plan, desk.now()):
            return Sighting(Stage.OVERTAKEN, changed)
        return Sighting(Stage.GO, f"{alarm.name} is {alarm.state}")

    def took(self, desk: Desk, plan: Plan, call: Call) -> bool | None:
        return _is_muted(observe(desk, plan.subject), plan, desk.now())

    def verify(self, desk: Desk, plan: Plan, mark: str, answers: Sequence[Mapping[str, Any]]) -> Sighting:
        alarm, now = observe(desk, plan.subject), desk.now()
        if _is_muted(alarm, plan, now):
            return Sighting(Stage.DONE, f"muted until {clock_time(plan.basis['until'], now)}, then it ends by itself")
        if now >= plan.basis["until"]:
            return Sighting(Stage.FAILED, "its mute rule was never seen to be active")
        ours = _ours(alarm, now)
        if ours is not None and ours.until not in {plan.basis["until"], plan.basis["ours"]}:
            until = clock_time(ours.until, now) if ours.until else "an unknown end"
            return Sighting(Stage.OVERTAKEN, f"somebody else muted it until {until}")
        return Sighting(Stage.WAIT, "accepted, not visible yet")

    def keep(self, desk: Desk, plan: Plan) -> None:
        """Nothing beyond what was observed."""


class Unmuting:
    """The deed behind `lastgood unmute`: only what lastgood muted, by whomever."""

    def plan(self, desk: Desk, subject: str, args: Mapping[str, Any]) -> Plan:
        now = desk.now()
        alarm = observe(desk, subject)
        ours = _ours(alarm, now)
        others = [mute for mute in alarm.muted(now) if mute.rule != rule_for(alarm.name)]
        if ours is None and not others:
            raise Refused(f"{alarm.name} is not muted", advice=f"lastgood describe alarm {shlex.quote(alarm.name)}")
        found = [_told_now(alarm, others), *(_by_others(mute, now) for mute in others)]
        if ours is None:
            detail = f"no rule of lastgood's mutes it; {others[0].rule} is somebody else's: change it in CloudWatch"
            found.append(Check("our mute", Verdict.FAIL, detail))
        else:
            until = f" until {clock_time(ours.until, now)}" if ours.until else ""
            found.append(Check("our mute", Verdict.PASS, f"{ours.rule}{until}"))
        return _plan(
            desk,
            alarm,
            verb="unmute",
            call=Call(DELETE, {"AlarmMuteRuleName": rule_for(alarm.name)}),
            title=f"Unmute {alarm.name}",
            target="not muted",
            after={"muted_until": None},
            causes=(f"it is in ALARM: its actions are taken at once: {', '.join(alarm.told) or 'none'}",)
            if alarm.state == "ALARM"
            else (),
            preflight=found,
            inverse=_mute_again(alarm.name, ours, now),
            how="its mute rule is deleted",
            basis=_basis(alarm, now),
            args={},
        )

    def ready(self, desk: Desk, plan: Plan) -> Sighting:
        alarm, now = observe(desk, plan.subject), desk.now()
        if _ours(alarm, now) is None:
            return Sighting(Stage.NOT_NEEDED, f"{alarm.name} is not muted by lastgood any more")
        if changed := _changed(alarm, plan, now):
            return Sighting(Stage.OVERTAKEN, changed)
        return Sighting(Stage.GO, f"{alarm.name} is {alarm.state}")

    def took(self, desk: Desk, plan: Plan, call: Call) -> bool | None:
        return _ours(observe(desk, plan.subject), desk.now()) is None

    def verify(self, desk: Desk, plan: Plan, mark: str, answers: Sequence[Mapping[str, Any]]) -> Sighting:
        alarm, now = observe(desk, plan.subject), desk.now()
        ours = _ours(alarm, now)
        if ours is None:
            rest = alarm.muted(now)
            still = f"; {rest[0].rule} still mutes it" if rest else ""
            return Sighting(Stage.DONE, f"lastgood's mute is gone, {alarm.name} is {alarm.state}{still}")
        if ours.until != plan.basis["ours"]:
            return Sighting(Stage.OVERTAKEN, "somebody muted it again")
        return Sighting(Stage.WAIT, "accepted, not visible yet")

    def keep(self, desk: Desk, plan: Plan) -> None:
        """Nothing beyond what was observed."""


def observe(desk: Desk, name: str) -> Alarm:
    """The alarm and its mutes now, also kept as a fact. Raises NotFound."""
    client = desk.reader("cloudwatch")
    name = name.rpartition(":alarm:")[2] if name.startswith("arn:") else name
    answer = client.describe_alarms(AlarmNames=[name], AlarmTypes=list(TYPES))
    found = [
        *map(metric_alarm, answer.get("MetricAlarms", ())),
        *map(composite_alarm, answer.get("CompositeAlarms", ())),
    ]
    if not found:
        raise NotFound(f"no alarm {echoed(name)} in {desk.scope}", advice="lastgood get alarms lists them")
    mutes = []
    for page in client.get_paginator("list_alarm_mute_rules").paginate(AlarmName=name, Statuses=list(LIVE)):
        for item in page.get("AlarmMuteRuleSummaries", ()):
            rule = read_rule(client, item["AlarmMuteRuleArn"])
            mutes += [rule[0]] if rule else []
    alarm = msgspec.structs.replace(found[0], mutes=tuple(mutes))
    desk.saw("alarm", alarm.name, alarm, provider_at=alarm.since)
    return alarm


def rule_for(alarm: str) -> str:
    """The one name of our rule for an alarm: muting again moves its end. Told apart where names were cut alike."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", alarm)[:200]
    return f"{PREFIX}{plain}-{zlib.crc32(alarm.encode()):08x}"


def checks(desk: Desk, alarm: Alarm, until: Millis) -> list[Check]:
    """What muting would and would not keep quiet."""
    now = desk.now()
    seen: AlarmView | None = next(iter(views(desk.snapshot(), [alarm.name])), None)
    return [
        Check("alarm", Verdict.PASS, f"{alarm.state}{f' since {clock_time(alarm.since, now)}' if alarm.since else ''}"),
        _silenced(alarm),
        *(_by_others(mute, now) for mute in alarm.muted(now) if mute.rule != rule_for(alarm.name)),
        *_by_us(alarm, now, until),
        _parents(desk, alarm),
        _guard(seen),
        *_clock(desk.skew_ms),
    ]


def _clock(skew_ms: int) -> list[Check]:
    """The rule names its minutes: by a clock that is wrong it would begin late or end early."""
    if abs(skew_ms) < MINUTE:
        return []
    way = "behind" if skew_ms > 0 else "ahead of"
    return [
        Check(
            "clock",
            Verdict.FAIL,
            f"this host is {duration(skew_ms)} {way} AWS, and so would the mute be: set its clock",
        )
    ]


def _silenced(alarm: Alarm) -> Check:
    """Who is told by its actions, and what else they do."""
    if alarm.scaling:
        return Check("actions", Verdict.FAIL, f"its action scales {alarm.scaling}: muting it stops the autoscaling")
    if not alarm.actions:
        return Check("actions", Verdict.WARN, "it has no ALARM actions: muting it changes nothing")
    if not alarm.enabled:
        return Check("actions", Verdict.WARN, "its actions are disabled: nobody is told as it is")
    deeds = [arn for arn in alarm.actions if ":sns:" not in arn]
    if deeds:
        return Check("actions", Verdict.WARN, f"not only messages: {', '.join(deeds)} would not be done either")
    return Check("actions", Verdict.PASS, f"not told meanwhile: {', '.join(alarm.told)}")


def _by_us(alarm: Alarm, now: Millis, until: Millis) -> list[Check]:
    ours = _ours(alarm, now)
    if ours is None or ours.until is None:
        return [Check("muted already", Verdict.PASS, "no")] if not alarm.muted(now) else []
    way = "earlier" if until < ours.until else "later"
    return [Check("muted already", Verdict.WARN, f"until {clock_time(ours.until, now)}: this ends it {way}")]


def _by_others(mute: Mute, now: Millis) -> Check:
    until = f" until {clock_time(mute.until, now)}" if mute.until else ""
    also = f", with {count(mute.alarms - 1, 'other alarm')}" if mute.alarms > 1 else ""
    return Check("other mutes", Verdict.WARN, f"rule {mute.rule} mutes it{until}{also}, whatever this does")


def _told_now(alarm: Alarm, others: Sequence[Mute]) -> Check:
    told = ", ".join(alarm.told) or "nobody"
    if alarm.state == "ALARM" and not others:
        return Check("state", Verdict.WARN, f"in ALARM: {told} is told at once")
    return Check("state", Verdict.PASS, f"{alarm.state}; told from now on: {told}")


def _parents(desk: Desk, alarm: Alarm) -> Check:
    """A composite alarm follows states, which a mute does not stop."""
    answer = desk.reader("cloudwatch").describe_alarms(ParentsOfAlarmName=alarm.name, AlarmTypes=list(TYPES))
    names = [item["AlarmName"] for item in answer.get("CompositeAlarms", ())]
    if names:
        return Check(
            "composite", Verdict.WARN, f"{', '.join(names)} follows its state and tells its own: mute that too"
        )
    return Check("composite", Verdict.PASS, "no composite alarm follows it")


def _guard(seen: AlarmView | None) -> Check:
    if seen is not None and seen.guards:
        detail = f"deployments of {', '.join(seen.guards)} are still reverted by its state: that is not muted"
        return Check("guard", Verdict.PASS, detail)
    return Check("guard", Verdict.PASS, "guards no deployment that is known")


def _ours(alarm: Alarm, now: Millis) -> Mute | None:
    """Our rule, unless its window is over."""
    name = rule_for(alarm.name)
    return next((m for m in alarm.mutes or () if m.rule == name and (m.until is None or m.until > now)), None)


def _is_muted(alarm: Alarm, plan: Plan, now: Millis) -> bool:
    ours = _ours(alarm, now)
    return ours is not None and ours.until == plan.basis["until"] and ours.active


def _basis(alarm: Alarm, now: Millis) -> dict[str, Any]:
    ours = _ours(alarm, now)
    return {"configured_at": alarm.configured_at, "actions": list(alarm.actions), "enabled": alarm.enabled,
            "ours": ours.until if ours else None}  # fmt: skip


def _changed(alarm: Alarm, plan: Plan, now: Millis) -> str:
    """What is other than when the plan was made; its state may change, as alarms do."""
    basis, here = plan.basis, _basis(alarm, now)
    if here["ours"] != basis["ours"]:
        until = f"until {clock_time(here['ours'], now)}" if here["ours"] else "no more"
        return f"somebody else changed it: muted {until}"
    if here["actions"] != basis["actions"] or here["enabled"] != basis["enabled"]:
        return f"its actions were changed: {', '.join(alarm.told) or 'none'}{'' if alarm.enabled else ', disabled'}"
    if here["configured_at"] != basis["configured_at"]:
        return "the alarm was changed after the plan was made"
    return ""


def _mute_again(name: str, ours: Mute | None, now: Millis) -> str:
    """The command that brings back a mute of ours as it is: ends are rounded up to whole minutes."""
    if ours is None or ours.until is None:
        return ""
    return f"lastgood mute alarm {shlex.quote(name)} --for {max(1, (ours.until - now) // MINUTE)}m"


def _at(start: Millis) -> str:
    return f"at({datetime.fromtimestamp(start / 1000, UTC):%Y-%m-%dT%H:%M})"


def _length(ms: int) -> str:
    """ISO 8601, as mute rules take it: PT30M, PT2H, P1DT30M."""
    days, rest = divmod(ms // MINUTE, 1440)
    hours, minutes = divmod(rest, 60)
    clock = f"{f'{hours}H' if hours else ''}{f'{minutes}M' if minutes else ''}"
    return f"P{f'{days}D' if days else ''}{f'T{clock}' if clock else ''}"


def _plan(desk: Desk, alarm: Alarm, *, verb: str, call: Call, preflight: Sequence[Check], **rest: Any) -> Plan:
    mutes = alarm.muted(desk.now())
    until = mutes[0].until if mutes else None
    return draft(
        desk,
        verb,
        "alarm",
        alarm.name,
        level=Level.CHANGE,
        before={"muted_until": iso(until) if until else None},
        calls=(call,),
        preflight=preflight,
        **rest,
    )
