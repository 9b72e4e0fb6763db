"""The one function that says what is wrong with an endpoint, in words, with its reasons. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from console.clock import DAY, HOUR, MINUTE, SECOND, Millis, clock_time, duration, iso
from console.kinds.base import Sign, Verdict
from console.kinds.change.record import ACTORS
from console.kinds.deployment.record import Deployment, Outcome
from console.kinds.endpoint.record import MOVING, Endpoint, Phase, short
from console.kinds.hold.record import Act, Hold
from console.kinds.symptom.record import Symptom

if TYPE_CHECKING:
    from console.kinds.vitals.finding import Finding

NOTE_FOR = 2 * DAY
"""How long a failed deployment stays worth a note while the old config serves well."""

LOGS_TELL_FOR = 2 * HOUR
"""After a deployment error lines that begin are a sign of it."""

LAUNCH_AT_MOST = 35 * MINUTE
"""A container that never answers is given up after 24 to 30 minutes (facts section 2.5): what launches longer hangs."""

REVERSAL_FOR = 2 * DAY
"""How long a verified roll back is watched for somebody undoing it."""


def typical(deployments: Iterable[Deployment]) -> int | None:
    """Median duration in milliseconds of successful deployments whose start and end were both observed."""
    known = sorted(
        d.ended_at - d.started_at
        for d in deployments
        if d.outcome is Outcome.SUCCEEDED and d.started_at and d.ended_at and d.ended_at > d.started_at
    )
    return known[len(known) // 2] if known else None


def judge(
    e: Endpoint,
    deployments: Sequence[Deployment],
    *,
    now: Millis,
    act: Act | None = None,
    symptom: Symptom | None = None,
    hold: Hold | None = None,
    found: Sequence[Finding] = (),
) -> Verdict:
    """What is wrong, in words. The state is about users: a failed update whose old config serves is a note.

    `found` is what the vital signs say, worst first: they are what users feel, and come before what AWS says of itself.
    """
    verdict = _judged(e, deployments, now, act, symptom, hold)
    return _felt(verdict, found) if found and e.status not in _BROKEN else verdict


def _felt(verdict: Verdict, found: Sequence[Finding]) -> Verdict:
    worst, others = found[0], tuple(f"also: {finding.words}" for finding in found[1:])
    if worst.sign.rank > verdict.sign.rank:
        said = (worst.words, *worst.reasons, *others)
        return msgspec.structs.replace(verdict, reasons=(*verdict.reasons, *said))
    words, reasons = worst.words, (*worst.reasons, *others, *verdict.reasons)
    if worst.about != "scaling" and (cause := next((f for f in found if f.about == "scaling"), None)):
        words = f"{words}; {cause.words}"
    if verdict.sign in {Sign.MOVING, Sign.HELD} or verdict.words.startswith(("note", "ok, ")):
        # What serves since a moment ago is not to blame for the minutes before.
        words = f"{words}; {verdict.words.removeprefix('ok, ')}"
    elif verdict.sign in {Sign.CRITICAL, Sign.WARNING}:
        words = f"{verdict.words}; {words}" if verdict.sign is Sign.CRITICAL else f"{words}; {verdict.words}"
    # When its deployment began is not when users were hurt.
    since = verdict.since if verdict.sign in {Sign.CRITICAL, Sign.WARNING} else None
    return Verdict(worst.sign, words, reasons, since, verdict.about)


def unseen(verdict: Verdict, since: Millis, now: Millis) -> Verdict:
    """Of an endpoint that was in trouble when its metrics were read last: that nobody looks is no recovery."""
    if verdict.sign.rank <= Sign.WARNING.rank:
        return verdict
    words = f"was in trouble, no metrics since {clock_time(since, now)}"
    more = "" if verdict.words == "ok" else f"; {verdict.words.removeprefix('ok, ')}"
    return Verdict(Sign.WARNING, f"{words}{more}", verdict.reasons, None, verdict.about)


def unmeasured(verdict: Verdict, words: str, *, known: bool = True) -> Verdict:
    """Of an endpoint whose metrics are not read, by the words of vitals/sight.py: SageMaker calls it well, nobody knows
    how its users fare. `known`: that holds for all of them, and is said once elsewhere: no wall of unknown."""
    if verdict.sign is not Sign.OK:
        return verdict
    rest = "" if verdict.words == "ok" else verdict.words.removeprefix("ok, ")
    if known:
        return verdict if rest else msgspec.structs.replace(verdict, words="ok, no metrics")
    words = f"{words}; {rest}" if rest else words
    return Verdict(Sign.UNKNOWN, words, verdict.reasons, None, verdict.about)


def _judged(
    e: Endpoint,
    deployments: Sequence[Deployment],
    now: Millis,
    act: Act | None,
    symptom: Symptom | None,
    hold: Hold | None,
) -> Verdict:
    last = deployments[0] if deployments else None
    reasons = [f"status {e.status}", f"config {e.config}"]
    if e.failure_reason:
        reasons.append(f"failure reason: {e.failure_reason}")
    if broken := _BROKEN.get(e.status):
        return Verdict(Sign.CRITICAL, broken, tuple(reasons), e.modified_at, "broken")
    if not e.config and not e.moving:
        return Verdict(Sign.UNKNOWN, "not described yet", tuple(reasons))
    if undone := _undone(e, last, act, now):
        return undone
    if e.moving:
        return _moving(e, deployments, reasons, now, symptom)
    if symptom is not None and symptom.errors and symptom.at >= now - HOUR and _new(symptom, last):
        began = f" since {clock_time(last.ended_at or last.at, now)}" if last and last.target == e.config else ""
        words = f"logs {symptom.sample} ({short(e.config, e.name)}{began})"
        return Verdict(Sign.WARNING, words, (*reasons, symptom.words()), symptom.since, "logs")
    if hold is not None:
        return Verdict(Sign.HELD, f"held: {hold.reason}", (*reasons, f"by {hold.by}"), hold.at)
    return _settled(e, last, reasons, now)


def _new(symptom: Symptom, last: Deployment | None) -> bool:
    """Whether the lines may be of what was deployed last. Logs are read after scaling too, and some lines are usual:
    whether users are hurt by what has served for long is for the numbers to say."""
    return last is None or (symptom.since or symptom.at) - (last.ended_at or last.at) <= LOGS_TELL_FOR


_BROKEN = {
    "Failed": "failed: only deleting and creating it again helps",
    "UpdateRollbackFailed": "update and its roll back failed: mixed fleets serve",
    "OutOfService": "out of service",
}


def _settled(e: Endpoint, last: Deployment | None, reasons: list[str], now: Millis) -> Verdict:
    """InService, and nothing speaks against it: what an operator should know all the same."""
    new = last is not None and last.at >= now - NOTE_FOR
    if last and new and last.outcome in {Outcome.FAILED, Outcome.ROLLED_BACK}:
        what = "rolled back" if last.outcome is Outcome.ROLLED_BACK else "failed"
        why = "" if last.reason else "silently "
        failed, serves = short(last.target, e.name), short(e.config, e.name)
        words = f"note: {failed} {why}{what} {clock_time(last.ended_at or last.at, now)}, {serves} serves"
        return Verdict(Sign.OK, words, (*reasons, *last.evidence), last.ended_at or last.at)
    if last and new and last.target != e.config:
        # Newer than what serves, and nobody saw its end.
        lost, serves = short(last.target, e.name), short(e.config, e.name)
        words = f"note: {lost} of {clock_time(last.at, now)} is not in service, {serves} serves"
        return Verdict(Sign.OK, words, (*reasons, *last.evidence), last.at)
    if e.failure_reason and (e.modified_at or 0) >= now - NOTE_FOR:
        # A reason stays until the next change (facts section 2.6); it may be of scaling, too.
        when = clock_time(e.modified_at or now, now)
        words = f"note: an update failed by {when}, {short(e.config, e.name)} serves"
        return Verdict(Sign.OK, words, tuple(reasons), e.modified_at)
    if last and last.took_over and last.at >= now - HOUR:
        by = f" by {last.actor}" if last.actor else ""
        words = f"ok, {short(e.config, e.name)} since {clock_time(last.ended_at or last.at, now)}{by}"
        return Verdict(Sign.OK, words, tuple(reasons), last.at)
    return Verdict(Sign.OK, "ok", tuple(reasons))


def _undone(e: Endpoint, last: Deployment | None, act: Act | None, now: Millis) -> Verdict | None:
    """A verified roll back that somebody reversed: the incident is back, and its cause may be too.

    Back to the config that was left is a reversal whoever does it; to any other one it is, if a machine does that
    does not know of the roll back. A person or CI who deploys a new version has moved on.
    """
    if act is None or act.verb != "rollback" or act.at < now - REVERSAL_FOR:
        return None
    if e.serving == act.target or last is None or last.target != e.serving or last.at < act.at:
        return None
    back = e.serving == act.before
    if not back and last.actor not in {"tf", "cfn"}:
        return None
    who = ACTORS.get(last.actor, last.actor) or "somebody"
    by = f"{who} ({last.by})" if last.by and last.by != who else who
    where = f"{'back ' if back else ''}to {short(e.serving, e.name)}"
    words = f"roll back of {clock_time(act.at, now)} undone: {by} went {where}"
    told = (f"rolled back to {act.target} by {act.by}", *last.evidence)
    return Verdict(Sign.CRITICAL, words, told, last.at, "undone")


def _moving(
    e: Endpoint, deployments: Sequence[Deployment], reasons: list[str], now: Millis, symptom: Symptom | None
) -> Verdict:
    if e.status not in MOVING and e.pending is None:
        return Verdict(Sign.UNKNOWN, f"status {e.status or 'missing'} is not known here", tuple(reasons))
    if e.status == "SystemUpdating":
        words = f"AWS maintenance since {clock_time(e.modified_at or now, now)}"
        return Verdict(Sign.MOVING, words, tuple(reasons), e.modified_at)
    if e.status == "RollingBack":
        words = f"capacity or weights failed, going back to {short(e.config, e.name)}"
        return Verdict(Sign.MOVING, words, tuple(reasons), e.modified_at)
    if e.pending is None:
        known = {"Creating": f"creating {short(e.config, e.name)}", "Deleting": "deleting"}
        words = known.get(e.status) or _changing(e)
        return Verdict(Sign.MOVING, words, tuple(reasons), e.modified_at)
    began = e.pending.started_at or e.modified_at or now
    phase = current_phase(e)
    reasons.append(f"{e.pending.config} in motion since {iso(began)}")
    usual = typical(deployments)
    launching = phase is not None and phase.status == "Creating"
    patience = max(3 * usual, LAUNCH_AT_MOST) if usual else LAUNCH_AT_MOST if launching else 2 * HOUR
    since = (phase.started_at or began) if phase and launching else began
    if now - since > patience + (0 if launching else e.bake_ms):
        served = f", {short(e.config, e.name)} serves" if e.config != e.pending.config else ""
        stuck = f"stuck{' launching' if launching else ''} since {clock_time(since, now)}"
        words = f"{short(e.pending.config, e.name)} {stuck}{served}"
        reasons.append(f"usually {duration(usual)}" if usual else "usual duration unknown")
        if e.limit_ms:
            reasons.append(f"AWS gives it up at {clock_time(began + e.limit_ms, now)}, its policy's time limit")
        return Verdict(Sign.WARNING, words, tuple(reasons), began, "stuck")
    words = phase_words(short(e.pending.config, e.name), phase, now)
    if symptom is not None and symptom.errors and symptom.at >= now - HOUR:
        # Both fleets write to one log group: errors from before belong to the config that is being left.
        whose = f"{short(e.config, e.name)} logs" if (symptom.since or 0) < began else "logs"
        told = (*reasons, symptom.words())
        return Verdict(Sign.WARNING, f"{words}; {whose} {symptom.sample}", told, began, "logs")
    return Verdict(Sign.MOVING, words, tuple(reasons), began)


def _changing(e: Endpoint) -> str:
    """What an update without a new config is about: capacity, or weights."""
    scaled = [v for v in e.variants if v.instances != v.desired_instances and v.desired_instances is not None]
    if scaled:
        return ", ".join(f"scaling {v.name} from {v.instances or 0} to {v.desired_instances}" for v in scaled)
    if any(v.weight != v.desired_weight and v.desired_weight is not None for v in e.variants):
        return "shifting weights"
    return "updating"


def current_phase(e: Endpoint) -> Phase | None:
    """The latest phase of the fleet that is coming in, else of the one that is leaving."""
    variants = (*(e.pending.variants if e.pending else ()), *e.variants)
    phases = [p for v in variants for p in v.phases]
    return max(phases, key=lambda p: p.started_at or 0, default=None)


def bakes_until(phase: Phase | None) -> Millis | None:
    """When the bake ends by AWS's message; None outside of one."""
    if phase is None or phase.status != "Baking" or not phase.started_at:
        return None
    seconds = re.search(r"for (\d+) seconds", phase.message)
    return phase.started_at + int(seconds[1]) * SECOND if seconds else None


def phase_words(config: str, phase: Phase | None, now: Millis) -> str:
    """`risk-v8: baking until 03:16Z` from a VariantStatus; the seconds stand in AWS's message (facts section 2.2)."""
    if phase is None:
        return f"{config}: starting"
    since = f" since {clock_time(phase.started_at, now)}" if phase.started_at else ""
    if phase.status == "Baking":
        part = re.search(r"on (\w+) capacity", phase.message)
        where = part[1] if part and part[1] != "full" else "full fleet"
        if (end := bakes_until(phase)) is not None and end > now:
            return f"{config}: {where} baking until {clock_time(end, now)}"
        return f"{config}: {where} baking{since}"
    named = {"Creating": "launching", "ActivatingTraffic": "taking traffic", "Deleting": "old fleet leaving"}
    return f"{config}: {named.get(phase.status, phase.status.lower())}{since}"
