"""A scalable target as labelled lines, and the targets of an endpoint in a few lines each."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from console.clock import Millis, clock_time, duration
from console.kinds.base import Sign
from console.kinds.scaling.around import Around
from console.kinds.scaling.course import alarm_words, launch_ms
from console.kinds.scaling.growth import scale_waits
from console.kinds.scaling.record import PER_HOST, Activity, Policy, Scheduled
from console.kinds.scaling.view import ScalingView, bodies_of
from console.ledger.snapshot import Snapshot
from console.text import shorten

Cells = tuple[str, ...]

ACTIVITIES_AT_MOST = 12
WORDS_AT_MOST = 300
"""Characters of what AWS says of one activity."""


def scaling_lines(view: ScalingView, snapshot: Snapshot, now: Millis) -> Iterator[Cells]:
    t = view.target
    yield "scaling", f"{view.sign.glyph} {t.name}", view.verdict.words
    yield from _listed("why", [(reason,) for reason in _why(view)])
    yield from _advice(view, snapshot)
    yield "capacity", capacity_words(view)
    if words := load_words(view):
        yield "load", words
    if view.quota is not None:
        yield "quota", f"{view.quota.words}: {view.quota.left} more can be had"
    elif view.type:
        yield "quota", f"of {view.type}: not known"
    if words := t.suspended.words:
        yield "suspended", words
    if t.policies is None:
        yield "policies", "not known: they could not be read"
    else:
        yield from _listed("policies", [_policy(p, t.host) for p in t.policies] or [("none",)])
    yield from _listed("scheduled", [_scheduled(s, now) for s in t.scheduled or ()])
    yield "resource", t.resource
    yield "scales", t.dimension
    yield "", ""
    if (took := launch_ms(view.activities)) is not None:
        yield "usually", f"more serve {duration(took[0])} after a scale-out began (median of {took[1]})"
    yield from _listed("activities", [activity_cells(a, now) for a in view.activities[:ACTIVITIES_AT_MOST]])
    if (more := len(view.activities) - ACTIVITIES_AT_MOST) > 0:
        yield "", f"({more} more: -o json; AWS keeps those of six weeks)"


def _why(view: ScalingView) -> Iterator[str]:
    """Reasons, without the numbers that have lines of their own."""
    told = (capacity_words(view), view.quota.words if view.quota else capacity_words(view))
    yield from (r for r in view.verdict.reasons if not r.startswith(told) and " requests a minute per " not in r)


VERBS = {"scale": "scale", "suspend": "suspend scale-in", "unsuspend": "resume scaling", "rollback": "roll back"}
"""As people say it; what nobody is tempted by at night is not among them."""


def _advice(view: ScalingView, snapshot: Snapshot) -> Iterator[Cells]:
    t = view.target
    words = ""
    if "scale" in view.speaks_for:
        words = scale_waits(view, snapshot, Around(bodies_of(snapshot), [t]).pulse(view.endpoint))
    verbs = [verb for verb in view.speaks_for if not (words and verb == "scale")]
    yield from _listed("helps", [(_way(verb, view.name),) for verb in verbs])
    against = [VERBS[verb] for verb in view.speaks_against if verb in VERBS]
    told = [f"scale yet: {words}" if words else "", ", ".join(against)]
    yield from _listed("not", [(line,) for line in told if line])


def _way(verb: str, name: str) -> str:
    """The command, and the key where this is read on a screen."""
    key = " (key S)" if verb == "scale" else ""
    return f"{VERBS[verb]}{key}: lastgood {verb} scaling {shlex.quote(name)} --dry-run"


def capacity_words(view: ScalingView) -> str:
    """`8 of 2–8 instances, 8 wanted`"""
    t = view.target
    have = "?" if view.current is None else str(view.current)
    want = f", {view.desired} wanted" if view.desired is not None and view.desired != view.current else ""
    return f"{have} of {t.min}–{t.max} {t.nouns[1]}{want}"


def load_words(view: ScalingView) -> str:
    """`9,412 requests a minute per instance, 134 % of its target 7,000, was 5,800`; empty where it is not known."""
    load = view.load
    if load.now is None:
        return (
            f"not known; its target is {load.target:,.0f} requests a minute per {view.target.host}"
            if load.target
            else ""
        )
    share = (
        f", {load.percent:.0f} % of its target {load.target:,.0f}" if load.percent is not None and load.target else ""
    )
    was = f", was {load.was:,.0f}" if load.was else ""
    return f"{load.now:,.0f} requests a minute per {view.target.host}{share}{was}"


def scaling_rows(targets: Sequence[ScalingView]) -> Iterator[Cells]:
    """Of one endpoint: what it is, how far it can go, and why it was not scaled the last time."""
    for view in targets:
        t = view.target
        parts = [capacity_words(view)]
        if view.load.percent is not None:
            parts.append(f"{view.load.percent:.0f} % of its target load")
        if view.quota is not None:
            parts.append(f"quota {view.quota.used}/{view.quota.limit:g}")
        yield f"{view.sign.glyph} {t.variant or t.component}", view.verdict.words, "; ".join(parts)
        if view.sign is not Sign.OK:
            first = ("AWS", "not scaled", *([view.quota.held] if view.quota and view.quota.held else []))
            told = [reason for reason in view.verdict.reasons if reason.startswith(first)]
            yield from (("", shorten(reason, WORDS_AT_MOST)) for reason in told)


def activity_cells(a: Activity, now: Millis) -> Cells:
    """When, to how many, and how it ended or why not."""
    at = clock_time(a.at, now)
    if a.not_scaled:
        return (f"○ {at}", "stays", "; ".join(reason.words for reason in a.not_scaled))
    glyph = {"Successful": "●", "Failed": "✖", "Unfulfilled": "✖", "Pending": "◐", "InProgress": "◐"}.get(a.status, "◌")
    what = f"to {a.wanted}" if a.wanted is not None else ""
    if glyph == "✖":
        return (f"{glyph} {at}", what, shorten(f"{a.status}: {a.message}", WORDS_AT_MOST))
    took = f" in {duration(a.ended_at - a.at)}" if a.ended_at and a.status == "Successful" and a.ended_at > a.at else ""
    words = a.status if a.status != "Successful" else ""
    return (f"{glyph} {at}", what, shorten(f"{words}{took}, {cause_words(a.cause)}".lstrip(", "), WORDS_AT_MOST))


def cause_words(cause: str) -> str:
    """The alarm in `monitor alarm NAME in state ALARM triggered policy NAME`; anything else whole."""
    head, _, policy = cause.partition(" triggered policy ")
    return alarm_words(head.removeprefix("monitor alarm ").removesuffix(" in state ALARM")) if policy else cause


def _policy(p: Policy, host: str) -> Cells:
    cooldowns = f"waits {duration(p.out_cooldown_s * 1000)} out, {duration(p.in_cooldown_s * 1000)} in"
    only = "" if p.scales_in else ", never scales in"
    if p.steps:
        return (p.name, f"steps {', '.join(p.steps)}", f"{cooldowns}{only}")
    if p.target is None:
        return (p.name, p.type, f"{cooldowns}{only}")
    what = f"requests a minute per {host}" if p.metric in PER_HOST else p.follows
    return (p.name, f"{p.target:,g} {what}", f"{cooldowns}{only}")


def _scheduled(s: Scheduled, now: Millis) -> Cells:
    bounds = [f"min {s.min}" if s.min is not None else "", f"max {s.max}" if s.max is not None else ""]
    until = f"until {clock_time(s.ends_at, now)}" if s.ends_at else ""
    return (s.name, f"{s.schedule} {s.zone}", f"{' '.join(filter(None, bounds))} {until}".strip())


def _listed(label: str, rows: Sequence[Cells]) -> Iterator[Cells]:
    yield from ((label if not n else "", *row) for n, row in enumerate(rows))
