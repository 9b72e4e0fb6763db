"""Why runs fail, what would repeat, steps of every kind, and what never reaches the ledger."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest
from botocore.loaders import Loader

from console.kinds.execution.record import (
    Cause,
    Execution,
    Step,
    cause,
    classify,
    from_search,
    repeats,
    step_from_api,
    what_now,
)
from console.text import HIDDEN

REASONS = {
    "CapacityError: Unable to provision requested ML compute capacity.": Cause.CAPACITY,
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error.": Cause.CAPACITY,
    "ClientError: Unable to provision requested ML compute capacity": Cause.CAPACITY,
    "InternalServerError: We encountered an internal error. Please try again.": Cause.SERVICE,
    "ThrottlingException: Rate exceeded": Cause.THROTTLED,
    "ResourceLimitExceeded: The account-level service limit 'ml.p3.2xlarge for' is 0": Cause.QUOTA,
    "ClientError: ClientError: An error occurred (ResourceLimitExceeded) when calling CreateTrainingJob": Cause.QUOTA,
    "ClientError: No S3 objects found under S3 URL": Cause.CODE_OR_DATA,
    'ClientError: column "dep_delay" not found in input data': Cause.CODE_OR_DATA,
    "AlgorithmError: ExecuteUserScriptError: ExitCode 1": Cause.CODE_OR_DATA,
    "AlgorithmError: botocore.errorfactory.ThrottlingException: Rate exceeded, in their own code": Cause.CODE_OR_DATA,
    "AlgorithmError: AccessDenied when reading a table": Cause.CODE_OR_DATA,
    "ClientError: AccessDenied: User is not authorized to perform: s3:GetObject": Cause.ACCESS,
    "AccessDeniedException: User: arn:x is not authorized to perform: sagemaker:CreateModel": Cause.ACCESS,
    "Could not assume role arn:aws:iam::1:role/x. Please ensure that the role exists": Cause.ACCESS,
    "An error occurred (ValidationException): Could not find model data": Cause.CODE_OR_DATA,
    "\x1b[31m[red]something\n\n\nnew[/red]": Cause.UNKNOWN,
    "ClientErrors are not meant": Cause.UNKNOWN,
    "": Cause.UNKNOWN,
    "x" * 1024: Cause.UNKNOWN,
}


@pytest.mark.parametrize("reason", REASONS, ids=lambda r: ascii(r[:24]))
def test_the_prefix_tells_the_cause(reason: str) -> None:
    assert classify(reason) is REASONS[reason]


def run(*steps: Step, status: str = "Failed", reason: str = "") -> Execution:
    arn = "arn:aws:sagemaker:eu-central-1:1:pipeline/train/execution/abc"
    return Execution(arn=arn, pipeline="train", status=status, failure_reason=reason, steps=steps, detailed=True)


def failed(name: str, reason: str, ended: int = 9, type: str = "Training", **more: Any) -> Step:
    return Step(name, "Failed", 1, ended, type, reason, **more)


def test_the_first_failure_counts_not_what_failed_for_its_sake() -> None:
    e = run(
        failed("later", "ClientError: x", 20),
        failed("first", "CapacityError: x", 10),
        Step("ok", "Succeeded"),
    )
    assert e.failed_step and e.failed_step.name == "first"
    assert cause(e) is Cause.CAPACITY and repeats(e) == ""
    assert what_now(cause(e)) == "AWS had no capacity: a retry goes on where it stopped."


def test_a_gate_is_a_fail_step_and_nothing_else() -> None:
    gate = failed("TooLow", "AUC 0.71 < 0.85", type="Fail", detail={"ErrorMessage": "AUC 0.71 < 0.85"})
    assert cause(run(gate)) is Cause.GATE
    assert repeats(run(gate)) == "the quality gate did its job"
    other = failed("Train", "CapacityError: x", detail={"ErrorMessage": "of something else"})
    assert cause(run(other)) is Cause.CAPACITY
    assert cause(run(failed("Train", "CapacityError: x", 5), gate)) is Cause.CAPACITY, "the gate was not reached"


@pytest.mark.parametrize(
    ("e", "kind", "why"),
    [
        (run(status="Stopped"), Cause.STOPPED, ""),
        (run(status="Succeeded"), Cause.UNKNOWN, ""),
        (run(status="Executing"), Cause.UNKNOWN, ""),
        (run(reason="ClientError: early"), Cause.CODE_OR_DATA, "it will repeat: data or code"),
        (run(failed("a", "AccessDenied: x")), Cause.ACCESS, "it will repeat: a permission is missing"),
        (run(failed("a", "ResourceLimitExceeded: x")), Cause.QUOTA, "it will repeat: a quota is used up"),
        (run(failed("a", "InternalServerError: x"), status="CompletedWithFailures"), Cause.SERVICE, ""),
        (run(failed("a", "mystery")), Cause.UNKNOWN, ""),
    ],
)
def test_what_a_retry_would_repeat(e: Execution, kind: Cause, why: str) -> None:
    assert (cause(e), repeats(e)) == (kind, why)
    assert what_now(kind).endswith(".")


EXAMPLES = {"string": "text", "boolean": True, "integer": 3, "list": [{"Name": "a"}], "map": {"a": "b"}}


def test_every_kind_of_metadata_that_the_service_knows() -> None:
    """From botocore's own model, so that a new one is met the day the SDK learns it."""
    model = Loader().load_service_model("sagemaker", "service-2")["shapes"]
    union = model["PipelineExecutionStepMetadata"]["members"]
    assert {"TrainingJob", "Condition", "Callback", "Fail", "QualityCheck", "Lambda", "ForEach"} <= set(union)
    for kind, member in union.items():
        content: dict[str, Any] = {}
        for name, ref in model[member["shape"]].get("members", {}).items():
            shape = model[ref["shape"]]
            content[name] = EXAMPLES.get(shape["type"], {})
        step = step_from_api({"StepName": "s", "StepStatus": "Executing", "Metadata": {kind: content}})
        assert step.type == kind
        assert step.arn == ("text" if {"Arn", "CheckJobArn"} & set(content) else "")
        assert all(isinstance(value, str) for value in step.detail.values())
        assert step.detail.get("CallbackToken", HIDDEN) == HIDDEN, "with the token anybody may answer the step"
        assert msgspec.json.decode(msgspec.json.encode(step), type=Step) == step


@pytest.mark.parametrize("metadata", [None, {}, {"Telepathy": {"Depth": 4.5}}, {"Telepathy": None}])
def test_metadata_nobody_foresaw(metadata: Any) -> None:
    step = step_from_api({"StepName": "s", "StepStatus": "Levitating", "Metadata": metadata})
    assert (step.status, step.type) == ("Levitating", "Telepathy" if metadata else "")


def search(**more: Any) -> dict[str, Any]:
    arn = "arn:aws:sagemaker:eu-central-1:1:pipeline/train/execution/abc"
    return {"PipelineExecutionArn": arn, "PipelineExecutionStatus": "Executing", **more}


def test_secrets_do_not_reach_the_record() -> None:
    given = {
        "DbPassword": "hunter2",
        "api_key": "k",
        "GithubToken": "ghp_x",
        "Url": "https://me:hunter2@host/x",
        "Key": "AKIAABCDEFGHIJKLMNOP",
        "Month": "2013-07",
        "MaxTokens": "512",
        "Tokenizer": "bpe",
    }
    e = from_search(search(PipelineParameters=[{"Name": k, "Value": v} for k, v in given.items()]))
    body = msgspec.json.encode(e).decode()
    assert "hunter2" not in body and "ghp_x" not in body and "AKIA" not in body
    assert e.parameters["api_key"] == e.parameters["DbPassword"] == HIDDEN
    assert (e.parameters["Month"], e.parameters["MaxTokens"], e.parameters["Tokenizer"]) == (
        "2013-07",
        "512",
        "bpe",
    )


@pytest.mark.parametrize(
    ("created_by", "by"),
    [
        ({}, ""),
        ({"UserProfileName": "maria"}, "maria"),
        ({"IamIdentity": {"Arn": "arn:aws:iam::1:user/ci/tomas"}}, "tomas"),
        ({"IamIdentity": {"Arn": "arn:aws:sts::1:assumed-role/ops/maria.lindt"}}, "maria.lindt"),
        (
            {"IamIdentity": {"Arn": "arn:aws:sts::1:assumed-role/events/rcfxsmwoomy6h5hkeuf33sspijmg2y55"}},
            "events",
        ),
        ({"IamIdentity": {"Arn": "arn:aws:sts::1:assumed-role/train/botocore-session-1700000000"}}, "train"),
        ({"IamIdentity": {"Arn": "arn:aws:sts::1:assumed-role/node/i-0abcdef0123456789"}}, "node"),
        ({"IamIdentity": {}}, ""),
    ],
)
def test_who_started_it(created_by: dict[str, Any], by: str) -> None:
    assert from_search(search(CreatedBy=created_by)).by == by


def test_the_pipeline_is_told_by_the_arn_where_nothing_else_tells_it() -> None:
    assert from_search(search()).name == "train/abc"
    when = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
    assert from_search(search(CreationTime=when)).created_at == 1_795_392_000_000
