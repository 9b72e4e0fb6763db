"""Who we are, asked of STS and remembered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from console.clients import profiles
from console.clients.identity import Identity, remember, remembered, short, who
from console.errors import Unreachable
from console.settings import Settings
from tests.clients.conftest import Reply, Teller, cloud, context


@pytest.fixture(scope="module")
def aws_url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def test_sts_says_who(aws_url: str, keys: None) -> None:
    identity = who(cloud(aws_url))
    assert identity.account == "123456789012" and identity.partition == "aws" and identity.confirmed
    assert identity.scope == f"aws/123456789012/eu-central-1@{aws_url}"
    assert identity.expires_at is None


def test_region_of_the_profile_and_role_session(aws_url: str, nobody: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    role = "role_arn=arn:aws:iam::123456789012:role/ops\nsource_profile=base\nrole_session_name=ana\nregion=eu-west-3\n"
    (nobody / "config").write_text(f"[profile p]\n{role}[profile base]\naws_access_key_id=a\naws_secret_access_key=b\n")
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_url)
    settings = Settings.load(flags={"profile": "p"})
    aws = cloud(aws_url, profile="p", ambient=False, region="")
    identity = who(aws)
    assert settings.current.region == "" and aws.region == identity.region == "eu-west-3"
    assert identity.user == "ops/ana" and identity.expires_at is not None


def test_an_answer_without_identity(teller: Teller, keys: None) -> None:
    teller.answer = lambda request: Reply("<GetCallerIdentityResponse/>", kind="text/xml")
    with pytest.raises(Unreachable, match="cannot be read"):
        who(cloud(teller.url))
    result = "<GetCallerIdentityResult><Arn>x</Arn></GetCallerIdentityResult>"
    teller.answer = lambda request: Reply(f"<R>{result}</R>", kind="text/xml")
    with pytest.raises(Unreachable, match="without an identity"):
        who(cloud(teller.url))


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        ("arn:aws:sts::1:assumed-role/AWSReservedSSO_Ops_0ab/ana@x.org", "AWSReservedSSO_Ops_0ab/ana@x.org"),
        ("arn:aws:iam::1:user/team/bo", "bo"),
        ("arn:aws-cn:iam::1:root", "root"),
        ("arn:aws:sts::1:federated-user/bo", "bo"),
    ],
)
def test_short_names(arn: str, name: str) -> None:
    assert short(arn) == name


PROD = Identity(account="1", arn="arn:aws:iam::1:user/bo", user="bo", partition="aws", region="eu-central-1")


def test_remembered_by_profile_key_and_place(tmp_path: Path) -> None:
    look = context(profile="prod", ambient=False)
    assert remembered(tmp_path, look, {}) is None
    remember(tmp_path, look, PROD, {})
    found = remembered(tmp_path, look, {})
    assert found is not None and not found.confirmed and found.scope == "aws/1/eu-central-1"
    assert (tmp_path / "identities.json").stat().st_mode & 0o777 == 0o600
    assert remembered(tmp_path, context("http://localhost:1", profile="prod", ambient=False), {}) is None
    assert remembered(tmp_path, context(profile="dev", ambient=False), {}) is None
    elsewhere = remembered(tmp_path, context(profile="prod", ambient=False, region="us-east-1"), {})
    assert elsewhere is not None and elsewhere.region == "us-east-1", "the region is today's"
    assert remembered(tmp_path, context(profile="prod", ambient=False, region=""), {"AWS_CONFIG_FILE": "/x"}) is None


def test_keys_in_the_environment_are_an_identity_of_their_own(tmp_path: Path) -> None:
    one, two = {"AWS_ACCESS_KEY_ID": "AKIA1"}, {"AWS_ACCESS_KEY_ID": "AKIA2", "AWS_PROFILE": "prod"}
    remember(tmp_path, context(), PROD, one)
    assert remembered(tmp_path, context(), one) and not remembered(tmp_path, context(), two)
    assert not remembered(tmp_path, context(), {"AWS_PROFILE": "prod"})
    assert "AKIA1" not in (tmp_path / "identities.json").read_text()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"profile:prod@": {"account": 1}}', "\0"])
def test_a_broken_cache_is_an_empty_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "identities.json").write_text(text)
    look = context(profile="prod", ambient=False)
    assert remembered(tmp_path, look, {}) is None
    remember(tmp_path, look, PROD, {})
    assert remembered(tmp_path, look, {}) is not None
    assert [path.name for path in tmp_path.glob("*identities*")] == ["identities.json"]


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    remember(tmp_path / "missing", context(), PROD, {})


# profiles, read without botocore, must agree with it

CONFIG = """
[default]
region = eu-north-1
[profile plain]
region = eu-west-1
[profile "quoted name"]
region = eu-west-2
[profile nested]
s3 =
  addressing_style = path
region = eu-west-3
endpoint_url = http://localhost:4566/
[profile twice]
region = ap-south-1
[sso-session corp]
region = us-west-2
[not a profile]
region = sa-east-1
"""


def test_profiles_agree_with_botocore(nobody: Path) -> None:
    import botocore.session

    (nobody / "config").write_text(CONFIG)
    (nobody / "credentials").write_text("[twice]\nregion = ap-south-2\n[only]\naws_access_key_id = AKIASECRET\n")
    assert profiles.names() == sorted(botocore.session.Session().available_profiles)
    for name in profiles.names():
        session = botocore.session.Session(profile=name)
        chosen = context(profile=name, ambient=False, region="")
        assert profiles.region(chosen) == (session.get_config_variable("region") or ""), name
    nested = context(profile="nested", ambient=False)
    assert profiles.endpoint_url(nested) == "http://localhost:4566"
    assert "AKIASECRET" not in repr(profiles._read({"AWS_SHARED_CREDENTIALS_FILE": str(nobody / "credentials")}))


def test_mfa_anywhere_in_the_chain(nobody: Path) -> None:
    (nobody / "config").write_text(
        "[profile a]\nrole_arn=r\nsource_profile=b\n[profile b]\nrole_arn=r\nsource_profile=c\nmfa_serial=m\n"
        "[profile c]\nregion=x\n[profile round]\nrole_arn=r\nsource_profile=round\n"
        "[profile web]\nrole_arn=r\nweb_identity_token_file=f\nmfa_serial=m\n"
    )
    assert [profiles.asks_for_code(name) for name in ("a", "b", "c", "round", "web", "none")] == [
        *(True, True, False, False, False, False)
    ]
