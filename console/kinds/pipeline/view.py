"""A pipeline with its runs: is it green, since when not, and does that matter to anybody."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from console.clock import DAY, Millis, clock_time, iso
from console.kinds.base import Sign, Verdict
from console.kinds.execution import view as execution
from console.kinds.execution.record import Execution
from console.kinds.hold.record import Hold
from console.kinds.pipeline.record import Pipeline
from console.kinds.reading import decode

if TYPE_CHECKING:
    from console.ledger.snapshot import Snapshot


class PipelineView(msgspec.Struct, frozen=True, kw_only=True):
    pipeline: Pipeline
    observed_at: Millis
    verdict: Verdict
    runs: tuple[Execution, ...] = ()
    """Newest first, as far as the ledger knows them."""
    hold: Hold | None = None

    @property
    def name(self) -> str:
        return self.pipeline.name

    @property
    def sign(self) -> Sign:
        return self.verdict.sign

    @property
    def last(self) -> Execution | None:
        return self.runs[0] if self.runs else None

    @property
    def green(self) -> Execution | None:
        return next((e for e in self.runs if e.status == "Succeeded"), None)

    @property
    def running(self) -> tuple[Execution, ...]:
        return tuple(e for e in self.runs if not e.ended)

    def week(self, now: Millis) -> tuple[int, int]:
        """(succeeded, ended) of the last seven days."""
        ended = [e for e in self.runs if e.ended and (e.created_at or 0) >= now - 7 * DAY]
        return sum(e.status == "Succeeded" for e in ended), len(ended)

    def to_json(self) -> dict[str, Any]:
        p = self.pipeline
        return {
            "name": p.name,
            "arn": p.arn,
            "sign": self.verdict.sign.value,
            "what": self.verdict.words,
            "held": self.hold.reason if self.hold else None,
            "last_execution": self.last.name if self.last else None,
            "last_status": self.last.status if self.last else None,
            "last_started_at": iso(self.last.created_at) if self.last and self.last.created_at else None,
            "last_green": self.green.name if self.green else None,
            "running": [e.name for e in self.running],
            "tags": p.tags,
            "observed_at": iso(self.observed_at),
        }


def judge(runs: Sequence[Execution], *, now: Millis, hold: Hold | None = None) -> Verdict:
    """The verdict of the newest run, with a running one on top and a hold before all that is well."""
    last = runs[0] if runs else None
    if last is None:
        verdict = Verdict(Sign.OK, "no run known")
    elif last.ended:
        verdict = execution.judge(last, now=now)
    else:
        before = next((e for e in runs if e.ended), None)
        verdict = execution.judge(last, now=now)
        if before is not None and before.status == "Failed":
            words = f"{verdict.words} (the run before failed)"
            verdict = msgspec.structs.replace(verdict, words=words)
    if verdict.sign is Sign.OK and verdict.words.startswith("ok"):
        verdict = msgspec.structs.replace(verdict, words="ok")
    if hold is not None and verdict.sign is Sign.OK:
        return Verdict(Sign.HELD, f"held: {hold.reason}", (f"by {hold.by} at {clock_time(hold.at, now)}",), hold.at)
    if hold is not None:
        return msgspec.structs.replace(verdict, words=f"{verdict.words} (held: {hold.reason})")
    return verdict


def views(snapshot: Snapshot, names: Sequence[str] | None = None) -> list[PipelineView]:
    facts = snapshot.heads("pipeline", names)
    runs: dict[str, list[Execution]] = defaultdict(list)
    for run in decode(snapshot, "execution", Execution):
        runs[run.pipeline].append(run)
    holds = {h.subject: h for h in decode(snapshot, "hold", Hold) if h.kind == "pipeline"}
    decoder = msgspec.json.Decoder(Pipeline)
    found = []
    for fact in facts:
        mine = tuple(sorted(runs[fact.name], key=lambda e: -(e.created_at or 0)))
        hold = holds.get(fact.name)
        found.append(
            PipelineView(
                pipeline=decoder.decode(fact.body),
                observed_at=fact.observed_at,
                verdict=judge(mine, now=snapshot.moment, hold=hold),
                runs=mine,
                hold=hold,
            )
        )
    return found


def order(view: PipelineView) -> tuple[int, int, str]:
    return (view.verdict.sign.rank, 0 if view.verdict.words != "ok" else 1, view.name)
