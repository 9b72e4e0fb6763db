"""`get`, `describe`, `logs`, `open`, `wait`: what is there."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Annotated, Any

import typer

from console.cli.output import Format, as_csv, colourful, emit, envelope, query, table
from console.cli.session import Say, Session, sessions
from console.clock import Millis, now_ms, parse_at, parse_duration
from console.errors import NotFound, UsageError
from console.kinds.base import Kind
from console.kinds.registry import KINDS, kind_of
from console.settings import Settings

AT = Annotated[str | None, typer.Option("--at", help="as of then: 2026-11-23T03:12Z, 03:12 or an age such as 2h")]


def _kinds(incomplete: str) -> list[str]:
    return [k.plural for k in KINDS if k.plural.startswith(incomplete)]


def complete_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names from the ledger alone: completion must answer at once and never call AWS."""
    try:
        loaded = Settings.load()
        session = Session(loaded, loaded.current, lambda line: None)
        if session.unconfirmed is None:
            return []
        kind = kind_of(ctx.params["kind"]) if ctx.params.get("kind") else None
        snapshot = session.snapshot()
        ids = [kind.id] if kind else [k.id for k in KINDS if k.id != "change"]
        return sorted({f.name for i in ids for f in snapshot.heads(i) if f.name.startswith(incomplete)})[:200]
    except Exception:
        return []  # a shell waits: nothing at all is better than a traceback in the prompt


KIND = Annotated[str, typer.Argument(help="endpoints, pipelines, executions, changes", autocompletion=_kinds)]
NAME = Annotated[str, typer.Argument(autocompletion=complete_names)]
NAMES = Annotated[list[str] | None, typer.Argument(help="only these", autocompletion=complete_names)]


def register(app: typer.Typer, settings: Callable[[typer.Context], Settings], note: Say) -> None:
    @app.command()
    def get(
        ctx: typer.Context,
        kind: KIND,
        names: NAMES = None,
        output: Annotated[Format, typer.Option("-o", "--output", help="how to print")] = Format.TABLE,
        expression: Annotated[str | None, typer.Option("--query", help="JMESPath over the JSON envelope")] = None,
        at: AT = None,
        watch: Annotated[bool, typer.Option("--watch", help="print again whenever something changes")] = False,
        fresh: Annotated[bool, typer.Option("--fresh", help="look now, however young the ledger is")] = False,
        cached: Annotated[bool, typer.Option("--cached", help="never call AWS")] = False,
    ) -> None:
        """List a kind, what is wrong first."""
        if fresh and cached:
            raise UsageError("--fresh and --cached exclude each other", advice="give one of them")
        if watch and at:
            raise UsageError("the past does not change", advice="leave out --watch or --at")
        wanted, moment = kind_of(kind), parse_at(at, now_ms()) if at else None
        chosen = sessions(settings(ctx), note)
        shown = None
        while True:
            printed = _list(chosen, wanted, names or None, output, expression, moment, fresh, cached, shown)
            if not watch:
                return
            shown = printed
            time.sleep(1)

    @app.command()
    def describe(
        ctx: typer.Context,
        kind: KIND,
        name: NAME,
        output: Annotated[Format, typer.Option("-o", "--output", help="table, json or yaml")] = Format.TABLE,
        at: AT = None,
        cached: Annotated[bool, typer.Option("--cached", help="never call AWS")] = False,
    ) -> None:
        """One thing, whole."""
        session, wanted = sessions(settings(ctx), note)[0], kind_of(kind)
        moment = parse_at(at, now_ms()) if at else None
        if moment is None and not cached:
            session.freshen(wanted)
        view = _one(session, wanted, name, moment)
        if output in {Format.JSON, Format.YAML}:
            emit(view.to_json(), output)
            return
        from console.fleet.describe import lines

        now = moment or now_ms()
        for label, text in lines(wanted, view, session.snapshot(moment), now):
            if label:
                typer.echo(f"{label.upper():<12}{text}".rstrip())
            else:
                typer.echo(f"{'':<12}{text}".rstrip() if text else "")

    @app.command()
    def logs(
        ctx: typer.Context,
        kind: KIND,
        name: NAME,
        follow: Annotated[bool, typer.Option("-f", "--follow", help="go on as lines arrive")] = False,
        since: Annotated[str, typer.Option("--since", help="how far back: 15m, 2h")] = "15m",
        grep: Annotated[str, typer.Option("--filter", help="CloudWatch filter pattern")] = "",
    ) -> None:
        """Log lines of an endpoint's containers or of a run's failed (or running) step, merged by time."""
        from console.cli.logs import show

        session, wanted = sessions(settings(ctx), note)[0], kind_of(kind)
        show(session, wanted, name, follow=follow, since_ms=parse_duration(since), pattern=grep)

    @app.command(name="open")
    def open_(
        ctx: typer.Context,
        subject: Annotated[str, typer.Argument(help="an ARN or a name", autocompletion=complete_names)],
    ) -> None:
        """Open the console at a thing: what a link in a page or a chat names by its ARN."""
        from console.cli.running import console

        session = sessions(settings(ctx), note)[0]
        kind, name = locate(session, subject)
        console(session, kind.id, name)

    @app.command()
    def wait(
        ctx: typer.Context,
        kind: KIND,
        name: NAME,
        condition: Annotated[str, typer.Option("--for", help="settled, config=NAME, status=WORD, ended or gone")] = "",
        timeout: Annotated[str, typer.Option("--timeout", help="give up after this long")] = "1h",
    ) -> None:
        """Wait until a thing has settled, or has come to a config or status. Exit code 6 when it did not in time."""
        from console.cli.waiting import wait_for

        session, wanted = sessions(settings(ctx), note)[0], kind_of(kind)
        code = wait_for(session, wanted, name, condition or "settled", parse_duration(timeout))
        raise typer.Exit(code)


def _list(
    chosen: list[Session],
    kind: Kind,
    names: list[str] | None,
    output: Format,
    expression: str | None,
    moment: Millis | None,
    fresh: bool,
    cached: bool,
    shown: Any,
) -> Any:
    """Print the list unless it is the same as `shown`; returns what was printed. Contexts degrade by themselves."""
    now = moment or now_ms()
    views: list[Any] = []
    sources: dict[str, Any] = {}
    for session in chosen:
        if moment is None and not cached:
            session.freshen(kind, force=fresh)
        snapshot = session.snapshot(moment)
        if moment is not None and not snapshot.covered(kind.sources[0]):
            since = snapshot.since(kind.sources[0])
            session.say(f"nobody watched {kind.plural} then" + (f"; history since {_iso(since)}" if since else ""))
        views += kind.views(snapshot, names)
        prefix = f"{session.context.name}:" if len(chosen) > 1 else ""
        sources |= {f"{prefix}{name}": state for name, state in session.sources(kind, moment).items()}
    views.sort(key=kind.order)
    if names and (missing := [n for n in names if not any(_is(v, n) for v in views)]):
        raise NotFound(f"no {kind.id} {', '.join(missing)}", advice=f"lastgood get {kind.plural} lists them")
    cells = [[c.cell(v, now) for c in kind.columns] for v in views]
    if cells == shown:
        return cells
    if shown is not None and output is Format.TABLE and colourful():
        typer.echo("\x1b[H\x1b[2J", nl=False)
    if output in {Format.JSON, Format.YAML} or expression:
        data = envelope(kind.id, ",".join(s.context.name for s in chosen), [v.to_json() for v in views], sources, now)
        emit(query(data, expression) if expression else data, output)
    elif output is Format.NAME:
        for view in views:
            typer.echo(view.name)
    elif output is Format.CSV:
        as_csv(kind, views, now)
    else:
        if not views and sys.stderr.isatty():
            chosen[0].say(f"no {kind.plural} in {chosen[0].scope}")
        table(kind, views, now)
    return cells


def _iso(at: Millis) -> str:
    from console.clock import iso

    return iso(at)


def _is(view: Any, name: str) -> bool:
    """Whether a view is meant by a name: its own, or the last part of it (an execution's id), or its ARN."""
    return bool(view.name == name or view.name.rsplit("/", 1)[-1] == name or getattr(view, "arn", None) == name)


def _one(session: Session, kind: Kind, name: str, moment: Millis | None) -> Any:
    views = kind.views(session.snapshot(moment), [name])
    if not views:
        raise NotFound(f"no {kind.id} {name}", advice=f"lastgood get {kind.plural} lists them")
    if len(views) > 1:
        raise UsageError(f"{name} is not unique", advice=f"one of {', '.join(v.name for v in views)}")
    return views[0]


def locate(session: Session, subject: str) -> tuple[Kind, str]:
    """The kind and name behind an ARN or a name. Raises NotFound."""
    if subject.startswith("arn:"):
        path = subject.split(":", 5)[-1]
        head, _, rest = path.partition("/")
        if head == "pipeline" and "/execution/" in rest:
            pipeline, _, run = rest.partition("/execution/")
            return kind_of("execution"), f"{pipeline}/{run}"
        if head in {"endpoint", "pipeline"}:
            kind = kind_of(head)
            known = [f.name for f in session.snapshot().heads(kind.id)]
            # ARNs are lower-cased, names are not (facts section 7.2).
            return kind, next((n for n in known if n.lower() == rest.lower()), rest)
        raise UsageError(f"{subject} is none of ours", advice=f"kinds: {', '.join(k.plural for k in KINDS)}")
    for kind in KINDS:
        found = [
            f.name for f in session.snapshot().heads(kind.id) if f.name == subject or f.name.endswith(f"/{subject}")
        ]
        if len(found) == 1:
            return kind, found[0]
    raise NotFound(f"nothing named {subject} in the ledger", advice="lastgood get endpoints lists names")
