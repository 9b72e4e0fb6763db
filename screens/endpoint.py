"""One endpoint: read from the ledger, drawn by `endpoint_text`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from console.actions.verb import Verb
from console.clock import Millis
from console.fleet.course import kept
from console.fleet.marks import marks
from console.kinds.base import Kind, Sign
from console.kinds.deployment.record import SKEW
from console.kinds.endpoint.advice import Advice, advice
from console.kinds.endpoint.record import Endpoint, Phase
from console.kinds.reading import decode, history
from console.kinds.symptom.record import Symptom
from console.ledger.snapshot import Snapshot
from screens.blocks import Line
from screens.commands import Command
from screens.endpoint_text import EndpointContent, endpoint_lines
from screens.endpoint_vitals import hour_before
from screens.feed import SubjectFeed
from screens.subject import SubjectScreen


class EndpointScreen(SubjectScreen):
    kind_id = "endpoint"

    def read(self, feed: SubjectFeed) -> EndpointContent | None:
        view = feed.view("endpoint", self.name_)
        if view is None:
            return None
        snapshot = feed.snapshot()
        beat = view.pulse
        hour = hour_before(beat.at) if beat is not None else None
        symptom = next(iter(decode(snapshot, "symptom", Symptom, [self.name_])), None)
        return EndpointContent(
            view=view,
            phases=phases_seen(snapshot, view.endpoint),
            symptom=symptom if symptom and symptom.is_of(view.endpoint.config) else None,
            since=snapshot.since("changes"),
            watched=snapshot.covered("endpoints"),
            advice=advice(view, snapshot) if view.sign in {Sign.CRITICAL, Sign.WARNING} else Advice(),
            courses=tuple(kept(snapshot, self.name_, hour)) if hour else (),
            marks=marks(snapshot, view, hour) if hour else (),
        )

    def lines(self, width: int, height: int, now: Millis) -> Sequence[Line]:
        return endpoint_lines(self.content, width, height, now)

    def verbs(self, kind: Kind, name: str, view: Any, *, none: str = "reading …") -> Iterator[Command]:
        """What helps comes first: where the footer is short, the others give way."""
        helps = self.content.advice.verb if self.content is not None else ""
        yield from sorted(super().verbs(kind, name, view, none=none), key=lambda command: command.id != helps)

    def verb_label(self, verb: Verb) -> str:
        queued = verb.id == "rollback" and self.view is not None and self.view.endpoint.moving
        return f"{verb.label} (will queue)" if queued else verb.label


def phases_seen(snapshot: Snapshot, endpoint: Endpoint) -> tuple[Phase, ...]:
    """All phases observed of the deployment in motion: AWS itself tells only the one that it is in."""
    pending = endpoint.pending
    if pending is None:
        return ()
    decoder = msgspec.json.Decoder(Endpoint)
    found: dict[Phase, None] = {}
    for fact in history(snapshot, "endpoint", [endpoint.name]):
        if pending.started_at and fact.observed_at < pending.started_at - SKEW:
            continue
        seen = decoder.decode(fact.body)
        if seen.pending and (seen.pending.config, seen.pending.started_at) == (pending.config, pending.started_at):
            found |= dict.fromkeys(p for v in (*seen.pending.variants, *seen.variants) for p in v.phases)
    return tuple(found)
