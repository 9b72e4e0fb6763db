"""`retrain --wait` and `retry --wait`: a script is told how the run ends, not that it began."""

from __future__ import annotations

import json
import re

import pytest

from tests.actions.conftest import Shell


def run_of(err: str) -> str:
    (name,) = set(re.findall(r"(search-rank-train/[0-9a-z]{12})", err))
    return str(name)


def test_a_new_run_is_followed_until_it_has_succeeded(shell: Shell) -> None:
    said = shell("retrain", "search-rank-train", "--yes", "--wait")
    assert said.code == 0, said.err
    name = run_of(said.err)
    assert f"{name}: Executing" in said.err and f"{name}: Succeeded" in said.err, "progress, then the end"
    assert shell("wait", "execution", name, "--for", "succeeded", "--timeout", "1s").code == 0


def test_a_run_that_fails_again_fails_the_command(shell: Shell) -> None:
    with shell.rig.world.lock:
        shell.rig.world.play("pipeline-data")
    items = json.loads(shell("get", "executions", "--fresh", "-o", "json").out)["items"]
    failed = next(i["name"] for i in items if i["name"].startswith("delay-risk-train/") and i["status"] == "Failed")
    said = shell("retry", failed, "--force", "--yes", "--wait")
    assert said.code == 1 and f"{failed}: Failed" in said.err, said.err


def test_the_time_limit_is_told_and_the_run_goes_on(shell: Shell) -> None:
    said = shell("retrain", "search-rank-train", "--yes", "--wait", "--timeout", "10ms")
    assert said.code == 6, said.err
    (last,) = [line for line in said.err.splitlines() if line.startswith("lastgood: ")][-1:]
    name = run_of(said.err)
    assert f"it runs on: lastgood wait execution {name} --for succeeded" in last


@pytest.mark.parametrize("limit", ["soon", "-1h", ""])
def test_a_limit_that_is_none_is_refused_before_anything_is_done(shell: Shell, limit: str) -> None:
    said = shell("retrain", "search-rank-train", "--yes", "--wait", f"--timeout={limit}")
    assert said.code == 2 and said.err.count("\n") == 1
    assert shell.rig.sent("StartPipelineExecution") == 0


def test_only_what_starts_a_run_has_a_limit(shell: Shell) -> None:
    assert "--timeout" in shell("retry", "--help").out and "6 if it runs on" in shell("retrain", "--help").out
    assert "--timeout" not in shell("rollback", "--help").out
