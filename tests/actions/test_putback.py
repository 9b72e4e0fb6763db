"""After a verified weights or scale: somebody puts the numbers back, the row and the journal say so, each action for
itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from console.actions.model import Plan, Stage
from console.clients.aws import Cloud
from console.clients.budget import Budget
from console.collector.collector import Collector
from console.kinds.base import Sign
from console.kinds.endpoint.view import EndpointView, views
from console.kinds.registry import KINDS
from console.ledger.snapshot import Snapshot
from console.triage.handover import sections
from console.world.identity import TERRAFORM
from tests.actions.conftest import Rig

NAME, SEARCH, RISK = "fraud-online", "search-rank", "delay-risk"
TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": f"endpoint/{SEARCH}/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}


@pytest.fixture
def rig(make: Callable[..., Rig]) -> Rig:
    return make(fleet=6)


def done(rig: Rig, plan: Plan) -> Plan:
    end = rig.apply(plan)
    assert end.stage is Stage.DONE, end
    return plan


def shift(rig: Rig, **weights: str) -> Plan:
    return rig.plan("weights", NAME, weights=weights)


def terraform(rig: Rig, operation: str, service: str = "sagemaker", **request: Any) -> None:
    rig.clock.tick(60)
    with rig.world.lock:
        rig.world.advance()
        rig.world.call(operation, request, TERRAFORM, service=service)


def sets(rig: Rig, name: str = NAME, **weights: float) -> None:
    wanted = [{"VariantName": variant, "DesiredWeight": weight} for variant, weight in weights.items()]
    terraform(rig, "UpdateEndpointWeightsAndCapacities", EndpointName=name, DesiredWeightsAndCapacities=wanted)


def bound(rig: Rig, **bounds: int) -> None:
    terraform(rig, "RegisterScalableTarget", "application-autoscaling", **TARGET, **bounds)


def look(rig: Rig, plan: Plan, name: str = NAME, *, after_s: float = 700) -> EndpointView:
    """What the collector does, and the row it makes."""
    rig.clock.tick(after_s)
    cloud = Cloud(rig.context(), budget=Budget(wait=lambda seconds: None), read_s=5, clock=rig.clock)
    errors = Collector(rig.ledger, cloud, plan.scope, KINDS, now=rig.now).once(["endpoints", "scaling", "changes"])
    assert not errors, errors
    return views(Snapshot(rig.ledger, plan.scope, None, rig.now()), [name])[0]


def notes(rig: Rig, plan: Plan) -> list[str]:
    return [str(e.body["words"]) for e in rig.entries(plan) if "reversal" in e.body]


def test_weights_that_are_put_back_are_told_once_until_they_are_set_again(rig: Rig) -> None:
    plan = done(rig, shift(rig, AllTraffic="50", challenger="50"))
    assert "undone" not in look(rig, plan).verdict.words and notes(rig, plan) == []
    sets(rig, AllTraffic=90, challenger=10)  # the same shares on another scale
    row = look(rig, plan)
    assert row.sign is Sign.WARNING
    assert "undone: Terraform" in row.verdict.words
    assert "went back to AllTraffic 90 %, challenger 10 %" in row.verdict.words
    for _ in range(3):
        look(rig, plan)
    (note,) = notes(rig, plan)
    assert note.startswith("undone: Terraform") and "went back to AllTraffic 90 %" in note
    snapshot = Snapshot(rig.ledger, plan.scope, None, rig.now())
    (told,) = next(s["lines"] for s in sections(snapshot, 0) if s["title"] == "Actions")
    assert "went back to AllTraffic 90 %" in told
    sets(rig, AllTraffic=1, challenger=1)
    assert "undone" not in look(rig, plan).verdict.words


def test_weights_that_go_on_are_not_undone_and_ours_are_never(rig: Rig) -> None:
    plan = done(rig, shift(rig, AllTraffic="50", challenger="50"))
    sets(rig, AllTraffic=20, challenger=80)
    assert "undone" not in look(rig, plan).verdict.words
    sets(rig, AllTraffic=60, challenger=40)
    assert "went away to AllTraffic 60 %, challenger 40 %" in look(rig, plan).verdict.words
    back = done(rig, shift(rig, AllTraffic="90", challenger="10"))  # the inverse, by somebody who knows
    assert "undone" not in look(rig, back).verdict.words
    assert notes(rig, back) == [] and len(notes(rig, plan)) == 1


def test_each_action_on_one_endpoint_is_watched_for_itself(rig: Rig) -> None:
    old = rig.config("fraud-online-old", rig.endpoint(NAME).config)
    rolled = done(rig, rig.plan("rollback", NAME, to=old))
    shifted = done(rig, shift(rig, AllTraffic="50", challenger="50"))
    rig.clock.tick(60)
    rig.deploys(rolled.before["config"], NAME, RetainAllVariantProperties=True)
    row = look(rig, rolled)
    assert "roll back of" in row.verdict.words and "weights of" not in row.verdict.words
    assert len(notes(rig, rolled)) == 1 and notes(rig, shifted) == []
    sets(rig, AllTraffic=90, challenger=10)
    row = look(rig, rolled)
    assert row.sign is Sign.CRITICAL and "roll back of" in row.verdict.words and "weights of" in row.verdict.words
    assert len(notes(rig, rolled)) == len(notes(rig, shifted)) == 1


def test_a_minimum_that_is_put_back_is_told_and_a_higher_one_is_not(rig: Rig) -> None:
    plan = rig.plan("scale", SEARCH, min=6)
    was = plan.before["min"]
    done(rig, plan)
    bound(rig, MinCapacity=7)
    assert "undone" not in look(rig, plan, SEARCH).verdict.words
    bound(rig, MinCapacity=was)
    row = look(rig, plan, SEARCH)
    assert row.sign.rank <= Sign.WARNING.rank and f"went back to min {was}" in row.verdict.words
    (note,) = notes(rig, plan)
    assert note.startswith("undone: ") and f"went back to min {was}" in note


def test_a_count_that_is_put_back_is_told(rig: Rig) -> None:
    have = sum(v.instances for v in rig.endpoint(RISK).fleet)
    plan = done(rig, rig.plan("scale", RISK, desired=have + 2))
    variant = {"VariantName": "AllTraffic", "DesiredInstanceCount": have}
    terraform(rig, "UpdateEndpointWeightsAndCapacities", EndpointName=RISK, DesiredWeightsAndCapacities=[variant])
    row = look(rig, plan, RISK)
    assert f"undone: Terraform (terraform-cloud) went back to {have} instance" in row.verdict.words


def test_after_two_days_nobody_watches(rig: Rig) -> None:
    plan = done(rig, shift(rig, AllTraffic="50", challenger="50"))
    rig.clock.tick(3 * 86_400)
    sets(rig, AllTraffic=90, challenger=10)
    assert "undone" not in look(rig, plan).verdict.words and notes(rig, plan) == []
