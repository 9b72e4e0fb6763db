"""A plan as lines: what the eye meets first is when, what waiting costs, and what speaks against it (pure)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from console.actions.model import Check, Plan, Verdict
from screens.blocks import Line, beside, wrap
from screens.sheet import labelled

SIGNS = {
    Verdict.FAIL: ("✖", "bad"),
    Verdict.WARN: ("▲", "warn"),
    Verdict.UNKNOWN: ("◌", "unknown"),
    Verdict.PASS: ("✓", "ok"),
}
WIDE = 132
"""From here on the preflight stands beside the rest, unfolded."""
_MEASURE = 108
"""Longer lines of prose are hard to read."""
_NAME = 16


def plan_lines(plan: Plan, width: int, *, unfolded: bool) -> list[Line]:
    if width >= WIDE:
        left = min(_MEASURE, width * 11 // 20)
        title: Line = ((" PREFLIGHT", "head"),)
        right = [title, *checks(plan.preflight, min(_MEASURE, width - left - 3), unfolded=True)]
        about = [*_prose(plan, left), *_rest(plan, left)]
        return beside(about, right if plan.preflight else (), left)
    width = min(width, _MEASURE)
    listed = checks(plan.preflight, width, unfolded=unfolded)
    order = [listed, _prose(plan, width)] if plan.refused else [_prose(plan, width), listed]
    return [line for part in (*order, _rest(plan, width)) for line in part]


def _prose(plan: Plan, width: int) -> list[Line]:
    said = (("WHEN", plan.when), ("COST", plan.cost), ("HOW", plan.how))
    return [line for label, text in said if text for line in labelled(label, text, width)]


def checks(preflight: Sequence[Check], width: int, *, unfolded: bool) -> list[Line]:
    """Worst first and in full; what passed is one line unless unfolded."""
    ranked = sorted(preflight, key=lambda c: list(Verdict).index(c.verdict))
    loud = [c for c in ranked if c.verdict is not Verdict.PASS]
    quiet = [c for c in ranked if c.verdict is Verdict.PASS]
    shown = ranked if unfolded else loud
    column = min(_NAME, max((len(c.check) for c in shown), default=0))
    lines: list[Line] = []
    for check in shown:
        glyph, ink = SIGNS[check.verdict]
        words = wrap(check.detail, width - column - 6)
        name = wrap(check.check, 60)[0]
        if len(name) > column:
            lines.append(((f" {glyph} ", ink), (name, "strong")))
            head: Line = ((" " * (column + 5), ""),)
        else:
            head = ((f" {glyph} ", ink), (name + " " * (column + 2 - len(name)), "strong"))
        plain = "dim" if check.verdict is Verdict.PASS else ""
        pad: Line = ((" " * (column + 5), ""),)
        lines += [(*(head if n == 0 else pad), (part, plain)) for n, part in enumerate(words)]
    if quiet and not unfolded:
        what = "more" if loud else "checks passed"
        names = ", ".join(c.check for c in quiet)
        lines.append(((" ✓ ", "ok"), (f"{len(quiet)} {what}: ", ""), (names, "dim")))
    return lines


def _rest(plan: Plan, width: int) -> list[Line]:
    lines: list[Line] = []
    for n, (what, old, new) in enumerate(changes(plan.before, plan.after)):
        text = f"{what}  {old} → {new}" if old else f"{what}  {new}"
        lines += labelled("CHANGE" if n == 0 else "", text, width)
    for call in plan.calls:
        service, _, operation = call.operation.partition(":")
        params = json.dumps(call.params, ensure_ascii=False, default=str)
        lines += labelled("CALL", f"{service} {operation} {params}", width)
    for n, cause in enumerate(plan.causes):
        lines += labelled("CAUSES" if n == 0 else "", cause, width)
    if plan.inverse:
        lines += labelled("UNDO", plan.inverse, width)
    if plan.settle:
        queue = f"waits for {plan.settle}, in a process of its own; if that dies, any console can resume it"
        lines += labelled("QUEUE", queue, width)
    return lines


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(what, before, after) where they differ. Without a value before: an empty text."""
    for what, new in after.items():
        if isinstance(new, Mapping):
            for name, value in new.items():
                old = before.get(what)
                was = old.get(name) if isinstance(old, Mapping) else None
                if was != value:
                    yield str(name), _plain(was) if was is not None else "", _plain(value)
        elif before.get(what) != new:
            old = before.get(what)
            yield what.replace("_", " "), _plain(old) if what in before else "", _plain(new)


def _plain(value: Any) -> str:
    if value is None or value == "":
        return "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(str(one) for one in value) or "none"
    return str(value)
