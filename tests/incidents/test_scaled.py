"""During and after a scale-out: nobody is told to scale by numbers of before it."""

from __future__ import annotations

import math

import pytest

from console.actions.model import Stage, Verdict
from console.errors import Refused
from console.kinds.base import Sign
from tests.incidents.conftest import Make, Night
from tests.incidents.test_capacity import check
from tests.incidents.test_says import begin, points_at


def quiet(one: Night, name: str, words: str) -> None:
    """Nothing is proposed, and why; numbers of one's own can be planned."""
    with pytest.raises(Refused, match=words):
        one.plan("scale", name)
    assert one.need(name) is None or one.need(name).advice.verb != "scale"  # type: ignore[union-attr]
    assert not points_at(one, name, "scale")


def test_a_scale_out_is_not_doubled_before_its_metrics_are_there(night: Make) -> None:
    one = begin(night, "latency-saturation", (0.0, 15.0))
    name = "delay-risk"
    first = one.plan("scale", name)
    before = one.view(name).endpoint.variants[0].instances
    with one.world.lock:
        one.world.call("UpdateEndpointWeightsAndCapacities", first.calls[0].params)
    one.wait(0.2)
    assert one.look() == {}
    quiet(one, name, "it scales")
    assert one.apply(one.plan("scale", name, desired=first.args["desired"] + 1)).stage is Stage.DONE
    have = first.args["desired"] + 1
    assert one.look() == {}
    quiet(one, name, rf"scaled {before}→.* wait for its metrics")
    total = one.sum("Invocations", name) / 5
    plan = one.plan("scale", name, desired=have + 4)
    load = check(plan, "load").detail
    assert f"{total / (have + 4):,.0f} with {have + 4}" in load and "wait for its metrics" in load
    for _ in range(3):
        one.wait(3)
        assert one.look() == {}
    settled = one.plan("scale", name)
    assert settled.args["desired"] == have + max(1, have // 4), "hosts are enough: nothing but one step asks for more"


def test_a_raised_maximum_waits_for_autoscaling_and_the_proposal_says_why(night: Make) -> None:
    one = begin(night, "max-capacity")
    plan = one.plan("scale", "search-rank")
    total = one.sum("Invocations", "search-rank") / 5
    (target,) = (p.target for p in one.view("search-rank/AllTraffic", "scaling").target.policies)
    assert plan.args["max"] == math.ceil(1.2 * total / target)
    assert f"need {math.ceil(total / target)} at {target:,.0f} each, and a fifth to spare" in plan.how
    assert plan.cost == f"up to {plan.args['max'] - 8} instances of ml.g5.xlarge more, while the load wants them"
    assert one.apply(plan).stage is Stage.DONE
    assert one.look() == {}
    words = one.view("search-rank/AllTraffic", "scaling").verdict.words
    assert words.startswith("max raised 8→") and words.endswith("autoscaling has not acted yet")
    assert "not scaled: at its maximum" not in one.described("search-rank/AllTraffic", "scaling")
    quiet(one, "search-rank", "autoscaling has not acted yet")


def test_a_granted_quota_ends_the_refusal_with_the_scale_out_that_it_allows(night: Make) -> None:
    one = begin(night, "quota")
    name, target = "eta-minutes", "eta-minutes/AllTraffic"
    assert "is used up" in one.view(target, "scaling").verdict.words
    one.wait(117)  # the increase comes after two hours, the next try within minutes
    while not (view := one.view(target, "scaling")).activities[0].open:
        one.wait(1)
        assert one.look() == {}
    assert view.sign is Sign.MOVING and view.verdict.words.startswith("scales out 4 → 9 since")
    assert view.quota.limit >= view.quota.used, "it was read again"
    said = "\n".join((one.described(name), one.screen(name), one.triage()))
    assert "cannot grow" not in said and "AWS gives no more now" not in said and "Service Quotas" not in said
    while (view := one.view(target, "scaling")).current != 9:
        one.wait(1)
        assert one.look() == {}
    assert view.load.percent < 105 and view.verdict.words == "ok", "the load is of the instances that there are"
    plan = one.plan("scale", name, min=10)
    total = one.sum("Invocations", name) / 5
    assert (
        f"{total / 9:,.0f} requests a minute per instance now, {total / 10:,.0f} with 10" in check(plan, "load").detail
    )


def test_who_holds_the_quota_and_what_is_proposed_when_some_is_given_back(night: Make) -> None:
    one = night(3.2, fleet=6)
    one.has("eta-minutes")
    assert one.look() == {} == one.look()
    one.world.play("quota")
    one.wait(2)
    assert one.look() == {}
    name, target = "eta-minutes", "eta-minutes/AllTraffic"
    view = one.view(target, "scaling")
    assert view.quota.left == 0 and "holds" in view.quota.held and view.quota.held in view.verdict.reasons
    assert view.quota.held in one.described(name)
    assert not any("one less" in reason for reason in view.verdict.reasons), "that is about a scale-in"
    holder = next(name_ for name_, _ in view.quota.holders if name_ != name)
    variant = one.view(holder).endpoint.variants[-1]
    wanted = [{"VariantName": variant.name, "DesiredInstanceCount": variant.instances - 1}]
    with one.world.lock:
        one.world.call(
            "UpdateEndpointWeightsAndCapacities", {"EndpointName": holder, "DesiredWeightsAndCapacities": wanted}
        )
    one.wait(3)
    assert one.look() == {}
    view = one.view(target, "scaling")
    assert view.quota.left == 1, view.quota
    assert "is used up" not in view.verdict.words
    plan = one.plan("scale", name)
    assert not any(c.verdict is Verdict.FAIL for c in plan.preflight) and plan.args["min"] == (view.desired or 0) + 1
    assert f"the quota allows {plan.args['min']}" in plan.how
    need = one.need(name)
    assert need is not None and "AWS gives no more now" not in str(need.advice.lines)
