"""What happened, to one thing or to all: deployments, runs, calls by CloudTrail, our own actions, holds; one list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from console.clock import Millis, cell_time, duration
from console.kinds.base import Cell, Column, Sign
from console.kinds.change.record import ACTORS, Change, named
from console.kinds.change.view import words as change_words
from console.kinds.deployment.record import SKEW, Deployment, Outcome
from console.kinds.endpoint.view import EndpointView
from console.kinds.endpoint.view import views as endpoint_views
from console.kinds.execution.record import Execution
from console.kinds.execution.view import judge
from console.kinds.hold.record import Hold
from console.kinds.reading import decode
from console.kinds.symptom.record import Symptom
from console.kinds.vitals.episode import Episode
from console.kinds.vitals.reading import episodes
from console.ledger.journal import TERMINAL
from console.text import count

if TYPE_CHECKING:
    from console.ledger.snapshot import Snapshot


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a timeline. `opens` is the (kind, name) that tells more of it. `key` is unique within a timeline."""

    key: str
    at: Millis
    sign: Sign | None
    kind: str
    subject: str
    words: str
    by: str = ""
    opens: tuple[str, str] = ("", "")

    @property
    def name(self) -> str:
        return self.key


COLUMNS = (
    Column("at", "AT", 13, lambda v, now: Cell(cell_time(v.at, now), "", v.at), right=True),
    Column("sign", "", 1, lambda v, now: Cell(v.sign.glyph if v.sign else "", v.sign.value if v.sign else "")),
    Column("subject", "SUBJECT", 16, lambda v, now: Cell(v.subject), priority=1),
    Column("what", "WHAT", 36, lambda v, now: Cell(v.words, "" if v.sign else "dim"), flex=True),
    Column("by", "BY", 18, lambda v, now: Cell(v.by, "dim"), priority=2),
)


def by_whom(by: str, actor: str) -> str:
    """`codepipeline (CI)`; a tool alone where the name is only its session's."""
    tool = ACTORS.get(actor, "")
    if actor in {"events", "aas"} or not by:
        return tool or by or actor
    return f"{by} ({tool})" if tool else by


def timeline(snapshot: Snapshot, kind: str = "", name: str = "") -> list[Event]:
    """Newest first. Of one endpoint, pipeline (with its runs) or execution; of everything without a kind."""
    changes = list(decode(snapshot, "change", Change))
    found: list[Event] = []
    told: set[str] = set()
    if kind in ("", "endpoint"):
        for view in endpoint_views(snapshot, [name] if kind else None):
            calls = _calls(view, [c for c in changes if c.kind == "endpoint" and c.subject == view.name])
            told |= {c.id for c in calls.values()}
            found += _deployments(view, calls)
        found += _symptoms(decode(snapshot, "symptom", Symptom, [name] if kind else None), snapshot)
        found += _episodes(snapshot, [name] if kind else None)
    if kind in ("", "pipeline", "execution"):
        runs = [e for e in decode(snapshot, "execution", Execution, [name] if kind == "execution" else None)
                if kind != "pipeline" or e.pipeline == name]  # fmt: skip
        starts = {c.made: c for c in changes if c.made}
        told |= {starts[e.arn].id for e in runs if e.arn in starts}
        found += [event for e in runs for event in _run(e, starts.get(e.arn), snapshot.moment)]
    alone = [c for c in changes if c.id not in told and _about(c, kind, name)]
    ends = _scaled(snapshot, alone)
    found += [_change(c, ends.get(c.id, "")) for c in alone]
    found += _actions(snapshot, kind, name)
    holds = (h for h in decode(snapshot, "hold", Hold) if not kind or (h.kind, h.subject) == (kind, name))
    found += [
        Event(key=f"hold/{h.kind}/{h.subject}", at=h.at, sign=Sign.HELD, kind=h.kind, subject=h.subject,
              words=f"held: {h.reason}", by=h.by, opens=(h.kind, h.subject)) for h in holds
    ]  # fmt: skip
    return _folded(sorted(found, key=lambda event: (-event.at, event.key)))


def _folded(events: Iterable[Event]) -> list[Event]:
    """Calls alike that follow each other about one subject are one line: two dozen refusals hide a deployment."""
    found: list[Event] = []
    last: dict[tuple[str, str], tuple[int, int]] = {}
    for event in events:
        about = (event.kind, event.subject)
        at, times = last.get(about, (-1, 0))
        if at >= 0 and event.key.startswith("change/") and _alike(event, newest := found[at]):
            told = f" (×{times + 1} since {cell_time(event.at, newest.at)})"
            found[at] = msgspec.structs.replace(newest, words=f"{event.words}{told}")
            last[about] = at, times + 1
        else:
            last[about] = len(found), 1
            found.append(event)
    return found


def _alike(older: Event, newer: Event) -> bool:
    said = newer.words.rpartition(" (×")[0] or newer.words
    return newer.key.startswith("change/") and (said, newer.by, newer.sign) == (older.words, older.by, older.sign)


_REFUSALS = {"quota": "the quota is used up", "no_capacity": "AWS had none to spare"}


def _scaled(snapshot: Snapshot, changes: Iterable[Change]) -> dict[str, str]:
    """Why capacity that autoscaling asked for did not come, by the id of the call that AWS accepted."""
    calls = [c for c in changes if c.actor == "aas" and c.asked and not c.error]
    if not calls:
        return {}
    from console.kinds.scaling.course import refusal  # where autoscaling asked for something alone
    from console.kinds.scaling.view import of_endpoints

    failed = {
        view.endpoint: [a for a in view.activities if a.failed]
        for view in of_endpoints(snapshot, {c.subject for c in calls})
    }
    return {
        c.id: _REFUSALS.get(refusal(a.message), a.message)
        for c in calls
        for a in failed.get(c.subject, ())
        if c.asked == count(a.wanted or 0, "instance") and abs(a.at - c.at) <= SKEW
    }


def _calls(view: EndpointView, changes: Sequence[Change]) -> dict[tuple[str, Millis], Change]:
    """The calls that the deployments tell already, by target and start."""
    near = [
        ((d.target, d.started_at), c)
        for d in view.deployments
        for c in changes
        if d.started_at and c.target == d.target and not c.error and abs(d.started_at - c.at) <= SKEW
    ]
    return dict(near)


_ENDS = {
    Outcome.SUCCEEDED: (Sign.OK, "{target} took over"),
    Outcome.FAILED: (Sign.WARNING, "{target} failed"),
    Outcome.ROLLED_BACK: (Sign.WARNING, "{target} was rolled back"),
}


def _deployments(view: EndpointView, calls: Mapping[tuple[str, Millis], Change]) -> Iterator[Event]:
    def event(d: Deployment, at: Millis, sign: Sign | None, words: str, end: str) -> Event:
        call = calls.get((d.target, d.started_at or 0))
        opens = ("change", call.id) if call else ("endpoint", view.name)
        return Event(key=f"{end}/{view.name}/{d.target}/{d.at}", at=at, sign=sign, kind="endpoint", subject=view.name,
                     words=words, by=by_whom(d.by, d.actor), opens=opens)  # fmt: skip

    for d in view.deployments:
        if d.started_at:
            was = f"{d.source} → " if d.source else ""
            sign = {Outcome.IN_PROGRESS: Sign.MOVING, Outcome.UNKNOWN: Sign.UNKNOWN}.get(d.outcome)
            note = ", not watched" if d.outcome is Outcome.UNKNOWN else ""
            yield event(d, d.started_at, sign, f"{was}{d.target}{note}", "start")
        if d.ended_at and d.outcome in _ENDS:
            sign, words = _ENDS[d.outcome]
            took = f" after {duration(d.ended_at - d.started_at)}" if d.started_at else ""
            why = f": {d.reason}" if d.reason else ""
            yield event(d, d.ended_at, sign, f"{words.format(target=d.target)}{took}{why}", "end")


def _symptoms(symptoms: Iterable[Symptom], snapshot: Snapshot) -> Iterator[Event]:
    for s in symptoms:
        if s.since and s.errors:
            yield Event(key=f"symptom/{s.endpoint}", at=s.since, sign=Sign.WARNING, kind="endpoint", subject=s.endpoint,
                        words=f"containers log errors: {s.sample}", opens=("endpoint", s.endpoint))  # fmt: skip


def _episodes(snapshot: Snapshot, names: Sequence[str] | None) -> Iterator[Event]:
    """When users were hurt: what happened right before each is why."""
    for one in episodes(snapshot, names):

        def event(end: str, at: Millis, sign: Sign, words: str, one: Episode = one) -> Event:
            return Event(key=f"{end}/{one.endpoint}/{one.seen_at}", at=at, sign=sign, kind="endpoint",
                         subject=one.endpoint, words=words, opens=("endpoint", one.endpoint))  # fmt: skip

        if one.until is None:
            yield event("hurt", one.since, one.sign, f"{one.sign.value} since then: {one.words}")
        else:
            took = duration(one.until - one.since)
            yield event("hurt", one.since, one.sign, f"{one.sign.value} for {took}: {one.words}")
            yield event("well", one.until, Sign.OK, f"well again, was {one.sign.value}: {one.headline}")


def _run(e: Execution, start: Change | None, now: Millis) -> Iterator[Event]:
    by = by_whom(start.by, start.actor) if start else e.by
    if e.created_at:
        words = f"run {e.id} starts" + (f" ({e.display_name})" if e.display_name else "")
        yield Event(key=f"start/{e.name}", at=e.created_at, sign=None if e.ended else Sign.MOVING, kind="execution",
                    subject=e.pipeline, words=words, by=by, opens=("execution", e.name))  # fmt: skip
    if e.ended and e.modified_at:
        verdict = judge(e, now=now)
        sign = Sign.WARNING if e.status in {"Failed", "CompletedWithFailures"} else verdict.sign
        yield Event(key=f"end/{e.name}", at=e.modified_at, sign=sign, kind="execution", subject=e.pipeline,
                    words=f"run {e.id} {_ended(e)}", by="", opens=("execution", e.name))  # fmt: skip


def _ended(e: Execution) -> str:
    step = e.failed_step
    why = (step.failure_reason if step else "") or e.failure_reason
    word = {"Succeeded": "ends well", "Failed": "fails", "Stopped": "is stopped"}.get(e.status, e.status)
    where = f" in {step.name}" if step else ""
    return f"{word}{where}: {why}" if why and e.status != "Succeeded" else f"{word}{where}"


def _change(c: Change, failed: str = "") -> Event:
    words = f"{change_words(c)}{f', failed: {failed}' if failed else ''}"
    return Event(key=f"change/{c.id}", at=c.at, sign=Sign.WARNING if c.error or failed else None, kind=c.kind,
                 subject=c.subject.rsplit("/", 1)[-1], words=words, by=by_whom(c.by, c.actor),
                 opens=("change", c.id))  # fmt: skip


def _about(c: Change, kind: str, name: str) -> bool:
    if not kind or (c.kind, c.subject) == (kind, name):
        return True
    if c.kind != "execution":
        return False
    run = named(c.subject)
    return name == (run if kind == "execution" else run.partition("/")[0]) and kind in ("execution", "pipeline")


def _actions(snapshot: Snapshot, kind: str, name: str) -> Iterator[Event]:
    """Actions of all consoles of this ledger: when they were consented to, and how they ended."""
    subjects: dict[str, dict[str, Any]] = {}
    for entry in snapshot.ledger.journal.entries(snapshot.scope, until=snapshot.at):
        if isinstance(plan := entry.body.get("plan"), dict):
            subjects[entry.action_id] = plan
        plan = subjects.get(entry.action_id)
        if plan is None or (kind and (plan.get("kind"), plan.get("subject")) != (kind, name)):
            continue
        title, opens = str(plan.get("title", "")), (str(plan.get("kind", "")), str(plan.get("subject", "")))
        if entry.step == "intent":
            why = ", ".join(filter(None, (entry.body.get("reason"), entry.body.get("ticket"))))
            words, sign = f"action: {title}{f' ({why})' if why else ''}", None
        elif entry.step in TERMINAL:
            said = str(entry.body.get("words") or "")
            words = f"action {entry.step.replace('_', ' ')}: {title}{f'; {said}' if said else ''}"
            sign = Sign.OK if entry.step in {"done", "not_needed"} else Sign.WARNING
        else:
            continue
        by = str(entry.body.get("by") or "").rsplit("/", 1)[-1]
        yield Event(key=f"action/{entry.seq}", at=entry.at, sign=sign, kind=opens[0], subject=opens[1], words=words,
                    by=by, opens=opens)  # fmt: skip
