"""Plans of retrain, retry, stop, hold and roll back: their pure parts, and what they read from the embedded world."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from console.actions.model import Plan, Stage, Verdict
from console.clock import MINUTE
from console.errors import NotFound, Refused, UsageError
from console.kinds.endpoint.known import acts_on, reigns_seen
from console.kinds.endpoint.looking import around, observe
from console.kinds.endpoint.record import Endpoint, Pending, Phase, Variant, short
from console.kinds.endpoint.rollback import Rollback, _policy, _waiting, _when
from console.kinds.endpoint.view import EndpointView
from console.kinds.execution import again
from console.kinds.execution.record import Cause, Execution, cause
from console.kinds.execution.view import views as runs_of
from console.kinds.hold.hold import Holding
from console.kinds.hold.record import Act, Hold, key
from console.kinds.pipeline import retrain
from console.kinds.pipeline.record import Definition, Node, Parameter
from console.kinds.pipeline.view import PipelineView
from console.world.cloudwatch.alarms import Alarms
from console.world.cloudwatch.guards import put_alarm
from tests.kinds.conftest import Bench
from tests.kinds.desks import desk

Make = Callable[..., Bench]
PASS, WARN, FAIL, UNKNOWN = Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.UNKNOWN
NOW = 1_795_489_920_000
DEFINITION = Definition(
    "d",
    (
        Parameter("Month", "String", "2013-06"),
        Parameter("Trees", "Integer", "100"),
        Parameter("Rate", "Float", "0.1"),
        Parameter("Full", "Boolean", "true"),
        Parameter("Size", "String", "small", ("small", "large")),
        Parameter("Must", "String"),
    ),
    (Node("extract", "Processing", cached=True), Node("train", "Training", ("extract",), cached=True)),
)


@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [
        ("Month", "", True),
        ("Month", "x" * 1024, True),
        ("Month", "x" * 1025, False),
        ("Month", "a\nb", True),
        ("Trees", "-3", True),
        ("Trees", "3.5", False),
        ("Trees", "", False),
        ("Rate", "1e-3", True),
        ("Rate", ".5", True),
        ("Rate", "nan", False),
        ("Full", "True", True),
        ("Full", "yes", False),
        ("Size", "large", True),
        ("Size", "Large", False),
        ("Nope", "1", False),
        ("ApiToken", "x", False),
    ],
)
def test_parameters_are_checked_before_anything_is_sent(name: str, value: str, fits: bool) -> None:
    given = {"Must": "x", name: value}
    if fits:
        retrain.check_parameters(DEFINITION, given)
    else:
        with pytest.raises(UsageError) as told:
            retrain.check_parameters(DEFINITION, given)
        assert told.value.advice


def test_what_has_no_default_must_be_given_and_secrets_must_not() -> None:
    with pytest.raises(UsageError, match="Must has no default"):
        retrain.check_parameters(DEFINITION, {})
    secret = msgspec.structs.replace(DEFINITION, parameters=(Parameter("DbPassword", "String", "x"),))
    with pytest.raises(UsageError, match="DbPassword looks like a secret"):
        retrain.check_parameters(secret, {"DbPassword": "hunter2"})


def run(id: str, status: str = "Succeeded", **more: Any) -> Execution:
    return Execution(arn=f"arn:p/train/execution/{id}", pipeline="train", status=status, **more)


def pipeline(*runs: Execution) -> PipelineView:
    return PipelineView(pipeline=None, observed_at=0, verdict=None, runs=runs)  # type: ignore[arg-type]


def test_selected_steps_take_the_rest_from_a_named_run() -> None:
    view = pipeline(run("r", "Executing"), run("f", "Failed"), run("g"))
    assert retrain._selection(DEFINITION, {}, view) is None
    chosen = retrain._selection(DEFINITION, {"steps": "train, extract"}, view)
    assert chosen == {
        "SourcePipelineExecutionArn": "arn:p/train/execution/g",
        "SelectedSteps": [{"StepName": "train"}, {"StepName": "extract"}],
    }
    named = retrain._selection(DEFINITION, {"steps": "train", "source": "f"}, view)
    assert named is not None and named["SourcePipelineExecutionArn"].endswith("/f")
    for args, words in [({"steps": "no"}, "no step no"), ({"steps": "train", "source": "r"}, "r: no run to take")]:
        with pytest.raises(UsageError, match=words):
            retrain._selection(DEFINITION, args, view)
    with pytest.raises(UsageError, match="no green run"):
        retrain._selection(DEFINITION, {"steps": "train"}, None)


def test_a_cache_can_make_a_new_run_a_no_op() -> None:
    green = pipeline(run("g", parameters={"Month": "2013-06"}))
    same, other = {"Month": "2013-06"}, {"Month": "2013-07"}
    assert retrain._cached(DEFINITION, green, same, False).verdict is WARN
    assert "nothing is trained" in retrain._cached(DEFINITION, green, same, False).detail
    assert retrain._cached(DEFINITION, green, other, False).verdict is PASS
    assert retrain._cached(DEFINITION, green, same, True).verdict is PASS
    assert retrain._cached(DEFINITION, pipeline(), same, False).verdict is UNKNOWN
    half = msgspec.structs.replace(DEFINITION, nodes=(DEFINITION.nodes[0], Node("train", "Training")))
    assert retrain._cached(half, green, same, False).detail.endswith("extract come from the cache")
    assert retrain._cached(msgspec.structs.replace(DEFINITION, nodes=()), green, same, False).verdict is PASS


def checks(plan: Plan) -> dict[str, Verdict]:
    assert [c.verdict for c in plan.preflight] == sorted((c.verdict for c in plan.preflight), key=list(Verdict).index)
    return {c.check: c.verdict for c in reversed(plan.preflight)}


@pytest.fixture
def one(bench: Make) -> Bench:
    return bench(fleet=4)


def test_a_plan_to_retrain(one: Bench) -> None:
    deed, name = retrain.Retrain(), "delay-risk-train"
    plan = deed.plan(desk(one, "retrain"), name, {"param": {"MaxDepth": "8"}, "name": "after-hours"})
    (call,) = plan.calls
    assert call.token and 32 <= len(call.params["ClientRequestToken"]) <= 128
    assert call.params["PipelineParameters"] == [{"Name": "MaxDepth", "Value": "8"}]
    assert plan.after["parameters"]["MaxDepth"] == "8" and plan.after["parameters"]["WindowDays"] == "90"
    assert checks(plan)["hold"] is PASS and not plan.refused
    with pytest.raises(UsageError, match="no display name"):
        deed.plan(desk(one, "retrain"), name, {"name": "-x-"})
    with pytest.raises(NotFound):
        deed.plan(desk(one, "retrain"), "no-such", {})
    again_ = deed.plan(desk(one, "retrain"), name, {"param": {"MaxDepth": "8"}})
    assert again_.calls[0].params["ClientRequestToken"] != call.params["ClientRequestToken"], "one token per intent"


def test_a_run_in_motion_is_told_before_another_is_started(one: Bench) -> None:
    one.call("StartPipelineExecution", PipelineName="delay-risk-train", ClientRequestToken="t" * 40)
    plan = retrain.Retrain().plan(desk(one, "retrain"), "delay-risk-train", {})
    assert checks(plan)["running"] is WARN
    one.world.faults.add(operation="ListPipelineExecutions", code="AccessDeniedException", message="no")
    assert checks(retrain.Retrain().plan(desk(one, "retrain"), "delay-risk-train", {}))["running"] is UNKNOWN


def test_a_hold_is_asked_for_its_release(one: Bench) -> None:
    name = "delay-risk-train"
    at = desk(one, "hold", "pipeline")
    with pytest.raises(UsageError, match="no pipeline delay-risk-train in the ledger"):
        Holding("pipeline").plan(at, name, {"reason": "audit"})
    from console.kinds.pipeline.record import Pipeline

    at.saw("pipeline", name, Pipeline(name, "arn"))
    with pytest.raises(UsageError, match="needs a reason"):
        Holding("pipeline").plan(at, name, {})
    with pytest.raises(Refused, match="not held"):
        Holding("pipeline").plan(at, name, {"release": True})
    plan = Holding("pipeline").plan(at, name, {"reason": "audit [red]"})
    assert plan.calls == () and plan.inverse.endswith("--release")
    Holding("pipeline").keep(at, plan)
    again = Holding("pipeline").plan(at, name, {"reason": "another"})
    assert any("takes the place" in cause and "audit [red]" in cause for cause in again.causes)
    refused = retrain.Retrain().plan(desk(one, "retrain"), name, {})
    assert [c.check for c in refused.refused] == ["hold"]
    released = retrain.Retrain().plan(desk(one, "retrain"), name, {"release": True})
    assert checks(released)["hold"] is WARN and not released.refused
    assert retrain.Retrain().ready(desk(one, "retrain"), refused).stage is Stage.FAILED
    assert retrain.Retrain().ready(desk(one, "retrain"), released).stage is Stage.GO
    retrain.Retrain().keep(desk(one, "retrain"), released)
    assert checks(retrain.Retrain().plan(desk(one, "retrain"), name, {}))["hold"] is PASS


def test_a_held_endpoint_of_its_name_stops_no_pipeline(one: Bench) -> None:
    name = "delay-risk-train"
    at = desk(one, "retrain")
    at.saw("hold", key("endpoint", name), Hold("endpoint", name, "a load test", "maria", one.now))
    plan = retrain.Retrain().plan(at, name, {})
    assert checks(plan)["hold"] is PASS and retrain.Retrain().ready(at, plan).stage is Stage.GO
    at.saw("hold", key("pipeline", name), Hold("pipeline", name, "an audit", "maria", one.now))
    assert retrain.Retrain().ready(at, plan).stage is Stage.FAILED


def test_a_run_that_began_meanwhile_is_looked_at_first(one: Bench) -> None:
    name = "delay-risk-train"
    plan = retrain.Retrain().plan(desk(one, "retrain"), name, {})
    assert retrain.Retrain().ready(desk(one, "retrain"), plan).stage is Stage.GO
    arn = one.call("StartPipelineExecution", PipelineName=name, ClientRequestToken="t" * 40)["PipelineExecutionArn"]
    seen = retrain.Retrain().ready(desk(one, "retrain"), plan)
    assert (seen.stage, seen.words) == (Stage.OVERTAKEN, f"{arn.rsplit('/')[-1]} began after the plan was made")
    later = retrain.Retrain().plan(desk(one, "retrain"), name, {})
    assert retrain.Retrain().ready(desk(one, "retrain"), later).stage is Stage.GO, "a warning, and consented to"


def test_a_new_run_is_told_by_what_differs_from_the_last_one(one: Bench) -> None:
    name = "delay-risk-train"
    assert one.look("pipelines")[1] == one.look("executions")[1] == []
    seen, at = one.view("pipeline", name), desk(one, "retrain")
    last = seen.last
    at.saw("pipeline", name, seen.pipeline)  # a desk on a world has a scope of its own
    at.saw("execution", last.name, last)
    plan = retrain.Retrain().plan(at, name, {"param": {"MaxDepth": "8"}})
    asked, was = plan.after["parameters"], plan.before["parameters"]
    assert plan.before["last_run"] == last.name and was.items() >= last.parameters.items()
    assert asked.keys() == was.keys() and asked["MaxDepth"] == "8" != was["MaxDepth"]
    assert plan.to_json()["before"]["parameters"] == was


def test_what_the_last_run_was_given_is_not_guessed() -> None:
    given = run("g", parameters={"Trees": "7"}, modified_at=NOW)
    before = retrain._before(DEFINITION, pipeline(given))
    assert before["parameters"] == {"Month": "2013-06", "Trees": "7", "Rate": "0.1", "Full": "true", "Size": "small"}
    assert "parameters" not in retrain._before(DEFINITION, pipeline(run("r"))), "known by its summary alone"
    assert retrain._before(DEFINITION, pipeline()) == retrain._before(DEFINITION, None) == {}


def runs_by(one: Bench, status: str) -> list[str]:
    found = one.call("Search", Resource="PipelineExecution", MaxResults=100)["Results"]
    arns = [r["PipelineExecution"] for r in found]
    return [x["PipelineExecutionArn"] for x in arns if x["PipelineExecutionStatus"] == status]


def test_retry_is_refused_where_the_error_repeats(one: Bench) -> None:
    verdicts: dict[Cause, Verdict] = {}
    for arn in runs_by(one, "Failed"):
        plan = again.Retry().plan(desk(one, "retry"), arn, {})
        (view,) = runs_of(desk(one, "retry").snapshot(), [plan.subject])
        verdicts[cause(view.execution)] = checks(plan)["cause"]
        assert bool(plan.refused) is (checks(plan)["cause"] is FAIL)
        if plan.refused:
            assert not again.Retry().plan(desk(one, "retry"), arn, {"force": True}).refused
    assert verdicts.get(Cause.CODE_OR_DATA, FAIL) is FAIL and verdicts.get(Cause.CAPACITY, PASS) is PASS
    assert len(verdicts) >= 2, verdicts
    with pytest.raises(Refused, match="is Succeeded"):
        again.Retry().plan(desk(one, "retry"), runs_by(one, "Succeeded")[0], {})
    with pytest.raises(Refused, match="is Succeeded"):
        again.Stop().plan(desk(one, "stop"), runs_by(one, "Succeeded")[0], {})
    with pytest.raises(NotFound):
        again.Retry().plan(desk(one, "retry"), "delay-risk-train/zzzzzzzzzzzz", {})
    with pytest.raises(NotFound):
        again.Retry().plan(desk(one, "retry"), "zzzzzzzzzzzz", {})


def test_a_stop_says_what_it_waits_for(one: Bench) -> None:
    arn = one.call("StartPipelineExecution", PipelineName="delay-risk-train", ClientRequestToken="t" * 40)
    one.tick(30)
    plan = again.Stop().plan(desk(one, "stop"), arn["PipelineExecutionArn"], {})
    assert checks(plan) == {"in motion": PASS} and plan.inverse.startswith("lastgood retry ")


@pytest.mark.parametrize(
    ("status", "stage"),
    [("Stopped", Stage.DONE), ("Stopping", Stage.WAIT), ("Executing", Stage.WAIT), ("Succeeded", Stage.FAILED)],
)
def test_a_stop_is_verified_by_its_end(one: Bench, status: str, stage: Stage) -> None:
    arn = one.call("StartPipelineExecution", PipelineName="delay-risk-train", ClientRequestToken="t" * 40)
    plan = again.Stop().plan(desk(one, "stop"), arn["PipelineExecutionArn"], {})
    one.world.faults.add(operation="DescribePipelineExecution", answer={"PipelineExecutionStatus": status})
    assert again.Stop().verify(desk(one, "stop"), plan, "", []).stage is stage


E_ = Endpoint(name="risk", arn="", status="InService", config="v8", created_at=1)


def view_of(e: Endpoint, usual: int | None = None) -> EndpointView:
    return EndpointView(endpoint=e, observed_at=NOW, verdict=None, typical_ms=usual)  # type: ignore[arg-type]


def test_when_a_roll_back_starts_and_users_are_safe() -> None:
    at_once = _when(view_of(E_, 9 * MINUTE), False, NOW)
    assert at_once == "starts at once; usually 9 m, users safe ~03:21Z"
    assert "not known" in _when(view_of(E_), False, NOW)
    moving = msgspec.structs.replace(E_, pending=Pending("v9", NOW - 4 * MINUTE))
    queued = _when(view_of(moving, 9 * MINUTE), True, NOW)
    assert queued == "queued (no cancel exists): starts ~03:17Z, safe ~03:26Z"
    assert _when(view_of(moving), True, NOW).startswith("queued (no cancel exists): starts when the deployment settles")
    phase = Phase("Baking", "Baking for 600 seconds (TerminationWaitInSeconds) with traffic on full capacity", NOW)
    bakes = msgspec.structs.replace(E_, pending=Pending("v9", NOW, (Variant("A", phases=(phase,)),)))
    assert "settles, after its bake ends 03:22Z at the earliest; how long" in _when(view_of(bakes), True, NOW)


@pytest.mark.parametrize(
    ("phase", "words"),
    [
        ("Creating", "v8 serves until v9 takes traffic"),
        ("Baking", "until then v9 takes traffic, by then maybe all of it"),
        ("", "v8 serves until v9 takes traffic"),
    ],
)
def test_what_waiting_costs(phase: str, words: str) -> None:
    phases = (Phase(phase, "", NOW),) if phase else ()
    moving = msgspec.structs.replace(E_, pending=Pending("v9", NOW, (Variant("A", phases=phases),)))
    assert _waiting(moving) == words
    assert _waiting(E_) == "v8 serves until then"


def alarmed(*names: str) -> Endpoint:
    policy = {
        "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "CANARY"}},
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in names]},
    }
    return msgspec.structs.replace(E_, policy=policy)


def test_an_alarm_that_would_revert_the_fix_is_left_out(one: Bench) -> None:
    for name in ("green", "red"):
        put_alarm(one.world.region(), name, "risk", "Invocation5XXErrors", 1)
    one.world.region().of(Alarms).hold("red", "ALARM", "a test")
    at = desk(one)
    config, how, check = _policy(at, alarmed("green", "red"), gradual=False)
    assert config["AutoRollbackConfiguration"] == {"Alarms": [{"AlarmName": "green"}]}
    assert config["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["Type"] == "ALL_AT_ONCE"
    assert check is not None and check.verdict is WARN and "red in ALARM" in check.detail and "green" in how
    assert _policy(at, alarmed("red"), gradual=False)[0] == {}
    config, how, _ = _policy(at, alarmed("green", "red"), gradual=True)
    assert config["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["Type"] == "CANARY"
    assert config["AutoRollbackConfiguration"] == {"Alarms": [{"AlarmName": "green"}]}
    _, _, check = _policy(at, alarmed("green", "no-more"), gradual=False)
    assert check is not None and check.verdict is WARN and "no-more" in check.detail
    assert _policy(at, E_, gradual=False) == ({}, "all at once", None)
    one.world.faults.add(
        operation="DescribeAlarms", service="cloudwatch", code="AccessDenied", message="no", status=403
    )
    config, _, check = _policy(at, alarmed("green"), gradual=False)
    assert config == {} and check is not None and check.verdict is UNKNOWN, "of unknown state: better none than a trap"


def test_nothing_good_is_known_nothing_is_chosen(one: Bench) -> None:
    with pytest.raises(Refused, match="no config of delay-risk is known to have served"):
        Rollback().plan(desk(one), "delay-risk", {})
    with pytest.raises(NotFound):
        Rollback().plan(desk(one), "no-such", {})
    current = observe(desk(one), "delay-risk").config
    with pytest.raises(Refused, match="already"):
        Rollback().plan(desk(one), "delay-risk", {"to": current})


def config_before(one: Bench) -> tuple[str, str]:
    """(what serves, another config of the endpoint)"""
    now = one.call("DescribeEndpoint", EndpointName="delay-risk")["EndpointConfigName"]
    found = one.call("ListEndpointConfigs", NameContains="delay-risk-v", MaxResults=100)["EndpointConfigs"]
    return now, next(c["EndpointConfigName"] for c in found if c["EndpointConfigName"] != now)


@pytest.mark.parametrize(
    ("answer", "stage", "words"),
    [
        ({}, Stage.DONE, "InService on"),
        ({"EndpointStatus": "OutOfService"}, Stage.FAILED, "OutOfService: no reason given"),
        ({"EndpointStatus": "Failed", "FailureReason": "gone"}, Stage.FAILED, "Failed: gone"),
        ({"EndpointStatus": "UpdateRollbackFailed"}, Stage.FAILED, "UpdateRollbackFailed"),
        ({"EndpointStatus": "SystemUpdating"}, Stage.WAIT, ""),
        ({"EndpointStatus": "Hibernating"}, Stage.WAIT, ""),
        ({"CreationTime": 1.8e9}, Stage.OVERTAKEN, "was deleted and created again"),
    ],
)
def test_the_target_config_alone_is_no_success(one: Bench, answer: dict[str, Any], stage: Stage, words: str) -> None:
    _, target = config_before(one)
    plan = Rollback().plan(desk(one), "delay-risk", {"to": target})
    one.world.faults.add(operation="DescribeEndpoint", answer={"EndpointConfigName": target, **answer})
    seen = Rollback().verify(desk(one), plan, "", [{}])
    assert seen.stage is stage and words in seen.words


def test_what_was_created_again_under_its_name_is_not_what_was_consented_to(one: Bench) -> None:
    _, target = config_before(one)
    variants = one.call("DescribeEndpointConfig", EndpointConfigName=target)["ProductionVariants"]
    plan = Rollback().plan(desk(one), "delay-risk", {"to": target})
    assert Rollback().ready(desk(one), plan).stage is Stage.GO
    one.call("DeleteEndpointConfig", EndpointConfigName=target)
    one.tick(60)
    one.call("CreateEndpointConfig", EndpointConfigName=target, ProductionVariants=variants)
    one.tick(60)
    seen = Rollback().ready(desk(one), plan)
    assert seen.stage is Stage.OVERTAKEN and f"{target} was deleted and created again" in seen.words


def test_the_best_way_back_that_is_gone_or_another_one_by_now_is_not_chosen(one: Bench) -> None:
    """Two configs served before; the newer one is deleted, then created again with other content."""
    newest, older = config_before(one)
    middle = "risk-by-another-name"
    variants = one.call("DescribeEndpointConfig", EndpointConfigName=older)["ProductionVariants"]
    one.call("CreateEndpointConfig", EndpointConfigName=middle, ProductionVariants=variants)
    for config in (older, middle, newest):
        one.tick(60)
        one.call("UpdateEndpoint", EndpointName="delay-risk", EndpointConfigName=config)
        one.tick(2 * 3600)
        assert observe(desk(one), "delay-risk").config == config
    assert Rollback().plan(desk(one), "delay-risk", {}).target == middle
    one.call("DeleteEndpointConfig", EndpointConfigName=middle)
    one.tick(60)
    assert Rollback().plan(desk(one), "delay-risk", {}).target == older
    one.call("CreateEndpointConfig", EndpointConfigName=middle, ProductionVariants=variants)
    one.tick(60)
    assert Rollback().plan(desk(one), "delay-risk", {}).target == older
    named = Rollback().plan(desk(one), "delay-risk", {"to": middle})
    told = next(c for c in named.preflight if c.check == "last good")
    assert told.verdict is WARN and "another config of that name" in told.detail and not named.refused


def test_observations_alone_tell_what_served_and_of_which_endpoint(one: Bench) -> None:
    at = desk(one)
    e = observe(at, "delay-risk")
    assert reigns_seen(at.snapshot(), e)[e.config].until is None
    began = one.now
    one.tick(600)
    at.saw("endpoint", e.name, msgspec.structs.replace(e, config="next", modified_at=one.now - 1000))
    one.tick(600)
    at.saw("endpoint", e.name, msgspec.structs.replace(e, config="dead", status="Failed", modified_at=one.now))
    found = reigns_seen(at.snapshot(), e)
    assert found[e.config] == (began, began + 599_000, 599_000)
    assert found["next"] == (began + 600_000, one.now, 600_000) and "dead" not in found
    assert reigns_seen(at.snapshot(), msgspec.structs.replace(e, created_at=1)) == {}


def test_all_roll_backs_are_remembered_not_the_last_alone(one: Bench) -> None:
    at, name = desk(one), key("endpoint", "delay-risk")
    for before, target in (("v9", "v8"), ("v8", "v7")):
        one.tick(60)
        at.saw("act", name, Act("endpoint", "delay-risk", "rollback", before, target, at.identity, one.now, before))
    assert [act.before for act in acts_on(at.snapshot(), "delay-risk")] == ["v9", "v8"]


def test_after_a_verified_roll_back_its_reversal_is_seen(one: Bench) -> None:
    at = desk(one)
    e = observe(at, "delay-risk")
    act = Act("endpoint", "delay-risk", "rollback", e.config, "delay-risk-v6", at.identity, one.now - 5 * MINUTE, "a")
    at.saw("act", key("endpoint", "delay-risk"), act)
    one.tick(10)
    moved = msgspec.structs.replace(e, pending=Pending(e.config, one.now), config="delay-risk-v6", status="Updating")
    at.saw("endpoint", "delay-risk", moved)
    verdict = around(at, moved).verdict
    assert verdict.words.startswith("roll back of ") and f"back to {short(e.config, e.name)}" in verdict.words
