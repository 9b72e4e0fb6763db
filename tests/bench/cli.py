"""Bench (a) and (b): what a command costs to start. `python -m tests.bench.cli`.

(a) `lastgood get endpoints` from a ledger younger than 60 s against `aws sagemaker list-endpoints --page-size 100` on
the same world without throttling, and (b) `lastgood --help` against `python -c "import typer"`. Runs alternate, so
that what else the machine does falls on both; figures are medians of wall time in milliseconds.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).parents[2]
PEER = ROOT / ".peers" / "awscli"
LASTGOOD = Path(sys.executable).with_name("lastgood")
GET_LIMIT, HELP_LIMIT = 0.2, 1.6


def peer() -> Path:
    """The AWS CLI in an environment of its own, made by uv at first use."""
    aws = PEER / "bin" / "aws"
    if not aws.exists():
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, PEER], check=True)
        install = [uv, "pip", "install", "--quiet", "--python", PEER / "bin" / "python", "--compile-bytecode", "awscli"]
        subprocess.run(install, check=True)
    return aws


def median_pair(ours: Sequence[str], theirs: Sequence[str], env: dict[str, str], runs: int) -> tuple[float, float]:
    """Median wall milliseconds of both, run in turn after one run each that warms the caches."""
    times: dict[int, list[float]] = {0: [], 1: []}
    for run in range(runs + 1):
        for which, argv in enumerate((ours, theirs)):
            began = time.perf_counter()
            done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False)
            took = (time.perf_counter() - began) * 1000
            assert done.returncode == 0 and done.stdout is not None, (argv, done.stderr.decode())
            if run:
                times[which].append(took)
    return statistics.median(times[0]), statistics.median(times[1])


def _environment(folder: str, more: dict[str, str]) -> dict[str, str]:
    """Bytecode is kept on both sides, whatever the shell around says: who uses a command does so more than once."""
    dropped = ("AWS_", "LASTGOOD_", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")
    env = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
    return {**env, **more, "HOME": folder, "LASTGOOD_STATE_DIR": f"{folder}/state", "AWS_PAGER": ""}


@contextlib.contextmanager
def _world(fleet: int) -> Iterator[dict[str, str]]:
    argv = [sys.executable, "-m", "console", "world", "serve", "--no-mlflow", "--no-throttle", f"--fleet={fleet}"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield msgspec.json.decode(process.stdout.readline())["env"]
        finally:
            process.terminate()


def get(fleet: int, runs: int) -> dict[str, float]:
    """The list of a warm ledger against the AWS CLI's; a young ledger is served without a call."""
    with tempfile.TemporaryDirectory() as folder, _world(fleet) as where:
        env = _environment(folder, where)
        ours = [str(LASTGOOD), "get", "endpoints"]
        theirs = [str(peer()), "sagemaker", "list-endpoints", "--page-size", "100"]
        subprocess.run(ours, env=env, check=True, capture_output=True)
        found: list[tuple[float, float]] = []
        for _ in range(max(1, runs // 5)):
            fresh = subprocess.run([*ours, "--fresh"], env=env, check=True, capture_output=True, text=True)
            assert len(fresh.stdout.splitlines()) == fleet + 1
            found.append(median_pair(ours, theirs, env, 5))
        lastgood, aws = (statistics.median(column) for column in zip(*found, strict=True))
    return {"lastgood_ms": round(lastgood), "peer_ms": round(aws), "ratio": round(lastgood / aws, 3)}


def help_(runs: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        env = _environment(folder, {})
        theirs = [sys.executable, "-c", "import typer"]
        lastgood, typer = median_pair([str(LASTGOOD), "--help"], theirs, env, runs)
    return {"lastgood_ms": round(lastgood), "peer_ms": round(typer), "ratio": round(lastgood / typer, 3)}


def measure(runs: int = 15) -> dict[str, Any]:
    return {
        "get_100": get(100, runs),
        "get_1000": get(1000, runs),
        "get_limit": GET_LIMIT,
        "help": help_(2 * runs),
        "help_limit": HELP_LIMIT,
    }


if __name__ == "__main__":
    figures = measure()
    print(figures)
    slow = max(figures["get_100"]["ratio"], figures["get_1000"]["ratio"]) > GET_LIMIT
    raise SystemExit(slow or figures["help"]["ratio"] > HELP_LIMIT)
