"""How endpoints are listed: what is wrong in words first. Metric columns come with endpoint health."""

from __future__ import annotations

from console.clock import Millis, age_step, clock_time
from console.kinds.base import Cell, Column
from console.kinds.endpoint.view import EndpointView


def _sign(view: EndpointView, now: Millis) -> Cell:
    return Cell(view.sign.glyph, view.sign.value, view.sign.rank)


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
    return Cell(clock_time(last.at, now), "", last.at)


def _instances(view: EndpointView, now: Millis) -> Cell:
    variants = view.endpoint.variants
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


COLUMNS = (
    Column("sign", "", 1, _sign),
    Column("name", "NAME", 16, _name),
    Column("what", "WHAT", 44, _what, flex=True),
    Column("config", "CONFIG", 18, _config, priority=2),
    Column("since", "SINCE", 13, _since, priority=4, right=True, help="when the config that serves was deployed last"),
    Column("instances", "INST", 5, _instances, priority=1, right=True, help="instances there are / wanted"),
    Column(
        "owner",
        "OWNER",
        6,
        _owner,
        priority=1,
        help="who deploys it as a rule, and may undo what you do: tf Terraform, cfn CloudFormation, ci, a person",
    ),
    Column("team", "TEAM", 12, _team, priority=5),
    Column("status", "STATUS", 14, _status, priority=6),
    Column("changed", "CHANGED", 8, _age, priority=3, right=True, help="how long ago AWS says it changed last"),
)
