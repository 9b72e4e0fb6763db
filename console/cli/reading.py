"""`get`, `describe`, `logs`, `metrics`, `open`, `wait`: what is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from console.cli.freshness import tell_coverage, tell_future
from console.cli.output import Format, emit, named, only, write
from console.cli.session import Say, Session, sessions
from console.clock import Millis, now_ms, parse_at, parse_duration
from console.errors import NotFound, UsageError
from console.kinds.base import Kind
from console.kinds.registry import KINDS, kind_of, verbs
from console.settings import Settings
from console.text import echoed, shorten

AT = Annotated[str | None, typer.Option("--at", help="as of then: 2026-11-23T03:12Z, 03:12 or an age such as 2h")]


CONDITIONS = "settled, config=NAME, status=WORD, ended, succeeded or gone"


def _kinds(incomplete: str) -> list[str]:
    return [k.plural for k in KINDS if k.plural.startswith(incomplete)]


def complete_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names from the ledger alone: completion must answer at once and never call AWS."""
    try:
        loaded = Settings.load()
        session = Session(loaded, loaded.current, lambda line: None)
        if session.unconfirmed is None:
            return []
        named = ctx.params.get("kind")
        # A verb is for its own kinds; runs are many and named by ids: they come once a slash asks for them.
        ids = [kind_of(named).id] if named else [v.kind for v in verbs() if v.id == ctx.info_name]
        ids = ids or [k.id for k in KINDS if k.id != "change" and (k.id != "execution" or "/" in incomplete)]
        snapshot = session.snapshot()
        return sorted({f.name for i in ids for f in snapshot.heads(i) if f.name.startswith(incomplete)})[:200]
    except Exception:
        return []  # a shell waits: nothing at all is better than a traceback in the prompt


KIND = Annotated[
    str,
    typer.Argument(help="endpoints, pipelines, executions, changes, alarms, scaling", autocompletion=_kinds),
]
NAME = Annotated[str, typer.Argument(autocompletion=complete_names)]
NAMES = Annotated[list[str] | None, typer.Argument(help="only these", autocompletion=complete_names)]


def register(app: typer.Typer, settings: Callable[[typer.Context], Settings], note: Say) -> None:
    def one(ctx: typer.Context) -> Session:
        from console.cli.app import session

        return session(ctx)

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
        if fresh and at:
            raise UsageError("--fresh looks now, --at at the past", advice="give one of them")
        wanted, moment = kind_of(kind), parse_at(at, now_ms()) if at is not None else None
        from console.cli.listing import Listing

        chosen = sessions(settings(ctx), note)
        for opened in chosen:
            ctx.call_on_close(opened.close)
        listing = Listing(chosen, wanted, tuple(names or ()), output, expression or "")
        if watch:
            listing.watch(fresh=fresh, cached=cached)
        else:
            listing.show(moment, fresh=fresh, cached=cached)

    @app.command()
    def describe(
        ctx: typer.Context,
        kind: KIND,
        name: NAME = "",
        output: Annotated[Format, typer.Option("-o", "--output", help="table, json or yaml")] = Format.TABLE,
        at: AT = None,
        cached: Annotated[bool, typer.Option("--cached", help="never call AWS")] = False,
    ) -> None:
        """One thing, whole."""
        only(output, Format.TABLE, Format.JSON, Format.YAML)
        session = one(ctx)
        wanted, name = _meant(session, kind, name)
        named(wanted, name)
        moment = parse_at(at, now_ms()) if at is not None else None
        if moment is not None:
            tell_coverage(session, wanted, moment)
        if moment is None and not cached:
            session.freshen(wanted, about=name if wanted.eager else "")
        elif moment is None:
            tell_future(session, wanted)
        view = _one(session, wanted, name, moment)
        if output in {Format.JSON, Format.YAML}:
            emit(view.to_json(), output)
            return
        from console.fleet.describe import lines

        told = lines(wanted, view, session.snapshot(moment), moment or now_ms())
        room = max((len(label) for label, _ in told), default=0) + 2
        write("\n".join(f"{label.upper():<{room}}{text}".rstrip() for label, text in told))

    @app.command()
    def logs(
        ctx: typer.Context,
        kind: KIND,
        name: NAME = "",
        follow: Annotated[bool, typer.Option("-f", "--follow", help="go on as lines arrive")] = False,
        since: Annotated[str, typer.Option("--since", help="how far back: 15m, 2h")] = "15m",
        grep: Annotated[
            str, typer.Option("--grep", "--filter", help="search in CloudWatch: text, or one of its filter patterns")
        ] = "",
        poll: Annotated[
            bool, typer.Option("--poll", help="with -f: ask every 3 s, not by Live Tail (billed by the minute)")
        ] = False,
        step: Annotated[str, typer.Option("--step", help="of a run: this step, not the telling one")] = "",
        output: Annotated[
            Format, typer.Option("-o", "--output", help="table (lines), or json: one object, with -f one a line")
        ] = Format.TABLE,
    ) -> None:
        """Log lines of an endpoint, or of a run's telling step. Of all containers, merged by time."""
        from console.cli.logs import show

        session = one(ctx)
        wanted, name = _meant(session, kind, name)
        named(wanted, name)
        show(
            session,
            wanted,
            name,
            follow_=follow,
            since_ms=parse_duration(since),
            pattern=grep,
            step=step,
            live=not poll,
            output=output,
        )

    @app.command()
    def metrics(
        ctx: typer.Context,
        kind: KIND,
        name: NAME,
        since: Annotated[str, typer.Option("--since", help="how far back: 15m, 3h, 7d, at most 455d")] = "3h",
        variant: Annotated[str, typer.Option("--variant", help="only of this one")] = "",
        metric: Annotated[
            list[str] | None, typer.Option("--metric", help="only these: errors,latency,latency_p99_ms,…")
        ] = None,
        output: Annotated[Format, typer.Option("-o", "--output", help="table, json or csv")] = Format.TABLE,
        at: AT = None,
        cached: Annotated[bool, typer.Option("--cached", help="never call AWS")] = False,
    ) -> None:
        """How an endpoint's vital signs went: CloudWatch's series at a period that fits.

        Periods are of 1 minute up to 12 hours, then longer. What it costs counts against metrics_dollars_per_hour.
        """
        from console.cli.metrics import show

        session, wanted = one(ctx), kind_of(kind)
        named(wanted, name)
        moment = parse_at(at, now_ms()) if at is not None else None
        show(
            session,
            wanted,
            name,
            since_ms=parse_duration(since),
            at=moment,
            variant=variant,
            metrics=tuple(metric or ()),
            output=output,
            cached=cached,
        )

    @app.command(name="open")
    def open_(
        ctx: typer.Context,
        subject: Annotated[str, typer.Argument(help="an ARN or a name", autocompletion=complete_names)],
    ) -> None:
        """Open the console at an ARN or a name. For links in pages and chats."""
        from console.cli.screen import open_console

        session = one(ctx)
        if not subject.strip():
            raise UsageError("an empty name is nothing to open", advice="lastgood open ARN, or NAME")
        kind, name = locate(session, subject)
        raise typer.Exit(open_console(session, kind.id, name))

    @app.command()
    def wait(
        ctx: typer.Context,
        kind: KIND,
        name: NAME,
        condition: Annotated[str, typer.Option("--for", help=CONDITIONS)] = "",
        timeout: Annotated[str, typer.Option("--timeout", help="give up after this long")] = "1h",
    ) -> None:
        """Wait until a thing has settled as asked for. Exit code 6: not in time; 1: it ended otherwise."""
        from console.cli.waiting import wait_for

        session, wanted = one(ctx), kind_of(kind)
        named(wanted, name)
        code = wait_for(session, wanted, name, condition or "settled", parse_duration(timeout))
        raise typer.Exit(code)


def _meant(session: Session, kind: str, name: str) -> tuple[Kind, str]:
    """A kind and a name; or a name alone, where it is one of the ledger's."""
    try:
        wanted = kind_of(kind)
    except UsageError:
        if name:
            raise
        return locate(session, kind)
    if not name:
        raise UsageError(f"missing argument: which {wanted.id}", advice=f"lastgood get {wanted.plural} lists them")
    return wanted, name


def _one(session: Session, kind: Kind, name: str, moment: Millis | None) -> Any:
    views = kind.views(session.snapshot(moment), [name])
    if not views:
        raise NotFound(f"no {kind.id} {echoed(name)}", advice=f"lastgood get {kind.plural} lists them")
    if len(views) > 1:
        advice = f"one of {shorten(', '.join(v.name for v in views), 300)}"
        raise UsageError(f"{echoed(name)} is not unique", advice=advice)
    return views[0]


def locate(session: Session, subject: str) -> tuple[Kind, str]:
    """The kind and name behind an ARN or a name. Raises NotFound."""
    if subject.startswith("arn:"):
        parts = subject.split(":", 5)
        path = parts[-1]
        here = session.scope.partition("@")[0].split("/")
        if len(parts) != 6 or [parts[1], parts[4], parts[3]] != here:
            # A namesake of another account or region must not be opened, let alone acted on, in its place.
            there = f"account {echoed(parts[4])} in {echoed(parts[3])}" if len(parts) == 6 else "no resource"
            advice = (
                "choose its context with --ctx" if len(parts) == 6 else "arn:aws:sagemaker:REGION:ACCOUNT:KIND/NAME"
            )
            raise UsageError(f"that ARN is of {there}, this context is {session.scope}", advice=advice)
        head, _, rest = path.partition("/")
        if head == "pipeline" and "/execution/" in rest:
            pipeline, _, run = rest.partition("/execution/")
            return kind_of("execution"), f"{pipeline}/{run}"
        if head in {"endpoint", "pipeline"}:
            kind = kind_of(head)
            known = [f.name for f in session.snapshot().heads(kind.id)]
            # ARNs are lower-cased, names are not (facts section 7.2).
            return kind, next((n for n in known if n.lower() == rest.lower()), rest)
        raise UsageError(f"{echoed(subject)} is none of ours", advice=f"kinds: {', '.join(k.plural for k in KINDS)}")
    for kind in KINDS:
        found = [
            f.name for f in session.snapshot().heads(kind.id) if f.name == subject or f.name.endswith(f"/{subject}")
        ]
        if len(found) == 1:
            return kind, found[0]
    raise NotFound(f"nothing named {echoed(subject)} in the ledger", advice="lastgood get endpoints lists names")
