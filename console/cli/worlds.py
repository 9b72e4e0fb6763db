"""The embedded world as commands. The only place, with the tests, that imports it."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec

from console.cli.output import write
from console.cli.session import Say
from console.errors import Exit, UsageError
from console.process import own as lastgood
from console.text import echoed

if TYPE_CHECKING:
    from console.world.server import Served
    from console.world.world import World

DEMO = "needs the demo extra"


def serve_world(
    *, incidents: list[str], speed: float | None, seed: int, port: int, fleet: int, throttle: bool, mlflow: bool
) -> int:
    """Serve until SIGTERM, SIGHUP (0) or SIGINT (130); returns the exit code. No speed: that which suits the incidents.

    Raises UsageError for an unknown incident, a port that cannot be had or a missing extra.
    """
    # Before the imports, which take a second. A handler that sets an Event may stop for ever: the wait holds its lock.
    ended: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda given, _: ended.append(given))
    try:
        from console.world.incidents import INCIDENTS, SPEED
        from console.world.world import World
    except ModuleNotFoundError as error:
        raise UsageError(f"the embedded world {DEMO}", advice="pip install 'lastgood[demo]'") from error
    unknown = [name for name in incidents if name not in INCIDENTS]
    if unknown:
        raise UsageError(
            f"no incident {echoed(', '.join(unknown))}", advice=f"there are: {', '.join(sorted(INCIDENTS))}"
        )
    parent = int(os.environ.get("LASTGOOD_WORLD_CHILD") or 0)
    if speed is None:
        speed = min((INCIDENTS[name].speed for name in incidents), default=SPEED)
    world = World(seed=seed, speed=speed, fleet=fleet, throttle=throttle)
    for name in incidents:
        world.play(name)
    with tempfile.TemporaryDirectory(prefix="lastgood-world-") as folder:
        server = _mlflow(Path(folder)) if mlflow else None
        try:
            with _at(world, port) as served:
                env = dict(served.env)
                if server:
                    env["MLFLOW_TRACKING_URI"] = server[1]
                where = {
                    "aws": served.url,
                    "mlflow": server[1] if server else None,
                    "region": env["AWS_REGION"],
                    "env": env,
                }
                write(json.dumps(where))
                if sys.stdout.isatty():
                    print("export " + " ".join(f"{k}={shlex.quote(v)}" for k, v in env.items()), file=sys.stderr)
                while not ended and (not parent or os.getppid() == parent):  # the demo that started it was killed
                    time.sleep(0.1)
        finally:
            if server:
                _end(server[0])
    return Exit.INTERRUPTED if ended[:1] == [signal.SIGINT] else Exit.DONE


def _at(world: World, port: int) -> Served:
    try:
        return world.serve(port=port)
    except OSError as error:
        advice = "--port 0 takes any free one"
        raise UsageError(f"--port {port}: {error.strerror or error}", advice=advice) from None


def _end(server: subprocess.Popen[bytes]) -> None:
    """With its workers, which are in its process group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(timeout=10)
            return


def _mlflow(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    """The real MLflow server on a free port; it answers some seconds after it was started."""
    import socket

    if shutil.which("mlflow", path=str(Path(sys.executable).parent)) is None:
        raise UsageError(f"MLflow {DEMO}", advice="pip install 'lastgood[demo]', or --no-mlflow")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = (folder / "mlflow.log").open("wb")
    where = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    store = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", f"{folder}/artifacts"]
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", *where, *store],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
        start_new_session=True,
    )
    return process, f"http://127.0.0.1:{port}"


def run_demo(note: Say, *, incident: str, speed: float, fleet: int) -> int:
    """The world as a child, the console on it, a ledger of its own that goes with it."""
    argv = lastgood("world", "serve", "--no-mlflow", f"--speed={speed}" if speed else "--suited", f"--fleet={fleet}")
    if incident and incident != "none":
        argv += [f"--incident={incident}"]
    note("starting the embedded world (an emulated AWS on this machine) …")
    own = {**os.environ, "LASTGOOD_WORLD_CHILD": str(os.getpid())}
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=own)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what was started is ended
    try:
        where = _first_line(child)
        if where is None:
            return child.wait(timeout=5) or Exit.FAILED  # it has said why
        with tempfile.TemporaryDirectory(prefix="lastgood-demo-") as folder:
            env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "LASTGOOD_"))}
            env |= where["env"]
            env |= {"LASTGOOD_STATE_DIR": folder, "LASTGOOD_CONFIG": str(_config(Path(folder), where))}
            terminal = sys.stdin.isatty() and sys.stdout.isatty()
            ending = [] if terminal else ["triage", "--settle", "60s"]
            return subprocess.call(lastgood(*ending), env=env)
    except KeyboardInterrupt:
        return 130
    finally:
        child.terminate()
        try:
            child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            child.kill()


def _config(folder: Path, where: dict[str, Any]) -> Path:
    path = folder / "config.toml"
    path.write_text(f'[contexts.demo]\nregion = "{where["region"]}"\nendpoint_url = "{where["aws"]}"\nguarded = true\n')
    return path


def _first_line(child: subprocess.Popen[bytes]) -> dict[str, Any] | None:
    """Where the world is; None if it ended without telling."""
    out: IO[bytes] | None = child.stdout
    line = out.readline() if out else b""
    return msgspec.json.decode(line, type=dict[str, Any]) if line else None
