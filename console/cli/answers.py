"""`triage`, `audit`, `handover`, `doctor`, `info`, `iam`: answers about the whole."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Annotated, Any

import typer

from console.cli.freshness import look, tell_coverage, tell_failures
from console.cli.output import Format, csv_text, emit, envelope, only, write
from console.cli.reading import AT
from console.cli.session import Say, Session
from console.clock import Millis, iso, now_ms, parse_at, parse_duration
from console.errors import CredentialsError, Exit, LastgoodError, NotFound, UsageError
from console.kinds.registry import KINDS
from console.text import echoed, safe

Open = Callable[[typer.Context], Session]
OUTPUT = Annotated[Format, typer.Option("-o", "--output", help="table, json or yaml")]


def register(app: typer.Typer, session: Open, note: Say) -> None:
    @app.command()
    def triage(
        ctx: typer.Context,
        output: OUTPUT = Format.TABLE,
        at: AT = None,
        settle: Annotated[str, typer.Option("--settle", help="watch this long for something to show")] = "0s",
    ) -> None:
        """What is wrong now, what changed before it, what to look at. Worst first, with the way back."""
        from console.triage.needs import needs, text

        only(output, Format.TABLE, Format.JSON, Format.YAML)
        session_ = session(ctx)
        moment = parse_at(at, now_ms()) if at is not None else None
        deadline = now_ms() + parse_duration(settle) if settle != "0s" else 0
        if moment is not None:
            for kind in LOOKED_AT:
                tell_coverage(session_, kind, moment)
        parent = os.getppid()
        while True:
            if moment is None:
                session_.renew()
                _freshen(session_, force=deadline > 0)
            found = needs(session_.snapshot(moment))
            if found or now_ms() >= deadline or os.getppid() != parent:  # the demo that waits for us was killed
                break
            time.sleep(2)
        now = moment or now_ms()
        if output in {Format.JSON, Format.YAML}:
            emit(
                envelope("need", session_.context.name, [n.to_json() for n in found], _sources(session_, moment), now),
                output,
            )
            return
        write("\n".join(text(found, session_.snapshot(moment), now)))

    @app.command()
    def audit(
        ctx: typer.Context,
        action: Annotated[str, typer.Argument(help="an action's id, or the word verify")] = "",
        since: Annotated[str, typer.Option("--since", help="how far back: 8h, 7d")] = "7d",
        output: OUTPUT = Format.TABLE,
    ) -> None:
        """The journal of actions: who did what, why, how it ended. `audit verify` checks its hash chain."""
        session_ = session(ctx)
        if action == "verify":
            broken = session_.ledger.journal.verify()
            if broken:
                raise LastgoodError(f"the journal is not as it was written: {broken.words}", advice="restore a copy")
            write("the journal is as it was written (the chain guards against accidents, not against its owner)")
            return
        _audit(session_, action, parse_duration(since), output)

    @app.command()
    def handover(
        ctx: typer.Context,
        since: Annotated[str, typer.Option("--since", help="how far back: 8h, 12h")] = "8h",
        output: OUTPUT = Format.TABLE,
    ) -> None:
        """What the next person on call must know. Needs, actions, deployments, failed runs and holds of a shift."""
        from console.triage.handover import sections, text

        only(output, Format.TABLE, Format.JSON, Format.YAML)
        session_ = session(ctx)
        start = now_ms() - parse_duration(since)
        _freshen(session_)
        found = sections(session_.snapshot(), start)
        if output in {Format.JSON, Format.YAML}:
            emit(envelope("handover", session_.context.name, found, _sources(session_, None), now_ms()), output)
            return
        write("\n".join(text(found, session_.snapshot(), session_.context.name, start)))

    @app.command()
    def iam(
        ctx: typer.Context,
        role: Annotated[str, typer.Option("--role", help="reader or operator")] = "reader",
    ) -> None:
        """The least IAM policy for what lastgood does. Made from what its parts declare."""
        from console.clients.iam import policy
        from console.fleet.operations import operations

        if role not in {"reader", "operator"}:
            raise UsageError(f"no role {echoed(role)!r}", advice="reader or operator")
        emit(policy(operations(role), role=role), Format.JSON)

    @app.command()
    def info(ctx: typer.Context, output: OUTPUT = Format.TABLE) -> None:
        """Versions, files, and what the ledger knows. The first thing to send with a question."""
        from console.fleet.health import facts_about

        session_ = session(ctx)
        _pairs(facts_about(session_.settings, session_.context, session_.ledger, session_.unconfirmed), output)

    @app.command()
    def doctor(ctx: typer.Context, output: OUTPUT = Format.TABLE) -> None:
        """Check what keeps people from working at night. Credentials, clock, permissions, ledger, terminal."""
        from console.cli.doctor import examine

        found = examine(session(ctx))
        if output in {Format.JSON, Format.YAML}:
            emit([{"check": c.check, "verdict": c.verdict.value, "detail": c.detail} for c in found], output)
        else:
            from console.cli.acting import SIGNS

            width = max(len(check.check) for check in found) + 2
            for check in found:
                write(f"{SIGNS[check.verdict]} {check.check:<{width}}{safe(check.detail)}")
        if any(check.verdict.value == "fail" for check in found):
            raise typer.Exit(Exit.FAILED)


LOOKED_AT = tuple(kind for kind in KINDS if kind.id != "change")
"""Kinds that answers about the whole look at; who changed what comes with them."""


def _freshen(session: Session, *, force: bool = False) -> None:
    """Every kind, each degrading by itself; one line for each cause. Raises it when none could be read at all."""
    errors: dict[str, LastgoodError] = {}
    unread = 0
    for kind in LOOKED_AT:
        try:
            found = look(session, kind, force=force)
            errors |= found
        except LastgoodError as error:
            if isinstance(error, CredentialsError):
                raise
            unread += 1
            errors[kind.sources[0]] = session.failed[kind.sources[0]] = error
    if unread == len(LOOKED_AT):
        first = next(iter(errors.values()))
        tell_failures(session, {s: e for s, e in errors.items() if e.message != first.message})
        raise first
    tell_failures(session, errors)


def _sources(session: Session, at: Millis | None) -> dict[str, Any]:
    return {name: state for kind in LOOKED_AT for name, state in session.sources(kind, at).items()}


def _audit(session: Session, action: str, since_ms: int, output: Format) -> None:
    since = None if action else now_ms() - since_ms
    entries = session.ledger.journal.entries(session.scope, action_id=action or None, since=since)
    if action and not entries:
        raise NotFound(f"no action {echoed(action)}", advice="lastgood audit lists them")
    if output in {Format.JSON, Format.YAML}:
        items = [{"at": iso(e.at), "action": e.action_id, "step": e.step, "hash": e.hash, **e.body} for e in entries]
        emit(envelope("step", session.context.name, items, {}, now_ms()), output)
        return
    if output is Format.NAME:
        for name in dict.fromkeys(entry.action_id for entry in entries):
            write(name)
        return
    if output is not Format.CSV and not entries:
        session.say("no action since then" if not action else f"no action {action}")
        return
    from console.fleet.audit import TITLES, rows

    found = [[safe(text) for text in row] for row in rows(entries, now_ms())]
    if output is Format.CSV:
        write(csv_text([[title.lower() for title in TITLES], *found]))
        return
    widths = [max(len(row[n]) for row in [TITLES, *found]) for n in range(3)]
    for row in [TITLES, *found]:
        write(f"{row[0]:>{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:<{widths[2]}}  {row[3]}".rstrip())


def _pairs(found: dict[str, Any], output: Format) -> None:
    if output in {Format.JSON, Format.YAML}:
        emit(found, output)
        return
    width = max(len(key) for key in found) + 2
    for key, value in found.items():
        write(f"{key:<{width}}{safe(str(value))}")
