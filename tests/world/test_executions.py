"""Executions: start, stop, retry, cache, callbacks, selection, limits; through boto3 over HTTP."""

import json
import uuid
from typing import Any

import pytest

from console.world.sagemaker.records import Fault, Script
from console.world.sagemaker.store import Pipelines
from tests.world.pipeline_lab import Lab, condition, lab, out, processing, step
from tests.world.test_pipelines import refused

__all__ = ["lab"]  # the fixture

PARAMETERS = [
    {"Name": "Mode", "Type": "String", "DefaultValue": "full", "EnumValues": ["full", "quick"]},
    {"Name": "Rows", "Type": "Integer", "DefaultValue": 10},
]
LAMBDA = "arn:aws:lambda:eu-central-1:123456789012:function:notify"


def script(lab: Lab, name: str, *faults: Fault, **more: Any) -> None:
    lab.world.region().of(Pipelines).find(name).script = Script(faults=faults, **more)


def value(name: str, text: str) -> dict[str, str]:
    return {"Name": name, "Value": text}


def test_steps_appear_when_they_start(lab: Lab) -> None:
    name = lab.create(processing("A"), processing("B", out("A")))
    arn = lab.start(name)
    assert lab.states(arn) == {"A": "Starting"}
    lab.now += 30
    assert lab.states(arn) == {"A": "Executing"}
    assert lab.settle(arn) == "Succeeded"
    assert lab.states(arn) == {"A": "Succeeded", "B": "Succeeded"}
    steps = lab.steps(arn)
    assert steps["B"]["StartTime"] >= steps["A"]["EndTime"]
    newest_first = lab.sm.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    assert [one["StepName"] for one in newest_first] == ["B", "A"]


def test_parameters(lab: Lab) -> None:
    name = lab.create(processing("A"), parameters=PARAMETERS)
    arn = lab.start(name, PipelineParameters=[value("Rows", "12")])
    listed = lab.sm.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)["PipelineParameters"]
    assert listed == [value("Mode", "full"), value("Rows", "12")]
    for bad in (value("Nope", "1"), value("Mode", "slow"), value("Rows", "many"), value("Rows", "")):
        code, message = refused(lab.sm.start_pipeline_execution, PipelineName=name, PipelineParameters=[bad])
        assert code == "ValidationException" and bad["Name"] in message


def test_a_token_starts_once(lab: Lab) -> None:
    name = lab.create(processing("A"), parameters=PARAMETERS)
    token = str(uuid.uuid4())
    arn = lab.start(name, ClientRequestToken=token)
    lab.now += 5000
    assert lab.start(name, ClientRequestToken=token) == arn
    changed = [value("Rows", "3")]
    code, _ = refused(
        lab.sm.start_pipeline_execution, PipelineName=name, ClientRequestToken=token, PipelineParameters=changed
    )
    assert code == "ConflictException"
    assert lab.start(name) != arn
    assert len(lab.sm.list_pipeline_executions(PipelineName=name)["PipelineExecutionSummaries"]) == 2


def test_a_lost_answer_to_a_start_starts_once(lab: Lab) -> None:
    """The token is what makes the SDK's own second attempt harmless."""
    name = lab.create(processing("A"))
    lab.world.faults.add(operation="StartPipelineExecution", lose_response=True, times=1)
    arn = lab.client("sagemaker", attempts=2).start_pipeline_execution(PipelineName=name)["PipelineExecutionArn"]
    listed = lab.sm.list_pipeline_executions(PipelineName=name)["PipelineExecutionSummaries"]
    assert [row["PipelineExecutionArn"] for row in listed] == [arn]


def test_by_arn_of_the_pipeline_and_unknown_ones(lab: Lab) -> None:
    name = lab.create(processing("A"))
    pipeline = lab.sm.describe_pipeline(PipelineName=name)["PipelineArn"]
    arn = lab.start(pipeline)
    assert arn.startswith(pipeline + "/execution/")
    assert refused(lab.sm.start_pipeline_execution, PipelineName="nobody")[0] == "ResourceNotFound"
    for call in (lab.sm.describe_pipeline_execution, lab.sm.stop_pipeline_execution, lab.sm.retry_pipeline_execution):
        assert refused(call, PipelineExecutionArn=arn[:-1] + "0")[0] == "ResourceNotFound"


def test_a_stop_is_not_instant(lab: Lab) -> None:
    name = lab.create(processing("A"), processing("B", out("A")))
    arn = lab.start(name)
    lab.now += 60
    token = str(uuid.uuid4())
    lab.sm.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken=token)
    assert (lab.status(arn), lab.states(arn)) == ("Stopping", {"A": "Stopping"})
    lab.now += 200
    assert (lab.status(arn), lab.states(arn)) == ("Stopped", {"A": "Stopped"})
    lab.sm.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken=token)  # the same intent again
    assert refused(lab.sm.stop_pipeline_execution, PipelineExecutionArn=arn)[0] == "ConflictException"
    job = lab.steps(arn)["A"]["Metadata"]["ProcessingJob"]["Arn"].rsplit("/", 1)[1]
    assert lab.sm.describe_processing_job(ProcessingJobName=job)["ProcessingJobStatus"] == "Stopped"
    lab.sm.retry_pipeline_execution(PipelineExecutionArn=arn)
    assert lab.settle(arn) == "Succeeded"


def test_a_lambda_runs_to_its_end(lab: Lab) -> None:
    name = lab.create(step("Tell", "Lambda", {"a": "b"}, FunctionArn=LAMBDA), processing("After", DependsOn=["Tell"]))
    arn = lab.start(name)
    lab.now += 4.5
    lab.sm.stop_pipeline_execution(PipelineExecutionArn=arn)
    assert (lab.status(arn), lab.states(arn)) == ("Stopping", {"Tell": "Executing"})
    lab.now += 60
    assert (lab.status(arn), lab.states(arn)) == ("Stopped", {"Tell": "Succeeded"})


def test_a_lambda_that_times_out_while_stopping_fails_the_execution(lab: Lab) -> None:
    name = lab.create(step("Tell", "Lambda", {}, FunctionArn=LAMBDA))
    script(lab, name, Fault("Tell", "ClientError: Lambda function timed out", after_s=600))
    arn = lab.start(name)
    lab.now += 30
    lab.sm.stop_pipeline_execution(PipelineExecutionArn=arn)
    assert lab.settle(arn) == "Failed"


@pytest.fixture
def queue(lab: Lab) -> str:
    return str(lab.client("sqs").create_queue(QueueName=f"q-{uuid.uuid4().hex}")["QueueUrl"])


def callback(queue: str) -> dict[str, Any]:
    outputs = [{"OutputName": "agreement", "OutputType": "Float"}]
    return step("Wait", "Callback", {"sample": "s3://b/s"}, SqsQueueUrl=queue, OutputParameters=outputs)


def message(lab: Lab, queue: str) -> dict[str, Any]:
    (found,) = lab.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    lab.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=found["ReceiptHandle"])
    body: dict[str, Any] = json.loads(found["Body"])
    return body


AGREE = {
    "Type": "GreaterThanOrEqualTo",
    "LeftValue": {"Get": "Steps.Wait.OutputParameters['agreement']"},
    "RightValue": 0.8,
}


@pytest.mark.parametrize(("agreement", "ran"), [("0.93", "Go"), ("0.5", "Refuse")])
def test_a_callback_waits_for_its_answer(lab: Lab, queue: str, agreement: str, ran: str) -> None:
    gate = condition("Gate", AGREE, [processing("Go")], [step("Refuse", "Fail", {"ErrorMessage": "labels disagree"})])
    name = lab.create(callback(queue), gate)
    arn = lab.start(name)
    lab.now += 86_400
    assert lab.states(arn) == {"Wait": "Executing"}
    body = message(lab, queue)
    assert body["arguments"] == {"sample": "s3://b/s"} and len(body["token"]) == 10
    assert body["pipelineExecutionArn"] == arn
    answer = {"CallbackToken": body["token"], "OutputParameters": [value("agreement", agreement)]}
    assert lab.sm.send_pipeline_execution_step_success(**answer)["PipelineExecutionArn"] == arn
    assert lab.settle(arn) == ("Succeeded" if ran == "Go" else "Failed")
    steps = lab.steps(arn)
    assert ran in steps and steps["Gate"]["Metadata"]["Condition"]["Outcome"] == str(ran == "Go")
    metadata = steps["Wait"]["Metadata"]["Callback"]
    assert metadata["CallbackToken"] == body["token"] and metadata["OutputParameters"][0]["Value"] == str(
        float(agreement)
    )
    if ran == "Refuse":
        assert steps["Refuse"]["Metadata"]["Fail"] == {"ErrorMessage": "labels disagree"}
        assert steps["Refuse"]["FailureReason"] == "labels disagree"
    assert refused(lab.sm.send_pipeline_execution_step_success, **answer)[0] == "ResourceNotFound"


def test_a_callback_may_fail(lab: Lab, queue: str) -> None:
    arn = lab.start(lab.create(callback(queue)))
    lab.now += 10
    lab.status(arn)
    token = message(lab, queue)["token"]
    lab.sm.send_pipeline_execution_step_failure(CallbackToken=token, FailureReason="nobody labels on Sundays")
    assert lab.status(arn) == "Failed"
    assert lab.steps(arn)["Wait"]["FailureReason"] == "nobody labels on Sundays"


def test_a_stopping_callback_is_told_and_waited_for(lab: Lab, queue: str) -> None:
    arn = lab.start(lab.create(callback(queue), processing("Next", DependsOn=["Wait"])))
    lab.now += 10
    lab.status(arn)
    assert message(lab, queue)["status"] == "Executing"
    lab.sm.stop_pipeline_execution(PipelineExecutionArn=arn)
    told = message(lab, queue)
    lab.now += 86_400
    assert told["status"] == "Stopping" and lab.status(arn) == "Stopping"
    lab.sm.send_pipeline_execution_step_success(CallbackToken=told["token"])
    assert (lab.status(arn), list(lab.states(arn))) == ("Stopped", ["Wait"])


def test_a_callback_without_its_queue_fails(lab: Lab) -> None:
    arn = lab.start(lab.create(callback("https://sqs.eu-central-1.amazonaws.com/123456789012/nowhere")))
    lab.now += 10
    assert lab.status(arn) == "Failed"
    assert "nowhere" in lab.steps(arn)["Wait"]["FailureReason"]


def test_retry_in_place(lab: Lab) -> None:
    name = lab.create(processing("A"), processing("B", out("A")), processing("C", out("B")))
    script(lab, name, Fault("B", "InternalServerError: We encountered an internal error. Please try again.", 1))
    arn = lab.start(name)
    assert lab.settle(arn) == "Failed"
    reason = lab.sm.describe_pipeline_execution(PipelineExecutionArn=arn)["FailureReason"]
    assert reason == "Step failure: One or multiple steps failed."
    before = lab.steps(arn)
    assert before["B"]["FailureReason"].startswith("InternalServerError") and "C" not in before
    assert lab.sm.retry_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionArn"] == arn
    assert refused(lab.sm.retry_pipeline_execution, PipelineExecutionArn=arn)[0] == "ConflictException"
    assert lab.settle(arn) == "Succeeded"
    after = lab.steps(arn)
    assert after["A"] == before["A"]
    assert after["B"]["AttemptCount"] == 2 and "FailureReason" not in after["B"]
    assert after["B"]["Metadata"] != before["B"]["Metadata"]
    assert "FailureReason" not in lab.sm.describe_pipeline_execution(PipelineExecutionArn=arn)


def test_cached_steps_make_a_run_a_no_op(lab: Lab) -> None:
    cache = {"CacheConfig": {"Enabled": True, "ExpireAfter": "PT6H"}}
    data = {"Std:Join": {"On": "/", "Values": ["s3://b", {"Get": "Parameters.Mode"}]}}
    steps = processing("A", data, **cache), processing("B", out("A"), **cache)
    name = lab.create(*steps, parameters=PARAMETERS)
    first = lab.start(name)
    lab.settle(first)
    second = lab.start(name)
    lab.now += 60
    assert lab.status(second) == "Succeeded"
    for one in lab.steps(second).values():
        assert one["CacheHitResult"] == {"SourcePipelineExecutionArn": first}
    assert lab.steps(second)["A"]["Metadata"] == lab.steps(first)["A"]["Metadata"]
    # Another input, or too late: it works again. B reads the same output of A, and may be reused.
    third = lab.start(name, PipelineParameters=[value("Mode", "quick")])
    assert lab.settle(third) == "Succeeded"
    assert {n: "CacheHitResult" in one for n, one in lab.steps(third).items()} == {"A": False, "B": True}
    lab.now += 7 * 3600
    fourth = lab.start(name)
    lab.settle(fourth)
    assert not any("CacheHitResult" in one for one in lab.steps(fourth).values())


def test_selective_execution(lab: Lab) -> None:
    name = lab.create(processing("A"), processing("B", out("A")), processing("C", out("B")), processing("D", out("C")))
    script(lab, name, Fault("D", "AlgorithmError: bug", 1))
    source = lab.start(name)
    lab.settle(source)

    def select(*names: str, arn: str | None = source) -> dict[str, Any]:
        config: dict[str, Any] = {"SelectedSteps": [{"StepName": one} for one in names]}
        return {
            "PipelineName": name,
            "SelectiveExecutionConfig": config | ({"SourcePipelineExecutionArn": arn} if arn else {}),
        }

    arn = lab.sm.start_pipeline_execution(**select("B", "C"))["PipelineExecutionArn"]
    assert lab.settle(arn) == "Succeeded"
    steps = lab.steps(arn)
    assert set(steps) == {"A", "B", "C"}
    assert steps["A"]["SelectiveExecutionResult"] == {"SourcePipelineExecutionArn": source}
    assert steps["A"]["Metadata"] == lab.steps(source)["A"]["Metadata"]
    assert "SelectiveExecutionResult" not in steps["B"]
    for bad, told in (
        (select("B", "D"), "connected"),
        (select("X"), "not in the pipeline definition"),
        (select("B", arn=None), "SourcePipelineExecutionArn is required"),
        (select("B", arn=lab.start(name)), "Succeeded or Failed"),
    ):
        code, message = refused(lab.sm.start_pipeline_execution, **bad)
        assert code == "ValidationException" and told in message
    assert lab.sm.start_pipeline_execution(**select("A", arn=None))["PipelineExecutionArn"]  # waits for nothing


def test_parallelism_is_limited(lab: Lab) -> None:
    name = lab.create(
        *(processing(f"S{n}") for n in range(5)), ParallelismConfiguration={"MaxParallelExecutionSteps": 2}
    )
    arn = lab.start(name)
    lab.now += 30
    assert len(lab.states(arn)) == 2
    wider = lab.start(name, ParallelismConfiguration={"MaxParallelExecutionSteps": 4})
    lab.now += 30
    assert len(lab.states(wider)) == 4
    assert lab.settle(arn) == lab.settle(wider) == "Succeeded"


def test_twenty_at_once(lab: Lab) -> None:
    lab.now += 200_000
    name = lab.create(processing("A"))
    active = len(
        [e for e in lab.world.region().of(Pipelines).active() if lab.status(e.arn) in ("Executing", "Stopping")]
    )
    arns = [lab.start(name) for _ in range(20 - active)]
    code, message = refused(lab.sm.start_pipeline_execution, PipelineName=name)
    assert code == "ResourceLimitExceeded" and "20" in message
    assert lab.settle(arns[0]) == "Succeeded"
    assert lab.start(name)


def test_update_and_list(lab: Lab) -> None:
    name = lab.create(processing("A"))
    arns = []
    for _ in range(11):
        arns.append(lab.start(name))
        lab.settle(arns[-1])
    lab.sm.update_pipeline_execution(PipelineExecutionArn=arns[0], PipelineExecutionDescription="the first")
    first = lab.sm.list_pipeline_executions(PipelineName=name)
    assert [row["PipelineExecutionArn"] for row in first["PipelineExecutionSummaries"]] == arns[:0:-1]
    rest = lab.sm.list_pipeline_executions(PipelineName=name, NextToken=first["NextToken"])
    (row,) = rest["PipelineExecutionSummaries"]
    assert row["PipelineExecutionDescription"] == "the first" and "NextToken" not in rest


def test_search_lags_and_gives_the_newest_change_first(lab: Lab) -> None:
    name = lab.create(processing("A"))
    older, newer = lab.start(name), lab.start(name)

    def found() -> list[tuple[str, str]]:
        mine = {"Filters": [{"Name": "PipelineExecutionArn", "Operator": "Contains", "Value": f"{name}/"}]}
        answer = lab.sm.search(Resource="PipelineExecution", SearchExpression=mine)["Results"]
        rows = [one["PipelineExecution"] for one in answer]
        return [(row["PipelineExecutionArn"], row["PipelineExecutionStatus"]) for row in rows]

    assert found() == []
    lab.now += 30
    assert sorted(found()) == sorted([(older, "Executing"), (newer, "Executing")])
    lab.sm.stop_pipeline_execution(PipelineExecutionArn=older)
    assert lab.status(older) == "Stopping" and (older, "Executing") in found()
    lab.now += 11
    assert found() == [(older, "Stopping"), (newer, "Executing")]
    lab.settle(newer)
    lab.now += 11
    assert [one for one, _ in found()] == [newer, older]
