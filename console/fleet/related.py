"""What belongs to a thing, as far as the ledger knows: nothing is guessed from names that look alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from console.clock import Millis, cell_time
from console.fleet.timeline import by_whom
from console.kinds.base import Cell, Column, Sign
from console.kinds.change.record import Change
from console.kinds.change.view import words
from console.kinds.deployment.record import SKEW
from console.kinds.endpoint.known import known_ways
from console.kinds.endpoint.view import views as endpoint_views
from console.kinds.execution.record import Execution
from console.kinds.execution.view import ExecutionView
from console.kinds.execution.view import views as execution_views
from console.kinds.pipeline.view import views as pipeline_views
from console.kinds.reading import decode

if TYPE_CHECKING:
    from console.ledger.snapshot import Snapshot


class Related(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that belongs to another. `opens` is the (kind, name) of its screen, empty where there is none."""

    role: str
    subject: str
    words: str
    at: Millis | None = None
    sign: Sign | None = None
    opens: tuple[str, str] = ("", "")

    @property
    def name(self) -> str:
        return f"{self.role}/{self.subject}/{self.at}"


COLUMNS = (
    Column("sign", "", 1, lambda v, now: Cell(v.sign.glyph if v.sign else "", v.sign.value if v.sign else "")),
    Column("role", "IS ITS", 10, lambda v, now: Cell(v.role, "dim")),
    Column("subject", "NAME", 24, lambda v, now: Cell(v.subject), flex=True),
    Column("at", "AT", 13, lambda v, now: Cell(cell_time(v.at, now) if v.at else "–", "", v.at or 0), right=True),
    Column("what", "WHAT", 18, lambda v, now: Cell(v.words, "dim"), priority=1, flex=True),
)


def related(snapshot: Snapshot, kind: str, name: str) -> list[Related]:
    """Endpoint: configs, calls. Pipeline: runs. Run: pipeline, the green run before it, its neighbours, its start."""
    tellers = {"endpoint": _endpoint, "pipeline": _pipeline, "execution": _execution}
    return list(tellers[kind](snapshot, name)) if kind in tellers else []


def _endpoint(snapshot: Snapshot, name: str) -> Iterator[Related]:
    changes = [c for c in decode(snapshot, "change", Change) if c.kind == "endpoint" and c.subject == name]
    for view in endpoint_views(snapshot, [name]):
        e = view.endpoint

        def call(config: str, at: Millis | None, changes: list[Change] = changes) -> tuple[str, str]:
            near = [c for c in changes if c.target == config and at and abs(c.at - at) <= SKEW]
            return ("change", near[0].id) if near else ("", "")

        def since(config: str, view=view) -> Millis | None:  # type: ignore[no-untyped-def]
            return next((d.started_at for d in view.deployments if d.target == config), None)

        if e.pending is not None:
            at = since(e.pending.config)
            yield Related(role="next", subject=e.pending.config, words="being deployed", at=at, sign=Sign.MOVING,
                          opens=call(e.pending.config, at))  # fmt: skip
        at = since(e.config)
        yield Related(role="config", subject=e.config, words="serves", at=at, sign=view.sign, opens=call(e.config, at))
        shown = {call(e.config, at)[1]}
        for way in known_ways(view, snapshot):
            shown.add(call(way.config, way.since)[1])
            yield Related(role="way back", subject=way.config, words=f"{way.grade.words}; {'; '.join(way.evidence)}",
                          at=way.since, opens=call(way.config, way.since))  # fmt: skip
        for c in sorted((c for c in changes if c.id not in shown), key=lambda c: -c.at):
            yield Related(role="change", subject=words(c), words=by_whom(c.by, c.actor), at=c.at,
                          sign=Sign.WARNING if c.error else None, opens=("change", c.id))  # fmt: skip


def _run(role: str, view: ExecutionView) -> Related:
    e = view.execution
    return Related(role=role, subject=e.id, words=view.verdict.words, at=e.created_at, sign=view.sign,
                   opens=("execution", e.name))  # fmt: skip


def _pipeline(snapshot: Snapshot, name: str) -> Iterator[Related]:
    runs = [e.name for e in decode(snapshot, "execution", Execution) if e.pipeline == name]
    views = execution_views(snapshot, runs) if runs else []
    for view in sorted(views, key=lambda v: -(v.execution.created_at or 0)):
        yield _run("run", view)


def _execution(snapshot: Snapshot, name: str) -> Iterator[Related]:
    pipeline = name.rsplit("/", 1)[0]
    for view in pipeline_views(snapshot, [pipeline]):
        yield Related(role="pipeline", subject=pipeline, words=view.verdict.words, at=view.pipeline.modified_at,
                      sign=view.sign, opens=("pipeline", pipeline))  # fmt: skip
    mine = [e for e in decode(snapshot, "execution", Execution) if e.pipeline == pipeline]
    mine.sort(key=lambda e: e.created_at or 0)
    at = next((n for n, e in enumerate(mine) if e.name == name), None)
    if at is None:
        return
    views = {v.name: v for v in execution_views(snapshot, [e.name for e in mine])}
    green = views[name].green
    if green is not None:
        yield _run("green run", views[green.name])
    if at > 0 and (green is None or mine[at - 1].name != green.name):
        yield _run("run before", views[mine[at - 1].name])
    if at + 1 < len(mine):
        yield _run("run after", views[mine[at + 1].name])
    for c in decode(snapshot, "change", Change):
        if c.made == mine[at].arn or c.subject == mine[at].arn:
            yield Related(
                role="change", subject=words(c), words=by_whom(c.by, c.actor), at=c.at, opens=("change", c.id)
            )
