"""Operations on pipelines, through boto3 over HTTP, every answer checked against its output shape."""

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from console.world.pipeline_seed import templates
from tests.world.pipeline_lab import ROLE, Lab, definition, lab, processing

__all__ = ["lab"]  # the fixture


def refused(call: Any, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.mark.parametrize("name", templates())
def test_the_sdks_definitions_come_back_as_they_were(lab: Lab, name: str) -> None:
    arn = lab.sm.create_pipeline(PipelineName=name, PipelineDefinition=templates()[name], RoleArn=ROLE)["PipelineArn"]
    for by in (name, arn):
        found = lab.sm.describe_pipeline(PipelineName=by)
        assert found["PipelineDefinition"] == templates()[name]
        assert found["PipelineStatus"] == "Active"
        assert found["CreatedBy"]["IamIdentity"]["Arn"].endswith("OnCall/maria.lindt")


def test_names_are_unique(lab: Lab) -> None:
    name = lab.create(processing("A"))
    code, message = refused(
        lab.sm.create_pipeline, PipelineName=name, PipelineDefinition=definition(processing("A")), RoleArn=ROLE
    )
    assert code == "ValidationException" and "already exists" in message


def test_a_token_makes_one_pipeline(lab: Lab) -> None:
    request = {
        "PipelineName": "tokened",
        "PipelineDefinition": definition(processing("A")),
        "RoleArn": ROLE,
        "ClientRequestToken": str(uuid.uuid4()),
    }
    first, again = lab.sm.create_pipeline(**request), lab.sm.create_pipeline(**request)
    assert first["PipelineArn"] == again["PipelineArn"]
    assert refused(lab.sm.create_pipeline, **request | {"PipelineName": "other"})[0] == "ConflictException"


def test_bad_definitions_and_missing_ones(lab: Lab) -> None:
    base = {"PipelineName": "bad", "RoleArn": ROLE}
    code, message = refused(lab.sm.create_pipeline, **base, PipelineDefinition="{}")
    assert (code, message.split(".")[0]) == ("ValidationException", "Unable to parse pipeline definition")
    assert refused(lab.sm.create_pipeline, **base)[0] == "ValidationException"
    assert refused(lab.sm.create_pipeline, **base | {"PipelineName": "bad name!"}, PipelineDefinition="{}")[0] == (
        "ValidationException"
    )
    nowhere = {"Bucket": "definitions", "ObjectKey": "none.json"}
    assert refused(lab.sm.create_pipeline, **base, PipelineDefinitionS3Location=nowhere)[0] == "ValidationException"


def test_a_definition_in_s3(lab: Lab) -> None:
    text = definition(processing("A"))
    s3 = lab.client("s3")
    s3.create_bucket(Bucket="definitions", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket="definitions", Key="p.json", Body=text.encode())
    where = {"Bucket": "definitions", "ObjectKey": "p.json"}
    lab.sm.create_pipeline(PipelineName="from-s3", PipelineDefinitionS3Location=where, RoleArn=ROLE)
    assert lab.sm.describe_pipeline(PipelineName="from-s3")["PipelineDefinition"] == text


def test_an_update_makes_a_version_that_running_executions_do_not_see(lab: Lab) -> None:
    name = lab.create(processing("Old"))
    arn = lab.start(name)
    updated = lab.sm.update_pipeline(PipelineName=name, PipelineDefinition=definition(processing("New")))
    assert updated["PipelineVersionId"] == 2
    ran = lab.sm.describe_pipeline_definition_for_execution(PipelineExecutionArn=arn)["PipelineDefinition"]
    assert json.loads(ran)["Steps"][0]["Name"] == "Old"
    assert json.loads(lab.sm.describe_pipeline(PipelineName=name)["PipelineDefinition"])["Steps"][0]["Name"] == "New"
    again = lab.start(name, PipelineVersionId=1)
    lab.settle(arn), lab.settle(again)
    assert list(lab.states(again)) == ["Old"]
    assert list(lab.states(arn)) == ["Old"]


def test_delete_waits_for_the_running(lab: Lab) -> None:
    name = lab.create(processing("A"), Tags=[{"Key": "team", "Value": "x"}])
    arn = lab.start(name)
    assert refused(lab.sm.delete_pipeline, PipelineName=name)[0] == "ConflictException"
    lab.settle(arn)
    pipeline = lab.sm.delete_pipeline(PipelineName=name)["PipelineArn"]
    assert refused(lab.sm.describe_pipeline, PipelineName=name) == (
        "ResourceNotFound",
        f"Pipeline '{pipeline}' does not exist.",
    )
    assert refused(lab.sm.describe_pipeline_execution, PipelineExecutionArn=arn)[0] == "ResourceNotFound"
    assert lab.sm.list_tags(ResourceArn=pipeline)["Tags"] == []


def test_tags_and_search(lab: Lab) -> None:
    name = lab.create(processing("A"), Tags=[{"Key": "team", "Value": "growth"}])
    arn = lab.sm.describe_pipeline(PipelineName=name)["PipelineArn"]
    assert lab.sm.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "growth"}]
    by_team = {"Filters": [{"Name": "Tags.team", "Operator": "Equals", "Value": "growth"}]}
    assert lab.sm.search(Resource="Pipeline", SearchExpression=by_team)["Results"] == []  # the index lags
    lab.now += 60
    found = lab.sm.search(Resource="Pipeline", SearchExpression=by_team)["Results"]
    assert [one["Pipeline"]["PipelineName"] for one in found] == [name]


def test_listing(lab: Lab) -> None:
    names = [f"listed-{n}" for n in range(12)]
    for name in names:
        lab.now += 60
        lab.sm.create_pipeline(PipelineName=name, PipelineDefinition=definition(processing("A")), RoleArn=ROLE)
    first = lab.sm.list_pipelines(PipelineNamePrefix="listed")
    assert [row["PipelineName"] for row in first["PipelineSummaries"]] == names[:1:-1]
    rest = lab.sm.list_pipelines(PipelineNamePrefix="listed", NextToken=first["NextToken"])
    assert [row["PipelineName"] for row in rest["PipelineSummaries"]] == ["listed-1", "listed-0"]
    other = refused(lab.sm.list_pipelines, PipelineNamePrefix="l", NextToken=first["NextToken"])
    assert other[0] == "ValidationException"
    # A prefix, not a part; and filters of time come after the page is cut: an empty page with a token.
    assert lab.sm.list_pipelines(PipelineNamePrefix="isted")["PipelineSummaries"] == []
    early = lab.sm.list_pipelines(PipelineNamePrefix="listed", CreatedBefore=lab.now - 650, MaxResults=2)
    assert early["PipelineSummaries"] == [] and early["NextToken"]
    lab.start("listed-3")
    row = next(r for r in lab.sm.list_pipelines()["PipelineSummaries"] if r["PipelineName"] == "listed-3")
    assert row["LastExecutionTime"].timestamp() == pytest.approx(lab.now)


def test_writes_are_in_cloudtrail(lab: Lab) -> None:
    name = lab.create(processing("A"))
    arn = lab.start(name, PipelineExecutionDisplayName="by-hand")
    refused(lab.sm.start_pipeline_execution, PipelineName="nobody")
    lab.now += 120
    events = lab.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "StartPipelineExecution"}]
    )["Events"]
    failed, started = (json.loads(event["CloudTrailEvent"]) for event in events[:2])
    assert failed["errorCode"] == "ResourceNotFound"
    assert started["requestParameters"]["pipelineName"] == name
    assert started["responseElements"]["pipelineExecutionArn"] == arn
    assert started["userIdentity"]["arn"].endswith("OnCall/maria.lindt")
