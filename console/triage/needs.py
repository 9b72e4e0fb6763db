"""What needs somebody: every kind's verdicts worst first, with what changed before and what to look at next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import msgspec

from console.clock import Millis, clock_time, iso
from console.kinds.base import Sign
from console.kinds.change.record import Change
from console.kinds.change.view import words
from console.kinds.endpoint.advice import BEFORE, Advice, advice
from console.kinds.execution.record import repeats
from console.kinds.pipeline.view import PipelineView
from console.kinds.reading import decode
from console.kinds.registry import kind_of
from console.kinds.vitals.sight import blind
from console.ledger.snapshot import Snapshot
from console.text import count, safe


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that needs a look. `look`: commands that only read; `way`: the plan to consider, if one is known to
    help. `advice`: of an endpoint, which verb that is and why, and what speaks against tempting ones."""

    kind: str
    subject: str
    sign: Sign
    words: str
    since: Millis | None
    changes: tuple[str, ...] = ()
    look: tuple[str, ...] = ()
    way: str = ""
    advice: Advice = Advice()

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "subject": self.subject,
            "severity": self.sign.value,
            "since": iso(self.since) if self.since else None,
            "headline": self.words,
            "changes": self.changes,
            "look": self.look,
            "way": self.way or None,
            **self.advice.to_json(self.subject),
        }


def needs(snapshot: Snapshot) -> list[Need]:
    """Critical and warning verdicts of endpoints and pipelines, and alarms that none of them explains, worst first."""
    changes = sorted(decode(snapshot, "change", Change), key=lambda c: -c.at)
    found = [*_endpoints(snapshot, changes), *_pipelines(snapshot, changes)]
    found += _alarms(snapshot, {need.subject for need in found if need.kind == "endpoint"})
    return sorted(found, key=lambda n: (n.sign.rank, n.kind, n.subject))


def _near(changes: list[Change], subject: str, since: Millis | None, now: Millis) -> tuple[str, ...]:
    end = since or now
    near = [c for c in changes if c.subject == subject and end - BEFORE <= c.at <= now and not c.error]
    return tuple(f"{clock_time(c.at, now)} {words(c)} by {c.by}" for c in near[:3])


def _endpoints(snapshot: Snapshot, changes: list[Change]) -> Iterator[Need]:
    now = snapshot.moment
    for view in kind_of("endpoint").views(snapshot, None):
        if view.sign.rank > Sign.WARNING.rank:
            continue
        told = advice(view, snapshot)
        since = told.began or view.verdict.since
        yield Need(
            kind="endpoint",
            subject=view.name,
            sign=view.sign,
            words=view.verdict.words,
            since=since,
            changes=_near(changes, view.name, since, now),
            look=(f"lastgood logs endpoint {view.name}", f"lastgood describe endpoint {view.name}"),
            way=told.command(view.name),
            advice=told,
        )


def _alarms(snapshot: Snapshot, told: set[str]) -> Iterator[Need]:
    """Red alarms that tell somebody or guard a deployment, unless their endpoint is on the list already."""
    for view in kind_of("alarm").views(snapshot, None):
        if view.sign is not Sign.CRITICAL or told.intersection((*view.endpoints, *view.guards)):
            continue
        look = [f"lastgood describe alarm {shlex.quote(view.name)}"]
        look += [f"lastgood describe endpoint {name}" for name in view.endpoints[:1]]
        yield Need(kind="alarm", subject=view.name, sign=view.sign, words=view.verdict.words,
                   since=view.verdict.since, look=tuple(look))  # fmt: skip


def _pipelines(snapshot: Snapshot, changes: list[Change]) -> Iterator[Need]:
    found: list[PipelineView] = kind_of("pipeline").views(snapshot, None)
    for view in found:
        if view.sign.rank > Sign.WARNING.rank or view.last is None:
            continue
        run = view.last
        yield Need(
            kind="pipeline",
            subject=view.name,
            sign=view.sign,
            words=view.verdict.words,
            since=view.verdict.since,
            changes=_near(changes, view.name, run.created_at, snapshot.moment),
            look=(f"lastgood logs execution {run.name}", f"lastgood describe execution {run.name}"),
            way="" if repeats(run) or not run.ended else f"lastgood retry {run.name} --dry-run",
        )


def text(found: list[Need], snapshot: Snapshot, now: Millis) -> Iterator[str]:
    """The same for a terminal without a screen, or a chat. What nobody could see comes first."""
    if (dark := blind(snapshot)) is not None and not dark.meant:
        yield safe(f"{Sign.UNKNOWN.glyph} metrics were not read, so endpoints may be in trouble: {dark.words}")
    if not found:
        looked = (("endpoint", "endpoints"), ("pipeline", "pipelines"))
        if not all(snapshot.covered(source) for _, source in looked):
            gone = [source for _, source in looked if not snapshot.covered(source)]
            yield f"◌ nothing is known to need you, but nobody watches {' and '.join(gone)}"
            return
        numbers = {kind: len(snapshot.heads(kind)) for kind, _ in looked}
        counts = " and ".join(count(number, kind) for kind, number in numbers.items())
        if not any(numbers.values()):
            # The wrong region looks just like this: it must not read as an all-clear.
            yield f"◌ nothing is there to look at: {counts} in {snapshot.scope}"
            return
        if dark is not None and not dark.meant:
            yield f"  by what SageMaker says nothing needs you: {counts} looked at"
            return
        yield f"● nothing needs you: {counts} looked at{f'; note: {dark.words}' if dark else ''}"
        return
    for n, need in enumerate(found):
        since = f" since {clock_time(need.since, now)}" if need.since else ""
        if n:
            yield ""
        yield safe(f"{need.sign.glyph} {need.kind} {need.subject}: {need.sign.value}{since}")
        yield f"  {'what':<9} {safe(need.words)}"
        # What preceded it is the first question at night; that nothing is known is an answer too.
        for change in need.changes or ("nothing known in the two hours before",):
            yield f"  {'changed':<9} {safe(change)}"
        for look in need.look:
            yield f"  {'look':<9} {safe(look)}"
        if need.way:
            yield f"  {'way back' if need.advice.verb == 'rollback' else 'then':<9} {safe(need.way)}"
        for label, told in need.advice.lines:
            if label == "helps" and need.way and not need.advice.why:
                continue  # the command says it
            yield f"  {label:<9} {safe(told)}"
