"""Calls with an idempotency token: one per intent, kept in the journal, sent again as often as it takes."""

from __future__ import annotations

import pytest

from console.actions.model import Plan, Stage
from console.errors import TimedOut, UsageError
from tests.actions.conftest import Rig

PIPELINE = "delay-risk-train"


def started(rig: Rig) -> list[str]:
    with rig.world.lock:
        found = rig.world.call("ListPipelineExecutions", {"PipelineName": PIPELINE, "MaxResults": 100})
    return [run["PipelineExecutionArn"] for run in found["PipelineExecutionSummaries"]]


def token(plan: Plan) -> str:
    return str(plan.calls[0].params["ClientRequestToken"])


@pytest.mark.parametrize(
    "rule", [{"lose_response": True}, {"truncate": True}, {"code": "InternalFailure", "status": 500}]
)
def test_an_unclear_start_is_asked_again_with_its_token(rig: Rig, rule: dict[str, object]) -> None:
    before = set(started(rig))
    rig.fault("StartPipelineExecution", times=2, **rule)
    plan = rig.plan("retrain", PIPELINE, "pipeline")
    assert rig.apply(plan).stage is Stage.DONE
    assert len(set(started(rig)) - before) == 1
    assert rig.sent("StartPipelineExecution") == 3
    assert rig.steps(plan)[:5] == ["intent", "ready", "call", "unclear", "unclear"]
    assert rig.entries(plan)[2].body["params"]["ClientRequestToken"] == token(plan)


def test_a_start_that_stays_unclear_is_left_open(rig: Rig) -> None:
    before = set(started(rig))
    rig.fault("StartPipelineExecution", lose_response=True)
    plan = rig.plan("retrain", PIPELINE, "pipeline")
    with pytest.raises(TimedOut, match="cannot be told"):
        rig.apply(plan)
    assert rig.ledger.journal.unfinished(plan.scope) == [plan.id]
    rig.world.faults.clear()
    assert rig.executor(plan).resume(plan).stage is Stage.DONE
    assert len(set(started(rig)) - before) == 1


def test_two_plans_are_two_runs(rig: Rig) -> None:
    before = set(started(rig))
    for _ in range(2):
        assert rig.apply(rig.plan("retrain", PIPELINE, "pipeline")).stage is Stage.DONE
    assert len(set(started(rig)) - before) == 2


def test_throttled_after_an_unclear_answer_it_stays_the_same_request(rig: Rig) -> None:
    """The first request may have started a run: no going back to look whether it still may."""
    before = set(started(rig))
    rig.fault("StartPipelineExecution", lose_response=True, times=1)
    rig.fault("StartPipelineExecution", code="ThrottlingException", message="Rate exceeded", times=2)
    plan = rig.plan("retrain", PIPELINE, "pipeline")
    assert rig.apply(plan).stage is Stage.DONE
    assert len(set(started(rig)) - before) == 1
    assert "again" not in rig.steps(plan)


def test_stop_and_retry(rig: Rig) -> None:
    plan = rig.plan("retrain", PIPELINE, "pipeline")
    rig.apply(plan)
    run = next(e.body["answer"]["PipelineExecutionArn"] for e in rig.entries(plan) if e.step == "answer")
    rig.fault("StopPipelineExecution", lose_response=True, times=1)
    stop = rig.plan("stop", run, "execution")
    assert rig.apply(stop).stage is Stage.DONE
    rig.fault("RetryPipelineExecution", lose_response=True, times=1)
    retry = rig.plan("retry", run, "execution")
    assert rig.apply(retry).stage is Stage.DONE
    again = rig.plan("stop", run, "execution")
    rig.apply(rig.plan("stop", run, "execution"))
    assert rig.apply(again).stage in {Stage.NOT_NEEDED, Stage.OVERTAKEN}


def test_parameters_are_checked_before_anything_is_sent(rig: Rig) -> None:
    with pytest.raises(UsageError, match="no parameter Nope"):
        rig.plan("retrain", PIPELINE, "pipeline", param={"Nope": "1"})
    assert rig.sent("StartPipelineExecution") == 0
