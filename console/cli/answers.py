"""`triage`, `audit`, `handover`, `doctor`, `info`, `iam`: answers about the whole."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, Any

import typer

from console.cli.output import Format, emit, envelope
from console.cli.reading import AT
from console.cli.session import Say, Session
from console.clock import MINUTE, clock_time, iso, now_ms, parse_at, parse_duration
from console.errors import Exit, LastgoodError, UsageError
from console.kinds.registry import KINDS
from console.text import safe

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
        """What is wrong now, what changed before it, and what to look at next."""
        from console.triage.needs import needs, text

        session_ = session(ctx)
        moment = parse_at(at, now_ms()) if at else None
        deadline = now_ms() + parse_duration(settle) if settle != "0s" else 0
        while True:
            if moment is None:
                for kind in KINDS:
                    session_.freshen(kind, force=deadline > 0)
            found = needs(session_.snapshot(moment))
            if found or now_ms() >= deadline:
                break
            time.sleep(2)
        now = moment or now_ms()
        if output in {Format.JSON, Format.YAML}:
            sources = {k: v for kind in KINDS for k, v in session_.sources(kind, moment).items()}
            emit(envelope("need", session_.context.name, [n.to_json() for n in found], sources, now), output)
            return
        for line in text(found, session_.snapshot(moment), now):
            typer.echo(safe(line) if line.strip() == line else f"{line[: len(line) - len(line.lstrip())]}{safe(line)}")

    @app.command()
    def audit(
        ctx: typer.Context,
        action: Annotated[str, typer.Argument(help="an action's id, or the word verify")] = "",
        since: Annotated[str, typer.Option("--since", help="how far back: 8h, 7d")] = "7d",
        output: OUTPUT = Format.TABLE,
    ) -> None:
        """The journal of actions: who did what, why, and how it ended. `audit verify` checks its hash chain."""
        session_ = session(ctx)
        if action == "verify":
            broken = session_.ledger.journal.verify()
            if broken:
                raise LastgoodError(f"the journal is not as it was written: {broken.words}", advice="restore a copy")
            typer.echo("the journal is as it was written (the chain guards against accidents, not against its owner)")
            return
        _audit(session_, action, parse_duration(since), output)

    @app.command()
    def handover(
        ctx: typer.Context,
        since: Annotated[str, typer.Option("--since", help="how far back: 8h, 12h")] = "8h",
        output: OUTPUT = Format.TABLE,
    ) -> None:
        """What the next person on call must know: actions, deployments, failed runs, holds, what needs somebody."""
        from console.triage.handover import sections

        session_ = session(ctx)
        for kind in KINDS[:3]:
            session_.freshen(kind)
        start = now_ms() - parse_duration(since)
        found = sections(session_.snapshot(), start)
        if output in {Format.JSON, Format.YAML}:
            emit(envelope("handover", session_.context.name, found, {}, now_ms()), output)
            return
        typer.echo(f"# Handover {session_.context.name}, {iso(start)} to {iso(now_ms())}")
        for section in found:
            typer.echo(f"\n## {section['title']}")
            for line in section["lines"] or ["nothing"]:
                typer.echo(f"- {safe(line)}")

    @app.command()
    def iam(
        ctx: typer.Context,
        role: Annotated[str, typer.Option("--role", help="reader or operator")] = "reader",
    ) -> None:
        """The least IAM policy for what lastgood does, made from what its parts declare."""
        from console.clients.iam import policy
        from console.fleet.operations import operations

        if role not in {"reader", "operator"}:
            raise UsageError(f"no role {role!r}", advice="reader or operator")
        emit(policy(operations(role), role=role), Format.JSON)

    @app.command()
    def info(ctx: typer.Context, output: OUTPUT = Format.TABLE) -> None:
        """What this is, where its files are, and what it knows: the first thing to send with a question."""
        from console.fleet.health import facts_about

        session_ = session(ctx)
        _pairs(facts_about(session_.settings, session_.context, session_.ledger, session_.unconfirmed), output)

    @app.command()
    def doctor(ctx: typer.Context, output: OUTPUT = Format.TABLE) -> None:
        """Check credentials, clock, network, permissions, ledger and terminal, with what to do about each."""
        from console.cli.doctor import examine

        found = examine(session(ctx))
        if output in {Format.JSON, Format.YAML}:
            emit([{"check": c.check, "verdict": c.verdict.value, "detail": c.detail} for c in found], output)
        else:
            from console.cli.acting import SIGNS

            for check in found:
                typer.echo(f"{SIGNS[check.verdict]} {check.check:<14}{safe(check.detail)}")
        if any(check.verdict.value == "fail" for check in found):
            raise typer.Exit(Exit.FAILED)


def _audit(session: Session, action: str, since_ms: int, output: Format) -> None:
    since = None if action else now_ms() - since_ms
    entries = session.ledger.journal.entries(session.scope, action_id=action or None, since=since)
    if action and not entries:
        raise UsageError(f"no action {action}", advice="lastgood audit lists them")
    if output in {Format.JSON, Format.YAML}:
        items = [{"at": iso(e.at), "action": e.action_id, "step": e.step, "hash": e.hash, **e.body} for e in entries]
        emit(envelope("step", session.context.name, items, {}, now_ms()), output)
        return
    now = now_ms() + MINUTE
    for entry in entries:
        plan = entry.body.get("plan")
        words = str(entry.body.get("words") or entry.body.get("operation") or "")
        if plan:
            why = "  ".join(filter(None, (entry.body.get("reason"), entry.body.get("ticket"))))
            words = f"{plan['title']}  by {entry.body.get('by', '').rsplit('/', 1)[-1]}  {why}".rstrip()
        typer.echo(f"{clock_time(entry.at, now, seconds=True):>16}  {entry.action_id}  {entry.step:<10} {safe(words)}")


def _pairs(found: dict[str, Any], output: Format) -> None:
    if output in {Format.JSON, Format.YAML}:
        emit(found, output)
        return
    for key, value in found.items():
        typer.echo(f"{key:<14}{safe(str(value))}")
