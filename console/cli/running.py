"""What runs: the console, the collector, the embedded world, the demo."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from typing import Annotated

import typer

from console.cli.session import Say, Session
from console.errors import Refused, UsageError
from console.kinds.registry import KINDS
from console.ledger.locks import collector_lock

Open = Callable[[typer.Context], Session]


def register(app: typer.Typer, session: Open, note: Say) -> None:
    world = typer.Typer(help="The embedded AWS: SageMaker, CloudTrail, logs and more on loopback, and MLflow.")
    app.add_typer(world, name="world")

    @world.command()
    def serve(
        incident: Annotated[
            list[str] | None, typer.Option("--incident", help="a scripted fault; may be repeated")
        ] = None,
        speed: Annotated[float, typer.Option(help="what takes N minutes takes one")] = 1.0,
        seed: Annotated[int, typer.Option(help="another fleet")] = 1,
        port: Annotated[int, typer.Option(help="0: any free one")] = 0,
        fleet: Annotated[int, typer.Option(help="number of endpoints")] = 12,
        no_throttle: Annotated[bool, typer.Option("--no-throttle", help="answer every call")] = False,
        no_mlflow: Annotated[bool, typer.Option("--no-mlflow", help="without the MLflow server")] = False,
    ) -> None:
        """Run the embedded world. The first line on stdout is one JSON object: where it is, and the environment."""
        from console.cli.worlds import serve_world

        serve_world(
            incidents=incident or [],
            speed=speed,
            seed=seed,
            port=port,
            fleet=fleet,
            throttle=not no_throttle,
            mlflow=not no_mlflow,
        )

    @app.command()
    def demo(
        incident: Annotated[str, typer.Option(help="which fault to show; none for a calm fleet")] = "bad-config",
        speed: Annotated[float, typer.Option(help="what takes N minutes takes one")] = 6.0,
        fleet: Annotated[int, typer.Option(help="number of endpoints")] = 12,
    ) -> None:
        """Open the console on the embedded world with a live incident. With no terminal: print the triage."""
        from console.cli.worlds import run_demo

        raise typer.Exit(run_demo(note, incident=incident, speed=speed, fleet=fleet))

    @app.command()
    def collect(
        ctx: typer.Context,
        once: Annotated[bool, typer.Option("--once", help="one sweep of every source, then end")] = False,
        child: Annotated[bool, typer.Option("--child", hidden=True)] = False,
    ) -> None:
        """Watch without a screen, for all consoles of this user on this host. Waits while another one collects."""
        _collect(session(ctx), once=once, child=child)


def _collect(session: Session, *, once: bool, child: bool) -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    name = collector_lock(session.identity.scope)
    held = session.ledger.locks.acquire(name, "collect")
    if held is None and child:
        return  # another console's child was faster
    if held is None and once:
        holder = session.ledger.locks.holder(name)
        who = f"pid {holder.pid}" if holder else "another process"
        raise Refused(f"{who} collects already", advice="lastgood get KIND --fresh asks it to look now")
    if held is None:
        session.say("another collector is at work; waiting to take over")
    while held is None and not stop.wait(0.5):
        held = session.ledger.locks.acquire(name, "collect")
    if held is None:
        return
    collector = session.collector(KINDS)
    try:
        if once:
            for error in collector.once():
                session.say(f"{error.message} {error.advice}".strip())
        else:
            session.say(f"collecting {session.identity.scope} as {session.identity.user}") if not child else None
            collector.run(stop)
    finally:
        held.release()


def console(session: Session, kind: str, name: str) -> None:
    """Take over the terminal. MFA and other questions are asked before that."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("no terminal: the console needs one", advice="lastgood get endpoints, or lastgood --help")
    from console.clients.identity import remembered
    from console.fleet.feed import LedgerFeed

    if remembered(session.settings.make_state_dir(), session.context) is None:
        session.say("asking STS who we are …")
        _ = session.identity
    from screens.app import LastgoodApp  # 250 ms: after whatever may refuse

    feed = LedgerFeed(session.settings, session.context, session.scope, session.child_env())
    app = LastgoodApp(feed, start=kind, subject=name)
    try:
        app.run()
    finally:
        feed.close()
