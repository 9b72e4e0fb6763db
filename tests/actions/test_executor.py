"""Every way an action can go: what it sends, what it writes down, and what it says."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from console.actions.executor import Executor
from console.actions.model import Check, Plan, Sighting, Stage, Verdict
from console.actions.sending import Pace
from console.actions.verb import Desk
from console.clients.aws import Cloud
from console.errors import CredentialsError, NotFound, NotPermitted, Refused, Rejected, TimedOut
from console.ledger.journal import TERMINAL
from console.ledger.locks import subject_lock
from console.world.sagemaker.course import Trouble
from console.world.sagemaker.endpoints import Endpoints
from tests.actions.conftest import NAME, NEW, OLD, Rig, verb_of

FULL = ["intent", "ready", "call", "answer"]


def test_done(rig: Rig) -> None:
    plan = rig.plan()
    end = rig.executor(plan).apply(plan, reason="5xx", ticket="INC-1")
    assert end.stage is Stage.DONE
    assert rig.endpoint().config == OLD
    steps = rig.steps(plan)
    assert steps[:4] == FULL and steps[-1] == "done" and set(steps[4:-1]) == {"verifying"}
    intent = rig.entries(plan)[0].body
    assert (intent["reason"], intent["ticket"]) == ("5xx", "INC-1")
    assert intent["by"].endswith("OnCall/maria.lindt")
    assert rig.entries(plan)[2].body["params"]["RetainAllVariantProperties"] is True
    assert rig.sent() == 1
    assert rig.ledger.journal.verify() is None


def test_a_plan_is_applied_once(rig: Rig) -> None:
    plan = rig.plan()
    rig.apply(plan)
    with pytest.raises(Refused, match="applied already"):
        rig.apply(plan)
    assert rig.sent() == 1


def test_a_plan_of_another_scope(rig: Rig) -> None:
    plan = msgspec.structs.replace(rig.plan(), scope="aws/999999999999/eu-central-1")
    with pytest.raises(Refused, match="999999999999"):
        rig.apply(plan)
    assert rig.sent() == 0 and rig.entries(plan) == []


def test_a_plan_that_its_preflight_forbids(rig: Rig) -> None:
    plan = rig.plan(to="delay-risk-v999")
    assert plan.refused
    with pytest.raises(Refused, match="does not exist"):
        rig.apply(plan)
    forged = msgspec.structs.replace(plan, preflight=(Check("settled", Verdict.PASS, ""),))
    with pytest.raises(Refused, match="does not exist"):  # what was shown is checked again
        rig.apply(forged)
    assert rig.sent() == 0
    assert rig.steps(forged) == ["intent", "refused"]


def test_the_subject_is_locked(rig: Rig) -> None:
    plan = rig.plan()
    words = r"Roll back delay-risk → risk-v5 \(pid \d+\); this one is .*v6"
    held = rig.ledger.locks.hold(subject_lock(plan.scope, "endpoint", NAME), f"Roll back {NAME} → risk-v5")
    with held, pytest.raises(Refused, match=words):
        rig.apply(plan)
    assert rig.sent() == 0
    assert rig.apply(plan).stage is Stage.DONE  # nothing was begun, so it may be applied later


def test_overtaken_by_a_deployment_in_motion(rig: Rig) -> None:
    plan = rig.plan()
    other = rig.config("delay-risk-hotfix")
    rig.deploys(other)
    end = rig.apply(plan)
    assert end.stage is Stage.OVERTAKEN
    assert other in end.words
    assert rig.steps(plan) == ["intent", "overtaken"] and rig.sent() == 0


def test_overtaken_by_a_deployment_that_is_over(rig: Rig) -> None:
    plan = rig.plan()
    rig.deploys(rig.config("delay-risk-hotfix"))
    rig.clock.tick(3600)
    end = rig.apply(plan)
    assert end.stage is Stage.OVERTAKEN
    assert "delay-risk-hotfix" in end.words and NEW in end.words
    assert rig.sent() == 0


def test_overtaken_by_a_delete_and_create(rig: Rig) -> None:
    plan = rig.plan()
    with rig.world.lock:
        rig.world.call("DeleteEndpoint", {"EndpointName": NAME})
    rig.clock.tick(3600)
    rig.endpoint("search-rank")
    with rig.world.lock:
        rig.world.call("CreateEndpoint", {"EndpointName": NAME, "EndpointConfigName": NEW})
    rig.clock.tick(3600)
    assert rig.apply(plan).stage is Stage.OVERTAKEN
    assert rig.sent() == 0


def test_gone(rig: Rig) -> None:
    plan = rig.plan()
    with rig.world.lock:
        rig.world.call("DeleteEndpoint", {"EndpointName": NAME})
    rig.clock.tick(3600)
    with pytest.raises(NotFound):
        rig.apply(plan)
    assert rig.steps(plan) == ["intent", "failed"]


def after_ready(rig: Rig, plan: Plan, then: Callable[[], None]) -> Executor:
    """An executor on whose last look something follows before it sends."""
    executor = rig.executor(plan)
    ready = executor.deed.ready

    def look(desk: Desk, plan: Plan) -> Sighting:
        seen = ready(desk, plan)
        then()
        return seen

    executor.deed.ready = look  # type: ignore[method-assign]
    return executor


def test_somebody_else_is_faster_than_the_last_look(rig: Rig) -> None:
    """Between our look and our request: AWS refuses ours, and the journal says whose deployment it is."""
    plan = rig.plan()
    other = rig.config("delay-risk-hotfix")
    executor = after_ready(rig, plan, lambda: rig.deploys(other))
    end = executor.apply(plan)
    assert end.stage is Stage.OVERTAKEN
    assert end.words == f"somebody else deploys {other}"
    assert rig.steps(plan) == ["intent", "ready", "call", "overtaken"]


def test_somebody_else_does_the_same(rig: Rig) -> None:
    plan = rig.plan()
    executor = after_ready(rig, plan, lambda: rig.deploys(OLD))
    assert executor.apply(plan).stage is Stage.DONE
    assert any("to what was asked for" in e.body.get("words", "") for e in rig.entries(plan))


def test_it_fails_and_returns_to_the_old_config(rig: Rig) -> None:
    rig.world.region().of(Endpoints).bad_configs[OLD] = Trouble("Health check failed", after_s=60)
    plan = rig.plan()
    end = rig.apply(plan)
    assert end.stage is Stage.FAILED
    assert f"InService on {NEW}, not on {OLD}" in end.words and "Health check failed" in end.words
    assert rig.steps(plan)[-1] == "failed" and rig.sent() == 1


def test_not_permitted(rig: Rig) -> None:
    words = "User: x is not authorized to perform: sagemaker:UpdateEndpoint on resource: arn:aws:sagemaker:::y"
    plan = rig.plan()
    executor = after_ready(rig, plan, lambda: rig.fault("UpdateEndpoint", code="AccessDeniedException", message=words))
    with pytest.raises(NotPermitted):
        executor.apply(plan)
    last = rig.last(plan)
    assert last.step == "failed" and "sagemaker:UpdateEndpoint" in last.body["words"] and last.body["advice"]
    assert rig.endpoint().config == NEW and rig.sent() == 1


def test_quota(rig: Rig) -> None:
    rig.fault("UpdateEndpoint", code="ResourceLimitExceeded", message="The account-level service limit …")
    plan = rig.plan()
    with pytest.raises(Rejected):
        rig.apply(plan)
    assert rig.steps(plan)[-1] == "failed" and rig.sent() == 1


def test_throttled_writes_are_sent_again_after_another_look(rig: Rig) -> None:
    rig.fault("UpdateEndpoint", code="ThrottlingException", message="Rate exceeded", times=3)
    plan = rig.plan()
    assert rig.apply(plan).stage is Stage.DONE
    assert rig.sent() == 4
    assert rig.steps(plan)[1:10] == ["ready", "call", "again"] * 3


def test_the_world_changes_while_we_are_throttled(rig: Rig) -> None:
    rig.fault("UpdateEndpoint", code="ThrottlingException", message="Rate exceeded", times=1)
    plan = rig.plan()
    rig.between = [lambda: rig.deploys(rig.config("delay-risk-hotfix"))]
    end = rig.apply(plan)
    assert end.stage is Stage.OVERTAKEN and "delay-risk-hotfix" in end.words
    assert rig.sent() == 1


def test_throttled_for_good(rig: Rig) -> None:
    rig.fault("UpdateEndpoint", code="ThrottlingException", message="Rate exceeded")
    plan = rig.plan()
    with pytest.raises(Exception, match="Rate exceeded"):
        rig.apply(plan)
    assert rig.steps(plan)[-1] == "failed" and rig.endpoint().config == NEW


@pytest.mark.parametrize("rule", [{"lose_response": True}, {"truncate": True}])
def test_a_lost_response(rig: Rig, rule: dict[str, bool]) -> None:
    """One request leaves the process; what became of it is found by looking."""
    rig.fault("UpdateEndpoint", times=1, **rule)
    plan = rig.plan()
    end = rig.apply(plan)
    assert end.stage is Stage.DONE and rig.endpoint().config == OLD
    assert rig.sent() == 1
    assert rig.steps(plan)[:6] == ["intent", "ready", "call", "unclear", "note", "answer"]


def test_a_lost_response_of_an_update_that_fails_before_anybody_looks(rig: Rig) -> None:
    rig.world.region().of(Endpoints).bad_configs[OLD] = Trouble("Health check failed", after_s=1)
    rig.fault("UpdateEndpoint", times=1, lose_response=True)
    rig.fault("DescribeEndpoint", times=0)
    plan = rig.plan()
    executor = rig.executor(plan)
    took = executor.deed.took

    def later(*args: object) -> object:
        rig.clock.tick(3600)
        return took(*args)  # type: ignore[arg-type]

    executor.deed.took = later  # type: ignore[method-assign]
    end = executor.apply(plan)
    assert end.stage is Stage.FAILED and "Health check failed" in end.words
    assert rig.sent() == 1


def test_a_request_that_never_had_an_effect(rig: Rig) -> None:
    rig.fault("UpdateEndpoint", code="ServiceUnavailable", message="try later", status=503, times=1)
    plan = rig.plan()
    start = rig.now()
    end = rig.apply(plan)
    assert end.stage is Stage.FAILED and "shows no effect" in end.words
    assert rig.endpoint().config == NEW and rig.sent() == 1
    assert rig.now() - start >= 60_000  # long enough that it cannot be on its way any more


def test_nobody_answers(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection is refused: nothing left this host, so it is tried again, after another look."""
    plan = rig.plan()
    executor = rig.executor(plan)
    writer, refusals = executor.desk.writer, iter([True, True])
    nowhere = Cloud(rig.context(endpoint_url="http://127.0.0.1:9"))

    def sometimes(service: str) -> Any:
        if next(refusals, False):
            return nowhere.client(service, executor.desk.verb.writes, write=True)
        return writer(service)

    monkeypatch.setattr(executor.desk, "writer", sometimes)
    assert executor.apply(plan).stage is Stage.DONE
    assert rig.steps(plan)[1:7] == ["ready", "call", "again"] * 2 and rig.sent() == 1


def test_who_we_are_is_asked_before_anything_is_written(rig: Rig) -> None:
    plan = rig.plan()
    executor = rig.executor(plan)
    executor.desk.confirm = lambda: (_ for _ in ()).throw(CredentialsError("expired"))  # type: ignore[method-assign]
    with pytest.raises(CredentialsError):
        executor.apply(plan)
    assert rig.entries(plan) == [] and rig.sent() == 0
    desk = rig.desk(verb_of("rollback", "endpoint"))
    with pytest.raises(Refused, match="has not confirmed"):
        desk.writer("sagemaker")


def test_a_stuck_deployment_is_left_open_and_can_be_resumed(rig: Rig) -> None:
    rig.pace = Pace(patience_s=60)
    plan = rig.plan()
    with pytest.raises(TimedOut):
        rig.apply(plan)
    assert rig.steps(plan)[-1] == "note" and "left open" in rig.last(plan).body["words"]
    assert rig.ledger.journal.unfinished(plan.scope) == [plan.id]
    rig.clock.tick(3600)
    assert rig.executor(plan).resume(plan).stage is Stage.DONE
    assert rig.sent() == 1


def test_resuming_what_is_closed(rig: Rig) -> None:
    plan = rig.plan()
    rig.apply(plan)
    before = rig.steps(plan)
    with pytest.raises(Refused, match="closed already: done"):
        rig.executor(plan).resume(plan)
    assert rig.steps(plan) == before


def test_a_ledger_that_cannot_be_written_in_the_middle(
    make: Callable[..., Rig], capfd: pytest.CaptureFixture[str]
) -> None:
    """What began goes on; what the ledger cannot take is told aloud."""
    rig = make(busy_ms=5)
    plan = rig.plan()
    blocker = sqlite3.connect(rig.ledger.path, isolation_level=None)
    rig.between = [lambda: blocker.execute("BEGIN IMMEDIATE")]
    end = rig.apply(plan)
    assert end.stage is Stage.DONE and rig.endpoint().config == OLD and rig.sent() == 1
    blocker.execute("ROLLBACK")
    said = capfd.readouterr().err
    assert f"lastgood {plan.id} done" in said
    assert rig.steps(plan)[-1] not in TERMINAL
    assert rig.executor(plan).resume(plan).stage is Stage.DONE


def test_a_ledger_that_cannot_be_written_at_all(make: Callable[..., Rig], capfd: pytest.CaptureFixture[str]) -> None:
    rig = make(busy_ms=5)
    plan = rig.plan()
    blocker = sqlite3.connect(rig.ledger.path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(Refused) as caught:
        rig.apply(plan)
    assert "--unrecorded" in caught.value.advice and rig.sent() == 0
    end = rig.apply(plan, unrecorded=True)
    assert end.stage is Stage.DONE and rig.sent() == 1
    said = capfd.readouterr().err
    assert all(f"lastgood {plan.id} {step}" in said for step in ("intent", "ready", "call", "answer", "done"))
    blocker.execute("ROLLBACK")
