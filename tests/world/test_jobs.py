"""Jobs that steps make: their Describe at every moment of their lives, and what their containers log."""

import json
from typing import Any

import pytest

from console.world.pipeline_seed import CAPACITY, scripts, templates
from console.world.sagemaker.records import Fault, Script
from console.world.sagemaker.store import Pipelines
from tests.world.pipeline_lab import ROLE, Lab, lab, processing
from tests.world.test_pipelines import refused

__all__ = ["lab"]  # the fixture

DESCRIBE = {
    "ProcessingJob": ("describe_processing_job", "ProcessingJobName", "ProcessingJobStatus"),
    "TrainingJob": ("describe_training_job", "TrainingJobName", "TrainingJobStatus"),
    "TransformJob": ("describe_transform_job", "TransformJobName", "TransformJobStatus"),
    "TuningJob": (
        "describe_hyper_parameter_tuning_job",
        "HyperParameterTuningJobName",
        "HyperParameterTuningJobStatus",
    ),
    "QualityCheck": ("describe_processing_job", "ProcessingJobName", "ProcessingJobStatus"),
}


def job_of(step: dict[str, Any]) -> tuple[str, str] | None:
    """Kind and ARN of the job in a step's metadata."""
    for kind, body in step.get("Metadata", {}).items():
        if kind in DESCRIBE:
            return kind, body.get("Arn") or body["CheckJobArn"]
    return None


def described(lab: Lab, step: dict[str, Any]) -> dict[str, Any]:
    kind, arn = job_of(step) or ("", "")
    method, name, _ = DESCRIBE[kind]
    answer: dict[str, Any] = getattr(lab.sm, method)(**{name: arn.rsplit("/", 1)[1]})
    return answer


@pytest.mark.parametrize("name", templates())
def test_every_job_is_described_at_every_moment(lab: Lab, name: str) -> None:
    """The lab checks each answer against the output shape; here it is read while it moves, every five minutes."""
    lab.client("sqs").create_queue(QueueName="ml-labelling")
    lab.sm.create_pipeline(PipelineName=name, PipelineDefinition=templates()[name], RoleArn=ROLE)
    lab.world.region().of(Pipelines).find(name).script = scripts(name)["ok"]
    arn = lab.start(name)
    seen: set[str] = set()
    while (status := lab.status(arn)) == "Executing":
        lab.now += 300
        for one in lab.steps(arn).values():
            if found := job_of(one):
                seen.add(str(described(lab, one)[DESCRIBE[found[0]][2]]))
    assert status == "Succeeded"
    assert seen == {"InProgress", "Completed"}
    for one in lab.steps(arn).values():
        if found := job_of(one):
            answer = described(lab, one)
            assert answer[DESCRIBE[found[0]][1]].lower() == found[1].rsplit("/", 1)[1]
            assert one["StartTime"] <= answer["CreationTime"] <= one["EndTime"]
            assert "Get" not in json.dumps(answer, default=str)  # nothing is left unresolved


def test_a_training_job_goes_through_its_phases(lab: Lab) -> None:
    name = "phases"
    text = templates()["delay-risk-train"]
    lab.sm.create_pipeline(PipelineName=name, PipelineDefinition=text, RoleArn=ROLE)
    arn = lab.start(name, PipelineParameters=[{"Name": "MaxDepth", "Value": "9"}])
    phases: list[str] = []
    while lab.status(arn) == "Executing":
        lab.now += 10
        train = lab.steps(arn).get("Train")
        if train and job_of(train) and (phase := described(lab, train)["SecondaryStatus"]) not in phases:
            phases.append(phase)
    assert phases == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    job = described(lab, lab.steps(arn)["Train"])
    assert job["HyperParameters"]["max_depth"] == "9"
    assert [one["Status"] for one in job["SecondaryStatusTransitions"]] == phases
    assert job["ModelArtifacts"]["S3ModelArtifacts"].startswith("s3://acme-ml-artifacts/models/delay-risk/pipelines-")
    moments = [job["CreationTime"], job["TrainingStartTime"], job["TrainingEndTime"]]
    assert moments == sorted(moments) and job["TrainingTimeInSeconds"] > 0
    evaluate = described(lab, lab.steps(arn)["Evaluate"])
    assert evaluate["ProcessingInputs"][0]["S3Input"]["S3Uri"] == job["ModelArtifacts"]["S3ModelArtifacts"]


def messages(lab: Lab, group: str, prefix: str) -> list[str]:
    pages = lab.client("logs").get_paginator("filter_log_events")
    found = pages.paginate(logGroupName=group, logStreamNamePrefix=prefix)
    return [event["message"] for page in found for event in page["events"]]


def test_a_failing_job_tells_why_and_its_log_grows(lab: Lab) -> None:
    name = lab.create(processing("Evaluate", "s3://b/in"))
    told, log = "no column x", ("Traceback (most recent call last):", "KeyError: 'x'")
    fault = Fault("Evaluate", f"ClientError: {told}", after_s=100, exit_message=told, log=log)
    lab.world.region().of(Pipelines).find(name).script = Script(faults=(fault,))
    arn = lab.start(name)
    lab.now += 60
    prefix = described(lab, lab.steps(arn)["Evaluate"])["ProcessingJobName"]
    early = messages(lab, "/aws/sagemaker/ProcessingJobs", prefix)
    assert any("reading s3://b/in" in line for line in early) and log[1] not in early
    lab.settle(arn)
    late = messages(lab, "/aws/sagemaker/ProcessingJobs", prefix)
    assert late[: len(early)] == early and tuple(late[-2:]) == log
    assert messages(lab, "/aws/sagemaker/ProcessingJobs", prefix) == late  # nothing is written twice
    job = described(lab, lab.steps(arn)["Evaluate"])
    assert (job["FailureReason"], job["ExitMessage"]) == (f"ClientError: {told}", told)
    streams = lab.client("logs").describe_log_streams(
        logGroupName="/aws/sagemaker/ProcessingJobs", logStreamNamePrefix=prefix
    )["logStreams"]
    assert [one["logStreamName"].rsplit("-", 1)[0] for one in streams] == [f"{prefix}/algo-1"]


def test_a_job_without_instances_never_started(lab: Lab) -> None:
    name = lab.create(processing("A"))
    lab.world.region().of(Pipelines).find(name).script = Script(faults=(Fault("A", CAPACITY, 1, after_s=100),))
    arn = lab.start(name)
    lab.settle(arn)
    job = described(lab, lab.steps(arn)["A"])
    assert job["FailureReason"] == CAPACITY and "ProcessingStartTime" not in job
    failed = job["ProcessingJobName"]
    lab.sm.retry_pipeline_execution(PipelineExecutionArn=arn)
    lab.settle(arn)
    assert described(lab, lab.steps(arn)["A"])["ProcessingJobStatus"] == "Completed"
    assert lab.sm.describe_processing_job(ProcessingJobName=failed)["ProcessingJobStatus"] == "Failed"


def test_a_job_that_aws_would_not_make_fails_its_step(lab: Lab) -> None:
    wrong = processing("A")
    wrong["Arguments"]["ProcessingResources"]["ClusterConfig"]["InstanceType"] = {"Get": "Parameters.Type"}
    name = lab.create(wrong, parameters=[{"Name": "Type", "Type": "String", "DefaultValue": "ml.abacus"}])
    arn = lab.start(name)
    assert lab.settle(arn) == "Failed"
    step = lab.steps(arn)["A"]
    assert step["FailureReason"].startswith(
        "ClientError: Failed to invoke sagemaker:CreateProcessingJob. Error Details:"
    )
    assert "ml.abacus" in step["FailureReason"] and "Metadata" not in step


@pytest.mark.parametrize(("kind", "check"), [("QualityCheck", "DATA_QUALITY"), ("ClarifyCheck", "DATA_BIAS")])
def test_a_violated_check_names_its_report(lab: Lab, kind: str, check: str) -> None:
    name = lab.create(processing("Check", CheckType=check, SkipCheck=False, RegisterNewBaseline=True) | {"Type": kind})
    fault = Fault("Check", "ClientError: Violations were found", after_s=60)
    lab.world.region().of(Pipelines).find(name).script = Script(faults=(fault,))
    arn = lab.start(name)
    assert lab.settle(arn) == "Failed"
    metadata = lab.steps(arn)["Check"]["Metadata"][kind]
    assert metadata["ViolationReport"].endswith("/constraint_violations.json")
    job = metadata["CheckJobArn"].rsplit("/", 1)[1]
    assert lab.sm.describe_processing_job(ProcessingJobName=job)["FailureReason"] == fault.reason


def test_unknown_jobs(lab: Lab) -> None:
    for method, name, _ in DESCRIBE.values():
        code = refused(getattr(lab.sm, method), **{name: "nobody"})[0]
        assert code == ("ResourceNotFound" if "hyper" in method else "ValidationException")
