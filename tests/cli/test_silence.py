"""AWS does not answer, or the clock is wrong: commands end in time, say why once, and serve what the ledger has."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.clock import HOUR, SECOND, now_ms
from tests.cli.lab import Lab

SHORT = {"LASTGOOD_TIMEOUT": "3s"}


@pytest.fixture
def fresh(tmp_path: Path, fleet: Lab) -> Lab:
    """The same world with an empty ledger."""
    return Lab(tmp_path, fleet.world, {k: v for k, v in fleet.env.items() if k.startswith("AWS_")})


@pytest.fixture(params=["silent", "dripping"])
def hole(request: pytest.FixtureRequest) -> Iterator[str]:
    """Something that listens and never answers, or a byte a second."""
    stop = threading.Event()

    def drip(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
            while not stop.wait(1):
                connection.sendall(b" ")

    def accept(server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=drip, args=(server.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        if request.param == "dripping":
            threading.Thread(target=accept, args=(server,), daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        stop.set()


@pytest.mark.parametrize("command", ["get endpoints", "triage", "rollback delay-risk --dry-run"])
def test_a_hole_in_the_network_ends_in_time(fresh: Lab, hole: str, command: str) -> None:
    began = time.monotonic()
    result = fresh.run("--endpoint-url", hole, *command.split(), env=SHORT)
    assert time.monotonic() - began < 8 and result.code == 6 and result.out == ""
    assert result.err.count("\n") == 1 and "sts:GetCallerIdentity has not answered for 3 s" in result.err
    assert command != "get endpoints" or "the ledger has no endpoints of this context yet" in result.err


def slow(lab: Lab, operation: str) -> None:
    lab.world.faults.add(operation=operation, delay_s=6.0)


def test_one_silent_call_is_named_and_the_ledger_served(fresh: Lab) -> None:
    assert fresh.run("get", "endpoints").code == 0
    slow(fresh, "Search")
    try:
        result = fresh.run("get", "endpoints", "--fresh", "-o", "json", env=SHORT)
    finally:
        fresh.world.faults.clear()
    assert result.code == 0 and len(result.json["items"]) == 12
    assert "sagemaker:Search has not answered for 3 s; data 0 s old" in result.err
    assert result.json["sources"]["endpoints"]["ok"] is False


def test_who_we_are_cannot_be_asked_and_the_ledger_is_served(fresh: Lab) -> None:
    assert fresh.run("get", "endpoints").code == 0
    slow(fresh, "GetCallerIdentity")
    try:
        result = fresh.run("get", "endpoints", "--fresh", "-o", "name", env=SHORT)
    finally:
        fresh.world.faults.clear()
    assert result.code == 0 and len(result.out.split()) == 12 and result.err.count("\n") == 1
    assert "endpoints, " in result.err and "sts:GetCallerIdentity has not answered" in result.err


def test_wait_never_answers_from_an_old_ledger(fresh: Lab) -> None:
    assert fresh.run("get", "endpoints").code == 0
    for operation in ("Search", "ListEndpoints", "DescribeEndpoint"):
        fresh.world.faults.add(operation=operation, code="InternalFailure", message="a bad day")
    try:
        result = fresh.run("wait", "endpoint", "ads-embed", "--for", "config=ads-embed-v11", "--timeout", "1s")
    finally:
        fresh.world.faults.clear()
    assert result.code == 6 and "not config=ads-embed-v11 in time" in result.err and "a bad day" in result.err
    assert fresh.run("wait", "endpoint", "ads-embed", "--for", "config=ads-embed-v11").code == 0


def test_one_cause_is_one_line(fresh: Lab) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    result = fresh.run("triage", "--endpoint-url", url)
    assert result.code == 1 and result.err.count("\n") == 1 and "127.0.0.1 cannot be reached" in result.err


def test_coverage_from_the_future_is_said_and_read_again(fresh: Lab) -> None:
    assert fresh.run("get", "endpoints").code == 0
    with fresh.ledger() as ledger:
        for source in ("endpoints", "logs"):
            ledger.coverage.cover(fresh.scope, source, now_ms() + 2 * HOUR, every_ms=10 * SECOND)
    cached = fresh.run("get", "endpoints", "--cached", "-o", "json")
    assert "the ledger has endpoints of 1 h 59 m in the future" in cached.err and cached.err.count("\n") == 1
    assert cached.json["sources"]["endpoints"]["age_s"] is None, "its age is not known"
    doctor = fresh.run("doctor").out
    assert any(line.startswith("▲ coverage") and "clock was set back" in line for line in doctor.splitlines())
    before = sum(fresh.world.calls.values())
    again = fresh.run("get", "endpoints", "-o", "json")
    assert "clock set back" in again.err and sum(fresh.world.calls.values()) > before, "freshness ignores it"
    assert again.json["sources"]["endpoints"]["age_s"] < 60
