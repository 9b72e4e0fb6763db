"""Scale, suspend and resume on the embedded world: what is called, what it comes to, and what it does not mend."""

from __future__ import annotations

from typing import Any

import pytest

from console.actions.model import Check, Level, Plan, Stage, Verdict
from console.clients.budget import Budget
from console.collector.collector import Collector
from console.errors import NotFound, Refused, UsageError
from console.kinds.hold.record import Hold, key
from console.kinds.registry import KINDS
from console.kinds.scaling.view import ScalingView, views
from console.ledger.snapshot import Snapshot
from console.world.quotas import Quotas
from console.world.sagemaker.endpoints import Trouble
from tests.actions.conftest import Rig

SEARCH, RISK = "search-rank", "delay-risk"
VARIANT = "search-rank/AllTraffic"
OF = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/search-rank/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
PASS, WARN, FAIL, UNKNOWN = Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.UNKNOWN


def scale(rig: Rig, subject: str = SEARCH, kind: str = "endpoint", **numbers: Any) -> Plan:
    return rig.plan("scale", subject, kind, **numbers)


def aas(rig: Rig, operation: str, **request: Any) -> Any:
    with rig.world.lock:
        rig.world.advance()
        return rig.world.call(operation, request, service="application-autoscaling")


def target(rig: Rig) -> dict[str, Any]:
    (found,) = aas(rig, "DescribeScalableTargets", ServiceNamespace="sagemaker",
                   ResourceIds=[OF["ResourceId"]])["ScalableTargets"]  # fmt: skip
    return dict(found)


def bounds(rig: Rig) -> tuple[int, int]:
    found = target(rig)
    return found["MinCapacity"], found["MaxCapacity"]


def instances(rig: Rig, name: str = SEARCH) -> int:
    return sum(v.instances for v in rig.endpoint(name).fleet)


def check(plan: Plan, name: str) -> Check:
    return next(c for c in plan.preflight if c.check == name)


def sweep(rig: Rig, *sources: str) -> Snapshot:
    """The collector's looks, into the operator's ledger."""
    scope = scale(rig, RISK, desired=9).scope
    from console.clients.aws import Cloud

    cloud = Cloud(rig.context(), budget=Budget(wait=lambda seconds: None), read_s=5, clock=rig.clock)
    errors = Collector(rig.ledger, cloud, scope, KINDS, now=rig.now).once(sources)
    assert not errors, errors
    return Snapshot(rig.ledger, scope, None, rig.now())


# Bounds.


def test_a_higher_minimum_moves_capacity_and_is_believed_when_it_serves(rig: Rig) -> None:
    before = instances(rig)
    plan = scale(rig, min=before + 2)
    (call,) = plan.calls
    assert call.operation == "application-autoscaling:RegisterScalableTarget"
    assert call.params == {**OF, "MinCapacity": before + 2}
    assert not plan.refused and plan.level is Level.CHANGE
    assert f"min {before + 2} survives scale-in: autoscaling never goes below it" in plan.causes
    assert f"capacity moves at once: {before} → {before + 2} instances" in plan.causes
    assert plan.inverse == "lastgood scale endpoint search-rank --min 2"
    done = rig.apply(plan)
    assert done.stage is Stage.DONE, done.words
    assert bounds(rig) == (before + 2, 8) and instances(rig) == before + 2
    asked, _, then = done.words.partition(": as asked; ")
    assert asked == f"{before + 2} of {before + 2}–8 instances" and then.startswith("what it does for users shows at ~")
    rig.clock.tick(4 * 3600)
    assert instances(rig) >= before + 2, "it survives scale-in"


def test_a_higher_maximum_launches_nothing_and_is_done_at_once(rig: Rig) -> None:
    before = instances(rig)
    plan = scale(rig, max=12)
    assert plan.calls[0].params == {**OF, "MaxCapacity": 12} and check(plan, "capacity").verdict is PASS
    assert any("launches nothing by itself" in cause for cause in plan.causes)
    assert rig.apply(plan).stage is Stage.DONE
    assert bounds(rig) == (2, 12) and instances(rig) == before


def test_what_a_plan_says_of_bounds_that_leave_nothing_to_scale_and_of_what_a_maximum_may_cost(rig: Rig) -> None:
    have = instances(rig)
    fixed = scale(rig, min=have, max=have)
    assert f"min and max are {have}: autoscaling changes nothing" in fixed.causes
    assert not any("scales in to" in cause for cause in fixed.causes)
    assert scale(rig, max=12).cost == "up to 4 instances more, while the load wants them"
    assert "no answer" in check(scale(rig, min=0), "zero").detail
    assert not [c for c in fixed.preflight if c.check == "zero"]


def test_the_way_back_is_what_the_plan_says(rig: Rig) -> None:
    plan = scale(rig, max=12)
    assert rig.apply(plan).stage is Stage.DONE
    words = plan.inverse.split()
    assert words[:4] == ["lastgood", "scale", "endpoint", SEARCH]
    undo = scale(rig, **{words[4].lstrip("-"): int(words[5])})
    assert rig.apply(undo).stage is Stage.DONE and bounds(rig) == (2, 8)


def test_a_lower_maximum_takes_instances_away_which_is_danger(rig: Rig) -> None:
    before = instances(rig)
    plan = scale(rig, max=before - 1, min=1)
    assert plan.level is Level.DANGER and check(plan, "capacity").verdict is WARN
    assert rig.apply(plan).stage is Stage.DONE and instances(rig) == before - 1


def test_both_bounds_of_a_form_are_only_those_that_differ(rig: Rig) -> None:
    assert scale(rig, min="2", max="10").calls[0].params == {**OF, "MaxCapacity": 10}
    with pytest.raises(Refused, match="has that already"):
        scale(rig, min=2, max=8)


# A count.


def test_what_is_not_autoscaled_is_set_to_a_count(rig: Rig) -> None:
    plan = scale(rig, RISK, desired=5)
    (call,) = plan.calls
    assert call.operation == "sagemaker:UpdateEndpointWeightsAndCapacities"
    wanted = {"VariantName": "AllTraffic", "DesiredInstanceCount": 5}
    assert call.params == {"EndpointName": RISK, "DesiredWeightsAndCapacities": [wanted]}
    assert any("it is not autoscaled" in cause for cause in plan.causes)
    done = rig.apply(plan)
    assert done.stage is Stage.DONE and done.words.startswith("5 instances: as asked; ") and instances(rig, RISK) == 5
    fewer = scale(rig, RISK, desired=3)
    assert fewer.level is Level.DANGER and fewer.inverse == "lastgood scale endpoint delay-risk --desired 5"
    with pytest.raises(Refused, match="not autoscaled"):
        scale(rig, RISK, min=4)


def test_a_count_on_an_autoscaled_variant_says_that_it_does_not_last(rig: Rig) -> None:
    before = instances(rig)
    plan = scale(rig, desired=before + 1)
    assert any(f"--min {before + 1} survives scale-in" in cause for cause in plan.causes)
    assert rig.apply(plan).stage is Stage.DONE and instances(rig) == before + 1
    with pytest.raises(Refused, match="outside of 2–8") as told:
        scale(rig, desired=9)
    assert "--max 9 first" in told.value.advice


@pytest.mark.parametrize(
    ("numbers", "error", "words"),
    [
        ({"min": 5, "max": 3}, UsageError, "--min 5 is above --max 3"),
        ({"min": 9}, UsageError, "min 9 would be above max 8"),
        ({"desired": -1}, UsageError, "--desired -1"),
        ({"max": 12, "desired": 10}, UsageError, "bounds and --desired are two actions"),
    ],
)
def test_numbers_that_cannot_be_meant(rig: Rig, numbers: dict[str, int], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        scale(rig, **numbers)


def test_what_is_not_there(rig: Rig) -> None:
    for subject, kind in (("nope", "endpoint"), ("nope/AllTraffic", "scaling"), ("nope", "scaling")):
        with pytest.raises(NotFound, match="nope"):
            scale(rig, subject, kind, max=9)
    with pytest.raises(NotFound, match="no variant other"):
        scale(rig, variant="other", max=9)


def test_several_variants_want_one_to_be_named(make: Any) -> None:
    rig = make(fleet=6)
    with pytest.raises(UsageError, match="2 variants"):
        scale(rig, "fraud-online", max=20)
    plan = scale(rig, "fraud-online/challenger", "scaling", max=20)
    assert plan.calls[0].params["ResourceId"] == "endpoint/fraud-online/variant/challenger"
    same = scale(rig, "fraud-online", max=20, variant="challenger")
    assert same.calls == plan.calls and same.inverse.endswith("--variant challenger --max 12")


# Preflight.


def test_the_quota_is_counted_with_what_other_endpoints_use(rig: Rig) -> None:
    with rig.world.lock:
        rig.world.region().of(Quotas).limits["ml.g5.xlarge"] = 6
    before = instances(rig)
    assert check(scale(rig, max=12), "quota").verdict is WARN
    assert "it can grow to 6, not to 12" in check(scale(rig, max=12), "quota").detail
    refused = scale(rig, min=8)
    assert check(refused, "quota").verdict is FAIL and [c.check for c in refused.refused] == ["quota"]
    assert f"{8 - before} more are refused" in check(refused, "quota").detail
    rig.fault("ListServiceQuotas", code="AccessDeniedException", status=403)
    unknown = check(scale(rig, max=12), "quota")
    assert (unknown.verdict, unknown.detail) == (UNKNOWN, "not permitted to look")


def test_what_else_speaks_against_it(rig: Rig) -> None:
    plan = scale(rig, max=12)
    assert check(plan, "settled").verdict is PASS and check(plan, "permission").verdict in {PASS, UNKNOWN}
    assert check(plan, "need").verdict is WARN and "nothing known asks for it" in check(plan, "need").detail
    hold = Hold("endpoint", SEARCH, "audit", "maria", rig.now())
    rig.ledger.observe(plan.scope, "hold", [(key("endpoint", SEARCH), __import__("msgspec").json.encode(hold), None)],
                       at=rig.now())  # fmt: skip
    assert [c.check for c in scale(rig, max=12).refused] == ["hold"]
    released = scale(rig, max=12, release=True)
    assert not released.refused and rig.apply(released).stage is Stage.DONE
    assert not scale(rig, max=11).refused, "it was released"


def test_a_schedule_that_sets_the_bounds_again_is_told(rig: Rig) -> None:
    aas(rig, "PutScheduledAction", **OF, ScheduledActionName="mornings", Schedule="cron(0 6 * * ? *)",
        ScalableTargetAction={"MinCapacity": 3})  # fmt: skip
    assert check(scale(rig, min=6), "schedule").detail == "mornings (cron(0 6 * * ? *) UTC) sets min 3 again"


# Its turn.


def test_it_waits_for_a_deployment_and_goes_on(rig: Rig) -> None:
    rig.deploys("search-rank-v22", SEARCH, RetainAllVariantProperties=True)
    plan = scale(rig, max=12)
    assert plan.settle == "InService" and plan.when.startswith("queued") and check(plan, "settled").verdict is WARN
    assert rig.apply(plan).stage is Stage.DONE and bounds(rig) == (2, 12)
    assert rig.sent("RegisterScalableTarget") == 1, "never into an update: that is refused"


def test_it_waits_while_it_scales(rig: Rig) -> None:
    before = instances(rig)
    aas(rig, "RegisterScalableTarget", **OF, MinCapacity=before + 1)
    plan = scale(rig, max=10)
    assert "it scales" in check(plan, "settled").detail and plan.settle
    assert rig.apply(plan).stage is Stage.DONE and bounds(rig) == (before + 1, 10)


def test_somebody_else_was_faster(rig: Rig) -> None:
    plan, same = scale(rig, max=12), scale(rig, max=10)
    aas(rig, "RegisterScalableTarget", **OF, MaxCapacity=10)
    end = rig.apply(plan)
    assert end.stage is Stage.OVERTAKEN and end.words == "its bounds are 2–10, the plan was made on 2–8"
    assert rig.apply(same).stage is Stage.NOT_NEEDED and rig.sent("RegisterScalableTarget") == 0


@pytest.mark.parametrize(("subject", "numbers", "operation"), [
    (SEARCH, {"max": 12}, "RegisterScalableTarget"),
    (RISK, {"desired": 5}, "UpdateEndpointWeightsAndCapacities"),
])  # fmt: skip
def test_after_a_lost_answer_it_is_observed_and_not_sent_again(
    rig: Rig, subject: str, numbers: dict[str, int], operation: str
) -> None:
    plan = scale(rig, subject, **numbers)
    rig.fault(operation, lose_response=True, times=1)
    assert rig.apply(plan).stage is Stage.DONE and rig.sent(operation) == 1


def test_capacity_that_does_not_come_is_a_failure_in_aws_words(rig: Rig) -> None:
    with rig.world.lock:
        from console.world.sagemaker.endpoints import Endpoints

        rig.world.region().of(Endpoints).scarce |= {"ml.g5.xlarge", "ml.c6i.xlarge"}
    before = instances(rig)
    end = rig.apply(scale(rig, min=before + 2))
    assert end.stage is Stage.FAILED and "InsufficientInstanceCapacity" in end.words
    assert instances(rig) == before
    again = scale(rig, min=before + 3)
    assert check(again, "to be had").verdict is WARN and "none to spare" in check(again, "to be had").detail
    end = rig.apply(scale(rig, RISK, desired=7))
    assert end.stage is Stage.FAILED and "InsufficientInstanceCapacity" in end.words


# Suspension.


def suspend(rig: Rig, verb: str = "suspend", kind: str = "scaling", **args: Any) -> Plan:
    return rig.plan(verb, VARIANT if kind == "scaling" else SEARCH, kind, **args)


def test_suspending_scale_in_and_resuming_it(rig: Rig) -> None:
    plan = suspend(rig)
    state = plan.calls[0].params["SuspendedState"]
    assert state == {"DynamicScalingInSuspended": True, "DynamicScalingOutSuspended": False,
                     "ScheduledScalingSuspended": False}  # fmt: skip
    assert plan.inverse == f"lastgood unsuspend scaling {VARIANT}" and plan.level is Level.CHANGE
    assert any("nothing ends it by itself" in cause for cause in plan.causes)
    done = rig.apply(plan)
    assert (done.stage, done.words) == (Stage.DONE, "scale-in suspended")
    assert target(rig)["SuspendedState"]["DynamicScalingInSuspended"] is True
    with pytest.raises(Refused, match="suspended already"):
        suspend(rig, kind="endpoint")
    assert rig.apply(suspend(rig, "unsuspend", "endpoint")).stage is Stage.DONE
    assert not any(target(rig)["SuspendedState"].values())


def test_resuming_leaves_what_others_suspended_unless_told(rig: Rig) -> None:
    aas(rig, "RegisterScalableTarget", **OF, SuspendedState={"DynamicScalingOutSuspended": True})
    with pytest.raises(Refused, match="--all resumes all"):
        suspend(rig, "unsuspend")
    assert rig.apply(suspend(rig)).stage is Stage.DONE
    plan = suspend(rig, "unsuspend")
    assert "scale-out stays suspended" in plan.causes and rig.apply(plan).stage is Stage.DONE
    assert target(rig)["SuspendedState"]["DynamicScalingOutSuspended"] is True
    every = suspend(rig, "unsuspend", all=True)
    assert "DynamicScalingOutSuspended=true" in every.inverse and rig.apply(every).stage is Stage.DONE
    assert not any(target(rig)["SuspendedState"].values())


def test_the_call_moves_capacity_into_the_bounds_and_the_plan_says_so(rig: Rig) -> None:
    """Facts, sagemaker 5.9: even if it is about suspension alone."""
    before = instances(rig)
    request = {"EndpointName": SEARCH, "DesiredWeightsAndCapacities": [
        {"VariantName": "AllTraffic", "DesiredInstanceCount": 1}]}  # fmt: skip
    with rig.world.lock:
        rig.world.call("UpdateEndpointWeightsAndCapacities", request)
    rig.clock.tick(130)
    assert instances(rig) == 1 and before >= 2
    plan = suspend(rig)
    assert check(plan, "capacity").verdict is WARN and "1 → 2 instances at once" in check(plan, "capacity").detail
    assert rig.apply(plan).stage is Stage.DONE
    rig.clock.tick(60)
    newest = aas(rig, "DescribeScalingActivities", **OF)["ScalingActivities"]
    assert any(one["Cause"] == "minimum capacity was set to 2" for one in newest[:3]), "it did"


def test_a_suspension_that_was_overtaken_sends_nothing(rig: Rig) -> None:
    plan, other = suspend(rig), suspend(rig)
    assert rig.apply(plan).stage is Stage.DONE
    assert rig.apply(other).stage is Stage.NOT_NEEDED
    back = suspend(rig, "unsuspend")
    aas(rig, "RegisterScalableTarget", **OF, SuspendedState={"ScheduledScalingSuspended": True})
    assert rig.apply(back).stage is Stage.OVERTAKEN and rig.sent("RegisterScalableTarget") == 1


def test_what_is_not_autoscaled_has_nothing_to_suspend(rig: Rig) -> None:
    with pytest.raises(Refused, match="is not autoscaled"):
        rig.plan("suspend", RISK, "endpoint")


# What an operator sees of it.


def test_the_ledger_shows_it_at_the_next_look(rig: Rig) -> None:
    snapshot = sweep(rig, "endpoints", "scaling")
    (view,) = views(snapshot, [SEARCH])
    assert isinstance(view, ScalingView) and view.code == "ok"
    assert rig.apply(suspend(rig)).stage is Stage.DONE
    (view,) = views(Snapshot(rig.ledger, snapshot.scope, None, rig.now()), [VARIANT])
    assert view.verdict.words.startswith("scale-in suspended since "), "what an action sees is a fact as well"


def test_trouble_is_not_taken_for_success(rig: Rig) -> None:
    """A deployment that fails while a plan waits: it goes on with what serves."""
    from console.world.sagemaker.endpoints import Endpoints

    with rig.world.lock:
        rig.world.region().of(Endpoints).bad_configs["search-rank-v22"] = Trouble("Health check failed", after_s=60)
    rig.deploys("search-rank-v22", SEARCH, RetainAllVariantProperties=True)
    assert rig.apply(scale(rig, max=12)).stage is Stage.DONE and bounds(rig) == (2, 12)
