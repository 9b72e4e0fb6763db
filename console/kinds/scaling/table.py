"""How scalable targets are listed: what cannot grow first, then the bounds and the load against its target."""

from __future__ import annotations

from console.clock import Millis, cell_time
from console.kinds.base import Cell, Column
from console.kinds.scaling.view import ScalingView

_NONE = Cell("–", "dim", -1.0)


def _sign(view: ScalingView, now: Millis) -> Cell:
    return Cell(view.sign.glyph, view.sign.value, view.sign.rank)


def _name(view: ScalingView, now: Millis) -> Cell:
    return Cell(view.name, "strong" if view.sign.rank <= 1 else "")


def _what(view: ScalingView, now: Millis) -> Cell:
    words = view.verdict.words
    style = view.sign.value if words != "ok" and not words.startswith(("note", "ok,")) else "dim"
    return Cell(words, style, (view.sign.rank, words))


def _now(view: ScalingView, now: Millis) -> Cell:
    have, want = view.current, view.desired
    if have is None:
        return _NONE
    return Cell(f"{have}→{want}" if want is not None and want != have else f"{have}", "", float(have))


def _min(view: ScalingView, now: Millis) -> Cell:
    return Cell(f"{view.target.min}", "", view.target.min)


def _max(view: ScalingView, now: Millis) -> Cell:
    return Cell(f"{view.target.max}", "warn" if view.code in {"at_max", "fixed"} else "", view.target.max)


def _load(view: ScalingView, now: Millis) -> Cell:
    percent = view.load.percent
    if percent is None:
        return _NONE
    return Cell(f"{percent:,.0f}", "warn" if percent > 105 else "", percent)


def _per_host(view: ScalingView, now: Millis) -> Cell:
    value = view.load.now
    return _NONE if value is None else Cell(f"{value:,.0f}", "", value)


def _quota(view: ScalingView, now: Millis) -> Cell:
    quota = view.quota
    if quota is None:
        return _NONE
    return Cell(f"{quota.used}/{quota.limit:g}", "warn" if not quota.left else "", float(quota.left))


def _last(view: ScalingView, now: Millis) -> Cell:
    moved = next((one for one in view.activities if one.moved), None)
    return Cell("–", "dim", 0) if moved is None else Cell(cell_time(moved.at, now), "dim", moved.at)


def _policy(view: ScalingView, now: Millis) -> Cell:
    policies = view.target.policies
    if policies is None:
        return Cell("?", "dim")
    return Cell(", ".join(p.follows for p in policies) or "none", "dim")


def _suspended(view: ScalingView, now: Millis) -> Cell:
    words = view.target.suspended.words
    return Cell(words or "–", "" if words else "dim")


COLUMNS = (
    Column("sign", "", 1, _sign),
    Column("name", "NAME", 24, _name),
    Column("what", "WHAT", 24, _what, flex=True),
    Column("now", "NOW", 5, _now, right=True, help="instances (copies, slots) there are → wanted"),
    Column("min", "MIN", 3, _min, priority=1, right=True),
    Column("max", "MAX", 3, _max, priority=1, right=True),
    Column("load", "LOAD %", 6, _load, priority=2, right=True,
           help="requests a minute per instance, of the target of its policy, over 5 whole minutes"),
    Column("quota", "QUOTA", 7, _quota, priority=3, right=True,
           help="instances of its type in all endpoints / what the account may have"),
    Column("host", "REQ/MIN/HOST", 12, _per_host, priority=4, right=True, help="requests a minute per instance"),
    Column("last", "MOVED", 13, _last, priority=5, right=True, help="when its capacity was changed last"),
    Column("policy", "POLICY", 28, _policy, priority=6, help="what its policies follow"),
    Column("suspended", "SUSPENDED", 12, _suspended, priority=7),
)  # fmt: skip
