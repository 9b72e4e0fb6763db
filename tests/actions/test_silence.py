"""A process that acts and is frozen holds its lock: that it is not heard of is told all the same."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest

from console.actions import orphans
from console.actions.orphans import silence
from console.kinds.base import Sign
from console.kinds.endpoint.view import views
from console.ledger.locks import action_lock
from console.ledger.snapshot import Snapshot
from tests.actions.conftest import NAME, NEW, OLD, Real, Rig, Shell, shell_on


def test_a_process_that_looks_every_few_seconds_is_never_silent(rig: Rig) -> None:
    plan = rig.plan()
    name = action_lock(plan.id)
    said = []

    def late() -> None:
        path = rig.ledger.locks._path(name)
        long_ago = time.time() - 10 * orphans.SILENT_S
        os.utime(path, (long_ago, long_ago))
        said.append(silence(rig.ledger.locks, plan.id))
        rig.between.append(lambda: said.append(silence(rig.ledger.locks, plan.id)))

    rig.between = [late]
    rig.apply(plan)
    assert said[0] == f"the process that acts (pid {os.getpid()}) has not reported for 10 m"
    assert said[1] == "", "it looked again since"
    assert silence(rig.ledger.locks, plan.id) == "", "it is over"


def test_a_frozen_process_is_told_by_the_row_until_it_goes_on(
    make: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    shell: Shell = shell_on(make(clock=Real(), speed=60.0), monkeypatch, capfd)
    rig = shell.rig
    monkeypatch.setattr(orphans, "SILENT_S", 1.0)
    plan = rig.plan(to=OLD)
    process = shell.process("apply", "--poll", "0.2", shell.keep(plan))

    def words() -> tuple[Sign, str]:
        (view,) = views(Snapshot(rig.ledger, plan.scope, None, rig.now()), [NAME])
        return view.sign, view.verdict.words

    try:
        shell.until(plan.id, "verifying")
        assert "has not reported" not in words()[1]
        process.send_signal(signal.SIGSTOP)
        time.sleep(1.5)
        sign, said = words()
        assert sign is Sign.WARNING
        assert f"roll back to v6: the process that acts (pid {process.pid}) has not reported for " in said
        process.send_signal(signal.SIGCONT)
        shell.until(plan.id, "done")
        assert process.wait(20) == 0
        assert "has not reported" not in words()[1]
    finally:
        process.kill()
        process.communicate()
    assert rig.endpoint().config == OLD != NEW
