"""The verb that the console suggests: its plan has a clean preflight, and it mends what happened in the world."""

from __future__ import annotations

import re

import boto3
import pytest

from console.actions.model import Plan, Stage, Verdict
from console.clock import HOUR
from console.errors import Refused
from console.fleet.timeline import timeline
from console.kinds.base import Sign
from console.triage.handover import sections
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
    told = r"ok, was critical until 03:\d\dZ \(\d+ % fail\); v7 since 03:\d\dZ"
    assert re.match(told, one.row("delay-risk")["what"]), one.row("delay-risk")["what"]
    assert re.search(r"critical 03:\d\dZ to 03:\d\dZ: ", one.screen("delay-risk"))
    words = [event.words for event in timeline(one.snapshot, "endpoint", "delay-risk")]
    order = [
        "delay-risk-v7 took over",
        "well again, was critical",
        "action: Roll back",
        "critical for ",
        "v7 → delay-risk-v8",
    ]
    found = [next(n for n, said in enumerate(words) if part in said) for part in order]
    assert found == sorted(found), words
    trouble = next(part["lines"] for part in sections(one.snapshot, one.now - HOUR) if part["title"] == "Trouble")
    assert re.fullmatch(r"delay-risk: critical 03:\d\dZ to 03:\d\dZ: .* fail .*", *trouble)
    assert len(one.ledger.history(one.scope, "episode")) <= 6, "a fact only where something changed"
    one.wait(30)
    assert one.look() == {} and "was critical" not in one.row("delay-risk")["what"]


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
    assert re.search(r" fail .*; v14 since 03:\d\dZ by ", words), words
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
    ("name", "minutes", "says"),
    [
        ("latency-saturation", 15.0, ""),
        ("max-capacity", 30.0, ""),
        ("oom", 20.0, ""),
        ("mme-thrash", 15.0, "1 to 4 such steps in all, as nothing tells how many are called"),
        ("async-backlog", 75.0, r"\d keep up, \d empty the queue of \d+ within the hour"),
    ],
)
def test_more_hosts_where_hosts_are_the_limit(night: Make, name: str, minutes: float, says: str) -> None:
    """With the numbers that the plan proposes. Once is enough, or the plan says that it may not be."""
    one = begin(night, name)
    subject = INCIDENTS[name].subject.removeprefix("endpoint/")
    times = 0
    while (need := one.need(subject)) is not None:
        assert need.way == f"lastgood scale {subject} --dry-run"
        assert (times := times + 1) <= (2 if name == "mme-thrash" else 1), need
        plan = clean(one.plan("scale", subject))
        assert times > 1 or re.search(says, plan.how), plan.how
        done = one.apply(plan)
        assert done.stage is Stage.DONE, done
        one.wait(minutes)
        assert one.look() == {} == one.look()
    assert times and one.troubled() == set()


def test_a_queue_that_shrinks_by_itself_is_no_reason_for_more(night: Make) -> None:
    one = begin(night, "async-backlog")
    assert one.apply(clean(one.plan("scale", "doc-extract"))).stage is Stage.DONE
    one.wait(7)  # until the minutes judged are of the new instances
    for _ in range(4):
        one.wait(5)
        assert one.look() == {} == one.look()
        words = one.row("doc-extract")["what"]
        assert re.search(r"^\d+ wait, the oldest \d+ m, empty in ~\d+ m", words), words
        assert "users feel it" not in one.described("doc-extract")
    need = one.need("doc-extract")
    assert need is not None and need.advice.verb == "" and need.way == ""
    assert re.search(r"\d+ wait, .* a minute are done and .* come: none by ~04:\d\dZ", one.described("doc-extract"))
    with pytest.raises(Refused, match=r"none by ~04:.*nothing is proposed before"):
        one.plan("scale", "doc-extract")
    one.wait(14)
    assert one.look() == {} == one.look()
    (signs,) = one.view("doc-extract").pulse.variants
    assert signs.gpu_percent > 95 and one.view("doc-extract").sign is Sign.OK, "it is busy as it must be"
    with pytest.raises(Refused, match="nothing is proposed before"):
        one.plan("scale", "doc-extract")


@pytest.mark.parametrize(
    ("name", "after_min"),
    [
        ("latency-saturation", (2.0,)),
        ("oom", (2.0,)),
        pytest.param("bad-canary", (0.0, 4.0), marks=pytest.mark.long),
        pytest.param("max-capacity", (2.0,), marks=pytest.mark.long),
    ],
)
def test_what_was_mended_is_called_well_within_minutes(night: Make, name: str, after_min: tuple[float, ...]) -> None:
    """Its last bad minutes are of before: until newer ones are whole it says when, and asks for no other deed."""
    one = begin(night, name, after_min)
    subject = INCIDENTS[name].subject.removeprefix("endpoint/")
    assert one.apply(advised(one, subject)).stage is Stage.DONE
    assert one.look() == {}
    while (e := one.view(subject).endpoint).moving or (name == "max-capacity" and e.variants[0].instances == 8):
        one.wait(1)  # autoscaling does what its new bounds allow
        assert one.look() == {}
    assert one.look() == {}
    told = one.view(subject).verdict.words
    assert re.search(r"; the change of 03:\d\dZ shows at 03:\d\dZ$", told), told
    waited = 0
    while (need := one.need(subject)) is not None:
        assert need.advice.verb == "", (need.advice.verb, one.row(subject)["what"])
        one.wait(1)
        assert one.look() == {}
        assert (waited := waited + 1) <= 7, one.row(subject)["what"]
    for _ in range(8):
        one.wait(1)
        assert one.look() == {} and one.troubled() == set(), one.row(subject)["what"]


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


def test_a_suspension_is_told_until_somebody_resumes(night: Make) -> None:
    one = begin(night, "flapping")
    name, target = "eta-minutes", "eta-minutes/AllTraffic"
    assert one.apply(one.plan("suspend", name), reason="policies to be mended").stage is Stage.DONE
    assert one.look() == {}
    one.wait(2)
    while (view := one.view(target, "scaling")).desired == view.current:
        one.wait(1)
        assert one.look() == {}
    assert view.sign is Sign.MOVING and view.verdict.words.endswith(", scale-in suspended")
    for _ in range(12):
        one.wait(2)
        assert one.look() == {}
    told = r"scale-in suspended since 03:\d\dZ by maria.lindt"
    assert one.view(name).sign is Sign.OK and re.search(told, one.row(name)["what"]), one.row(name)["what"]
    assert re.search(told, one.described(name)) and "CloudTrail" not in one.described(target, "scaling")
    assert "policies to be mended" in one.described(target, "scaling")
    resume = one.plan("unsuspend", name)
    need = next(check for check in resume.preflight if check.check == "need")
    assert re.search(r"it turned round \d times until 03:\d\dZ: have its policies been mended", need.detail)
    assert one.apply(resume).stage is Stage.DONE
    one.wait(1)
    assert one.look() == {} == one.look()
    assert "suspended" not in one.row(name)["what"]


def test_a_suspension_that_ended_elsewhere_is_forgotten(night: Make) -> None:
    one = begin(night, "flapping")
    target = "eta-minutes/AllTraffic"
    assert one.apply(one.plan("suspend", "eta-minutes")).stage is Stage.DONE
    key = {"ServiceNamespace": "sagemaker", "ResourceId": "endpoint/eta-minutes/variant/AllTraffic"}
    key["ScalableDimension"] = "sagemaker:variant:DesiredInstanceCount"
    client = boto3.client("application-autoscaling")
    one.wait(20)
    for suspended in (False, True):
        client.register_scalable_target(**key, SuspendedState={"DynamicScalingInSuspended": suspended})
        one.wait(11)  # what rests is listed every ten minutes
        assert one.look() == {} == one.look()
    assert "in CloudTrail" in one.described(target, "scaling")
    assert "by maria" not in one.row("eta-minutes")["what"]
