"""The planted past and the incidents on pipelines."""

import datetime as dt
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from console.world import pipeline_seed
from console.world.incidents import INCIDENTS
from console.world.pipeline_seed import CAPACITY, DAY_S
from console.world.roster import roster
from console.world.sagemaker.records import TERMINAL
from console.world.sagemaker.store import Pipelines
from console.world.world import World
from tests.world.pipeline_lab import Lab

START = 1_795_000_000.0


def planted(fleet: int, seed: int = 1) -> tuple[World, Pipelines]:
    world = World(seed=seed, fleet=0, throttle=False, validate=True, now=lambda: START)
    pipeline_seed.plant(world, {service.name: service.team for service in roster(fleet, 1)})
    return world, world.region().of(Pipelines)


def test_a_thousand_pipelines_with_their_month_are_planted_in_seconds() -> None:
    began = time.process_time()
    _, state = planted(1000)
    assert time.process_time() - began < 5
    assert len(state.by_name) == 1000 and len(state.by_execution) > 29_000
    assert all(execution.steps is None for execution in state.by_execution.values())


def test_the_past_is_believable_and_opens_as_it_was_told() -> None:
    _, state = planted(12)
    executions = list(state.by_execution.values())
    told = Counter(execution.status for execution in executions)
    assert told.keys() == TERMINAL and 0.8 < told["Succeeded"] / len(executions) < 0.98
    assert {execution.created_by["IamIdentity"]["Arn"].split("/")[1] for execution in executions} >= {
        "events-start-pipelines",
        "MLEngineer",
    }
    for execution in executions:
        outline = execution.status, execution.modified, execution.reason
        runs = state.opened(execution).runs.values()
        assert (execution.status, execution.modified, execution.reason) == outline
        ends = [run.ended for run in runs if run.ended is not None]
        assert len(ends) == len(runs) and max(ends) == pytest.approx(execution.modified, abs=0.01)
        assert START - 31 * DAY_S < execution.created < execution.modified < START


def test_one_seed_is_one_world_and_another_is_another() -> None:
    def outline(seed: int) -> list[Any]:
        _, state = planted(4, seed)
        return [(one.arn, one.created, one.modified, one.status) for one in state.by_execution.values()]

    assert outline(1) == outline(1) != outline(2)


def test_a_failed_night_can_be_retried_today() -> None:
    world, state = planted(12)
    old = next(e for e in state.by_execution.values() if e.reason and e.script.faults[0].reason == CAPACITY)
    name = old.script.faults[0].step
    attempts = len(state.opened(old).runs[name].attempts)
    world.call("RetryPipelineExecution", {"PipelineExecutionArn": old.arn, "ClientRequestToken": "x" * 32})
    assert old.status == "Executing"
    world.agenda.advance(START + 20_000)
    assert len(old.runs[name].attempts) > attempts


@pytest.fixture
def lab() -> Iterator[Lab]:
    made = Lab()
    with made.served:
        yield made


def played(lab: Lab, name: str) -> tuple[str, dict[str, Any]]:
    """Plays an incident; the ARN of its execution as Search gives it, and its row there."""
    lab.world.play(name)
    subject = INCIDENTS[name].subject.removeprefix("pipeline/")
    (found,) = lab.sm.search(Resource="PipelineExecution", MaxResults=1)["Results"]
    row = found["PipelineExecution"]
    assert row["PipelineArn"].endswith(f"pipeline/{subject}")
    assert row["PipelineExecutionStatus"] == "Failed"
    assert 60 < lab.now - row["LastModifiedTime"].timestamp() < 600
    return str(row["PipelineExecutionArn"]), row


def test_pipeline_capacity_is_mended_by_a_retry(lab: Lab) -> None:
    arn, _ = played(lab, "pipeline-capacity")
    broken = [step for step in lab.steps(arn).values() if step["StepStatus"] == "Failed"]
    assert [(step["FailureReason"], step["AttemptCount"]) for step in broken] == [(CAPACITY, 3)]
    lab.sm.retry_pipeline_execution(PipelineExecutionArn=arn)
    assert lab.settle(arn) == "Succeeded"
    assert lab.steps(arn)[broken[0]["StepName"]]["AttemptCount"] == 4
    assert INCIDENTS["pipeline-capacity"].right == "retry"


def test_pipeline_data_fails_again_however_often(lab: Lab) -> None:
    arn, row = played(lab, "pipeline-data")
    step = lab.steps(arn)["Evaluate"]
    assert step["FailureReason"] == 'ClientError: column "dep_delay" not found in input data'
    job = step["Metadata"]["ProcessingJob"]["Arn"].rsplit("/", 1)[1]
    assert "dep_delay" in lab.sm.describe_processing_job(ProcessingJobName=job)["ExitMessage"]
    events = lab.client("logs").filter_log_events(
        logGroupName="/aws/sagemaker/ProcessingJobs", filterPattern="KeyError"
    )["events"]
    assert events and "dep_delay" in events[-1]["message"]
    lab.sm.retry_pipeline_execution(PipelineExecutionArn=arn)
    assert lab.settle(arn) == "Failed"
    again = lab.start(row["PipelineArn"])
    assert lab.settle(again) == "Failed"
    assert "retry" in INCIDENTS["pipeline-data"].wrong


def test_quality_gate_did_its_job(lab: Lab) -> None:
    arn, _ = played(lab, "quality-gate")
    steps = lab.steps(arn)
    assert steps["CheckAuc"]["Metadata"]["Condition"]["Outcome"] == "False"
    failed = [name for name, step in steps.items() if step["StepStatus"] == "Failed"]
    assert failed == ["QualityTooLow"]
    assert steps["QualityTooLow"]["Metadata"]["Fail"]["ErrorMessage"].endswith("below 0.85")
    assert INCIDENTS["quality-gate"].right == "none"


def test_a_night_seen_by_all_means(lab: Lab) -> None:
    """List, describe, steps, parameters, definition and CloudTrail agree about the same planted execution."""
    pipeline_seed.plant(lab.world, {"delay-risk": "logistics"})
    lab.settle(lab.start("delay-risk-train"))  # its cached step looks into the nights before
    _, row = lab.sm.list_pipeline_executions(PipelineName="delay-risk-train", MaxResults=2)[
        "PipelineExecutionSummaries"
    ]
    arn = row["PipelineExecutionArn"]
    found = lab.sm.describe_pipeline_execution(PipelineExecutionArn=arn)
    assert found["CreationTime"] == row["StartTime"]
    given = lab.sm.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)["PipelineParameters"]
    assert {one["Name"] for one in given} >= {"InputData", "MinAuc"}
    assert lab.sm.describe_pipeline_definition_for_execution(PipelineExecutionArn=arn)["PipelineDefinition"]
    assert lab.states(arn)["Preprocess"] == "Succeeded"
    job = lab.steps(arn)["Preprocess"]["Metadata"]["ProcessingJob"]["Arn"].rsplit("/", 1)[1]
    described = lab.sm.describe_processing_job(ProcessingJobName=job)
    assert described["ProcessingJobStatus"] == "Completed"
    # A stream has the job's name as it is; an ARN has it in lower case.
    name = described["ProcessingJobName"]
    stream = {"logGroupName": "/aws/sagemaker/ProcessingJobs", "logStreamNamePrefix": name}
    assert lab.client("logs").filter_log_events(**stream)["events"]
    by_name = [{"AttributeKey": "EventName", "AttributeValue": "StartPipelineExecution"}]
    events = lab.client("cloudtrail").lookup_events(LookupAttributes=by_name)["Events"]
    assert any(arn in event["CloudTrailEvent"] for event in events[:2])


def test_two_executions_run_when_the_world_opens() -> None:
    world = World(throttle=False, validate=True, now=lambda: START)
    with world.lock:
        world.advance()
        state = world.region().of(Pipelines)
        running = {execution.pipeline.name: list(execution.runs)[-1] for execution in state.active()}
        assert running == {"churn-scorer-train": "Tune", "review-toxic-train": "AwaitLabels"}


def test_the_nights_have_a_rule(lab: Lab) -> None:
    pipeline_seed.plant(lab.world, {"delay-risk": "logistics"})
    pipeline = lab.sm.describe_pipeline(PipelineName="delay-risk-train")["PipelineArn"]
    (rule,) = lab.client("events").list_rule_names_by_target(TargetArn=pipeline)["RuleNames"]
    schedule = lab.client("events").describe_rule(Name=rule)["ScheduleExpression"]
    minute, hour = (int(part) for part in schedule.removeprefix("cron(").split()[:2])
    nights = [
        row["StartTime"].astimezone(dt.UTC)
        for row in lab.sm.list_pipeline_executions(PipelineName="delay-risk-train")["PipelineExecutionSummaries"]
        if row["PipelineExecutionDisplayName"].startswith("nightly")
    ]
    assert nights and {(night.hour, night.minute) for night in nights} == {(hour, minute)}
