"""The one function that says what is wrong with an endpoint, in words, with its reasons. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from console.clock import DAY, HOUR, MINUTE, Millis, clock_time, duration, iso
from console.kinds.base import Sign, Verdict
from console.kinds.change.record import ACTORS, Change
from console.kinds.deployment.record import SKEW, Deployment, Outcome
from console.kinds.endpoint.motion import current_phase, motion_words
from console.kinds.endpoint.record import MOVING, Endpoint, short
from console.kinds.hold.record import Act, Hold, Reversal
from console.kinds.symptom.record import Symptom
from console.kinds.vitals.beat import FRESH, PROVISIONAL
from console.text import shorten

if TYPE_CHECKING:
    from console.kinds.vitals.episode import Episode
    from console.kinds.vitals.finding import Finding

NOTE_FOR = 2 * DAY
"""How long a failed deployment stays worth a note while the old config serves well."""

LOGS_TELL_FOR = 2 * HOUR
"""After a deployment error lines that begin are a sign of it."""

LOGS_ARE_OF = 5 * MINUTE
"""Of one in trouble they are read each minute: lines from before are not of this trouble."""

EVIDENCE = 80
"""Characters of a line in a row's words; the reasons have it whole."""

LAUNCH_AT_MOST = 35 * MINUTE
"""A container that never answers is given up after 24 to 30 minutes (facts section 2.5): what launches longer hangs."""

REVERSAL_FOR = 2 * DAY
"""How long a verified action is watched for somebody undoing it."""


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
    resized: Change | None = None,
) -> Verdict:
    """What is wrong, in words. The state is about users: a failed update whose old config serves is a note.

    `found` is what the vital signs say, worst first: they are what users feel, and come before what AWS says of itself.
    `resized` is the last call to it, if that was about capacity or weights: the failure reason is that one's.
    """
    fell = None
    if symptom is not None and not symptom.is_of(e.config) and not (e.pending and symptom.is_of(e.pending.config)):
        fell, symptom = symptom, None  # of a fleet that is gone
    verdict = _judged(e, deployments, now, act, symptom, hold, resized, fell)
    if e.status in _BROKEN:
        return _told(verdict, symptom, now, "") if symptom else verdict
    if found:
        verdict = _felt(verdict, found)
        if symptom is not None and verdict.sign.rank <= Sign.WARNING.rank:
            verdict = _told(verdict, symptom, now, f"{verdict.words}; logs {shorten(symptom.evidence, EVIDENCE)}")
    return verdict


def _told(verdict: Verdict, symptom: Symptom, now: Millis, words: str) -> Verdict:
    """Of an endpoint in trouble, with what its containers log meanwhile."""
    if not symptom.evidence or symptom.at < now - LOGS_ARE_OF or symptom.words() in verdict.reasons:
        return verdict
    told = f"logs {symptom.evidence}"
    reasons = (*verdict.reasons, *(() if told in words else (told,)), symptom.words())
    return msgspec.structs.replace(verdict, words=words or verdict.words, reasons=reasons)


def _felt(verdict: Verdict, found: Sequence[Finding]) -> Verdict:
    worst = found[0]
    if verdict.about == "resized" and any(finding.about == "scaling" for finding in found):
        verdict = msgspec.structs.replace(verdict, words="ok")  # why it does not scale is told
    if worst.sign.rank > verdict.sign.rank:
        others = tuple(f"also: {finding.words}" for finding in found[1:])
        said = (worst.words, *worst.reasons, *others)
        return msgspec.structs.replace(verdict, reasons=(*verdict.reasons, *said))
    # Users feel errors and waiting; that it cannot grow is why, and stands beside them.
    felt = next((f for f in found if f.about != "scaling" and f.sign.rank <= Sign.WARNING.rank), worst)
    others = tuple(f"also: {finding.words}" for finding in found if finding is not felt)
    words, reasons = felt.words, (*felt.reasons, *others, *verdict.reasons)
    if felt.about != "scaling" and (cause := next((f for f in found if f.about == "scaling"), None)):
        from console.kinds.vitals.finding import beside  # there is one, so it is imported already

        words = beside(words, cause.words)
    hurts = {"errors", "latency"} - {felt.about}
    if len(hurts) == 1 and (more := next((f for f in found if f.about in hurts and f.variant == felt.variant), None)):
        words = f"{words}; {more.brief}"
    if verdict.sign in {Sign.MOVING, Sign.HELD} or verdict.words.startswith(("note", "ok, ")):
        # What serves since a moment ago is not to blame for the minutes before.
        words = f"{words}; {verdict.words.removeprefix('ok, ')}"
    elif verdict.sign in {Sign.CRITICAL, Sign.WARNING}:
        words = f"{verdict.words}; {words}" if verdict.sign is Sign.CRITICAL else f"{words}; {verdict.words}"
    # When its deployment began is not when users were hurt.
    since = verdict.since if verdict.sign in {Sign.CRITICAL, Sign.WARNING} else None
    return Verdict(worst.sign, words, reasons, since, verdict.about)


def shows_later(verdict: Verdict, e: Endpoint, read_at: Millis, now: Millis) -> Verdict:
    """Trouble by numbers that are all of before its last change, which may have mended it: with when that shows."""
    at = e.modified_at or 0
    first = -(-at // MINUTE) * MINUTE
    shows = first + FRESH * MINUTE + PROVISIONAL
    old = read_at - PROVISIONAL < first + FRESH * MINUTE and now < shows + MINUTE
    if e.moving or e.failure_reason or not old or verdict.sign.rank > Sign.WARNING.rank:
        return verdict
    words = f"{verdict.words}; the change of {clock_time(at, now)} shows at {clock_time(shows, now)}"
    return msgspec.structs.replace(verdict, words=words)


def unseen(verdict: Verdict, since: Millis, now: Millis) -> Verdict:
    """Of an endpoint that was in trouble when its metrics were read last: that nobody looks is no recovery."""
    if verdict.sign.rank <= Sign.WARNING.rank:
        return verdict
    words = f"was in trouble, no metrics since {clock_time(since, now)}"
    more = "" if verdict.words == "ok" else f"; {verdict.words.removeprefix('ok, ')}"
    return Verdict(Sign.WARNING, f"{words}{more}", verdict.reasons, None, verdict.about)


def suspended(verdict: Verdict, words: Sequence[str]) -> Verdict:
    """Of an endpoint that is well, and whose scaling somebody has to resume."""
    if verdict.sign is not Sign.OK:
        return verdict
    told = "; ".join(words)
    words_ = f"ok, {told}" if verdict.words == "ok" else f"{verdict.words}; {told}"
    return msgspec.structs.replace(verdict, words=words_)


def mended(verdict: Verdict, episode: Episode, now: Millis) -> Verdict:
    """Of an endpoint that is well again since a moment ago: somebody waits for just that."""
    if not (tail := episode.tail(now)):
        return verdict
    rest = verdict.words.removeprefix("ok").removeprefix(", ")
    words = f"{rest}; {tail}" if rest.startswith("note") else f"ok, {tail}{f'; {rest}' if rest else ''}"
    told = (*verdict.reasons, f"{episode.span(now)}: {episode.words}")
    return msgspec.structs.replace(
        verdict, words=words, reasons=told, since=max(verdict.since or 0, episode.until or 0)
    )


def putback(verdict: Verdict, undone: Sequence[Reversal], now: Millis) -> Verdict:
    """Of an endpoint whose weights or capacity were set and somebody put back: worth a look however its users fare."""
    lately = [one for one in undone if one.set_at >= now - REVERSAL_FOR]
    if not lately:
        return verdict
    words, since = "; ".join(one.words for one in lately), min(one.at for one in lately)
    if verdict.sign.rank <= Sign.WARNING.rank:
        return msgspec.structs.replace(verdict, words=f"{verdict.words}; {words}")
    rest = "" if verdict.words == "ok" else f"; {verdict.words.removeprefix('ok, ')}"
    return Verdict(Sign.WARNING, f"{words}{rest}", verdict.reasons, since, verdict.about)


def unmeasured(verdict: Verdict, words: str, *, known: str = "") -> Verdict:
    """Of an endpoint whose metrics are not read, by the words of vitals/sight.py: SageMaker calls it well, nobody knows
    how its users fare. `known`: why that is so of all of them, and said once elsewhere: no wall of unknown."""
    if verdict.sign is not Sign.OK:
        return verdict
    rest = "" if verdict.words == "ok" else verdict.words.removeprefix("ok, ")
    if known:
        return verdict if rest else msgspec.structs.replace(verdict, words=f"ok, not measured: {known}")
    words = f"{words}; {rest}" if rest else words
    return Verdict(Sign.UNKNOWN, words, verdict.reasons, None, verdict.about)


def _judged(
    e: Endpoint,
    deployments: Sequence[Deployment],
    now: Millis,
    act: Act | None,
    symptom: Symptom | None,
    hold: Hold | None,
    resized: Change | None,
    fell: Symptom | None,
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
    if symptom is not None and symptom.errors and symptom.at >= now - HOUR and _new(symptom, e, last):
        began = f" since {clock_time(last.ended_at or last.at, now)}" if last and last.target == e.config else ""
        words = f"logs {symptom.sample} ({short(e.config, e.name)}{began})"
        return Verdict(Sign.WARNING, words, (*reasons, symptom.words()), symptom.since, "logs")
    if hold is not None:
        return Verdict(Sign.HELD, f"held: {hold.reason}", (*reasons, f"by {hold.by}"), hold.at)
    return _settled(e, last, reasons, now, resized, fell)


def _new(symptom: Symptom, e: Endpoint, last: Deployment | None) -> bool:
    """Whether the lines may be of what was deployed last. Logs are read after scaling and in trouble too, and some
    lines are usual: whether users are hurt by what has served for long is for the numbers to say."""
    deployed = (last.ended_at or last.at) if last else e.modified_at or 0
    return (symptom.since or symptom.at) - deployed <= LOGS_TELL_FOR


_BROKEN = {
    "Failed": "failed: only deleting and creating it again helps",
    "UpdateRollbackFailed": "update and its roll back failed: mixed fleets serve",
    "OutOfService": "out of service",
}


def _settled(
    e: Endpoint,
    last: Deployment | None,
    reasons: list[str],
    now: Millis,
    resized: Change | None,
    fell: Symptom | None,
) -> Verdict:
    """InService, and nothing speaks against it: what an operator should know all the same."""
    new = last is not None and last.at >= now - NOTE_FOR
    if last and new and last.outcome in {Outcome.FAILED, Outcome.ROLLED_BACK}:
        what = "rolled back" if last.outcome is Outcome.ROLLED_BACK else "failed"
        why = "" if last.reason else "silently "
        failed, serves = short(last.target, e.name), short(e.config, e.name)
        words = f"note: {failed} {why}{what} {clock_time(last.ended_at or last.at, now)}, {serves} serves"
        words = "; ".join((words, *_why_failed(last.reason, last.target, last.ended_at, fell)))
        return Verdict(Sign.OK, words, (*reasons, *last.evidence), last.ended_at or last.at)
    if last and new and last.target != e.config:
        # Newer than what serves, and nobody saw its end.
        lost, serves = short(last.target, e.name), short(e.config, e.name)
        words = f"note: {lost} of {clock_time(last.at, now)} is not in service, {serves} serves"
        return Verdict(Sign.OK, words, (*reasons, *last.evidence), last.at)
    if e.failure_reason and (e.modified_at or 0) >= now - NOTE_FOR:
        # A reason stays until the next change (facts section 2.6); it may be of scaling, too.
        when = clock_time(e.modified_at or now, now)
        what, about = "an update", ""
        if resized is not None:
            who = ACTORS.get(resized.actor, resized.by)
            what, about = f"a change of capacity or weights{f' by {who}' if who else ''}", "resized"
        words = f"note: {what} failed by {when}, {short(e.config, e.name)} serves"
        words = "; ".join((words, *_why_failed(e.failure_reason, "", e.modified_at, fell)))
        return Verdict(Sign.OK, words, tuple(reasons), e.modified_at, about)
    if last and last.took_over and last.at >= now - HOUR:
        by = f" by {last.actor}" if last.actor else ""
        words = f"ok, {short(e.config, e.name)} since {clock_time(last.ended_at or last.at, now)}{by}"
        return Verdict(Sign.OK, words, tuple(reasons), last.at)
    return Verdict(Sign.OK, "ok", tuple(reasons))


def _why_failed(reason: str, target: str, ended: Millis | None, fell: Symptom | None) -> Iterator[str]:
    """`ping health check; its logs: OutOfMemoryError: …`: what AWS's sentence leaves to CloudWatch Logs."""
    if fell is None or not fell.errors:
        return
    near = fell.fell and fell.since is not None and ended is not None and abs(fell.since - ended) <= SKEW
    if fell.config == target if fell.config and target else near:
        ping = "ping health check; " if "ping health check" in reason else ""
        yield f"{ping}its logs: {shorten(fell.sample, EVIDENCE)}"


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
    words = motion_words(short(e.pending.config, e.name), e, now)
    if symptom is not None and symptom.errors and symptom.at >= now - HOUR:
        # Both fleets write to one log group: errors from before belong to the config that is being left.
        left = symptom.config != e.pending.config and (symptom.apart or (symptom.since or 0) < began)
        whose = f"{short(e.config, e.name)} logs" if left else "logs"
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
