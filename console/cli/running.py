"""What runs: the console, the collector, the embedded world, the demo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from console.cli.session import Say, Session
from console.errors import UsageError

INCIDENTS = (
    "async-backlog, bad-canary, bad-config, caller-change, flapping, latency-saturation, max-capacity, mme-thrash, "
    "no-capacity, oom, overhead, ping-failure, pipeline-capacity, pipeline-data, quality-gate, quota, silent-rollback, "
    "slow-dependency, stuck-update, undone-fix"
)
"""Written out: the world with its scripts is imported only where it runs. A test compares."""

LARGEST_FLEET = 20_000
FASTEST = 100_000.0

Open = Callable[[typer.Context], Session]


def _factor(option: str, value: float) -> None:
    """Raises UsageError for what time cannot be multiplied by; `nan` compares as neither above nor below."""
    if not 0 < value <= FASTEST:
        raise UsageError(f"{option} {value:g}", advice=f"a number above 0, at most {FASTEST:,.0f}")


def register(app: typer.Typer, session: Open, note: Say) -> None:
    world = typer.Typer(help="The embedded AWS and MLflow on loopback.")
    app.add_typer(world, name="world")

    @world.command()
    def serve(
        incident: Annotated[
            list[str] | None, typer.Option("--incident", help=f"a scripted fault: {INCIDENTS}; may be repeated")
        ] = None,
        speed: Annotated[float, typer.Option(help="what takes N minutes takes one")] = 1.0,
        seed: Annotated[int, typer.Option(help="another fleet")] = 1,
        port: Annotated[int, typer.Option(help="0: any free one", min=0, max=65_535)] = 0,
        fleet: Annotated[int, typer.Option(help="number of endpoints", min=0, max=LARGEST_FLEET)] = 12,
        no_throttle: Annotated[bool, typer.Option("--no-throttle", help="answer every call")] = False,
        no_mlflow: Annotated[bool, typer.Option("--no-mlflow", help="without the MLflow server")] = False,
        suited: Annotated[
            bool, typer.Option("--suited", hidden=True, help="at the speed that suits the faults")
        ] = False,
    ) -> None:
        """Run the embedded world. The first line on stdout is one JSON object: where it is, and the environment."""
        from console.cli.worlds import serve_world

        _factor("--speed", speed)
        ended = serve_world(
            incidents=incident or [],
            speed=None if suited else speed,
            seed=seed,
            port=port,
            fleet=fleet,
            throttle=not no_throttle,
            mlflow=not no_mlflow,
        )
        raise typer.Exit(ended)

    @app.command()
    def demo(
        incident: Annotated[
            str, typer.Option(help=f"which fault to show: {INCIDENTS}; none for a calm fleet")
        ] = "bad-config",
        speed: Annotated[float, typer.Option(help="what takes N minutes takes one; 0: what suits the incident")] = 0.0,
        fleet: Annotated[int, typer.Option(help="number of endpoints", min=0, max=LARGEST_FLEET)] = 12,
    ) -> None:
        """Open the console on an embedded world with an incident. With no terminal: print the triage."""
        from console.cli.worlds import run_demo

        if speed != 0:
            _factor("--speed", speed)
        raise typer.Exit(run_demo(note, incident=incident, speed=speed, fleet=fleet))

    @app.command()
    def collect(
        ctx: typer.Context,
        once: Annotated[bool, typer.Option("--once", help="one sweep of every source, then end")] = False,
        pace: Annotated[float, typer.Option(help="look so many times as often", hidden=True)] = 1.0,
        child: Annotated[int, typer.Option("--child", hidden=True, help="end with this process")] = 0,
        scope: Annotated[str, typer.Option("--scope", hidden=True, help="end unless it is this one")] = "",
    ) -> None:
        """Watch without a screen, for all consoles of this host. Takes over when another collector ends."""
        from console.cli.collecting import collect_for_ever, collect_once

        _factor("--pace", pace)
        if once:
            collect_once(session(ctx))
        else:
            collect_for_ever(session(ctx), parent=child, scope=scope, pace=pace)
