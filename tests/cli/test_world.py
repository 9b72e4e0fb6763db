"""`world serve` and `demo` as processes: what they say, and that nothing they started outlives them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import boto3
import pytest

from tests.cli.lab import until


def environment(folder: Path) -> dict[str, str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "LASTGOOD_", "MLFLOW_"))}
    return {**env, "HOME": str(folder)}


def start(folder: Path, *argv: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "console", *argv],
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_the_first_line_of_world_serve_is_where_it_is(tmp_path: Path) -> None:
    with start(tmp_path, "world", "serve", "--no-mlflow", "--fleet", "2") as world:
        assert world.stdout is not None
        where = json.loads(world.stdout.readline())
        assert set(where) == {"aws", "mlflow", "region", "env"} and where["env"]["AWS_ENDPOINT_URL"] == where["aws"]
        assert where["aws"].startswith("http://127.0.0.1:")
        world.terminate()
        assert world.wait(timeout=10) == 0


def test_the_demo_runs_an_incident_at_the_speed_that_suits_it(tmp_path: Path) -> None:
    """`bad-canary` is told by minutes of metrics: what began eleven minutes ago did so on the wall clock."""
    argv = ("world", "serve", "--no-mlflow", "--fleet", "1", "--suited", "--incident", "bad-canary")
    with start(tmp_path, *argv) as world:
        assert world.stdout is not None
        env = json.loads(world.stdout.readline())["env"]
        client = boto3.client(
            "sagemaker",
            region_name=env["AWS_REGION"],
            endpoint_url=env["AWS_ENDPOINT_URL"],
            aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=env["AWS_SESSION_TOKEN"],
        )
        began = client.describe_endpoint(EndpointName="delay-risk")["PendingDeploymentSummary"]["StartTime"]
        world.terminate()
        assert world.wait(timeout=10) == 0
    assert 600 < time.time() - began.timestamp() < 720


def test_demo_without_a_terminal_prints_the_triage(tmp_path: Path) -> None:
    demo = start(tmp_path, "demo", "--speed", "120")
    out, err = demo.communicate(timeout=100)
    assert demo.returncode == 0, err
    assert "endpoint delay-risk" in out and "lastgood rollback delay-risk --to delay-risk-v7" in out
    assert not (tmp_path / ".local").exists(), "the demo has a ledger of its own"


def test_an_unknown_incident_is_one_line(tmp_path: Path) -> None:
    demo = start(tmp_path, "demo", "--incident", "nope")
    out, err = demo.communicate(timeout=60)
    assert demo.returncode == 2 and out == ""
    assert err.splitlines()[-1].startswith("lastgood: no incident nope — there are: async-backlog, bad-canary")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_world_ends_with_the_demo_that_started_it(tmp_path: Path, number: int) -> None:
    demo = start(tmp_path, "demo", "--incident", "none")
    until(lambda: children(demo.pid), 20)
    world = children(demo.pid)[0]
    time.sleep(1)
    demo.send_signal(number)
    demo.wait(timeout=20)
    until(lambda: not alive(world), 10, "the end of the world")
    demo.communicate(timeout=30)  # the triage it had started ends too


@pytest.mark.long
def test_the_real_mlflow_server_answers_and_ends_with_the_world(tmp_path: Path) -> None:
    with start(tmp_path, "world", "serve", "--fleet", "2") as world:
        assert world.stdout is not None
        where = json.loads(world.stdout.readline())

        def healthy() -> bool:
            try:
                with urllib.request.urlopen(f"{where['mlflow']}/health", timeout=5) as answer:
                    return bool(answer.read() == b"OK")
            except OSError:
                return False

        until(healthy, 90, "MLflow")
        server = children(world.pid)
        world.terminate()
        assert world.wait(timeout=30) == 0
        until(lambda: not any(alive(pid) for pid in server) and not healthy(), 10)


def test_the_help_names_the_incidents_there_are() -> None:
    from console.cli.running import INCIDENTS as named
    from console.world.incidents import INCIDENTS

    assert named.split(", ") == sorted(INCIDENTS)
