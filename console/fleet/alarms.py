"""An alarm as labelled lines, and the alarms of an endpoint in one line each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from console.clock import Millis, clock_time, duration
from console.kinds.alarm.record import Alarm, Metric
from console.kinds.alarm.view import AlarmView
from console.kinds.alarm.words import threshold
from console.kinds.reading import history
from console.ledger.snapshot import Snapshot
from console.text import count

Cells = tuple[str, ...]

STATES_AT_MOST = 10
MISSING = {
    "missing": "no data: INSUFFICIENT_DATA",
    "notBreaching": "no data counts as good",
    "breaching": "no data counts as bad",
    "ignore": "no data: it keeps its state",
}


class Moved(msgspec.Struct, frozen=True):
    """A state that it came to, and how long it stayed, if that is over."""

    at: Millis
    state: str
    reason: str
    lasted_ms: int | None = None


def alarm_lines(view: AlarmView, snapshot: Snapshot, now: Millis) -> Iterator[Cells]:
    a = view.alarm
    yield "alarm", f"{view.sign.glyph} {a.name}", view.verdict.words
    if a.description:
        yield "says", a.description
    yield "red when", threshold(a)
    yield from _listed("reads", [_series(metric) for metric in a.metrics])
    if a.composite:
        yield from _listed("follows", [(name,) for name in a.children])
        if a.suppressor:
            yield "quiet by", f"{a.suppressor}, while that is in ALARM"
    else:
        yield "missing", MISSING.get(a.missing, a.missing)
    if a.reason:
        yield "reason", a.reason
    yield "about", ", ".join(view.endpoints) or "no endpoint, by its dimensions"
    if view.guards:
        yield "guards", f"deployments of {', '.join(view.guards)}: red reverts them"
    elif view.undescribed and not a.scaling:
        yield "guards", f"not known: the deployment policy of {', '.join(view.undescribed)} was not read yet"
    if a.scaling:
        yield "scales", f"{a.scaling}: the sensor of a scaling policy"
    yield "tells", f"{', '.join(a.told) or 'nobody'}{'' if a.enabled else ' (actions disabled: not now)'}"
    yield from _listed("muted", [_mute_words(view, now)] if view.mutes else [])
    if a.mutes is None:
        yield "muted", "not known: mute rules could not be read"
    if view.parents:
        yield "part of", ", ".join(view.parents)
    yield "", ""
    yield from _listed("beware", [(limit,) for limit in view.limits])
    yield "", ""
    moves = states(snapshot, a.name)
    told = [_moved(move, now) for move in reversed(moves[-STATES_AT_MOST:])]
    yield from _listed("states", told)
    if since := snapshot.since("alarms"):
        more = f"{count(len(moves) - len(told), 'more')}; " if len(moves) > len(told) else ""
        yield "", f"({more}watched since {clock_time(since, now)})"


def states(snapshot: Snapshot, name: str) -> list[Moved]:
    """The states that were seen, oldest first. What came and went between two looks was not seen."""
    decoder = msgspec.json.Decoder(Alarm)
    found: list[Moved] = []
    for fact in history(snapshot, "alarm", [name]):
        seen = decoder.decode(fact.body)
        at = seen.since or fact.observed_at
        if found and (found[-1].state, found[-1].at) == (seen.state, at):
            continue
        if found:
            found[-1] = msgspec.structs.replace(found[-1], lasted_ms=max(0, at - found[-1].at))
        found.append(Moved(at, seen.state, seen.reason))
    return found


def alarm_rows(alarms: Sequence[AlarmView], endpoint: str) -> list[Cells]:
    """Those that guard an endpoint or watch it; the sensors of its scaling policies are not among them."""
    rows: list[Cells] = []
    for view in alarms:
        if not view.alarm.scaling:
            role = "guard" if endpoint in view.guards else "watches it"
            rows.append((f"{view.sign.glyph} {view.name}", role, view.verdict.words, threshold(view.alarm)))
    return rows


def _listed(label: str, rows: Sequence[Cells]) -> Iterator[Cells]:
    yield from ((label if not n else "", *row) for n, row in enumerate(rows))


def _series(metric: Metric) -> Cells:
    told = ", ".join(f"{name}={value}" for name, value in metric.dimensions.items())
    return (f"{metric.stat} of {metric.name}".removeprefix(" of "), metric.namespace, told or "no dimensions")


def _mute_words(view: AlarmView, now: Millis) -> Cells:
    mute = view.mutes[0]
    end = f"until {clock_time(mute.until, now)}" if mute.until else "as its schedule says"
    also = f", with {count(mute.alarms - 1, 'other alarm')}" if mute.alarms > 1 else ""
    return (f"{end}, by rule {mute.rule}{also}; it goes on watching",)


def _moved(move: Moved, now: Millis) -> Cells:
    glyph = {"ALARM": "✖", "OK": "●"}.get(move.state, "◌")
    lasted = f"for {duration(move.lasted_ms)}" if move.lasted_ms is not None else "until now"
    return (f"{glyph} {clock_time(move.at, now)}", move.state, lasted, move.reason)
