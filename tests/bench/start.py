"""Bench (c): the console from its start to its first useful screen, from a warm ledger, against a minimal Textual app.

`python -m tests.bench.start`. Both run in a pseudo-terminal of 120x40, in turn; the peer shows an empty DataTable.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from console.clients.identity import remember
from console.settings import Settings
from console.world.world import World
from tests.screens.pty import Pty

LIMITS = {"start": 1.6}
RUNS = 9
PEER = """
from textual.app import App
from textual.widgets import DataTable
class Minimal(App):
    def compose(self):
        yield DataTable()
    def on_mount(self):
        self.query_one(DataTable).add_columns("NAME", "STATUS")
Minimal().run()
"""


def fill(state: Path, env: dict[str, str], fleet: int) -> str:
    """A ledger as a collector leaves it, and the identity that goes with it. Returns a name that is in it."""
    from console.cli.session import Session
    from console.kinds.registry import KINDS

    settings = Settings.load({**env, "LASTGOOD_STATE_DIR": str(state)})
    session = Session(settings, settings.current, lambda line: None)
    for kind in KINDS[:2]:
        session.collector((kind,)).once()
    remember(settings.make_state_dir(), settings.current, session.identity)
    name = session.ledger.heads(session.scope, "endpoint")[0].name
    session.ledger.close()
    return name


def first_screen(argv: list[str], env: dict[str, str], wanted: str) -> float:
    """Milliseconds from the start of the process until `wanted` is on the terminal."""
    began = time.perf_counter()
    with Pty(argv, columns=120, lines=40, env=env) as app:
        app.wait_for(wanted, timeout=30)
        return (time.perf_counter() - began) * 1000


def _kept() -> dict[str, str]:
    """The environment without what keeps Python from writing bytecode: a console is opened more than once."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PYTHONDONTWRITE", "LASTGOOD_"))}


def measure(fleet: int = 100) -> dict[str, Any]:
    """Medians in milliseconds, and their ratio."""
    mine: list[float] = []
    peer: list[float] = []
    with World(fleet=fleet, throttle=False).serve(port=0) as served, tempfile.TemporaryDirectory() as folder:
        state, env = Path(folder) / "state", {**_kept(), **served.env}
        os.environ.update(served.env)
        name = fill(state, env, fleet)
        env |= {"LASTGOOD_STATE_DIR": str(state)}
        for run in range(RUNS + 1):
            a = first_screen([sys.executable, "-m", "console"], env, name)
            b = first_screen([sys.executable, "-c", PEER], env, "STATUS")
            if run:
                mine.append(a)
                peer.append(b)
    return {
        "console_ms": statistics.median(mine),
        "peer_ms": statistics.median(peer),
        "start": statistics.median(a / b for a, b in zip(mine, peer, strict=True)),
    }


if __name__ == "__main__":
    for key, value in measure().items():
        print(f"{key:<12}{value:8.2f}")
