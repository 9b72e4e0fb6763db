"""A plan as lines: what the eye meets first is when, what waiting costs, and what speaks against it (pure)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rich.cells import cell_len

from console.actions.model import Check, Plan, Verdict, worst_first
from console.actions.orphans import Orphan
from console.clock import Millis, clock_time
from console.errors import LastgoodError
from console.text import safe, shorten
from screens.blocks import BLANK, Line, beside, flow, paragraph, wrap
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
_TURNS = 3
"""Lines that names of marked rows may take."""
_STATE = ("status", "config", "pending_config", "held", "min", "max", "suspended")
"""What of a subject a plan is made from, by its JSON names: phases of one deployment are no other plan."""


class LastValues(NamedTuple):
    """A pipeline's parameters in its last green run, by which those of a new one are told. `run`: empty if unknown."""

    run: str = ""
    values: Mapping[str, str] = {}


UNKNOWN = LastValues()


def plan_lines(
    plan: Plan, width: int, height: int = 0, *, unfolded: bool, as_of: str = "", last: LastValues = UNKNOWN
) -> list[Line]:
    """Parts are set apart by blank lines where `height` has room for them. `as_of` says when WHEN was worked out."""
    if width >= WIDE:
        left = min(_MEASURE, width * 11 // 20)
        title: Line = ((" PREFLIGHT", "head"),)
        right = [title, *checks(plan.preflight, min(_MEASURE, width - left - 3), unfolded=True)]
        about = _joined([_prose(plan, left, as_of), _rest(plan, left, last, unfolded=unfolded)], height)
        return beside(about, right if plan.preflight else (), left)
    width = min(width, _MEASURE)
    listed = checks(plan.preflight, width, unfolded=unfolded)
    prose = _prose(plan, width, as_of)
    order = [listed, prose] if plan.refused else [prose, listed]
    return _joined([*order, _rest(plan, width, last, unfolded=unfolded)], height)


def _joined(parts: Sequence[Sequence[Line]], height: int) -> list[Line]:
    parts = [part for part in parts if part]
    if sum(map(len, parts)) + len(parts) - 1 <= height:
        return [line for n, part in enumerate(parts) for line in ((BLANK,) if n else ()) + tuple(part)]
    return [line for part in parts for line in part]


def _prose(plan: Plan, width: int, as_of: str = "") -> list[Line]:
    when = f"{plan.when} (▲ {as_of})" if plan.when and as_of else plan.when
    said = (("WHEN", when), ("COST", plan.cost), ("HOW", plan.how))
    return [line for label, text in said if text for line in labelled(label, text, width)]


def checks(preflight: Sequence[Check], width: int, *, unfolded: bool) -> list[Line]:
    """Worst first and in full; what passed is one line unless unfolded."""
    ranked = worst_first(preflight)
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
        said, names = f"{len(quiet)} {what}: ", [c.check for c in quiet]
        while len(names) > 1 and cell_len(safe(", ".join(names))) > width - len(said) - 4:
            names[-2:] = ["…"]
        lines.append(((" ✓ ", "ok"), (said, ""), (", ".join(names), "dim")))
    return lines


def _rest(plan: Plan, width: int, last: LastValues, *, unfolded: bool) -> list[Line]:
    lines: list[Line] = []
    after, same = plan.after, ""
    if isinstance(asked := after.get("parameters"), Mapping):
        other, same = _against_last(asked, plan.args.get("param") or {}, last)
        after = {**after, "parameters": {}}
        for what, old, new in other:
            text = f"{what}  {old} → {new}" if old else f"{what}  {new}"
            lines += labelled("" if lines else "CHANGE", text, width)
    for what, old, new in changes(plan.before, after):
        text = f"{what}  {old} → {new}" if old else f"{what}  {new}"
        lines += labelled("" if lines else "CHANGE", text, width)
    if same:
        lines += labelled("SAME", same, width, "dim", at_most=0 if unfolded else 1)
    for label, calls in (("CALL", plan.calls), ("OR BACK", plan.restore)):
        for call in calls:
            service, _, operation = call.operation.partition(":")
            params = json.dumps(call.params, ensure_ascii=False, default=str)
            lines += labelled(label, f"{service} {operation} {params}", width)
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
            if what == "weights" and isinstance(before.get(what), Mapping):
                yield from _shares(before[what], new)
                continue
            for name, value in new.items():
                old = before.get(what)
                was = old.get(name) if isinstance(old, Mapping) else None
                if was != value:
                    yield str(name), _plain(was) if was is not None else "", _plain(value)
        elif before.get(what) != new:
            old = before.get(what)
            yield what.replace("_", " "), _plain(old) if what in before else "", _plain(new)


def _shares(before: Mapping[str, float], after: Mapping[str, float]) -> Iterator[tuple[str, str, str]]:
    """Weights as every screen says them, on whatever scale AWS has them and the calls set them."""
    from console.kinds.endpoint.traffic import percent, shares  # for these plans alone

    was, then = shares(before), shares(after)
    for name, share in then.items():
        if (old := percent(was.get(name, 0.0))) != (new := percent(share)):
            yield name, old, new


def _against_last(
    asked: Mapping[str, Any], given: Mapping[str, Any], last: LastValues
) -> tuple[list[tuple[str, str, str]], str]:
    """Parameters that differ from the last green run as (what, before, after), and the others in one sentence.

    Where no green run is known: those that are given, and the others are the definition's defaults.
    """
    was = last.values if last.run else {name: value for name, value in asked.items() if name not in given}
    other = [
        (name, _plain(was[name]) if name in was else "", _plain(value))
        for name, value in asked.items()
        if name not in was or was[name] != value
    ]
    names = {name for name, _, _ in other}
    same = ", ".join(f"{name} {_plain(value)}" for name, value in asked.items() if name not in names)
    where = f"as in the last green run {last.run}" if last.run else "at its default"
    return other, f"{where}: {same}" if same else ""


def _plain(value: Any) -> str:
    if value is None or value == "":
        return "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(str(one) for one in value) or "none"
    return str(value)


def turn_lines(kind: str, subjects: Sequence[str], number: int, width: int) -> list[Line]:
    """Which of several subjects it is about: each has a plan of its own, one after the other. None for a single one."""
    if len(subjects) < 2:
        return []
    inks = ["dim"] * number + ["key"] + [""] * (len(subjects) - number - 1)
    names: list[Line] = [((shorten(name, 40), ink),) for name, ink in zip(subjects, inks, strict=True)]
    lines = flow([((f"{len(subjects)} {kind}s:", "head"),), *names], min(width, _MEASURE), gap="  ")
    at = next((n for n, line in enumerate(lines) if any(ink == "key" for _, ink in line)), 0)
    return [*lines[:1], *lines[max(1, at) : max(1, at) + _TURNS - 1], BLANK]  # its own name is always among them


def error_lines(error: LastgoodError, width: int) -> list[Line]:
    """Why there is no plan, and what to do about it."""
    width = min(width, _MEASURE)
    lines = labelled("✖", f"No plan: {error.message}", width, indent=3, label_ink="bad")
    return [BLANK, *lines, *(paragraph(error.advice, width - 1, "dim", indent=3) if error.advice else ())]


def orphan_lines(orphan: Orphan, now: Millis, width: int) -> list[Line]:
    heard = clock_time(orphan.at, now)
    said = f"unfinished: {orphan.words or 'queued'}; its process died, last heard of {heard}"
    return [*labelled("▲", said, min(width, _MEASURE), indent=3, label_ink="warn"), BLANK]


def state_of(view: Any) -> dict[str, Any]:
    told = view.to_json()
    return {name: told.get(name) for name in _STATE}


def difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """`changed: config v7 → v8`, or an empty text."""
    found = [f"{what} {old} → {new}" for what, old, new in changes(before, now)]
    return f"changed: {', '.join(found)}" if found else ""
