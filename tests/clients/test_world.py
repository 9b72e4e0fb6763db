"""The clients on the embedded world: the whole way from the environment to an answer, and a bad day."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console.clients.aws import RENEW_EVERY_S, Cloud
from console.clients.budget import Budget
from console.clients.errors import InProgress, never_sent
from console.clients.iam import policy
from console.clients.identity import who
from console.errors import NotFound, Rejected, Throttled, Unreachable
from console.settings import Settings
from console.world.world import World
from tests.clients.conftest import Clock

READS = ["sagemaker:ListEndpoints", "sagemaker:DescribeEndpoint", "sagemaker:ListEndpointConfigs"]
ROLL = ["sagemaker:UpdateEndpoint", "sagemaker:DescribeEndpoint"]


class Bench:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **world: Any) -> None:
        self.ahead_s = 0.0
        self.world = World(validate=True, **world)
        self.served = self.world.serve(port=0)
        for name, value in self.served.env.items():
            monkeypatch.setenv(name, value)
        self.log = tmp_path / "calls.log"
        monkeypatch.setenv("LASTGOOD_CALL_LOG", str(self.log))
        self.clock = Clock()

    def cloud(self, **flags: Any) -> Cloud:
        settings = Settings.load(flags=flags)
        free = Budget(wait=lambda seconds: None)
        return Cloud(
            settings.current, budget=free, call_log=settings.call_log, connect_s=3, read_s=10, clock=self.clock
        )

    @property
    def calls(self) -> list[str]:
        return self.log.read_text().split() if self.log.exists() else []


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(monkeypatch, tmp_path, throttle=False, config_lag_s=0.0)
    with bench.served:
        yield bench


def test_from_the_environment_to_an_answer(bench: Bench) -> None:
    aws = bench.cloud()
    identity = who(aws)
    assert identity.account == "123456789012" and identity.region == "eu-central-1"
    assert identity.scope.endswith(f"@{bench.served.url}") and identity.user.count("/") == 1
    client = aws.client("sagemaker", READS)
    names = [e["EndpointName"] for page in client.get_paginator("list_endpoints").paginate() for e in page["Endpoints"]]
    assert len(names) >= 10
    assert client.describe_endpoint(EndpointName=names[0])["EndpointStatus"]
    with pytest.raises(NotFound, match="Could not find endpoint"):
        client.describe_endpoint(EndpointName="nothing-here")
    assert set(bench.calls) == {"sts:GetCallerIdentity", "sagemaker:ListEndpoints", "sagemaker:DescribeEndpoint"}
    allowed = {action for s in policy(set(bench.calls))["Statement"] for action in s["Action"]}
    assert allowed == {"sagemaker:ListEndpoints", "sagemaker:DescribeEndpoint"}


def two_configs(aws: Cloud) -> tuple[str, str]:
    """An endpoint in service, and a config of the same model that it does not use."""
    client = aws.client("sagemaker", READS)
    for endpoint in client.list_endpoints(StatusEquals="InService")["Endpoints"]:
        name = endpoint["EndpointName"]
        used = client.describe_endpoint(EndpointName=name)["EndpointConfigName"]
        for config in client.list_endpoint_configs(NameContains=name)["EndpointConfigs"]:
            if config["EndpointConfigName"] != used:
                return name, config["EndpointConfigName"]
    raise AssertionError("the world has no endpoint with two configs")


@pytest.mark.parametrize("fault", [{"lose_response": True}, {"truncate": True}])
def test_lost_answer_of_a_write_is_unclear_and_sent_once(bench: Bench, fault: dict[str, bool]) -> None:
    aws = bench.cloud()
    name, config = two_configs(aws)
    bench.world.faults.add(operation="UpdateEndpoint", times=5, **fault)
    writer = aws.client("sagemaker", ROLL, write=True)
    with pytest.raises(Unreachable) as caught:
        writer.update_endpoint(EndpointName=name, EndpointConfigName=config)
    assert not never_sent(caught.value)
    assert bench.calls.count("sagemaker:UpdateEndpoint") == 1
    assert writer.describe_endpoint(EndpointName=name)["EndpointStatus"] == "Updating", "observing tells that it took"
    bench.world.faults.clear()
    with pytest.raises(InProgress):
        writer.update_endpoint(EndpointName=name, EndpointConfigName=config)


def test_wrong_request(bench: Bench) -> None:
    with pytest.raises(Rejected):
        bench.cloud().client("sagemaker", READS).list_endpoints(NameContains="not valid!")


def test_role_session_that_expires_in_the_middle_is_renewed(
    bench: Bench, nobody: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (nobody / "config").write_text(
        "[profile ops]\nrole_arn=arn:aws:iam::123456789012:role/ops\nsource_profile=base\nrole_session_name=ana\n"
        "[profile base]\naws_access_key_id=AKIABASE\naws_secret_access_key=x\n"
    )
    aws = bench.cloud(profile="ops")
    client = aws.client("sagemaker", READS)
    client.list_endpoints()
    assert who(aws).user == "ops/ana"
    identities = bench.world.identities
    with bench.world.lock:
        for key in list(identities._expires):
            identities._expires[key] = 0.0
    bench.clock.s += RENEW_EVERY_S
    assert client.list_endpoints()["Endpoints"], "expired, renewed and read again in one call"
    assert len(identities._expires) == 2


def test_throttling_is_counted_even_when_the_retry_succeeds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bench = Bench(monkeypatch, tmp_path, throttle=True)
    with bench.served:
        aws = bench.cloud()
        client = aws.client("sagemaker", ["sagemaker:UpdateEndpoint", *READS], write=True)
        with pytest.raises(Throttled) as caught:
            for _ in range(200):
                client.list_endpoints()
        assert caught.value.operation == "sagemaker:ListEndpoints" and "Rate exceeded" in caught.value.message
        assert aws.budget.usage().throttles == {"sagemaker:ListEndpoints": 1}
        assert not aws.budget.spare("sagemaker:ListEndpoints")
