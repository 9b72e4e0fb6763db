"""The collector as a process: one per scope, taken over at once after a kill, replaced when it hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.clock import now_ms
from console.collector.beat import BEAT
from console.collector.supervisor import Supervisor
from console.kinds.registry import KINDS
from console.ledger.locks import Locks, collector_lock
from tests.cli.lab import Lab, lab, until

SOURCES = sum(len(kind.watches()) for kind in KINDS)
START_S = 15.0
"""A process may take so long to start on a machine that others use too."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("collector"), fleet=4) as opened:
        assert opened.run("get", "endpoints").code == 0  # so that the identity is remembered
        yield opened


def holder(lab: Lab) -> int:
    found = lab.ledger().locks.holder(collector_lock(lab.scope))
    return found.pid if found else 0


def beats(lab: Lab) -> bool:
    state = lab.ledger().coverage.states(lab.scope).get("endpoints")
    return bool(state and state.ok)


def test_a_standby_takes_over_at_once_after_kill_9(shared: Lab) -> None:
    first = shared.start("collect")
    until(lambda: holder(shared) == first.pid, START_S)
    standby = shared.start("collect")
    assert "waiting to take over" in (standby.stderr.readline() if standby.stderr else "")
    first.kill()
    assert until(lambda: holder(shared) == standby.pid, START_S, "the takeover") < 3.0
    swept = now_ms()
    until(lambda: (shared.ledger().coverage.states(shared.scope)["endpoints"].at or 0) >= swept, START_S)
    standby.terminate()
    began = time.monotonic()
    assert standby.wait(timeout=10) == 0, standby.stderr.read() if standby.stderr else ""
    assert time.monotonic() - began < 5 and not holder(shared)
    assert first.wait() == -signal.SIGKILL
    states = shared.ledger().coverage.states(shared.scope)
    assert all(state.ok for state in states.values()), "an end is no failure of a source"


def supervisor(lab: Lab, **options: int) -> Supervisor:
    return Supervisor(lab.ledger().locks, lab.scope, env=lab.env, log=lab.folder / "state" / "collector.log", **options)


def test_five_supervisors_keep_one_collector_and_replace_it_at_once(shared: Lab) -> None:
    five = [supervisor(shared) for _ in range(5)]
    try:
        for one in five:
            one.start()
        first = 0

        def alone() -> bool:
            running = [one._child for one in five if one._child and one._child.poll() is None]
            return len(running) == 1 and running[0].pid == holder(shared)

        until(alone, START_S)
        first = holder(shared)
        os.kill(first, signal.SIGKILL)
        assert until(lambda: holder(shared) not in (0, first), START_S, "the takeover") < 3.0
        until(alone, START_S)
        # The console that owns it closes: another one's collector takes its place.
        owner = next(one for one in five if one._child and one._child.poll() is None)
        second = holder(shared)
        owner.stop()
        five.remove(owner)
        until(lambda: holder(shared) not in (0, second), START_S)
    finally:
        for one in five:
            one.stop()
    until(lambda: not holder(shared), 5)


def test_a_collector_that_hangs_is_replaced(shared: Lab) -> None:
    hung = shared.start("collect", "--pace", "10")
    until(lambda: holder(shared) == hung.pid, START_S)
    one = supervisor(shared, hung_ms=2_000)
    one.start()
    try:
        time.sleep(2.5)
        assert holder(shared) == hung.pid, "one that beats is left alone"
        hung.send_signal(signal.SIGSTOP)
        assert until(lambda: holder(shared) not in (0, hung.pid), START_S, "the replacement") < 2 + 6
        assert hung.wait(timeout=5) == -signal.SIGKILL
    finally:
        one.stop()


def test_a_collector_ends_with_the_console_that_started_it(shared: Lab) -> None:
    script = (
        "import sys, time; from console.collector.supervisor import Supervisor;"
        "from console.ledger.store import Ledger; from pathlib import Path;"
        f"s = Supervisor(Ledger.open(Path({str(shared.folder / 'state' / 'ledger.db')!r})).locks, {shared.scope!r});"
        "s.start(); time.sleep(600)"
    )
    console = subprocess.Popen([sys.executable, "-c", script], env=shared.env)
    try:
        until(lambda: holder(shared), START_S)
        collector = holder(shared)
        time.sleep(1)
    finally:
        console.kill()
        console.wait()
    until(lambda: holder(shared) != collector, 10)


def test_the_collector_of_a_console_refuses_another_account(shared: Lab) -> None:
    other = shared.scope.replace("123456789012", "999999999999")
    child = shared.start("collect", f"--child={os.getpid()}", f"--scope={other}")
    assert child.wait(timeout=START_S) == 4
    said = child.stderr.read() if child.stderr else ""
    assert "123456789012" in said and "999999999999" in said and said.count("\n") == 1
    assert not shared.ledger().heads(other, "endpoint") and not shared.ledger().coverage.states(other)


def test_a_collector_that_cannot_sign_in_says_so_and_goes_on_when_it_can(shared: Lab) -> None:
    rule = shared.world.faults.add(operation="GetCallerIdentity", code="ServiceUnavailable", status=503)
    process = shared.start("collect", "--pace", "10")
    try:
        until(lambda: (s := shared.ledger().coverage.states(shared.scope).get(BEAT)) and not s.ok, START_S)
        rule.times = 0
        until(lambda: shared.ledger().coverage.states(shared.scope)[BEAT].ok, START_S)
    finally:
        shared.world.faults.clear()
        process.terminate()
        process.wait(timeout=10)


def test_once_is_refused_while_another_collects(shared: Lab) -> None:
    process = shared.start("collect")
    until(lambda: holder(shared) == process.pid, START_S)
    result = shared.run("collect", "--once")
    assert result.code == 4 and f"process {process.pid} collects already" in result.err
    process.terminate()
    process.wait(timeout=10)
    result = shared.run("collect", "--once")
    assert result.code == 0 and f"{SOURCES} sources read" in result.err


def test_a_first_child_that_fails_is_started_again_with_growing_pauses(tmp_path: Path) -> None:
    starts = tmp_path / "starts"
    argv = [sys.executable, "-c", f"open({str(starts)!r}, 'a').write('x'); raise SystemExit(5)"]
    one = Supervisor(Locks(tmp_path / "locks"), "scope", argv=argv)
    began = time.monotonic()
    while time.monotonic() - began < 2.5:
        one.look()
        time.sleep(0.05)
    assert 2 <= len(starts.read_text()) <= 3, "at once, after a second, after two more"
    one.stop()


def test_losing_the_race_for_the_lock_costs_no_pause(tmp_path: Path) -> None:
    one = Supervisor(Locks(tmp_path / "locks"), "scope", argv=[sys.executable, "-c", ""])
    for _ in range(3):
        one.look()
        assert one._child is not None
        one._child.wait()
    one.look()
    assert one._next_start() == 0
    one.stop()


def test_stopping_takes_no_new_start(tmp_path: Path) -> None:
    one = Supervisor(Locks(tmp_path / "locks"), "scope", argv=[sys.executable, "-c", "import time; time.sleep(60)"])
    one.start()
    until(lambda: one._child is not None, 5)
    child = one._child
    one.stop()
    assert child is not None and child.poll() is not None
    assert threading.active_count() < 50
