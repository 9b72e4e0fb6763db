"""The verb that the console suggests: its plan has a clean preflight, and it mends what happened in the world."""

from __future__ import annotations

import re

import pytest

from console.actions.model import Plan, Stage, Verdict
from console.kinds.base import Sign
from console.world.incidents import INCIDENTS
from console.world.traffic.behaviour import Behaviour, Behaviours
from tests.incidents.conftest import Make, Night
from tests.incidents.test_says import begin

QUIET_MIN = 12.0
"""Until none of the whole minutes that are judged is one of before."""


def clean(plan: Plan) -> Plan:
    """Nothing refuses it, and nothing could not be looked at."""
    bad = [check for check in plan.preflight if check.verdict in {Verdict.FAIL, Verdict.UNKNOWN}]
    assert not bad and plan.inverse, bad
    return plan


def advised(one: Night, name: str) -> Plan:
    """The plan of what triage suggests."""
    need = one.need(name)
    assert need is not None and need.advice.verb
    return clean(one.plan(need.advice.verb, name, to=need.advice.target))


def test_a_bad_config_is_left_for_the_one_before(night: Make) -> None:
    one = begin(night, "bad-config", (0.0, 1.0, 5.0))
    assert one.apply(advised(one, "delay-risk")).stage is Stage.DONE
    one.wait(QUIET_MIN)
    assert one.look() == {} == one.look()
    assert one.troubled() == set() and one.view("delay-risk").endpoint.config == "delay-risk-v7"


def test_a_canary_is_left_as_soon_as_it_can_be(night: Make) -> None:
    """There is no cancel: the roll back waits in its queue until the deployment has settled."""
    one = begin(night, "bad-canary", (0.0, 4.0))
    plan = advised(one, "delay-risk")
    assert plan.settle == "InService on delay-risk-v8"
    assert one.apply(plan).stage is Stage.DONE
    one.wait(QUIET_MIN)
    assert one.look() == {} == one.look()
    assert one.troubled() == set() and one.view("delay-risk").endpoint.config == "delay-risk-v7"


def test_a_fix_that_terraform_undoes_is_told_and_done_again(night: Make) -> None:
    one = begin(night, "undone-fix", (0.0, 1.0, 5.0))
    assert one.apply(advised(one, "eta-minutes")).stage is Stage.DONE
    one.look()
    words = one.view("eta-minutes").verdict.words
    assert re.search(r" fail, .*; v14 since 03:\d\dZ by ", words), words
    need = one.need("eta-minutes")
    assert need is not None and need.advice.verb == "", "the minutes before it are no reason to roll back again"
    for _ in range(5):
        one.wait(2)
        one.look()
    view = one.view("eta-minutes")
    assert view.sign is Sign.CRITICAL and "undone: Terraform" in view.verdict.words
    assert one.apply(advised(one, "eta-minutes")).stage is Stage.DONE
    one.wait(QUIET_MIN)
    assert one.look() == {} == one.look()
    assert one.troubled() == set()


@pytest.mark.parametrize(
    ("name", "minutes", "wish"),
    [
        ("latency-saturation", 15.0, {}),
        ("max-capacity", 30.0, {}),
        ("oom", 20.0, {}),
        ("mme-thrash", 15.0, {}),
        ("async-backlog", 90.0, {"desired": 5}),
    ],
)
def test_more_hosts_where_hosts_are_the_limit(night: Make, name: str, minutes: float, wish: dict[str, int]) -> None:
    """With the numbers that the plan proposes, as often as the console suggests it."""
    one = begin(night, name)
    subject = INCIDENTS[name].subject.removeprefix("endpoint/")
    times = 0
    while (need := one.need(subject)) is not None:
        assert need.way == f"lastgood scale {subject} --dry-run"
        assert (times := times + 1) <= (3 if name == "mme-thrash" else 1), need
        done = one.apply(clean(one.plan("scale", subject, **wish)))
        assert done.stage is Stage.DONE, done
        one.wait(minutes)
        assert one.look() == {} == one.look()
    assert times and one.troubled() == set()


def test_a_variant_that_fails_alone_gets_no_traffic(night: Make) -> None:
    """No incident of the list: something that only one of two variants calls breaks, and nothing was deployed."""
    one = night()
    one.has("fraud-online")
    assert one.look() == {} == one.look()
    *_, bad = one.view("fraud-online").endpoint.variants
    one.world.region().of(Behaviours).set("bad", Behaviour("fraud-online", variant=bad.name, errors=0.2))
    one.wait(8)
    assert one.look() == {} == one.look()
    need = one.need("fraud-online")
    assert need is not None and need.way == f"lastgood weights fraud-online {bad.name}=0 --dry-run", need
    plan = clean(one.plan("weights", "fraud-online", weights={bad.name: "0"}))
    assert one.apply(plan).stage is Stage.DONE
    one.wait(QUIET_MIN)
    assert one.look() == {} == one.look()
    assert one.troubled() == set(), one.row("fraud-online")


def test_flapping_stops_when_scale_in_is_suspended(night: Make) -> None:
    one = begin(night, "flapping")
    need = one.need("eta-minutes")
    assert need is not None and need.way == "lastgood suspend eta-minutes --dry-run"
    assert one.apply(clean(one.plan("suspend", "eta-minutes"))).stage is Stage.DONE
    for _ in range(4):
        one.wait(10)
        assert one.look() == {}
    assert one.troubled() == set()


def test_what_aws_lacked_is_retried(night: Make) -> None:
    one = night()
    one.world.play("pipeline-capacity")
    assert one.look() == {}
    need = one.need("search-rank-train")
    assert need is not None and need.way.startswith("lastgood retry search-rank-train/")
    run = need.way.split()[2]
    plan = clean(one.plan("retry", run, "execution"))
    assert one.apply(plan).stage is Stage.DONE
    one.wait(60)
    assert one.look() == {}
    assert one.need("search-rank-train") is None and one.view(run, "execution").execution.status == "Succeeded"


def test_what_will_fail_again_is_not_retried_but_held(night: Make) -> None:
    one = night()
    one.world.play("pipeline-data")
    assert one.look() == {}
    need = one.need("delay-risk-train")
    assert need is not None and need.way == "" and 'column "dep_delay" not found' in need.words
    assert "retry" not in one.triage() and "retrain" not in one.triage()
    plan = clean(one.plan("hold", "delay-risk-train", "pipeline", why="the feature team renames it back"))
    assert one.apply(plan).stage is Stage.DONE
    assert one.view("delay-risk-train", "pipeline").hold is not None


def test_a_gate_that_did_its_work_wakes_nobody(night: Make) -> None:
    one = night()
    one.world.play("quality-gate")
    assert one.look() == {}
    assert one.triage().startswith("● nothing needs you")
    assert "gate" in one.view("price-elastic-train", "pipeline").verdict.words


def left_alone(one: Night, minutes: float) -> None:
    one.wait(minutes)
    assert one.look() == {} == one.look()


@pytest.mark.parametrize(("name", "minutes"), [("slow-dependency", 181 + 15), ("stuck-update", 13 + 2)])
def test_what_is_left_alone_mends_itself(night: Make, name: str, minutes: float) -> None:
    one = begin(night, name, (0.0, 1.0) if name == "stuck-update" else (2.0,))
    left_alone(one, minutes)
    assert one.troubled() == set()
