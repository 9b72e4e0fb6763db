"""Each source killed in the world: what depends on it shows no number or its age within two sweeps, with the provider's
words; all else goes on; it recovers by itself."""

from __future__ import annotations

from typing import Any

import pytest

from console.kinds.registry import KINDS
from console.world.faults import Fault
from tests.incidents.conftest import Make, Night
from tests.incidents.test_says import begin

WATCHES = {watch.source: watch for kind in KINDS for watch in kind.watches()}
ALL = frozenset(WATCHES)
ONCE = {"configs"}
"""Read once each, because they never change: there is no age to tell."""
SEARCHED = {"endpoints": "Endpoint", "pipelines": "Pipeline", "executions": "PipelineExecution"}
BESIDE = {"DescribeEndpointConfig", "DescribeModel", "DescribePipeline", "DescribeInferenceComponent"}
"""What others call too, or what is asked for once."""

FAILURES: dict[str, dict[str, Any]] = {
    "broken": {"code": "InternalFailure", "message": "We are having a bad night", "status": 500},
    "throttled": {"code": "ThrottlingException", "message": "Rate exceeded", "status": 400},
    "garbled": {"truncate": True},
    "lost": {"lose_response": True},
    "denied": {"code": "AccessDeniedException", "message": "User: oncall is not authorized to do this", "status": 400},
}
NUMBERS = ("requests", "errors", "p99", "was")
NAME = "delay-risk"


def live(night: Make) -> Night:
    """While a bad config is live all sources have something to say."""
    one = night()
    one.world.play("bad-config")
    for _ in range(3):
        one.wait(1)
        assert one.look() == {}
    assert one.freshness == "live"
    return one


def stir(one: Night, source: str) -> None:
    """Something happens that makes the source look: some ask only then."""
    if source == "pipelines":
        one.wait(10.2)  # they are listed so rarely
    if source == "changes":
        count = one.view(NAME).endpoint.variants[0].instances
        wanted = [{"VariantName": "AllTraffic", "DesiredInstanceCount": 7 - count}]
        one.world.call(
            "UpdateEndpointWeightsAndCapacities", {"EndpointName": NAME, "DesiredWeightsAndCapacities": wanted}
        )
    assert one.look(*ALL - {source}) == {}


def kill(one: Night, source: str, failure: dict[str, Any]) -> None:
    for operation in WATCHES[source].operations:
        name = operation.partition(":")[2]
        if name not in BESIDE:
            match = {"Resource": SEARCHED[source]} if name == "Search" else {}
            one.world.faults.rules.append(Fault(operation=name, match=match, **failure))


def state(one: Night, source: str) -> Any:
    return one.ledger.coverage.states(one.scope)[source]


def numbers(one: Night) -> list[str]:
    row = one.row(NAME)
    return [row[cell] for cell in NUMBERS]


@pytest.mark.parametrize("source", sorted(ALL - ONCE))
def test_what_dies_says_so_alone_and_recovers(night: Make, source: str) -> None:
    one = live(night)
    for failure, rule in FAILURES.items():
        stir(one, source)
        before = one.row(NAME)
        kill(one, source, rule)
        for _ in range(2):
            one.wait(max(1.3, WATCHES[source].every_s / 60))
            assert list(one.look(source)) == [source], failure
        told = state(one, source)
        assert rule.get("message", "") in told.error and told.error and told.code, failure
        assert one.freshness.startswith(f"{source}: ") and one.freshness.endswith(" m old"), failure
        assert not {name for name in one.look(*ALL - {source})}, failure
        assert all(state(one, name).ok for name in ALL - {source})
        if source == "metrics":
            assert numbers(one) == ["–"] * 4 and one.view(NAME).to_json()["vitals_at"] is None
        else:
            assert "–" not in numbers(one)
        assert one.row(NAME)["config"] == before["config"]
        one.world.faults.clear()
        one.wait(5)
        assert one.look() == {}, failure
        assert one.freshness == "live" and "–" not in numbers(one), failure


def test_trouble_that_nobody_sees_any_more_is_not_over(night: Make) -> None:
    one = begin(night, "slow-dependency")
    kill(one, "metrics", FAILURES["broken"])
    for _ in range(2):
        one.wait(1.3)
        assert list(one.look()) == ["metrics"]
    assert one.row("eta-minutes")["what"] == "was in trouble, no metrics since 03:14Z"
    assert one.troubled() == {"eta-minutes"} and "eta-minutes" in one.triage()
    one.world.faults.clear()
    one.wait(1)
    assert one.look() == {} and "at equal load" in one.row("eta-minutes")["what"]


def test_nobody_answers_at_all(night: Make) -> None:
    """Connections are refused, as behind a firewall that was changed; then somebody changes it back."""
    one = live(night)
    port = int(one.served.url.rpartition(":")[2])
    stir(one, "pipelines")
    assert one.look(*ALL - {"pipelines"}) == {}
    one.served.close()
    one.reconnect()
    for _ in range(2):
        one.wait(1.3)
        errors = one.look(*sorted(ALL - ONCE - {"changes"}))
    assert set(errors) == ALL - ONCE - {"changes"}, "none of them says that it saw anything"
    assert all("127.0.0.1 cannot be reached" in words for words in errors.values()), errors
    assert one.freshness.endswith("m old")
    assert numbers(one) == ["–"] * 4
    one.served = one.world.serve(port)
    try:
        one.wait(1)
        assert one.look() == {} == one.look()
        assert one.freshness == "live" and "–" not in numbers(one)
    finally:
        one.served.close()
