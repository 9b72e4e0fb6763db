"""`lastgood metrics`: the course of an endpoint's vital signs, from CloudWatch and from what the ledger kept."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from console.cli.output import GAP, Format, csv_text, emit, envelope, only, write
from console.cli.session import Session
from console.clock import MINUTE, Millis, clock_time, duration, iso, now_ms
from console.errors import LastgoodError, LedgerError, NotFound, SourceError, UsageError
from console.fleet.course import instances, kept
from console.fleet.health import cost_of_watching
from console.fleet.operations import METRICS
from console.kinds.base import Kind
from console.kinds.endpoint.view import EndpointView
from console.kinds.endpoint.view import views as endpoint_views
from console.kinds.vitals import asking
from console.kinds.vitals.beat import PROVISIONAL
from console.kinds.vitals.cost import ASKED, Cost, asked_too
from console.kinds.vitals.course import INSTANCES, Course, Who, counted, from_points, sampled, together
from console.kinds.vitals.measures import GROUPS, MEASURES, Drawn, drawn, fields_of
from console.kinds.vitals.metric_data import DOLLARS, batches, billed, fetch
from console.kinds.vitals.queries import Series
from console.kinds.vitals.sight import OFF
from console.kinds.vitals.spans import Window, window
from console.ledger.snapshot import Snapshot
from console.text import echoed, safe


class Asked(NamedTuple):
    """What was read: the courses, and how many metrics CloudWatch bills for it; or why it was not asked."""

    window: Window
    courses: list[Course]
    metrics: int
    cost: Cost
    refused: str = ""


def show(
    session: Session,
    kind: Kind,
    name: str,
    *,
    since_ms: int,
    at: Millis | None,
    variant: str = "",
    metrics: Sequence[str] = (),
    output: Format = Format.TABLE,
    cached: bool = False,
) -> None:
    """Print the series, oldest value first. Raises NotFound for an endpoint or a variant that there is not, UsageError
    for a metric that is none of ours, SourceError where neither CloudWatch nor the ledger has anything."""
    only(output, Format.TABLE, Format.JSON, Format.CSV)
    if kind.id != "endpoint":
        raise UsageError(f"{kind.plural} have no metrics here", advice="lastgood metrics endpoint NAME")
    metrics = [word for several in metrics for word in several.split(",") if word]
    fields = _fields(metrics)
    now = now_ms()
    span = window(now if at is None else at, since_ms, now)
    if at is None and not cached:
        session.freshen(kind)
    snapshot = session.snapshot(at)
    view = _view(session, snapshot, name)
    if variant and variant not in (known := [v.name for v in (*view.endpoint.variants, *view.endpoint.shadows)]):
        raise NotFound(f"{name} has no variant {echoed(variant)}", advice=f"one of {', '.join(known)}")
    found = _read(session, snapshot, view, span, variant, fields, cached=cached, now=now)
    if output is Format.JSON:
        sources = session.sources(kind, at)
        if found.metrics or found.refused:  # just now, whatever a collector knew at that moment
            sources["metrics"] = {"ok": not found.refused, "age_s": 0.0, "error": found.refused or None}
        told = envelope("metrics", session.context.name, [c.to_json() for c in found.courses], sources, now)
        about = {"endpoint": name, "start": iso(span.start), "end": iso(span.end), "period_s": span.period_s}
        emit({**told, **about, "cost": _bill(found, now)}, output)
        return
    _say(session, found, now)
    courses = [one for one in found.courses if not one.empty]
    if output is Format.CSV:
        write(csv_text(_lines(courses)))
    else:
        write("\n".join(_table(name, courses, span, metrics, now)))


def _fields(metrics: Sequence[str]) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for word in metrics:
        if not (meant := fields_of(word)):
            known = ", ".join([*GROUPS, *(one.field for one in MEASURES if one.field != INSTANCES)])
            raise UsageError(f"no metric {echoed(word)}", advice=f"one of {known}")
        found |= meant
    return found or fields_of(GROUPS[0])


def _view(session: Session, snapshot: Snapshot, name: str) -> EndpointView:
    for known in (snapshot, session.snapshot()):  # what the ledger did not know at that moment it may know by now
        if views := endpoint_views(known, [name]):
            return views[0]
    raise NotFound(f"no endpoint {echoed(name)}", advice="lastgood get endpoints lists them")


def _read(
    session: Session,
    snapshot: Snapshot,
    view: EndpointView,
    span: Window,
    variant: str,
    fields: frozenset[str],
    *,
    cached: bool,
    now: Millis,
) -> Asked:
    """From CloudWatch within the budget; else, and for what is of no metric, what the ledger has."""

    def wanted(found: Iterable[Course]) -> list[Course]:
        return [one for one in found if one.metric in fields and variant in ("", one.variant)]

    known = wanted(kept(snapshot, view.name, span))
    counts = wanted(instances(snapshot, view.name, span))
    cost = cost_of_watching(session.ledger, session.scope, session.settings)
    if cached:
        return Asked(span, [*known, *counts], 0, cost)
    if cost.budget <= 0:
        session.say(f"{OFF}; what the ledger has — raise it in config.toml")
        return Asked(span, [*known, *counts], 0, cost, OFF)
    try:
        client = session.cloud.client("sagemaker", METRICS, urgent=True)
        configs = asking.fleets(view.endpoint, view.deployments, span, now)
        series = [
            one
            for one in asking.series(snapshot, client, view.endpoint, configs)
            if one.metric.field in fields and variant in ("", one.variant)
        ]
        if (price := billed(series)) > cost.room(now):
            refused = f"{price:,} metrics are more than the budget has room for"
            session.say(f"{refused}: what the ledger has — {cost.words(now)}; metrics_dollars_per_hour in config.toml")
            return Asked(span, [*known, *counts], 0, cost, refused)
        try:
            session.ledger.coverage.revise(session.scope, ASKED, lambda memo: asked_too(memo, now, price))
        except LedgerError as error:  # a full disk must not hide what CloudWatch can tell
            session.say(f"what this costs is not counted: {error.message}")
        found = _points(session, series, span)
    except SourceError as error:
        if not known:
            raise
        _fail(session, error)
        return Asked(span, [*known, *counts], 0, cost)
    told = from_points(series, found, span)
    both = together([one for one in told if one.metric != INSTANCES], known, span, now)
    counts = counted(counts, sampled((one for one in told if one.metric == INSTANCES), span), span)
    return Asked(span, [*both, *counts], price, cost_of_watching(session.ledger, session.scope, session.settings))


def _points(session: Session, series: Sequence[Series], span: Window) -> dict[int, dict[Millis, float]]:
    """By the place in `series`, which batches reorder."""
    client = session.cloud.client("cloudwatch", METRICS, urgent=True)
    place = {id(one): n for n, one in enumerate(series)}
    found: dict[int, dict[Millis, float]] = {}
    for batch in batches(series, span.periods):
        for n, points in fetch(client, batch, span.start, span.end, span.period_s).items():
            found[place[id(batch[n])]] = points
    return found


def _fail(session: Session, error: LastgoodError) -> None:
    session.failed["metrics"] = error
    advice = f" — {error.advice}" if error.advice else ""
    session.say(f"metrics: {error.message}; what the ledger has{advice}")


def _bill(found: Asked, now: Millis) -> dict[str, Any]:
    return {
        "metrics": found.metrics,
        "dollars": round(found.metrics * DOLLARS, 6),
        "metrics_last_hour": found.cost.per_hour(now),
        "dollars_last_hour": round(found.cost.dollars(now), 6),
        "dollars_per_hour_at_most": found.cost.budget,
    }


def _say(session: Session, found: Asked, now: Millis) -> None:
    if found.metrics:
        session.say(f"asked for {found.metrics:,} metrics (${found.metrics * DOLLARS:.4f}); {found.cost.words(now)}")
    if found.window.end > now - PROVISIONAL:
        session.say(f"the last {PROVISIONAL // MINUTE} minutes are still filling up")


# As text.


def _lines(courses: Iterable[Course]) -> Iterator[Sequence[str]]:
    """One value a line; gaps have none."""
    yield "at", "variant", "config", "component", "metric", "unit", "period_s", "value"
    for one in courses:
        told = one.to_json()
        for n, value in enumerate(told["values"]):
            if value is not None:
                at = iso(one.start + n * one.period_s * 1000)
                who = (safe(one.variant), safe(one.config), safe(one.component))
                yield at, *who, one.metric, told["unit"], str(one.period_s), str(value)


def _table(name: str, courses: Sequence[Course], span: Window, metrics: Sequence[str], now: Millis) -> Iterator[str]:
    """Of each variant, fleet and component a block: measures as the console shows them, a line for each period."""
    yield f"{safe(name)}: {span.words(now)} by {duration(span.period)}"
    if not courses:
        yield "nothing was measured"
    known = {one.key: one for one in courses}
    chosen = [m for m in MEASURES if not metrics or {m.id, m.field, m.group} & set(metrics) or GROUPS[0] in metrics]
    for who in dict.fromkeys(one.who for one in courses):
        found = [line for m in chosen if (line := drawn(m, known, who)) is not None]
        if found:
            yield ""
            yield _named(who)
            yield from _block(found, span, now)


def _named(who: Who) -> str:
    variant, config, component = map(safe, who)
    if component:
        return f"component {component}"
    return f"fleet {config} of {variant}" if config else f"variant {variant}"


def _block(lines: Sequence[Drawn], span: Window, now: Millis) -> Iterator[str]:
    titles = ["AT", *(f"{line.measure.title} {line.measure.unit}".strip().upper() for line in lines)]
    rows = [titles]
    for n in range(span.periods):
        values = [line.values[n] for line in lines]
        if any(value is not None for value in values):
            rows.append([clock_time(span.start + n * span.period, now), *map(_number, values)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    fit = len(widths)
    if sys.stdout.isatty():
        room = shutil.get_terminal_size().columns
        while fit > 2 and sum(widths[:fit]) + len(GAP) * (fit - 1) > room:
            fit -= 1
    for row in rows:
        yield GAP.join(text.rjust(width) for text, width in zip(row[:fit], widths[:fit], strict=True))
    if fit < len(widths):
        yield f"({len(widths) - fit} more measures: -o csv, or --metric {' --metric '.join(GROUPS[1:3])} …)"


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
