"""One endpoint as lines: what is wrong, what is in motion, which fleets serve, what served before (pure)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from console.clock import Millis, clock_time, clocked, duration
from console.fleet.marks import Mark
from console.fleet.timeline import by_whom
from console.kinds.base import Sign, Verdict
from console.kinds.change.record import ACTORS
from console.kinds.deployment.record import Deployment, Outcome
from console.kinds.endpoint.advice import Advice
from console.kinds.endpoint.motion import current_phase
from console.kinds.endpoint.record import SETTLED, Endpoint, Phase, Variant
from console.kinds.endpoint.view import EndpointView
from console.kinds.symptom.record import Symptom
from console.kinds.vitals.course import Course
from screens.blocks import BLANK, Line, aligned, beside, flow, paragraph
from screens.endpoint_vitals import vital_lines
from screens.phases import State, guard_words, stages
from screens.pieces import Piece
from screens.signs import worded

SIDE_BY_SIDE = 150
"""From this width on, history stands beside the fleets."""
BEFORE_AT_LEAST = 5
ALARMS_AT_MOST = 4
_GAP = 3

_OUTCOMES = {
    Outcome.SUCCEEDED: ("●", "ok", "served"),
    Outcome.FAILED: ("✖", "bad", "failed"),
    Outcome.ROLLED_BACK: ("✖", "bad", "rolled back"),
    Outcome.IN_PROGRESS: ("◐", "moving", "in motion"),
    Outcome.UNKNOWN: ("◌", "unknown", "set, not watched"),
}
_STATES = {State.DONE: "ok", State.NOW: "moving", State.NEXT: "dim"}


class EndpointContent(NamedTuple):
    """What is read for the screen: the view, the phases seen of the deployment in motion, and what the logs say.

    `since` is from when on calls to the endpoint are known (CloudTrail), `watched` whether its source is live.
    """

    view: EndpointView
    phases: tuple[Phase, ...] = ()
    symptom: Symptom | None = None
    since: Millis | None = None
    watched: bool = True
    courses: tuple[Course, ...] = ()
    marks: tuple[Mark, ...] = ()
    """Of its last hour."""
    advice: Advice = Advice()
    """Where somebody is needed."""


def endpoint_lines(content: EndpointContent, width: int, height: int, now: Millis) -> list[Line]:
    view = content.view
    wide = width >= SIDE_BY_SIDE
    half = (width - _GAP) // 2
    vitals = vital_lines(view, content.courses, content.marks, width, now)
    moves = [*_motion(content, width, now), *_changed(view, width)]
    top = [*_verdict(content, width, now), *moves, BLANK, *vitals, *([BLANK] if vitals else [])]
    fleets = _fleet(view.endpoint, half if wide else width)
    about = _about(content, half if wide else width, now)
    if wide:
        before = _before(content, half - 1, max(BEFORE_AT_LEAST, height - len(top)), now)
        return [*top, *beside([*fleets, BLANK, *about], before, half, _GAP)]
    room = height - len(top) - len(fleets) - len(about) - 2
    return [*top, *fleets, BLANK, *_before(content, width, max(BEFORE_AT_LEAST, room), now), BLANK, *about]


def _verdict(content: EndpointContent, width: int, now: Millis) -> list[Line]:
    """Nothing where the line below says all of it: what serves since when."""
    verdict, more = content.view.verdict, _more(content, now)
    if verdict.sign is Sign.OK and verdict.words.startswith("ok") and not more:
        return []
    began = content.advice.began or verdict.since
    if (
        began
        and verdict.sign in {Sign.CRITICAL, Sign.WARNING}
        and (since := clock_time(began, now)) not in verdict.words
    ):
        more = [f"since {since}", *more]
    return [*verdict_lines(verdict, width, now, more=more), *_advice(content.advice, width), BLANK]


def _advice(advice: Advice, width: int) -> list[Line]:
    """What helps and what does not, as the triage says it."""
    lines: list[Line] = []
    for label, words in advice.lines:
        first: Line = ((" → ", "key"),) if label == "helps" else (("   ", ""),)
        lines += paragraph(words, width - 1, "strong" if label == "helps" else "dim", first=first, indent=3)
    return lines


def verdict_lines(verdict: Verdict, width: int, now: Millis, *, more: Sequence[str] = ()) -> list[Line]:
    """Sign, word and the sentence, which the eye meets first; below it what decided it, dim."""
    sign, (word, words) = verdict.sign, worded(verdict)
    word = f"{word}  " if word else ""
    first: Line = ((f" {sign.glyph} ", sign.value),)
    urgent = sign in (Sign.CRITICAL, Sign.WARNING)
    lines = paragraph(f"{word}{words}", width - 1, "strong" if urgent else "", first=first, indent=3)
    if word and lines:
        start, (text, ink), *_ = lines[0]
        lines[0] = (start, (word, sign.value), (text[len(word) - 1 :].lstrip(), ink))
    if more:
        lines += paragraph(" · ".join(more), width - 1, "dim", indent=3, at_most=4)
    return lines


def _more(content: EndpointContent, now: Millis) -> list[str]:
    """Reasons, without those that the lines below tell anyway."""
    e, verdict = content.view.endpoint, content.view.verdict
    told = {f"config {e.config}", "status InService", "status Updating", f"failure reason: {e.failure_reason}"}
    found = [reason for reason in verdict.reasons if reason not in told and " in motion since " not in reason]
    symptom = content.symptom
    if symptom is not None and symptom.errors and symptom.words() not in verdict.reasons:
        found.append(f"containers log errors: {symptom.sample}; {symptom.words()}")
    if not content.watched:
        found.append(f"not watched now: as it was at {clock_time(content.view.observed_at, now)}")
    return [clocked(reason, now) for reason in found]


def _motion(content: EndpointContent, width: int, now: Millis) -> list[Line]:
    """What is deployed, by whom, how far it is; in calm: what serves since when, by whom."""
    view = content.view
    e = view.endpoint
    last = view.deployments[0] if view.deployments else None
    if e.pending is None:
        return _serving(view, width, now)
    from_to: list[Piece] = [
        (f"{e.config} → " if e.pending.config != e.config else "", ""),
        (e.pending.config, "strong"),
    ]
    groups: list[Line] = [tuple(piece for piece in from_to if piece[0])]
    mine = last if last is not None and last.target == e.pending.config else None
    at = e.pending.started_at or (mine.at if mine else None)
    by = f"by {by_whom(mine.by, mine.actor)} " if mine and mine.by else ""
    if by or at:
        groups.append(((f"{by}at {clock_time(at, now)}" if at else by, ""),))
    if view.typical_ms:
        groups.append(((f"usually {duration(view.typical_ms)}", "dim"),))
    lines = flow(groups, width)
    steps = [
        ((f"{stage.state.value} ", _STATES[stage.state]), (stage.words, "dim" if stage.state is State.NEXT else ""))
        for stage in stages(e, content.phases, now)
    ]
    lines += flow(steps, width)
    if guard := guard_words(e, view.alarms or ()):
        lines += paragraph(guard, width - 1, "dim", indent=1)
    return lines + _reason(view, width)


def _changed(view: EndpointView, width: int) -> list[Line]:
    """What the last deployment changed beside the names."""
    changed = view.changed
    if changed is not None and changed.why:
        return flow([((f"what changed is not known: {changed.why}", "unknown"),)], width)
    if changed is None or changed.what is None:
        return []
    last = next((d for d in view.deployments if d.target == changed.target), None)
    lost = last is not None and last.outcome in {Outcome.FAILED, Outcome.ROLLED_BACK}
    said = f"{changed.target} ({_OUTCOMES[last.outcome][2]}) would have changed:" if last and lost else ""
    groups: list[Line] = [((said or f"changed from {changed.source}:", "dim"),)]
    groups += [((f"{what} ", "dim"), (words, "")) for what, words in (one.told for one in changed.what)]
    if changed.unread:
        groups.append(((f"{', '.join(changed.unread)} cannot be looked at", "unknown"),))
    elif not changed.what:
        groups.append((("nothing but the names", "dim"),))
    return flow(groups, width)


def _serving(view: EndpointView, width: int, now: Millis) -> list[Line]:
    e = view.endpoint
    reign = next((d for d in view.deployments if d.target == e.config and d.took_over), None)
    verb = "serves" if e.status in SETTLED and e.status not in {"Failed", "OutOfService"} else f"is {e.status}"
    groups: list[Line] = [((e.config, "strong"), (f" {verb}", ""))]
    if verb == f"is {e.status}":
        # Since when it serves is not since when it is updated: the phases tell that, where AWS does.
        phase = current_phase(e)
        groups[0] += ((f" since {clock_time(phase.started_at, now)}", ""),) if phase and phase.started_at else ()
    elif reign is not None and reign.at:
        by = f", by {by_whom(reign.by, reign.actor)}" if reign.by or reign.actor else ""
        groups[0] += ((f" since {clock_time(reign.ended_at or reign.at, now)}{by}", ""),)
    if view.verdict.sign is Sign.OK and view.verdict.words.startswith("ok"):
        groups[0] = (("● ", "ok"), *groups[0])
    return flow(groups, width) + _reason(view, width)


def _reason(view: EndpointView, width: int) -> list[Line]:
    """AWS keeps the reason of the last failed update long after: loud only where users are hurt."""
    reason = view.endpoint.failure_reason
    if not reason:
        return []
    loud = view.sign in (Sign.CRITICAL, Sign.WARNING)
    first: Line = ((" ✖ ", "bad"),) if loud else (("   ", ""),)
    return paragraph(f"failure reason: {reason}", width - 1, "" if loud else "dim", first=first, indent=3, at_most=5)


# Fleets.


def _fleet(e: Endpoint, width: int) -> list[Line]:
    """Old and new fleets. IN TRAFFIC counts the instances that take requests now."""
    weights = sum(v.weight or 0 for v in (*e.variants, *(e.pending.variants if e.pending else ())))
    capture = f"{e.capture.percent} %" if e.capture and e.capture.enabled else "off" if e.detailed else "–"
    rows: list[list[Piece]] = [
        [(title, "head") for title in ("FLEET", "IN TRAFFIC", "WEIGHT", "IMAGE DIGEST", "CAPTURE")]
    ]
    rows += [_row(e.config, v, e.variants, weights, capture, new=False) for v in e.variants]
    if e.pending is not None:
        rows += [_row(e.pending.config, v, e.pending.variants, weights, "–", new=True) for v in e.pending.variants]
    rows += [_row(f"{e.config} shadow", v, e.shadows, 0, capture, new=False) for v in e.shadows]
    if len(rows) == 1:
        return [((" FLEET", "head"), ("  no instance is known", "dim"))]
    return aligned(rows, width, right=(1, 2), flex=0)


def _row(
    config: str, v: Variant, siblings: Sequence[Variant], weights: float, capture: str, *, new: bool
) -> list[Piece]:
    name = config if len(siblings) == 1 else f"{config} {v.name}"
    if v.instances is None:
        instances = "serverless" if v.serverless else "–"
    else:
        taking = v.instances if not new else min(v.instances, _taking(v))
        want = v.desired_instances if v.desired_instances is not None else v.instances
        instances = f"{taking}/{want}"
    weight = f"{100 * (v.weight or 0) / weights:.0f} %" if weights and v.weight is not None else "–"
    digest = v.images[0].rsplit("@", 1)[-1].removeprefix("sha256:")[:12] if v.images else "–"
    if len(v.images) > 1:
        digest += f" +{len(v.images) - 1}"
    return [(name, "moving" if new else ""), (instances, ""), (weight, ""), (digest, ""), (capture, "")]


def _taking(v: Variant) -> int:
    """Instances of a new fleet that take requests, by the message of its phase; none while it is launched."""
    phase = max(v.phases, key=lambda p: p.started_at or 0, default=None)
    if phase is None or phase.status not in {"ActivatingTraffic", "Baking"}:
        return 0 if phase is not None or not v.weight else v.instances or 0
    if phase.status == "ActivatingTraffic" and not v.weight:
        return 0
    number = re.search(r"capacity of (\d+) instance", phase.message)
    return int(number[1]) if number else v.instances or 0


def _about(content: EndpointContent, width: int, now: Millis) -> list[Line]:
    view = content.view
    lines: list[Line] = []
    if view.hold is not None:
        words = f"{view.hold.reason} (by {view.hold.by}, {clock_time(view.hold.at, now)})"
        lines += paragraph(words, width - 1, "", first=((" ⏸ HELD    ", "held"),), indent=11)
    lines += _scaling(view, width)
    lines += _alarms(view, width)
    deploys = f"{by_whom('', view.owner)} deploys it" if view.owner else "nobody is known to deploy it"
    lines.append(((" OWNER    ", "head"), (deploys, "" if view.owner else "dim")))
    groups: list[Line] = [((f"{key} ", "dim"), (value, "")) for key, value in sorted(view.endpoint.tags.items())]
    tags = flow(groups, width - 10, indent=0)
    return lines + [((" TAGS     " if not n else " " * 10, "head"), *line) for n, line in enumerate(tags)]


def _scaling(view: EndpointView, width: int) -> list[Line]:
    """One line a target: instances against min, max and quota, load against its target; then why it does not scale."""
    rows: list[list[Piece]] = []
    for one in view.scaling:
        sign = (one.sign.glyph, one.sign.value)
        load = f"{one.load.percent:.0f} % of target" if one.load.percent is not None else ""
        quota = f"quota {one.quota.used}/{one.quota.limit:g}" if one.quota else ""
        ink = one.sign.value if one.sign is not Sign.OK else "dim"
        have = "–" if one.current is None else str(one.current)
        bounds = f"{have} of {one.target.min}–{one.target.max}"
        name = one.target.variant or one.target.component
        rows.append([sign, (name, ""), (bounds, ""), (load, ""), (quota, "dim"), (one.verdict.words, ink)])
    lines = aligned(rows, width - 10, flex=5, indent=0)
    return [((" SCALING  " if not n else " " * 10, "head"), *line) for n, line in enumerate(lines)]


def _alarms(view: EndpointView, width: int) -> list[Line]:
    """One line each, the guards first; those of scaling policies are none to look at."""
    rows: list[list[Piece]] = []
    for alarm in view.alarms or ():
        if not alarm.alarm.scaling and len(rows) < ALARMS_AT_MOST:
            role = "guards it" if view.name in alarm.guards else "watches it"
            ink = alarm.sign.value if alarm.sign is not Sign.OK else "dim"
            sign, name = (alarm.sign.glyph, alarm.sign.value), (alarm.name, "")
            rows.append([sign, name, (role, "dim"), (alarm.verdict.words, ink)])
    lines = aligned(rows, width - 10, flex=3, indent=0)
    return [((" ALARMS   " if not n else " " * 10, "head"), *line) for n, line in enumerate(lines)]


# What was before.


def _before(content: EndpointContent, width: int, room: int, now: Millis) -> list[Line]:
    view = content.view
    e = view.endpoint
    serving = e.pending.config if e.pending else e.config
    past = list(view.deployments)
    if past and past[0].target == serving and past[0].outcome not in {Outcome.FAILED, Outcome.ROLLED_BACK}:
        past = past[1:]
    since = f"history since {clock_time(content.since, now)}" if content.since else "only what this ledger saw"
    head: Line = ((" BEFORE", "head"), (f"  ({since})", "dim"))
    if not past:
        return [head, (("   nothing known", "dim"),)]
    keep = past[: room - 1] if len(past) <= room - 1 else past[: max(1, room - 2)]
    lines = [head, *aligned([_past(d, now, e) for d in keep], width, right=(2,), flex=3)]
    if len(past) > len(keep):
        lines.append(((f"   {len(past) - len(keep)} more: t timeline", "dim"),))
    return lines


def _past(d: Deployment, now: Millis, e: Endpoint) -> list[Piece]:
    glyph, ink, words = _OUTCOMES[d.outcome]
    if d.outcome in {Outcome.SUCCEEDED, Outcome.UNKNOWN}:
        length = f" {duration(d.until - d.at)}" if d.until and d.at else ""
        words = f"served{length}" if d.outcome is Outcome.SUCCEEDED else f"set{length and f' for{length}'}, not watched"
        if d.target == e.config and d.until is None:
            glyph, ink, words = "●", "ok", "serves"
        elif d.left:
            glyph, ink, words = "✖", "bad", f"left by a roll back after{length or ' ?'}"
    else:
        silently = " silently" if not d.reason and d.outcome is not Outcome.IN_PROGRESS else ""
        after = f" after {duration(d.ended_at - d.started_at)}" if d.started_at and d.ended_at else ""
        words = f"{words}{silently}{after}{f': {d.reason}' if d.reason else ''}"
    at = clock_time(d.at, now) if d.at else "?"
    style = "" if d.outcome not in {Outcome.UNKNOWN} else "dim"
    return [(glyph, ink), (d.target, ""), (at, "dim"), (words, style), (ACTORS.get(d.actor, d.by), "dim")]
