"""Weights on the embedded world: what each variant will get, in steps that stop and come back when errors rise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from console.actions.model import Check, Plan, Stage, Verdict
from console.actions.progress import progress
from console.clock import HOUR
from console.errors import Refused, UsageError
from console.kinds.endpoint.weights import Shift
from console.kinds.hold.record import Hold
from console.world.sagemaker.course import Trouble
from console.world.sagemaker.endpoints import Endpoints
from console.world.traffic.behaviour import Behaviour, Behaviours
from tests.actions.conftest import Real, Rig, Shell, shell_on
from tests.world.conftest import Clock

NAME = "fraud-online"
HALF = {"AllTraffic": "50", "challenger": "50"}


@pytest.fixture
def rig(make: Callable[..., Rig]) -> Rig:
    return make(fleet=6)


def shift(rig: Rig, weights: dict[str, str] = HALF, name: str = NAME, **args: Any) -> Plan:
    return rig.plan("weights", name, weights=weights, **args)


def weights(rig: Rig, name: str = NAME) -> dict[str, float]:
    return {one.name: one.weight for one in rig.endpoint(name).fleet}


def check(plan: Plan, name: str) -> Check:
    return next(c for c in plan.preflight if c.check == name)


def ask(rig: Rig, operation: str, service: str = "sagemaker", **request: Any) -> Any:
    with rig.world.lock:
        rig.world.advance()
        return rig.world.call(operation, request, service=service)


def fails(rig: Rig, variant: str, share: float) -> None:
    with rig.world.lock:
        rig.world.advance()
        rig.world.region().of(Behaviours).set("drill", Behaviour(NAME, variant=variant, errors=share))


def test_the_plan_says_what_each_will_get(rig: Rig) -> None:
    plan = shift(rig)
    assert plan.level.value == "danger" and plan.target == "AllTraffic 50 %, challenger 50 %"
    assert plan.before == {"weights": {"AllTraffic": 0.9, "challenger": 0.1}}
    assert plan.after == {"weights": {"AllTraffic": 50.0, "challenger": 50.0}}
    assert [call.operation for call in plan.calls] == ["sagemaker:UpdateEndpointWeightsAndCapacities"]
    assert plan.calls[0].params["DesiredWeightsAndCapacities"] == [
        {"VariantName": "AllTraffic", "DesiredWeight": 50.0}, {"VariantName": "challenger", "DesiredWeight": 50.0},
    ]  # fmt: skip
    assert "challenger 10 → 50 % of traffic" in plan.how and plan.how.endswith(
        "in one step, instances stay as they are"
    )
    assert plan.inverse == f"lastgood weights {NAME} AllTraffic=0.9 challenger=0.1"
    assert not plan.restore and not plan.refused
    assert {c.check for c in plan.preflight} >= {
        "settled", "capacity", "errors now", "owner", "hold", "freeze calendar", "permission"
    }  # fmt: skip


def test_it_is_done_when_the_weights_are_in_force_and_undone_by_its_inverse(rig: Rig) -> None:
    plan = shift(rig)
    end = rig.apply(plan)
    assert end.stage is Stage.DONE and end.words == "InService with AllTraffic 50 %, challenger 50 %"
    assert weights(rig) == {"AllTraffic": 50.0, "challenger": 50.0}
    assert rig.sent("UpdateEndpointWeightsAndCapacities") == 1
    words = plan.inverse.split()[3:]
    back = shift(rig, dict(word.split("=") for word in words))
    assert rig.apply(back).stage is Stage.DONE and weights(rig) == {"AllTraffic": 0.9, "challenger": 0.1}


def test_instances_stay_as_they_are(rig: Rig) -> None:
    before = [one.instances for one in rig.endpoint(NAME).fleet]
    assert rig.apply(shift(rig, {"challenger": "0"})).stage is Stage.DONE
    assert [one.instances for one in rig.endpoint(NAME).fleet] == before
    assert weights(rig) == {"AllTraffic": 0.9, "challenger": 0.0}


def test_more_per_host_than_it_ever_bore_is_said(rig: Rig) -> None:
    sizes = {one.name: one.instances for one in rig.endpoint(NAME).fleet}
    told = check(shift(rig, {"AllTraffic": "0", "challenger": "1"}), "capacity")
    assert told.verdict is Verdict.UNKNOWN and "no requests are measured" in told.detail, "no vital signs yet"
    look(rig)
    plan = shift(rig, {"AllTraffic": "0", "challenger": "1"})
    told = check(plan, "capacity")
    assert told.verdict is Verdict.WARN and "more than it ever bore" in told.detail
    assert f"on each of {sizes['challenger']}" in told.detail
    assert "requests/s" in plan.how and plan.causes[1].startswith("each instance of challenger: ")
    assert check(plan, "weight 0").detail.startswith("AllTraffic gets nothing any more")


def test_a_little_more_than_at_night_is_what_it_bore_by_day(make: Callable[..., Rig]) -> None:
    clock = Clock()
    clock.now -= (clock.now - 3 * 3600) % 86400
    rig = make(fleet=6, clock=clock)
    look(rig)
    less = [c for c in shift(rig, {"challenger": "0.11"}).preflight if c.check == "capacity"]
    assert [c.verdict for c in less] == [Verdict.PASS] and "scaling target" in less[0].detail


def look(rig: Rig) -> None:
    """The vital signs as a collector reads them."""
    from console.collector.collector import Collector
    from console.kinds.registry import KINDS
    from tests.actions.conftest import verb_of

    desk = rig.desk(verb_of("weights", "endpoint"))
    kinds = [kind for kind in KINDS if kind.id == "endpoint"]
    collector = Collector(rig.ledger, desk._cloud, desk.scope, kinds, now=rig.now)
    for task in collector.tasks:
        if task.source in ("endpoints", "metrics"):
            assert task.sweep() is None


@pytest.mark.parametrize(
    ("given", "words", "kind"),
    [
        ({"AllTraffic": "9", "challenger": "1"}, "serves so already", Refused),
        ({"AllTraffic": "0.9"}, "serves so already", Refused),
        ({}, "no weights are given", UsageError),
        ({"nope": "1"}, "no variant nope", UsageError),
        ({"challenger": "x"}, "no weight", UsageError),
        ({"AllTraffic": "0", "challenger": "0"}, "no variant would get traffic", UsageError),
    ],
)
def test_what_cannot_be_asked_for(rig: Rig, given: dict[str, str], words: str, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=words):
        shift(rig, given)


def test_one_variant_has_nothing_to_shift_and_steps_have_a_time(rig: Rig) -> None:
    with pytest.raises(Refused, match="has one variant: AllTraffic"):
        shift(rig, {"AllTraffic": "1"}, "delay-risk")
    for args, words in (({"every": "5m"}, "between steps"), ({"steps": "10,100", "every": "2h"}, "--every")):
        with pytest.raises(UsageError, match=words):
            shift(rig, **args)


def test_a_shadow_takes_no_part() -> None:
    from console.kinds.endpoint.record import Endpoint, Variant
    from console.kinds.endpoint.weights import wanted

    variants = (Variant("a", weight=1.0), Variant("b", weight=1.0))
    e = Endpoint("e", "arn", "InService", "c", variants=variants, shadows=(Variant("next"),))
    with pytest.raises(UsageError, match="next is a shadow variant"):
        wanted(e, {"next": "1"})
    assert wanted(e, "a=3 b=1") == {"a": 3.0, "b": 1.0}
    for text in ("a", "a=1 a=2", "=3"):
        with pytest.raises(UsageError):
            wanted(e, text)


def test_steps_are_watched_and_the_last_one_too(rig: Rig) -> None:
    plan = shift(rig, steps="25,50,100", every="5m")
    assert len(plan.calls) == 3 and len(plan.restore) == 1
    assert "in 3 steps of 5 m (challenger 20, 30, 50 %), each watched" in plan.how
    began = rig.now()
    end = rig.apply(plan)
    assert end.stage is Stage.DONE and weights(rig) == {"AllTraffic": 50.0, "challenger": 50.0}
    assert rig.sent("UpdateEndpointWeightsAndCapacities") == 3
    assert rig.now() - began >= 15 * 60_000
    stays = [str(e.body["words"]) for e in rig.entries(plan) if e.step == "ready" and "stays" in str(e.body["words"])]
    assert [words[:11] for words in stays] == ["step 1 of 3", "step 2 of 3", "step 3 of 3"]
    assert all("5XX" in words for words in stays)


def test_a_rise_of_errors_stops_it_and_brings_the_weights_back(rig: Rig) -> None:
    plan = shift(rig, steps="50,100", every="10m")
    fails(rig, "challenger", 0.0)
    rig.between.extend([lambda: None] * 8 + [lambda: fails(rig, "challenger", 0.08)])
    began = rig.now()
    end = rig.apply(plan)
    assert end.stage is Stage.FAILED, end.words
    assert "stopped after step 1 of 2" in end.words and "5XX" in end.words and "as before" in end.words
    assert weights(rig) == {"AllTraffic": 0.9, "challenger": 0.1}
    assert rig.sent("UpdateEndpointWeightsAndCapacities") == 2
    assert rig.now() - began < 10 * 60_000, "as soon as it shows, not at the end of the step"
    assert [step for step in rig.steps(plan) if step in ("call", "stopped", "failed")] == [
        "call", "stopped", "call", "failed"
    ]  # fmt: skip


def test_what_cannot_be_seen_is_not_taken_for_well(rig: Rig) -> None:
    plan = shift(rig, steps="50,100", every="2m")
    rig.fault("GetMetricData", service="cloudwatch", code="AccessDenied", message="no metrics for you")
    end = rig.apply(plan)
    assert end.stage is Stage.FAILED and "cannot be seen" in end.words and "no metrics for you" in end.words
    assert weights(rig) == {"AllTraffic": 0.9, "challenger": 0.1}


def test_a_change_that_fails_at_aws_is_told_and_left_as_before(rig: Rig) -> None:
    plan = shift(rig)
    with rig.world.lock:
        rig.world.region().of(Endpoints).bad_scalings[NAME] = Trouble("The weights could not be set.")
    end = rig.apply(plan)
    assert end.stage is Stage.FAILED and "as before" in end.words and "could not be set" in end.words


def test_somebody_else_was_faster(rig: Rig) -> None:
    plan = shift(rig)
    ask(rig, "UpdateEndpointWeightsAndCapacities", EndpointName=NAME,
        DesiredWeightsAndCapacities=[{"VariantName": "challenger", "DesiredWeight": 0.5}])  # fmt: skip
    assert check(shift(rig), "settled").verdict is Verdict.FAIL
    rig.clock.tick(120)
    end = rig.apply(plan)
    assert end.stage is Stage.OVERTAKEN and "challenger=0.5" in end.words
    assert rig.sent("UpdateEndpointWeightsAndCapacities") == 0, "theirs went another way"


def scales_out(rig: Rig) -> None:
    ask(rig, "UpdateEndpointWeightsAndCapacities", EndpointName=NAME,
        DesiredWeightsAndCapacities=[{"VariantName": "challenger", "DesiredInstanceCount": 9}])  # fmt: skip


def test_a_step_that_makes_it_scale_is_watched_meanwhile(rig: Rig) -> None:
    plan = shift(rig, steps="50,100", every="2m")
    rig.between.extend([lambda: None] * 16 + [lambda: scales_out(rig)])
    end = rig.apply(plan)
    words = [str(entry.body.get("words")) for entry in rig.entries(plan)]
    assert end.stage is Stage.DONE, end.words
    assert any("are in force, waits for InService" in said for said in words), words
    fails(rig, "challenger", 0.0)
    back = shift(rig, {"AllTraffic": "90", "challenger": "10"}, steps="50,100", every="2m")
    rig.between.extend([lambda: None] * 16 + [lambda: scales_out_again(rig), lambda: fails(rig, "challenger", 0.2)])
    end = rig.apply(back)
    assert end.stage is Stage.FAILED and "5XX" in end.words and "as before" in end.words, end.words
    assert weights(rig) == {"AllTraffic": 50.0, "challenger": 50.0}


def scales_out_again(rig: Rig) -> None:
    ask(rig, "UpdateEndpointWeightsAndCapacities", EndpointName=NAME,
        DesiredWeightsAndCapacities=[{"VariantName": "challenger", "DesiredInstanceCount": 11}])  # fmt: skip


def test_between_the_steps_somebody_deploys(rig: Rig) -> None:
    rig.config("fraud-online-v32", like="fraud-online-v31")
    plan = shift(rig, steps="50,100", every="10m")
    rig.between.extend([lambda: None] * 14 + [lambda: rig.deploys("fraud-online-v32", NAME)])
    end = rig.apply(plan)
    assert end.stage is Stage.OVERTAKEN and "fraud-online-v32 began" in end.words
    assert rig.sent("UpdateEndpointWeightsAndCapacities") == 1


def test_an_endpoint_that_scales_is_waited_for(rig: Rig) -> None:
    ask(rig, "UpdateEndpointWeightsAndCapacities", EndpointName=NAME,
        DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": 7}])  # fmt: skip
    plan = shift(rig)
    assert plan.settle == "InService" and check(plan, "settled").verdict is Verdict.WARN
    assert rig.apply(plan).stage is Stage.DONE
    assert rig.endpoint(NAME).fleet[0].instances == 7


def test_a_deployment_in_motion_forbids_it(rig: Rig) -> None:
    rig.config("fraud-online-v32", like="fraud-online-v31")
    rig.deploys("fraud-online-v32", NAME)
    told = check(shift(rig), "settled")
    assert told.verdict is Verdict.FAIL and "fraud-online-v32" in told.detail


def test_a_hold_forbids_it_until_it_is_released(rig: Rig) -> None:
    from tests.actions.conftest import verb_of

    desk = rig.desk(verb_of("weights", "endpoint"))
    desk.saw("hold", f"endpoint/{NAME}", Hold("endpoint", NAME, "load test", "aiko", rig.now()))
    plan = shift(rig)
    assert plan.refused and check(plan, "hold").detail.startswith("held by aiko: load test")
    released = shift(rig, release=True)
    assert not released.refused and rig.apply(released).stage is Stage.DONE
    assert not shift(rig, {"challenger": "20"}).refused


def test_a_write_that_got_lost_is_looked_for(rig: Rig) -> None:
    plan = shift(rig)
    rig.fault("UpdateEndpointWeightsAndCapacities", lose_response=True, times=1)
    assert rig.apply(plan).stage is Stage.DONE
    assert rig.sent("UpdateEndpointWeightsAndCapacities") == 1


def test_a_process_that_dies_between_steps_sends_no_more_of_them(rig: Rig) -> None:
    plan = shift(rig, steps="50,100", every="5m")

    class Died(BaseException):
        pass

    def die() -> None:
        raise Died

    rig.between.extend([lambda: None] * 10 + [die])
    with pytest.raises(Died):
        rig.apply(plan)
    assert progress((e.step, e.body) for e in rig.entries(plan)).answered
    rig.clock.tick(HOUR / 1000)
    end = rig.executor(plan).resume(plan)
    assert end.stage is Stage.FAILED and "after step 1 of 2: the rest was not sent" in end.words
    assert plan.inverse in end.words and weights(rig) == {"AllTraffic": 70.0, "challenger": 30.0}


def test_a_process_that_dies_while_it_restores_is_taken_over(rig: Rig) -> None:
    plan = shift(rig, steps="50,100", every="2m")
    rule = rig.world.faults.add(operation="GetMetricData", service="cloudwatch", code="AccessDenied", message="no")

    class Died(BaseException):
        pass

    def die_restoring() -> None:
        if rig.steps(plan).count("call") == 2 and rig.steps(plan)[-1] == "restoring":
            raise Died

    rig.between.extend([die_restoring] * 500)
    with pytest.raises(Died):
        rig.apply(plan)
    rig.between.clear()
    rig.world.faults.rules.remove(rule)
    assert "stopped" in rig.steps(plan)
    end = rig.executor(plan).resume(plan)
    assert end.stage is Stage.FAILED and "as before" in end.words and "NOT" not in end.words
    assert weights(rig) == {"AllTraffic": 0.9, "challenger": 0.1}
    assert rig.sent("UpdateEndpointWeightsAndCapacities") == 2, "what was sent is not sent again"


def test_what_could_not_be_brought_back_is_said_with_the_way_to_do_it(rig: Rig) -> None:
    plan = shift(rig, steps="50,100", every="5m")
    rig.fault("GetMetricData", service="cloudwatch", code="AccessDenied", message="no")
    rig.fault("UpdateEndpointWeightsAndCapacities", code="AccessDenied", message="no more",
              match={"DesiredWeightsAndCapacities": plan.restore[0].params["DesiredWeightsAndCapacities"]})  # fmt: skip
    end = rig.apply(plan)
    assert end.stage is Stage.FAILED and "NOT restored" in end.words and plan.inverse in end.words
    assert weights(rig) == {"AllTraffic": 70.0, "challenger": 30.0}


def test_the_deed_is_stepwise() -> None:
    from console.actions.verb import Stepwise
    from console.kinds.endpoint.rollback import Rollback

    assert isinstance(Shift(), Stepwise) and not isinstance(Rollback(), Stepwise)


@pytest.fixture
def shell(make: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Shell:
    return shell_on(make(clock=Real(), speed=600.0, fleet=6), monkeypatch, capfd)


def test_the_command_line(shell: Shell) -> None:
    said = shell("weights", NAME, "AllTraffic=50", "challenger=50", "--dry-run")
    assert said.code == 0 and "Shift traffic of fraud-online: AllTraffic 50 %, challenger 50 %" in said.out
    said = shell("weights", "endpoint", NAME, "challenger=0", "--steps", "50,100", "--dry-run", "-o", "json")
    assert said.code == 0
    plan = msgspec.json.decode(said.out)
    assert plan["after"] == {"weights": {"AllTraffic": 0.9, "challenger": 0.0}} and len(plan["calls"]) == 2
    assert plan["restore"][0]["params"]["EndpointName"] == NAME
    for argv, code, words in (
        (["weights", NAME], 2, "no weights are given"),
        (["weights", NAME, "challenger"], 2, "no kind"),
        (["weights", NAME, "challenger=1", "challenger=2"], 2, "challenger twice"),
        (["weights", NAME, "challenger=1", "oops"], 2, "write it as NAME=VALUE"),
        (["weights", "pipeline", NAME, "challenger=1"], 2, "weights is not for pipelines"),
    ):
        said = shell(*argv, "--dry-run")
        assert said.code == code and words in said.err and said.err.count("\n") == 1, said
    said = shell("weights", NAME, "AllTraffic=50", "challenger=50", "--yes", "--wait")
    assert said.code == 0 and "InService with AllTraffic 50 %, challenger 50 %" in said.out
