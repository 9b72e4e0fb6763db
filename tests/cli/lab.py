"""A served world, a state folder of its own, and the commands on it: in this process, or as processes."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from console.ledger.store import Ledger
from console.world.world import World


class Result(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.out)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Lab:
    def __init__(self, folder: Path, world: World, env: dict[str, str]) -> None:
        self.world, self.folder = world, folder
        base = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "LASTGOOD_", "TMUX"))}
        self.env = {
            **base,
            **env,
            "HOME": str(folder),
            "LASTGOOD_STATE_DIR": str(folder / "state"),
            "LASTGOOD_CONFIG": str(folder / "config.toml"),
        }
        (folder / "config.toml").write_text("[contexts.default]\n")
        self._started: list[subprocess.Popen[str]] = []

    def write_config(self, text: str) -> None:
        (self.folder / "config.toml").write_text(text)

    def run(self, *argv: str, tty: bool = False, env: dict[str, str] | None = None) -> Result:
        """One command line in this process."""
        from console.cli.app import run

        out, err = (Terminal(), Terminal()) if tty else (io.StringIO(), io.StringIO())
        patch = pytest.MonkeyPatch()
        # Published rates are for accounts that others share; here nobody does, and nobody should wait.
        patch.setattr("console.clients.budget.SHARE", 1000.0)
        kept = dict(os.environ)
        os.environ.clear()
        os.environ.update({**self.env, **(env or {})})
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = run(list(argv))
        finally:
            patch.undo()
            os.environ.clear()
            os.environ.update(kept)
        return Result(code, out.getvalue(), err.getvalue())

    def start(self, *argv: str, **options: Any) -> subprocess.Popen[str]:
        """One command line as a process of its own."""
        process = subprocess.Popen(
            [sys.executable, "-m", "console", *argv],
            env={**self.env, **options.pop("env", {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )
        self._started.append(process)
        return process

    def ledger(self) -> Ledger:
        return Ledger.open(self.folder / "state" / "ledger.db")

    @property
    def scope(self) -> str:
        return f"aws/123456789012/eu-central-1@{self.env['AWS_ENDPOINT_URL']}"

    def close(self) -> None:
        for process in self._started:
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(signal.SIGCONT)
                    process.kill()
            process.communicate()


@contextlib.contextmanager
def lab(folder: Path, **world: Any) -> Iterator[Lab]:
    made = World(throttle=world.pop("throttle", False), search_lag_s=0.0, trail_delay_s=0.0, **world)
    with made.serve() as served:
        opened = Lab(folder, made, served.env)
        try:
            yield opened
        finally:
            opened.close()


def until(true: Callable[[], Any], within_s: float, what: str = "it") -> float:
    """Seconds until something holds; fails when it does not in time."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < within_s, f"{what} did not come within {within_s} s"
        time.sleep(0.02)
    return time.monotonic() - began
