"""Every class of facts section 10, made with real configuration files; what resumes after a renewal does so."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import threading
from pathlib import Path

import pytest

from console.clients.aws import RENEW_EVERY_S
from console.errors import CredentialsError, LastgoodError, Unreachable
from tests.clients.conftest import Clock, Reply, Request, Teller, cloud, failure

LIST = ["sagemaker:ListEndpoints"]
EMPTY = Reply(json.dumps({"Endpoints": []}))
KEY, OTHER, SECRET = "AKIATESTTESTTEST0001", "AKIATESTTESTTEST0002", "s3cr3t/neverShownAnywhere+0123456789abcd"
STATIC = f"aws_access_key_id={KEY}\naws_secret_access_key={SECRET}\n"


def fails(teller: Teller, profile: str = "", clock: Clock | None = None) -> CredentialsError:
    """The error of one read, which must not show a secret."""
    aws = cloud(teller.url, clock, profile=profile, ambient=not profile)
    with pytest.raises(CredentialsError) as caught:
        aws.client("sagemaker", LIST).list_endpoints()
    error = caught.value
    assert SECRET not in f"{error.message}{error.advice}" and error.advice
    assert error.operation.startswith("sagemaker")
    return error


def test_nothing_configured(teller: Teller) -> None:
    error = fails(teller)
    assert "no AWS credentials" in error.message and "AWS_PROFILE" in error.advice and error.resumes


def test_half_a_key_in_the_environment(teller: Teller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    error = fails(teller)
    assert "AWS_SECRET_ACCESS_KEY is missing" in error.message and not error.resumes


def test_half_a_key_in_the_file(teller: Teller, nobody: Path) -> None:
    (nobody / "credentials").write_text(f"[p]\naws_access_key_id={KEY}\n")
    error = fails(teller, "p")
    assert "aws_secret_access_key is missing" in error.message and error.resumes


def test_unknown_profile_names_the_known_ones(teller: Teller, nobody: Path) -> None:
    (nobody / "config").write_text("[profile ml-prod]\nregion=eu-central-1\n[profile ml-dev]\n")
    error = fails(teller, "ml-prd")
    assert error.message == "no AWS profile 'ml-prd'" and "ml-dev, ml-prod" in error.advice


def test_unknown_profile_in_the_environment(teller: Teller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "gone")
    assert "no profile is configured" in fails(teller).advice


def test_roles_in_a_circle(teller: Teller, nobody: Path) -> None:
    role = "role_arn=arn:aws:iam::123456789012:role/r"
    (nobody / "config").write_text(f"[profile a]\n{role}\nsource_profile=b\n[profile b]\n{role}\nsource_profile=a\n")
    assert "a → b → a" in fails(teller, "a").message


def test_source_profile_that_does_not_exist(teller: Teller, nobody: Path) -> None:
    (nobody / "config").write_text("[profile a]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=zz\n")
    error = fails(teller, "a")
    assert '"zz"' in error.message and error.code == "InvalidConfigError"


def test_broken_config_file(teller: Teller, nobody: Path) -> None:
    (nobody / "config").write_text("[profile a\nregion")
    assert fails(teller, "a").code == "ConfigParseError"


# SSO

SSO = "sso_start_url=https://x.awsapps.com/start\nsso_region=eu-central-1\n"
ROLE = "sso_account_id=123456789012\nsso_role_name=Ops\n"


def sso_token(nobody: Path, key: str, expires: dt.datetime) -> None:
    folder = nobody / "sso" / "cache"
    folder.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha1(key.encode()).hexdigest()
    stamp = expires.strftime("%Y-%m-%dT%H:%M:%SZ")
    token = {
        "startUrl": "https://x.awsapps.com/start",
        "region": "eu-central-1",
        "accessToken": "tok",
        "expiresAt": stamp,
    }
    (folder / f"{name}.json").write_text(json.dumps(token))


def hours(n: float) -> dt.datetime:
    return dt.datetime.now(dt.UTC) + dt.timedelta(hours=n)


def sso_answers(request: Request) -> Reply:
    if "federation" in request.target or request.key == "":
        expiry = int(hours(1).timestamp() * 1000)
        role = {"accessKeyId": "ASIASSO", "secretAccessKey": "x", "sessionToken": "y", "expiration": expiry}
        return Reply(json.dumps({"roleCredentials": role}), kind="application/json")
    return EMPTY


@pytest.mark.parametrize("session", [False, True], ids=["legacy", "sso-session"])
def test_sso_login_missing_expired_renewed(
    teller: Teller, nobody: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, session: bool
) -> None:
    config = (
        f"[profile p]\nsso_session=corp\n{ROLE}[sso-session corp]\n{SSO}" if session else f"[profile p]\n{SSO}{ROLE}"
    )
    (nobody / "config").write_text(config)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSO", teller.url)
    key = "corp" if session else "https://x.awsapps.com/start"
    login = "run: aws sso login --use-device-code --profile p"

    error = fails(teller, "p")
    assert error.code == "SSOTokenLoadError" and error.advice == login and "not logged in" in error.message

    sso_token(nobody, key, hours(-1))
    aws = cloud(teller.url, clock, profile="p", ambient=False)
    client = aws.client("sagemaker", LIST)
    with pytest.raises(CredentialsError) as caught:
        client.list_endpoints()
    assert caught.value.code == ("TokenRetrievalError" if session else "UnauthorizedSSOTokenError")
    assert caught.value.advice == login and caught.value.resumes and "expired" in caught.value.message

    sso_token(nobody, key, hours(8))
    teller.answer = sso_answers
    clock.s += RENEW_EVERY_S
    assert client.list_endpoints()["Endpoints"] == [], "the same client goes on after aws sso login"
    assert teller.requests[-1].key == "ASIASSO"
    assert aws.expires_at() is not None


def test_login_profile(teller: Teller, nobody: Path) -> None:
    (nobody / "config").write_text("[profile p]\nlogin_session=arn:aws:iam::123456789012:user/ana\n")
    error = fails(teller, "p")
    assert "aws login --remote --profile p" in error.advice
    assert error.code in {"MissingDependencyException", "LoginTokenLoadError"}


# credential_process


def helper(nobody: Path, body: str) -> None:
    script = nobody / "helper"
    script.write_text(f"#!/bin/sh\n{body}\n")
    script.chmod(0o700)
    (nobody / "config").write_text(f"[profile p]\ncredential_process={script}\n")


def said(key: str, expires: dt.datetime | None = None) -> str:
    keys = {"Version": 1, "AccessKeyId": key, "SecretAccessKey": SECRET}
    if expires:
        keys |= {"SessionToken": "t", "Expiration": expires.isoformat()}
    return f"echo '{json.dumps(keys)}'"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("echo 'vault is sealed' >&2; exit 2", "vault is sealed"),
        (f"echo 'oops secret_access_key={SECRET}' >&2; exit 2", "***"),
        (f"echo '{SECRET} is no JSON'", "its answer is no JSON"),
        ("echo '{\"Version\": 2}'", "Unsupported version"),
        ("echo '{\"Version\": 1}'", "AccessKeyId"),
    ],
)
def test_credential_process_fails_and_is_repaired(
    teller: Teller, nobody: Path, clock: Clock, body: str, words: str
) -> None:
    helper(nobody, body)
    aws = cloud(teller.url, clock, profile="p", ambient=False)
    client = aws.client("sagemaker", LIST)
    with pytest.raises(CredentialsError) as caught:
        client.list_endpoints()
    error = caught.value
    assert words in error.message and "credential_process of profile p" in error.message
    assert SECRET not in error.message and error.resumes and "goes on by itself" in error.advice
    helper(nobody, said(KEY))
    teller.answer = lambda request: EMPTY
    with pytest.raises(CredentialsError):
        client.list_endpoints()  # not again within a few seconds: the helper may be slow or ask somebody
    clock.s += RENEW_EVERY_S
    client.list_endpoints()
    assert teller.requests[-1].key == KEY


def test_credential_process_that_is_not_there(teller: Teller, nobody: Path) -> None:
    (nobody / "config").write_text("[profile p]\ncredential_process=/nowhere/helper\n")
    assert "No such file" in fails(teller, "p").message


def test_credential_process_that_gives_expired_ones(teller: Teller, nobody: Path) -> None:
    helper(nobody, said(KEY, hours(-1)))
    assert "expired" in fails(teller, "p").message


# Renewal behind our back


def test_rotated_file_is_picked_up_within_the_same_read(teller: Teller, nobody: Path, clock: Clock) -> None:
    (nobody / "credentials").write_text(f"[p]\n{STATIC}")
    teller.answer = lambda request: failure("ExpiredTokenException", "expired") if request.key == KEY else EMPTY
    aws = cloud(teller.url, clock, profile="p", ambient=False)
    client = aws.client("sagemaker", LIST)
    with pytest.raises(CredentialsError) as caught:
        client.list_endpoints()
    assert "renew the keys of profile p" in caught.value.advice
    (nobody / "credentials").write_text(f"[p]\n{STATIC}".replace(KEY, OTHER))
    clock.s += RENEW_EVERY_S
    client.list_endpoints()
    assert teller.requests[-1].key == OTHER
    teller.answer = lambda request: failure("ExpiredTokenException", "expired") if request.key == OTHER else EMPTY
    (nobody / "credentials").write_text(f"[p]\n{STATIC}")
    clock.s += 3600
    client.list_endpoints()  # one failure inside, none to see
    assert [request.key for request in teller.requests[-2:]] == [OTHER, KEY]


def test_an_expired_write_is_not_sent_again(teller: Teller, nobody: Path, clock: Clock) -> None:
    (nobody / "credentials").write_text(f"[p]\n{STATIC}")
    aws = cloud(teller.url, clock, profile="p", ambient=False)
    client = aws.client("sagemaker", ["sagemaker:UpdateEndpoint", "sagemaker:DescribeEndpoint"], write=True)
    client.describe_endpoint(EndpointName="risk")
    teller.answer = lambda request: failure("ExpiredTokenException", "expired")
    clock.s += 3600  # a new session would be allowed
    with pytest.raises(CredentialsError):
        client.update_endpoint(EndpointName="risk", EndpointConfigName="risk-v8")
    assert teller.targets == ["DescribeEndpoint", "UpdateEndpoint"]


def test_rotation_under_many_threads_is_seen_by_none_of_them(teller: Teller, nobody: Path, clock: Clock) -> None:
    valid = KEY
    (nobody / "credentials").write_text(f"[p]\n{STATIC}")
    teller.answer = lambda request: EMPTY if request.key == valid else failure("ExpiredTokenException", "expired")
    aws = cloud(teller.url, clock, profile="p", ambient=False)
    clients = [aws.client("sagemaker", LIST, urgent=n % 2 == 0) for n in range(8)]
    clients[0].list_endpoints()
    failures: list[Exception] = []

    def reads(client: object) -> None:
        try:
            for _ in range(10):
                client.list_endpoints()  # type: ignore[attr-defined]
        except LastgoodError as exc:
            failures.append(exc)

    (nobody / "credentials").write_text(f"[p]\n{STATIC}".replace(KEY, OTHER))
    valid = OTHER
    clock.s += RENEW_EVERY_S
    threads = [threading.Thread(target=reads, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert aws._look.generation == 2, "one new session served them all"


def test_a_profile_made_later_is_found(teller: Teller, nobody: Path, clock: Clock) -> None:
    teller.answer = lambda request: EMPTY
    client = cloud(teller.url, clock, profile="p", ambient=False).client("sagemaker", LIST)
    with pytest.raises(CredentialsError):
        client.list_endpoints()
    (nobody / "credentials").write_text(f"[p]\n{STATIC}")
    clock.s += RENEW_EVERY_S
    client.list_endpoints()


# Which identity


def test_keys_in_variables_win_over_aws_profile_as_in_the_cli(
    teller: Teller, nobody: Path, keys: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from console.settings import Settings

    (nobody / "credentials").write_text(f"[p]\n{STATIC}".replace(KEY, OTHER))
    monkeypatch.setenv("AWS_PROFILE", "p")
    teller.answer = lambda request: EMPTY
    monkeypatch.setenv("AWS_ENDPOINT_URL", teller.url)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")  # which botocore itself ignores
    for flags, expected in (({}, KEY), ({"profile": "p"}, OTHER)):
        context = Settings.load(flags=flags).current
        cloud(teller.url, profile=context.profile, ambient=context.ambient).client("sagemaker", LIST).list_endpoints()
        assert teller.requests[-1].key == expected


def test_writes_are_made_with_the_acting_profile_alone(teller: Teller, nobody: Path) -> None:
    (nobody / "credentials").write_text(f"[look]\n{STATIC}[act]\n{STATIC.replace(KEY, OTHER)}")
    aws = cloud(teller.url, profile="look", act_profile="act", ambient=False)
    teller.answer = lambda request: EMPTY
    reader = aws.client("sagemaker", LIST)
    writer = aws.client("sagemaker", ["sagemaker:UpdateEndpoint"], write=True)
    reader.list_endpoints()
    assert aws._act.session is None, "assumed at consent, not before"
    writer.update_endpoint(EndpointName="risk", EndpointConfigName="risk-v8")
    reader.list_endpoints()
    assert [request.key for request in teller.requests] == [KEY, OTHER, KEY]


# MFA and roles

MFA = "role_arn=arn:aws:iam::123456789012:role/ops\nsource_profile=base\nmfa_serial=arn:aws:iam::123456789012:mfa/ana\n"


def sts(*, fail: str = "", seconds: float = 3600) -> Reply:
    if fail:
        return Reply(
            f"<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>{fail}</Message></Error>"
            "</ErrorResponse>",
            403,
            "text/xml",
        )
    stamp = hours(seconds / 3600).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Reply(
        '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>'
        f"<AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey><SessionToken>t</SessionToken>"
        f"<Expiration>{stamp}</Expiration></Credentials><AssumedRoleUser><AssumedRoleId>AROA:s</AssumedRoleId>"
        "<Arn>arn:aws:sts::123456789012:assumed-role/ops/s</Arn></AssumedRoleUser></AssumeRoleResult>"
        "</AssumeRoleResponse>",
        kind="text/xml",
    )


@pytest.fixture
def mfa(nobody: Path, teller: Teller, monkeypatch: pytest.MonkeyPatch) -> None:
    (nobody / "config").write_text(f"[profile p]\n{MFA}[profile base]\n{STATIC}")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", teller.url)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    teller.answer = lambda request: sts() if b"AssumeRole" in request.body else EMPTY


@pytest.mark.usefixtures("mfa")
def test_mfa_is_asked_once_before_the_screen_and_shared_with_later_processes(teller: Teller, nobody: Path) -> None:
    asked: list[str] = []

    def prompter(prompt: str) -> str:
        asked.append(prompt)
        return " 123456\n"

    aws = cloud(teller.url, profile="p", ambient=False)
    aws.resolve(prompter)
    assert asked == ["Enter MFA code for arn:aws:iam::123456789012:mfa/ana: "]
    assert b"TokenCode=123456" in teller.requests[0].body
    aws.client("sagemaker", LIST).list_endpoints()
    assert teller.requests[-1].key == "ASIAROLE" and len(asked) == 1
    expires = aws.expires_at()
    assert expires is not None and abs(expires / 1000 - hours(1).timestamp()) < 60

    cache = list((nobody / "cli" / "cache").iterdir())
    assert len(cache) == 1 and cache[0].stat().st_mode & 0o777 == 0o600
    later = cloud(teller.url, profile="p", ambient=False)  # an action's process: no terminal, no code
    later.client("sagemaker", LIST).list_endpoints()
    assert sum(b"AssumeRole" in request.body for request in teller.requests) == 1


@pytest.mark.usefixtures("mfa")
def test_nothing_reads_the_terminal_later(teller: Teller, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getpass", lambda prompt: pytest.fail("the terminal was read"))
    client = cloud(teller.url, clock, profile="p", ambient=False).client("sagemaker", LIST)
    for _ in range(2):
        with pytest.raises(CredentialsError, match="asks for an MFA code") as caught:
            client.list_endpoints()
        assert caught.value.resumes and "aws sts get-caller-identity --profile p" in caught.value.advice
        clock.s += RENEW_EVERY_S
    assert teller.requests == []
    cloud(teller.url, profile="p", ambient=False).resolve(lambda prompt: "123456")  # what the advice's command does
    clock.s += RENEW_EVERY_S
    client.list_endpoints()


@pytest.mark.usefixtures("mfa")
def test_wrong_code_then_the_right_one(teller: Teller) -> None:
    denied = "MultiFactorAuthentication failed with invalid MFA one time pass code."
    teller.answer = lambda request: sts(fail=denied) if b"111111" in request.body else sts()
    aws = cloud(teller.url, profile="p", ambient=False)
    with pytest.raises(CredentialsError, match="was not accepted") as caught:
        aws.resolve(lambda prompt: "111111")
    assert caught.value.advice == "wait for the next code"
    aws.resolve(lambda prompt: "222222")


@pytest.mark.usefixtures("mfa")
def test_no_terminal(teller: Teller) -> None:
    def closed(prompt: str) -> str:
        raise EOFError

    with pytest.raises(CredentialsError, match="no MFA code was given for profile p"):
        cloud(teller.url, profile="p", ambient=False).resolve(closed)


@pytest.mark.usefixtures("mfa")
def test_mfa_session_ends_while_running(teller: Teller, clock: Clock, nobody: Path) -> None:
    aws = cloud(teller.url, clock, profile="p", ambient=False)
    # Inside botocore's mandatory window at once, so the second request must refresh, which MFA forbids.
    teller.answer = lambda request: sts(seconds=300) if b"AssumeRole" in request.body else EMPTY
    aws.resolve(lambda prompt: "123456")
    client = aws.client("sagemaker", LIST)
    with pytest.raises(CredentialsError, match="MFA session of profile p has ended") as caught:
        client.list_endpoints()
    assert caught.value.resumes and "type a new code in another terminal" in caught.value.advice


def test_role_that_may_not_be_assumed(teller: Teller, nobody: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = MFA.partition("mfa_serial")[0]
    (nobody / "config").write_text(f"[profile p]\n{config}[profile base]\n{STATIC}")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", teller.url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    words = "User: arn:aws:iam::123456789012:user/ana is not authorized to perform: sts:AssumeRole on resource: x"
    teller.answer = lambda request: sts(fail=words)
    error = fails(teller, "p")
    assert "may not sign in (AssumeRole)" in error.message and "trust policy" in error.advice


def test_sts_out_of_reach_is_no_credentials_error(
    teller: Teller, nobody: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (nobody / "config").write_text(f"[profile p]\n{MFA.partition('mfa_serial')[0]}[profile base]\n{STATIC}")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with pytest.raises(LastgoodError) as caught:
        cloud(teller.url, profile="p", ambient=False).client("sagemaker", LIST).list_endpoints()
    assert type(caught.value) is Unreachable


def test_container_endpoint_out_of_reach(teller: Teller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/creds")
    error = fails(teller)
    assert "container-role" in error.message and "metadata service" in error.advice and error.resumes
