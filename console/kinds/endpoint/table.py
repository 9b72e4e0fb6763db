"""How endpoints are listed: what is wrong in words first, then the numbers of the last whole minutes."""

from __future__ import annotations

from console.clock import Millis, age_step, cell_time
from console.kinds.base import Cell, Column, Sign
from console.kinds.endpoint.view import EndpointView
from console.kinds.vitals.beat import SPAN, Beat
from console.text import BARS, few

_SIGNS = {sign: Cell(sign.glyph, sign.value, sign.rank) for sign in Sign}


def _sign(view: EndpointView, now: Millis) -> Cell:
    return _SIGNS[view.verdict.sign]


def _name(view: EndpointView, now: Millis) -> Cell:
    return Cell(view.name, "strong" if view.sign.rank <= 1 else "")


def _what(view: EndpointView, now: Millis) -> Cell:
    words = view.verdict.words
    style = view.sign.value if words != "ok" and not words.startswith(("note", "ok,")) else "dim"
    return Cell(words, style, (view.sign.rank, words))


def _config(view: EndpointView, now: Millis) -> Cell:
    e = view.endpoint
    return Cell(f"{e.config} → {e.pending.config}" if e.pending and e.pending.config != e.config else e.config)


def _since(view: EndpointView, now: Millis) -> Cell:
    last = next((d for d in view.deployments if d.target == view.endpoint.config), None)
    if last is None or not last.at:
        return Cell("–", "dim", 0)
    return Cell(cell_time(last.at, now), "", last.at)


def _instances(view: EndpointView, now: Millis) -> Cell:
    variants = view.endpoint.variants
    if len(variants) == 1 and (n := variants[0].instances) is not None and n == variants[0].desired_instances:
        return Cell(f"{n}/{n}", "", n)  # as a rule
    have = sum(v.instances or 0 for v in variants)
    want = sum(v.desired_instances or v.instances or 0 for v in variants)
    if not any(v.instances is not None for v in variants):
        return Cell("–", "dim", -1)
    return Cell(f"{have}/{want}", "warn" if have < want else "", have)


def _owner(view: EndpointView, now: Millis) -> Cell:
    owner = view.owner
    return Cell(owner or "–", "" if owner else "dim")


def _team(view: EndpointView, now: Millis) -> Cell:
    return Cell(view.endpoint.tags.get("team", "–"))


def _status(view: EndpointView, now: Millis) -> Cell:
    return Cell(view.endpoint.status)


def _age(view: EndpointView, now: Millis) -> Cell:
    """How old the last change seen is, not the look: the header has the age of the data."""
    at = view.endpoint.modified_at
    return Cell(age_step(now - at) if at else "–", "dim", -(at or 0))


_NONE = Cell("–", "dim", -1.0)
_SILENT = Beat(0)


def _fresh(view: EndpointView, now: Millis) -> Beat:
    """Its numbers only as long as they are of now: a source that died leaves none within two looks."""
    beat = view.beat
    return beat if beat is not None and now < beat.stale_at else _SILENT


def _requests(view: EndpointView, now: Millis) -> Cell:
    if (rate := _fresh(view, now).requests_s) is None:
        return _NONE
    return Cell(few(rate), "", rate)


def _errors(view: EndpointView, now: Millis) -> Cell:
    if (rate := _fresh(view, now).error_rate) is None:
        return _NONE
    hurt = any(finding.about == "errors" for finding in view.found)
    return Cell(f"{100 * rate:.1f}" if rate >= 0.1 else f"{100 * rate:.2f}", "bad" if hurt else "", rate)


def _p99(view: EndpointView, now: Millis) -> Cell:
    if (ms := _fresh(view, now).p99_ms) is None:
        return _NONE
    slow = any(finding.about == "latency" for finding in view.found)
    return Cell(f"{ms:.0f}" if ms >= 10 else f"{ms:.1f}", "warn" if slow else "", ms)


def _was(view: EndpointView, now: Millis) -> Cell:
    if (ms := _fresh(view, now).was_ms) is None:
        return _NONE
    return Cell(f"{ms:.0f}" if ms >= 10 else f"{ms:.1f}", "dim", ms)


def _trace(view: EndpointView, now: Millis) -> Cell:
    """Requests of the last half hour, two minutes to a cell, from 0: a fall to nothing must look like one."""
    beat = view.pulse
    if beat is None or now >= beat.stale_at or not any(beat.trace):
        return Cell("", "dim", -1.0)
    pairs = zip(beat.trace[::2], beat.trace[1::2], strict=False)
    values = [max(known) if (known := [v for v in pair if v is not None]) else None for pair in pairs]
    top = max(value for value in values if value is not None)
    drawn = ("·" if value is None else BARS[round(7 * value / top)] if top else BARS[0] for value in values)
    return Cell("".join(drawn), "dim", top)


COLUMNS = (
    Column("sign", "", 1, _sign),
    Column("name", "NAME", 16, _name),
    Column("what", "WHAT", 28, _what, flex=True),
    Column("requests", "REQ/S", 6, _requests, priority=1, right=True, help=f"requests a second over {SPAN} minutes"),
    Column(
        "errors",
        "5XX %",
        5,
        _errors,
        priority=1,
        right=True,
        help=f"answers 5XX of all requests over {SPAN} minutes (asynchronous: failed)",
    ),
    Column(
        "p99",
        "P99 MS",
        6,
        _p99,
        priority=1,
        right=True,
        help="slowest 1 % of requests, time in the container, of the median minute and the slowest variant",
    ),
    Column("was", "WAS", 5, _was, priority=1, right=True, help="P99 MS in the same hour of the last 7 days"),
    Column("trace", "HALF HOUR", 15, _trace, priority=6, drawn=True, help="requests, two minutes to a bar, from 0"),
    Column("config", "CONFIG", 18, _config, priority=7),
    Column("since", "SINCE", 13, _since, priority=8, right=True, help="when the config that serves was deployed last"),
    Column("instances", "INST", 5, _instances, priority=2, right=True, help="instances there are / wanted"),
    Column(
        "owner",
        "OWNER",
        6,
        _owner,
        priority=2,
        help="who deploys it as a rule, and may undo what you do: tf Terraform, cfn CloudFormation, ci, a person",
    ),
    Column("team", "TEAM", 12, _team, priority=9),
    Column("status", "STATUS", 14, _status, priority=10),
    Column("changed", "CHANGED", 8, _age, priority=6, right=True, help="how long ago AWS says it changed last"),
)
