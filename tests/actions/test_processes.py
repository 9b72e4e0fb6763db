"""Processes that die, terminals that close, operators who act at once: real processes on one ledger."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from console.actions.orphans import orphans
from console.kinds.base import Sign
from console.kinds.endpoint.view import views
from console.ledger.journal import TERMINAL
from console.ledger.snapshot import Snapshot
from tests.actions.conftest import NAME, NEW, OLD, Real, Rig, Shell, shell_on


def ends(shell: Shell, plan_id: str) -> list[str]:
    return [e.step for e in shell.rig.ledger.journal.entries(action_id=plan_id) if e.step in TERMINAL]


@pytest.mark.parametrize(
    ("step", "when", "sent", "end"),
    [
        ("intent", "after", 0, "done"),
        ("queued", "after", 0, "done"),
        ("ready", "after", 0, "done"),
        ("call", "after", 0, "failed"),  # it was about to be sent, and never is
        ("answer", "before", 1, "done"),  # it was sent, and nobody knows
        ("answer", "after", 1, "done"),
        ("verifying", "after", 1, "done"),
        ("done", "before", 1, "done"),
    ],
)
def test_kill_9(
    make: Callable[..., Rig],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    step: str,
    when: str,
    sent: int,
    end: str,
) -> None:
    # A deployment lasts longer than a process takes to start only where it has to.
    shell = shell_on(make(clock=Real(), speed=100.0 if step == "queued" else 600.0), monkeypatch, capfd)
    rig = shell.rig
    if step == "queued":
        rig.deploys(rig.config("delay-risk-v8"))
    plan = rig.plan(to=NEW if step == "queued" else OLD)
    died = shell.process(step, when, "apply", shell.keep(plan), module="tests.actions.killed")
    assert died.wait(timeout=30) == -9
    assert rig.sent() == sent
    unclear = step not in {"intent", "queued", "ready"}
    (orphan,) = orphans(rig.ledger, plan.scope)
    assert orphan.plan == plan and orphan.sent is unclear
    (view,) = views(Snapshot(rig.ledger, plan.scope, None, rig.now()), [NAME])
    said = "sent" if unclear else "queued, not sent"
    assert f"{said}, its process died: lastgood resume" in view.verdict.words
    assert view.sign in {Sign.WARNING, Sign.CRITICAL}, "it waits for somebody"
    listed = shell("resume")
    assert listed.out.startswith(f"{plan.id}  {plan.title}  {'sent, outcome' if unclear else 'queued, nothing sent'}")
    if not unclear:  # it asks for consent again
        said = shell("resume", plan.id)
        assert said.code == 4 and "no consent" in said.err and rig.sent() == sent and ends(shell, plan.id) == []
    if step == "call":  # a minute's look at the default pace
        resumed = shell.process("apply", "--resume", "--poll=0.05", plan.id)
        assert resumed.wait(timeout=30) == 1
    else:
        said = shell("resume", plan.id, *([] if unclear else ["--yes"]))
        assert said.code == 0, said
        assert "taken over" in said.out and "done" in said.out
    assert ends(shell, plan.id) == [end]
    assert rig.sent() == (0 if step == "call" else 1)
    assert rig.endpoint().config == (plan.basis["config"] if step == "call" else plan.target)
    assert shell("resume").out == ""
    assert rig.ledger.journal.verify() is None


def test_two_consoles_resume_at_once(shell: Shell) -> None:
    rig = shell.rig
    plan = rig.plan()
    assert shell.process("answer", "before", "apply", shell.keep(plan), module="tests.actions.killed").wait() == -9
    both = [shell.process("apply", "--resume", "--poll=0.2", plan.id) for _ in range(2)]
    codes = sorted(process.wait(timeout=30) for process in both)
    said = " ".join(process.communicate()[1] for process in both)
    assert codes == [0, 4]
    assert "is running" in said or "closed already" in said
    assert ends(shell, plan.id) == ["done"] and rig.sent() == 1


def test_resume_of_what_runs_and_of_what_never_was(shell: Shell) -> None:
    plan = shell.rig.plan()
    process = shell.process("apply", shell.keep(plan))
    shell.until(plan.id, "intent")
    said = shell("resume", plan.id)
    assert said.code == 4 and f"is running in pid {process.pid}" in said.err
    assert process.wait(timeout=30) == 0
    said = shell("resume", plan.id)
    assert said.code == 4 and "is closed: done" in said.err
    assert shell("resume", "nope").code == 3


def test_two_operators_on_one_host(
    make: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    shell = shell_on(make(clock=Real(), speed=100.0), monkeypatch, capfd)
    rig = shell.rig
    plans = [rig.plan(to=OLD), rig.plan(to=rig.config("delay-risk-v5b"))]
    both = [shell.process("apply", shell.keep(plan)) for plan in plans]
    codes = [process.wait(timeout=40) for process in both]
    assert sorted(codes) == [0, 4]
    loser, winner = plans[codes.index(4)], plans[codes.index(0)]
    said = both[codes.index(4)].communicate()[1]
    assert rig.sent() == 1
    assert rig.endpoint().config == winner.target
    assert winner.target in said, said
    assert ends(shell, loser.id) in ([], ["overtaken"])


def test_two_operators_on_two_hosts(
    make: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """No lock between them: AWS lets one through, and the other is told whose deployment it met."""
    shell = shell_on(make(clock=Real(), speed=100.0), monkeypatch, capfd)
    rig = shell.rig
    plans = [rig.plan(to=OLD), rig.plan(to=rig.config("delay-risk-v5b"))]
    both = []
    for n, plan in enumerate(plans):
        shell.keep(plan)
        folder = rig.folder / f"host-{n}"
        folder.mkdir()
        copy(rig, folder)
        both.append(shell.process("apply", plan.id, env=os.environ | {"LASTGOOD_STATE_DIR": str(folder)}))
    codes = [process.wait(timeout=40) for process in both]
    assert sorted(codes) == [0, 4]
    said = both[codes.index(4)].communicate()[0]
    winner = plans[codes.index(0)]
    assert rig.endpoint().config == winner.target and winner.target in said, said


def copy(rig: Rig, folder: Path) -> None:
    """The ledger as another host would have it."""
    source, target = sqlite3.connect(rig.ledger.path), sqlite3.connect(f"{folder}/ledger.db")
    source.backup(target)
    target.close()
    source.close()


def test_the_terminal_closes_in_the_middle(
    make: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    shell = shell_on(make(clock=Real(), speed=100.0), monkeypatch, capfd)
    terminal = pexpect.spawn(sys.executable, ["-m", "console", "rollback", NAME, "--to", OLD, "--wait"], timeout=20)
    terminal.expect("Type y to do it")
    terminal.sendline("y")
    terminal.expect("verifying")
    (plan_id,) = shell.rig.ledger.journal.unfinished(shell.rig.plan().scope)
    (intent, *_) = shell.rig.ledger.journal.entries(action_id=plan_id)
    pid = intent.body["pid"]
    assert os.getsid(pid) == pid  # a session of its own
    terminal.close(force=True)  # SIGHUP, then worse
    assert not terminal.isalive()
    assert shell.until(plan_id, "done")
    assert shell.rig.endpoint().config == OLD and shell.rig.sent() == 1


def test_ctrl_c_stops_the_following_only(
    make: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    shell = shell_on(make(clock=Real(), speed=100.0), monkeypatch, capfd)
    terminal = pexpect.spawn(sys.executable, ["-m", "console", "rollback", NAME, "--to", OLD, "--wait"], timeout=20)
    terminal.expect("Type y to do it")
    terminal.sendline("y")
    terminal.expect("verifying")
    terminal.sendintr()
    terminal.expect(r"stopped following; the action runs on: lastgood audit ([0-9a-f]+)")
    plan_id = terminal.match[1].decode()
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 130
    assert shell.until(plan_id, "done") and shell.rig.sent() == 1


@pytest.mark.parametrize("answer", ["", "n", "delay-risk", "prod", "Yes please"])
def test_no_consent_on_a_terminal(shell: Shell, answer: str) -> None:
    terminal = pexpect.spawn(sys.executable, ["-m", "console", "rollback", NAME, "--to", OLD], timeout=20)
    terminal.expect("Type y to do it")
    terminal.sendline(answer)
    terminal.expect("no consent: nothing was done")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 4 and shell.rig.sent() == 0
