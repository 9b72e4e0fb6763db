"""What the verbs promise to people and scripts: exit codes, consent, JSON, and one clear line for bad input."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from console.kinds.registry import verbs
from tests.actions.conftest import NAME, NEW, OLD, Said, Shell, configuration

ROLLBACK = ("rollback", NAME, "--to", OLD)


@pytest.fixture
def guarded(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv("LASTGOOD_CONFIG", str(configuration(shell.rig, "prod-eu", guarded=True)))
    return shell


def nothing(shell: Shell) -> bool:
    return shell.rig.sent() == 0 and shell.rig.ledger.journal.entries() == []


def one_line(said: Said) -> bool:
    return said.err.count("\n") == 1 and said.err.startswith("lastgood: ") and "Traceback" not in said.err


def test_without_a_terminal_and_without_yes(shell: Shell) -> None:
    said = shell(*ROLLBACK)
    assert said.code == 4 and one_line(said) and "--yes" in said.err
    assert f"Roll back {NAME} → {OLD}" in said.out and "sagemaker:UpdateEndpoint" in said.out  # the plan is shown
    assert nothing(shell)


def test_yes_and_wait(shell: Shell) -> None:
    said = shell(*ROLLBACK, "--yes", "--wait", "--reason", "5xx <b>", "--ticket", "INC-7")
    assert said.code == 0 and shell.rig.endpoint().config == OLD
    assert [line.split()[1] for line in said.out.splitlines() if re.match(r"\d\d:\d\d:\d\dZ", line)][-1] == "done"
    (entry,) = [e for e in shell.rig.ledger.journal.entries() if e.step == "intent"]
    assert (entry.body["reason"], entry.body["ticket"]) == ("5xx <b>", "INC-7")
    assert "INC-7" in shell("audit").out


def test_without_wait_it_says_where_to_look(shell: Shell) -> None:
    said = shell(*ROLLBACK, "--yes")
    assert said.code == 0
    (plan_id,) = re.findall(r"lastgood audit ([0-9a-f]+)", said.err)
    shell.until(plan_id, "done")


def test_dry_run_as_json(shell: Shell) -> None:
    said = shell(*ROLLBACK, "--dry-run", "-o", "json")
    plan = json.loads(said.out)
    assert said.code == 0 and said.err == ""
    wanted = {"id", "verb", "subject", "target", "before", "after", "calls", "causes", "preflight", "inverse"}
    assert wanted <= set(plan)
    assert (plan["verb"], plan["subject"], plan["target"]) == ("rollback", NAME, OLD)
    assert plan["before"]["config"] == NEW and plan["after"] == {"config": OLD}
    assert [set(call) for call in plan["calls"]] == [{"operation", "params"}]
    assert all(set(check) == {"check", "verdict", "detail"} for check in plan["preflight"])
    assert {check["verdict"] for check in plan["preflight"]} <= {"pass", "warn", "fail", "unknown"}
    assert plan["inverse"] == f"lastgood rollback {NAME} --to {NEW}"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", plan["created_at"])
    assert nothing(shell)
    kept = shell.rig.ledger.journal.load_plan(plan["id"])
    assert kept and shell("apply", plan["id"]).code == 0  # as the console does it, after consent
    assert shell.rig.endpoint().config == OLD


def test_json_and_wait_leave_stdout_to_the_plan(shell: Shell) -> None:
    said = shell(*ROLLBACK, "--yes", "--wait", "-o", "json")
    assert said.code == 0 and json.loads(said.out)["target"] == OLD
    assert "done" in said.err


def test_guarded(guarded: Shell) -> None:
    for flags in ((), ("--yes",), ("--yes", "--confirm", "prod-us"), ("--confirm", "prod-eu")):
        said = guarded(*ROLLBACK, *flags)
        assert said.code == 4 and "--yes --confirm prod-eu" in said.err
    plan = json.loads(guarded(*ROLLBACK, "--dry-run", "-o", "json").out)
    assert guarded("apply", plan["id"]).code == 4  # consent is demanded again where it is done
    assert guarded("apply", "--confirm", "test", plan["id"]).code == 4
    assert nothing(guarded)
    assert guarded(*ROLLBACK, "--yes", "--confirm", "prod-eu", "--wait").code == 0
    assert guarded.rig.endpoint().config == OLD


def test_a_plan_of_another_context(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = json.loads(shell(*ROLLBACK, "--dry-run", "-o", "json").out)
    monkeypatch.setenv("LASTGOOD_CONFIG", str(configuration(shell.rig, "other")))
    said = shell("apply", plan["id"])
    assert said.code == 4 and "is for context test" in said.err and nothing(shell)


@pytest.mark.parametrize(("typed", "code"), [("prod-eu", 0), ("y", 4), ("", 4), ("prod-e", 4)])
def test_guarded_on_a_terminal(guarded: Shell, typed: str, code: int) -> None:
    terminal = pexpect.spawn(sys.executable, ["-m", "console", *ROLLBACK, "--wait"], timeout=20)
    terminal.expect("Type prod-eu to do it")
    terminal.sendline(typed)
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == code
    assert guarded.rig.endpoint().config == (NEW if code else OLD)


@pytest.mark.parametrize("end", ["\x04", "\x03"])
def test_leaving_the_question(shell: Shell, end: str) -> None:
    terminal = pexpect.spawn(sys.executable, ["-m", "console", *ROLLBACK], timeout=20)
    terminal.expect("Type y to do it")
    terminal.send(end)
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus in (4, 130) and nothing(shell)
    assert b"Traceback" not in (terminal.before or b"")


def test_read_only(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shell("--read-only", *ROLLBACK, "--yes").code == 4
    monkeypatch.setenv("LASTGOOD_READ_ONLY", "1")
    said = shell(*ROLLBACK, "--yes")
    assert said.code == 4 and one_line(said) and "read-only" in said.err and nothing(shell)


def test_a_failing_preflight(shell: Shell) -> None:
    said = shell("rollback", NAME, "--to", "delay-risk-v99", "--yes")
    assert said.code == 4 and "does not exist" in said.err and "✖ target config" in said.out
    assert nothing(shell)


def test_overtaken_is_refused_with_the_difference(shell: Shell) -> None:
    plan = json.loads(shell(*ROLLBACK, "--dry-run", "-o", "json").out)
    shell.rig.deploys(shell.rig.config("delay-risk-hotfix"))
    said = shell("apply", plan["id"])
    assert said.code == 4 and "delay-risk-hotfix" in said.out
    assert shell.rig.sent() == 0


def test_not_permitted_to_write(shell: Shell) -> None:
    """The simulation that the preflight asks allows it, a service control policy does not."""
    words = "User: x is not authorized to perform: sagemaker:UpdateEndpoint with an explicit deny"
    plan = json.loads(shell(*ROLLBACK, "--dry-run", "-o", "json").out)
    shell.rig.fault("SimulatePrincipalPolicy", code="AccessDenied", message="no")
    shell.rig.fault("UpdateEndpoint", code="AccessDeniedException", message=words)
    said = shell("apply", plan["id"])
    assert said.code == 5 and "sagemaker:UpdateEndpoint" in said.err and "lastgood iam" in said.err
    assert shell.rig.endpoint().config == NEW


HOSTILE = (
    "\x1b]0;owned\x07",
    "a\u202eb",
    "x" * 300,
    "../../etc",
    "[red]x[/red]",
    "名前",
    "a b",
    "*",
    "'; drop",
    "\udcff",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names(shell: Shell, name: str) -> None:
    for argv in (("rollback", name), ("rollback", NAME, "--to", name), ("retrain", name), ("stop", name)):
        said = shell(*argv, "--yes")
        assert said.code in (2, 3, 4) and said.code != 1, said
        assert one_line(said) and "\x1b" not in said.err and "\u202e" not in said.err
    assert nothing(shell)


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("rollback", ""), 2),
        (("rollback", "   "), 2),
        (("rollback", "-x"), 2),
        (("rollback", "--", "-x"), 2),
        (("rollback",), 2),
        (("rollback", "no-such-endpoint"), 3),
        (("rollback", NAME, "--nope"), 2),
        (("rollback", NAME, "-o", "xml"), 2),
        (("rollback", NAME, "-o", "csv"), 2),
        (("rollback", NAME, "--reason", "x" * 10_001), 2),
        (("retrain", "no-such-pipeline"), 3),
        (("retrain", "delay-risk-train", "--param", "Nope=1"), 2),
        (("retrain", "delay-risk-train", "--param", "novalue"), 2),
        (("retrain", "delay-risk-train", "--param", "=1"), 2),
        (("retrain", "delay-risk-train", "--name", "-bad-"), 2),
        (("retrain", "delay-risk-train", "--steps", "Nope"), 2),
        (("stop", "delay-risk-train/000000000000"), 3),
        (("retry", "nothing"), 3),
        (("hold", "nothing-known", "--reason", "x"), 3),
        (("resume", "nothing"), 3),
        (("apply", "nothing"), 3),
    ],
)
def test_bad_input(shell: Shell, argv: tuple[str, ...], code: int) -> None:
    said = shell(*argv, *(() if argv[0] in {"resume", "apply"} else ("--yes",)))
    assert said.code == code, said
    assert one_line(said), said.err
    assert nothing(shell)


def test_an_order_that_is_none(shell: Shell) -> None:
    process = shell.process("apply", "--order", "nothing")
    assert "--order" in process.communicate(timeout=30)[1] and process.returncode == 2


def test_enums_and_types_of_parameters(shell: Shell) -> None:
    plan = json.loads(shell("retrain", "delay-risk-train", "--dry-run", "-o", "json").out)
    given = plan["after"]["parameters"]
    numbers = [name for name, value in given.items() if re.fullmatch(r"\d+", str(value))]
    said = shell("retrain", "delay-risk-train", "--param", f"{numbers[0]}=many", "--yes")
    assert said.code == 2 and one_line(said) and numbers[0] in said.err and nothing(shell)


def test_a_long_reason_is_kept_whole(shell: Shell) -> None:
    reason = "it hurts ✖ \u202e " * 600
    assert shell(*ROLLBACK, "--yes", "--wait", "--reason", reason).code == 0
    assert shell.rig.ledger.journal.entries()[0].body["reason"] == reason


def test_a_hold_is_done_here_and_now(shell: Shell) -> None:
    from tests.actions.test_reversal import look

    look(shell.rig)
    assert shell("hold", NAME).code == 2
    said = shell("hold", NAME, "--reason", "data check runs")
    assert said.code == 0 and "is held" in said.out
    assert shell("hold", NAME, "--release").code == 0
    assert shell("hold", NAME, "--release").code == 4
    steps = [e.step for e in shell.rig.ledger.journal.entries()]
    assert steps == ["intent", "ready", "done"] * 2


def test_every_verb_is_a_command_with_the_same_options(shell: Shell) -> None:
    for verb in verbs():
        said = shell(verb.id, "--help")
        assert said.code == 0
        for flag in ("--dry-run", "--yes", "--confirm", "--reason", "--ticket", "--wait", "--unrecorded"):
            assert flag in said.out


def test_our_own_flags_reach_the_process_that_acts(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LASTGOOD_CONFIG", "")
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    flags = ("--region", "eu-central-1", "--endpoint-url", shell.rig.served.url)
    assert shell(*flags, *ROLLBACK, "--yes", "--wait").code == 0
    assert shell.rig.endpoint().config == OLD


def full(shell: Shell, *argv: str) -> Said:
    """In a process that cannot write past 48 kB of any file, as on a full disk: the write-ahead log is longer."""
    ledger = shell.rig.ledger
    reader = sqlite3.connect(ledger.path)
    reader.execute("BEGIN").execute("SELECT COUNT(*) FROM fact").fetchone()  # keeps the log from starting anew
    for n in range(40):
        ledger.observe("somewhere", "endpoint", [(f"e{n}", b"{}", None)], at=n + 1)
    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 48; exec "$0" -m console "$@"', sys.executable, *argv],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )
    reader.close()
    return Said(done.returncode, done.stdout, done.stderr)


def test_a_full_disk(shell: Shell) -> None:
    said = full(shell, *ROLLBACK, "--yes", "--wait")
    assert said.code == 4 and "--unrecorded" in said.err and "Traceback" not in said.err
    assert shell.rig.sent() == 0
    said = full(shell, *ROLLBACK, "--yes", "--unrecorded")
    assert said.code == 0, said
    assert shell.rig.endpoint().config == OLD and shell.rig.sent() == 1
    told = re.findall(r"^lastgood [0-9a-f]+ (\w+) \{", said.err, re.MULTILINE)
    assert told[:4] == ["intent", "ready", "call", "answer"] and told[-1] == "done"
    assert shell.rig.ledger.journal.entries() == []


def test_no_ledger_at_all(shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "in-the-way"
    file.write_bytes(b"not a ledger" * 1000)
    monkeypatch.setenv("LASTGOOD_LEDGER", str(file))
    said = shell(*ROLLBACK, "--yes")
    assert said.code == 4 and "--unrecorded" in said.err and shell.rig.sent() == 0
    said = shell(*ROLLBACK, "--yes", "--unrecorded")
    assert said.code == 0 and "an empty ledger in" in said.err
    assert shell.rig.endpoint().config == OLD and shell.rig.sent() == 1
    folder = re.search(r"an empty ledger in (\S+)", said.err)
    assert folder
    shutil.rmtree(folder[1])
    assert file.read_bytes() == b"not a ledger" * 1000
