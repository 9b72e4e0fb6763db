"""Who acts: an acting profile, assumed at consent and not before; its code asked for once; its session handed on."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pexpect
import pytest

from console.clients.aws import Cloud
from console.clients.lent import VARIABLE, Lent, take
from console.errors import CredentialsError, Refused
from console.world.identity import ONCALL, SECRET
from tests.actions.conftest import NAME, OLD, Rig, Shell, configuration, verb_of
from tests.world.conftest import Clock

ROLE = "arn:aws:iam::123456789012:role/Operator"
ROLLBACK = ("rollback", NAME, "--to", OLD)


@pytest.fixture
def acting(shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    """Reads as the engineer on call, from a file; writes as a role."""
    profiles(tmp_path)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    values = {"profile": "base", "act_profile": "act"}
    monkeypatch.setenv("LASTGOOD_CONFIG", str(configuration(shell.rig, **values)))
    return shell


def profiles(folder: Path, *more: str) -> None:
    (folder / "aws-credentials").write_text(
        f"[base]\naws_access_key_id={ONCALL.access_key}\naws_secret_access_key={SECRET}\n"
    )
    lines = ["[profile base]", "region=eu-central-1", "[profile act]", f"role_arn={ROLE}", "source_profile=base", *more]
    (folder / "aws-config").write_text("\n".join(lines) + "\n")


def test_the_role_is_named_by_the_plan_and_assumed_only_at_consent(acting: Shell) -> None:
    plan = json.loads(acting(*ROLLBACK, "--dry-run", "-o", "json").out)
    assert plan["identity"] == ROLE
    assert acting.rig.sent("AssumeRole") == 0
    assert acting(*ROLLBACK).code == 4 and acting.rig.sent("AssumeRole") == 0
    assert acting(*ROLLBACK, "--yes", "--wait").code == 0
    intent = acting.rig.ledger.journal.entries()[0]
    assert ":assumed-role/Operator/" in intent.body["by"]
    assert acting.rig.sent("AssumeRole") == 1
    assert deployer(acting.rig).startswith("botocore-session-")


def deployer(rig: Rig) -> str:
    """Who sent the last UpdateEndpoint, by CloudTrail."""
    rig.world.region().trail.delay_s = 0.0
    with rig.world.lock:
        asked = {"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "UpdateEndpoint"}]}
        found = rig.world.call("LookupEvents", asked, service="cloudtrail")
    return str(found["Events"][0]["Username"])


def test_a_code_is_asked_for_after_consent_and_the_session_handed_on(acting: Shell, tmp_path: Path) -> None:
    profiles(tmp_path, "mfa_serial=arn:aws:iam::123456789012:mfa/maria")
    said = acting(*ROLLBACK, "--yes")
    assert said.code == 5 and "MFA code" in said.err and acting.rig.sent() == 0  # nobody there to ask
    terminal = pexpect.spawn(sys.executable, ["-m", "console", *ROLLBACK, "--wait"], timeout=20)
    terminal.expect("Type y to do it")
    terminal.sendline("y")
    terminal.expect("MFA code")
    terminal.sendline("123456")
    terminal.expect(r"done .*nothing pending")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
    assert ":assumed-role/Operator/" in acting.rig.ledger.journal.entries()[0].body["by"]
    session = next(key for key in acting.rig.world.identities._expires)
    for file in acting.rig.folder.rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            assert SECRET.encode() not in data and session.encode() not in data and b"123456\n" not in data, file


def test_a_lent_session_is_used_once_told_and_never_renewed(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    profiles(tmp_path)
    lent = Lent(ONCALL.access_key, SECRET, "token", rig.now() + 60_000)
    monkeypatch.setenv(VARIABLE, lent.to_env()[VARIABLE])
    assert take() == lent and VARIABLE not in os.environ and take() is None
    assert SECRET not in repr(lent) and "token" not in repr(lent)
    cloud = Cloud(rig.context(act_profile="act"), lent=lent)
    caller = cloud.client("sts", ["sts:GetCallerIdentity"], write=True).get_caller_identity()
    assert caller["Arn"] == ONCALL.arn
    assert cloud.ends_at(write=True) == lent.expires_at and cloud.ends_at() is None
    rig.fault("GetCallerIdentity", code="ExpiredTokenException", message="expired")
    with pytest.raises(CredentialsError) as caught:
        cloud.client("sts", ["sts:GetCallerIdentity"], write=True).get_caller_identity()
    assert not caught.value.resumes and "start it again" in caught.value.advice


def test_an_acting_profile_of_another_account(make: Callable[..., Rig], tmp_path: Path) -> None:
    rig = make(clock=Clock(time.time()))  # the SDK looks at the real time for when credentials end
    profiles(tmp_path)
    desk = rig.desk(verb_of("rollback", "endpoint"), act_profile="act")
    desk.confirm()
    assert ":assumed-role/Operator/" in desk.identity
    desk._identity = msgspec.structs.replace(desk._identity, account="999999999999")
    with pytest.raises(Refused, match="acts in account 123456789012, not in 999999999999"):
        desk.confirm()


def test_a_note_needs_no_acting_profile(rig: Rig) -> None:
    desk = rig.desk(verb_of("hold", "endpoint"), act_profile="unheard-of")
    desk.confirm()
    assert desk.identity == ONCALL.arn and desk.acting_ends is None
