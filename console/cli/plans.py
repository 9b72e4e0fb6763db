"""Plans and journals in words: what a terminal prints and a screen draws. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from console.actions.model import Plan, Verdict
from console.clock import Millis, clock_time
from console.fleet.audit import step_name, step_words
from console.text import safe

SIGNS = {Verdict.FAIL: "✖", Verdict.WARN: "▲", Verdict.UNKNOWN: "◌", Verdict.PASS: "✓"}


def plan_rows(plan: Plan) -> Iterator[tuple[str, str]]:
    """(label, text): what will happen, worst check first, and how to undo it. Text is raw: make it safe to draw."""
    yield "", f"{plan.title}    {plan.context}  as {plan.identity}"
    for label, text in (("when", plan.when), ("cost", plan.cost), ("how", plan.how), ("waits for", plan.settle)):
        if text:
            yield label, text
    for check in plan.preflight:
        yield f"{SIGNS[check.verdict]} {check.check}", check.detail
    for call in plan.calls:
        yield "call", f"{call.operation} {msgspec.json.encode(call.params).decode()}"
    for call in plan.restore:
        yield "if it must stop", f"{call.operation} {msgspec.json.encode(call.params).decode()}"
    for cause in plan.causes:
        yield "causes", cause
    if plan.inverse:
        yield "undo", plan.inverse


def plan_lines(plan: Plan) -> Iterator[str]:
    """The plan for a terminal, safe to print."""
    for label, text in plan_rows(plan):
        yield f"  {safe(label):<18}{safe(text)}" if label else f"{safe(plan.title)}    {safe(text[len(plan.title) :])}"


def step_line(step: str, body: Mapping[str, Any]) -> str:
    """One journal step, safe to print."""
    words, advice = step_words(step, body), str(body.get("advice") or "")
    said = f"{words} — {advice}" if words and advice else words
    return f"{step_name(step):<13}  {safe(said)}".rstrip()


def timed_line(step: str, body: Mapping[str, Any], at: Millis, now: Millis) -> str:
    """The same with its clock time before it."""
    return f"{clock_time(at, now, seconds=True)}  {step_line(step, body)}"
