"""Scaling as the embedded world does it, watched over HTTP: what is seen, at how many calls, and what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec

from console.fleet.describe import lines
from console.kinds.base import Sign
from console.kinds.registry import kind_of
from console.kinds.scaling.record import Activities
from console.kinds.scaling.view import ScalingView
from console.world.quotas import Quotas
from console.world.sagemaker.endpoints import Endpoints
from tests.kinds.conftest import SCOPE, Bench

Make = Callable[..., Bench]
SEARCH = "search-rank/AllTraffic"
OF = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/search-rank/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}


def ask(bench: Bench, operation: str, **request: Any) -> Any:
    """Somebody else, of Application Auto Scaling."""
    with bench.world.lock:
        bench.world.advance()
        return bench.world.call(operation, request, service="application-autoscaling")


def look(bench: Bench, *sources: str) -> None:
    for source in sources or ("endpoints", "scaling"):
        assert not bench.look(source)[1]


def view(bench: Bench, name: str = SEARCH) -> ScalingView:
    found: ScalingView = bench.view("scaling", name)
    return found


def kept(bench: Bench, name: str = SEARCH) -> Activities:
    (sample,) = bench.ledger.samples.newest(SCOPE, "activities", [name])
    return msgspec.json.decode(sample.body, type=Activities)


def test_targets_are_seen_with_policies_schedule_quota_and_what_became_of_them(bench: Make) -> None:
    made = bench(fleet=6)
    ask(made, "PutScheduledAction", **OF, ScheduledActionName="mornings", Schedule="cron(0 6 * * ? *)",
        ScalableTargetAction={"MinCapacity": 3})  # fmt: skip
    look(made)
    names = {one.name for one in kind_of("scaling").views(made.snapshot, None)}
    assert names == {SEARCH, "eta-minutes/AllTraffic", "fraud-online/AllTraffic", "fraud-online/challenger"}
    one = view(made)
    live = made.call("DescribeEndpoint", EndpointName="search-rank")["ProductionVariants"][0]
    assert (one.current, one.desired) == (live["CurrentInstanceCount"], live["DesiredInstanceCount"])
    assert (one.target.min, one.target.max) == (2, 8) and one.target.tracked is not None
    assert one.target.scheduled is not None and [s.min for s in one.target.scheduled] == [3]
    truth = ask(made, "DescribeScalingActivities", **OF, IncludeNotScaledActivities=True)["ScalingActivities"]
    mine = {a.id for a in kept(made).items}
    assert mine and mine <= {a["ActivityId"] for a in truth}
    look(made, "metrics", "scaling")
    one = view(made)
    assert one.quota is not None and one.quota.type == "ml.g5.xlarge" and one.quota.used == one.current
    assert one.quota.limit == made.world.region().of(Quotas).limits["ml.g5.xlarge"] and not one.quota.unsure
    assert one.load.now and one.load.target and 0 < (one.load.percent or 0) < 200
    told = one.to_json()
    assert told["resource"] == OF["ResourceId"] and told["current"] == one.current and told["verdict"] == one.code
    assert {"min", "max", "reasons"} <= told.keys()
    said = dict(lines(kind_of("scaling"), one, made.snapshot, made.now))
    assert said["capacity"].startswith(f"{one.current} of 2–8 instances") and "mornings" in said["scheduled"]


def test_names_by_which_a_target_is_found(bench: Make) -> None:
    made = bench()
    look(made)
    one = view(made)
    for name in (SEARCH, OF["ResourceId"], "search-rank", one.arn):
        assert [v.name for v in kind_of("scaling").views(made.snapshot, [name])] == [SEARCH]
    assert not kind_of("scaling").views(made.snapshot, ["search"])


def test_a_sweep_at_rest_is_one_call_and_writes_nothing(bench: Make) -> None:
    made = bench()
    calls, _ = made.look("scaling")
    assert (
        calls["DescribeScalableTargets"] == calls["DescribeScalingPolicies"] == calls["DescribeScheduledActions"] == 1
    )
    look(made)
    facts, rows = len(made.snapshot.history("scaling")), kept(made)
    calls, _ = made.look("scaling")
    assert calls == {"DescribeScalingActivities": 1}
    assert len(made.snapshot.history("scaling")) == facts and kept(made) == rows
    made.tick(600)
    calls, _ = made.look("scaling")
    assert calls["DescribeScalableTargets"] == 1 and calls["ListServiceQuotas"] == 0


def test_without_targets_it_is_one_call_in_ten_minutes(bench: Make) -> None:
    made = bench(fleet=1)
    assert made.look("scaling")[0] == {"DescribeScalableTargets": 1}
    assert not made.look("scaling")[0]


def test_what_is_on_screen_is_described_each_time(bench: Make) -> None:
    made = bench()
    look(made)
    ask(made, "RegisterScalableTarget", **OF, MaxCapacity=12)
    made.look("scaling")
    assert view(made).target.max == 8, "nobody looks"
    made.want("scaling", SEARCH)
    calls, _ = made.look("scaling")
    assert calls == {"DescribeScalableTargets": 1, "DescribeScalingActivities": 2, "DescribeScalingPolicies": 1}, (
        "its own once"
    )
    assert view(made).target.max == 12 and kept(made).whole
    made.want("endpoint", "search-rank")
    made.want("scaling", SEARCH, "eta-minutes/AllTraffic", "x")
    assert made.look("scaling")[0] == {"DescribeScalableTargets": 1, "DescribeScalingActivities": 1}
    assert view(made).target.policies, "which are listed with the rest, where many are on screen"


def test_a_scaling_is_followed_to_its_end(bench: Make) -> None:
    made = bench()
    look(made)
    count = view(made).current
    assert count is not None
    ask(made, "RegisterScalableTarget", **OF, MinCapacity=count + 1)
    look(made)
    begun = kept(made).items[0]
    assert view(made).sign is Sign.MOVING and begun.open
    for _ in range(20):
        made.tick(60)
        look(made)
    done = next(one for one in kept(made).items if one.id == begun.id)
    assert (done.status, done.wanted) == ("Successful", count + 1) and view(made).current == count + 1
    assert done.ended_at is not None and done.ended_at > done.at


def test_the_state_of_the_past_is_told_from_what_is_kept(bench: Make) -> None:
    from console.ledger.snapshot import Snapshot

    made = bench()
    look(made)
    before, then = view(made), made.now
    made.tick(5)
    ask(made, "RegisterScalableTarget", **OF, MinCapacity=(before.current or 0) + 1)
    made.tick(30)
    made.want("scaling", SEARCH)
    look(made)
    (was,) = kind_of("scaling").views(Snapshot(made.ledger, SCOPE, then, made.now), [SEARCH])
    assert (was.target.min, was.sign) == (2, before.sign)
    assert all(a.at <= then for a in was.activities) and view(made).sign is Sign.MOVING


def test_a_target_that_is_gone_is_gone(bench: Make) -> None:
    made = bench()
    look(made)
    made.want("scaling", SEARCH)
    ask(made, "DeregisterScalableTarget", **OF)
    look(made)
    assert not kind_of("scaling").views(made.snapshot, [SEARCH])
    made.tick(600)
    look(made)
    assert not kind_of("scaling").views(made.snapshot, None)


def test_what_nobody_may_read_hides_nothing_else(bench: Make) -> None:
    made = bench()
    for operation in ("DescribeScalingPolicies", "DescribeScheduledActions", "ListServiceQuotas"):
        made.world.faults.add(operation=operation, code="AccessDeniedException", status=403)
    look(made)
    one = view(made)
    assert one.target.policies is None and one.target.scheduled is None and one.quota is None
    assert dict(lines(kind_of("scaling"), one, made.snapshot, made.now))["policies"].startswith("not known")
    columns = {column.id: column for column in kind_of("scaling").columns}
    assert columns["policy"].cell(one, made.now).text == "?" and columns["quota"].cell(one, made.now).text == "–"


def test_a_source_that_dies_says_so_within_two_sweeps_and_recovers(bench: Make) -> None:
    made = bench()
    look(made)
    made.world.faults.add(operation="DescribeScalingActivities", code="InternalServiceException", status=500)
    for _ in range(4):
        made.tick(60)
        assert made.look("scaling")[1]
    one = view(made)
    assert one.stale and one.sign is Sign.UNKNOWN and one.verdict.words.startswith("as of ")
    made.world.faults.clear()
    look(made)
    assert not view(made).stale


def test_a_variant_that_was_renamed_is_scaled_by_nobody(bench: Make) -> None:
    made = bench()
    look(made)
    with made.world.lock:
        endpoint = made.world.region().of(Endpoints).get("search-rank")
        endpoint.fleet = tuple(replace(variant, name="main") for variant in endpoint.fleet)
        endpoint.modified = made.world.now
    made.want("endpoint", "search-rank")
    made.tick(700)
    look(made)
    one = view(made)
    assert (one.code, one.sign) == ("missing", Sign.WARNING) and "no variant AllTraffic, but main" in one.verdict.words


def test_copies_of_an_inference_component(bench: Make) -> None:
    made = bench()
    with made.world.lock:
        names = made.world.call("ListInferenceComponents", {"EndpointNameEquals": "churn-scorer"})
    name = names["InferenceComponents"][0]["InferenceComponentName"]
    of = {"ServiceNamespace": "sagemaker", "ResourceId": f"inference-component/{name}",
          "ScalableDimension": "sagemaker:inference-component:DesiredCopyCount"}  # fmt: skip
    ask(made, "RegisterScalableTarget", **of, MinCapacity=1, MaxCapacity=4)
    ask(made, "PutScalingPolicy", **of, PolicyName="load", PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={"TargetValue": 1e9, "PredefinedMetricSpecification": {
            "PredefinedMetricType": "SageMakerInferenceComponentInvocationsPerCopy"}})  # fmt: skip
    look(made)
    one = view(made, name)
    truth = made.call("DescribeInferenceComponent", InferenceComponentName=name)["RuntimeConfig"]
    assert (one.current, one.endpoint) == (truth["CurrentCopyCount"], "churn-scorer")
    assert one.name == name and "copies" in one.verdict.reasons[0] and one.target.host == "copy"
    assert made.view("endpoint", "churn-scorer").scaling[0].name == name
