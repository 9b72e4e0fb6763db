"""What lastgood writes to: full disks, closed descriptors, readers that go, locales without signs, signals."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.lab import Lab, until
from tests.cli.test_world import environment, start


def shell(lab: Lab, line: str, **env: str) -> subprocess.CompletedProcess[str]:
    """A line of sh in which $L is lastgood."""
    return subprocess.run(
        ["sh", "-c", line.replace("$L", f"{sys.executable} -m console")],
        env={**lab.env, **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("command", ["get endpoints --cached", "--version", "audit", "--help"])
def test_a_full_disk_under_stdout_is_one_line(fleet: Lab, command: str) -> None:
    if command == "audit":
        command = "audit verify"
    done = shell(fleet, f"$L {command} > /dev/full")
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert "No space left on device" in done.stderr


def test_a_full_disk_under_stderr_keeps_the_answer(fleet: Lab) -> None:
    done = shell(fleet, "$L get endpoints --at 3h -o json 2> /dev/full")
    assert done.returncode == 0 and '"kind":"endpoint"' in done.stdout


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_descriptors(fleet: Lab, closed: str) -> None:
    done = shell(fleet, f"$L get endpoints --cached -o name {closed}")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert bool(done.stdout) is (">&-" not in closed.replace("2>&-", ""))
    assert shell(fleet, f"$L {closed}").returncode == 2, "the console alone has no terminal"
    with fleet.ledger() as ledger:
        assert ledger.check() == [], "nothing was printed into it"


@pytest.mark.parametrize("command", ["get endpoints --cached", "get changes --cached --at 1s", "audit", "iam"])
def test_a_reader_that_takes_one_line(fleet: Lab, command: str) -> None:
    done = shell(fleet, f"{{ $L {command}; echo code $? >&2; }} | head -1")
    assert done.stderr.splitlines()[-1:] == ["code 0"] and "Traceback" not in done.stderr, done.stderr


def test_without_unicode_signs_are_ascii_and_columns_stay(fleet: Lab) -> None:
    ascii_only = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    for command in ("get endpoints --cached", "doctor", "describe endpoint delay-risk --cached", "triage"):
        plain, drawn = shell(fleet, f"$L {command}", **ascii_only), shell(fleet, f"$L {command}", LC_ALL="C.UTF-8")
        assert plain.stdout.isascii() and plain.stderr.isascii() and plain.returncode == drawn.returncode
        widths = ([len(line) for line in one.stdout.splitlines() if "data" not in line] for one in (plain, drawn))
        assert command == "doctor" or [*next(widths)] == [*next(widths)]
    listed = shell(fleet, "$L get endpoints --cached", **ascii_only).stdout
    row = next(line for line in listed.splitlines() if " delay-risk " in line)
    assert row.startswith("!") and "?" not in row and "o  ads-embed" in listed
    assert "Traceback" not in shell(fleet, "$L rollback delay-risk --to delay-risk-v7 --dry-run", **ascii_only).stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_the_world_ends_quietly(tmp_path: Path, number: int, code: int) -> None:
    with start(tmp_path, "world", "serve", "--no-mlflow", "--fleet", "1") as world:
        assert world.stdout is not None and world.stderr is not None
        world.stdout.readline()
        world.send_signal(number)
        assert world.wait(timeout=10) == code
        assert world.stdout.read() == "" and world.stderr.read() == ""


def test_the_world_says_where_it_is_to_a_full_disk(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "console", "world", "serve", "--no-mlflow", "--fleet", "1"],
            env=environment(tmp_path),
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "No space left" in done.stderr


def test_watch_hands_the_flags_of_place_to_what_it_starts(fleet: Lab, tmp_path: Path) -> None:
    """The collector under `get --watch` must look at the same context: here only flags say which."""
    (tmp_path / "config.toml").write_text("[contexts.default]\n")
    env = {k: v for k, v in fleet.env.items() if k not in ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION")}
    env |= {"LASTGOOD_STATE_DIR": str(tmp_path / "state"), "LASTGOOD_CONFIG": str(tmp_path / "config.toml")}
    flags = ["--endpoint-url", fleet.env["AWS_ENDPOINT_URL"], "--region", "eu-central-1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "console", "get", "endpoints", "--watch", "-o", "name", *flags],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:

        def lines() -> list[list[str]]:
            found: list[list[str]] = []
            for thread in Path(f"/proc/{process.pid}/task").iterdir():
                with contextlib.suppress(FileNotFoundError):  # a thread or a child that ended meanwhile
                    for child in (thread / "children").read_text().split():
                        found.append(Path(f"/proc/{child}/cmdline").read_text().split("\0"))
            return found

        until(lambda: any("collect" in line for line in lines()), 30, "the collector")
        argv = next(line for line in lines() if "collect" in line)
        for flag in flags:
            assert any(flag in word for word in argv), argv
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=15)
    assert process.returncode == 130
