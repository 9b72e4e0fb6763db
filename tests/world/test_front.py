"""The chassis over HTTP: what is validated, paged, throttled, recorded, and how faults come out at the client."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from console.world import operations, shapes
from console.world.identity import CI, ONCALL, SECRET, TERRAFORM
from tests.world.conftest import Lab
from tests.world.test_endpoints import refused


def control(lab: Lab, method: str, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{lab.served.url}/_world/{path}", data, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def post(lab: Lab, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
    """A bare request, as no SDK would send it."""
    request = urllib.request.Request(lab.served.url, body, headers, method="POST")
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.parametrize(
    "operation, request_, sentence",
    [
        ("list_endpoints", {"MaxResults": 500}, "Value '500' at 'maxResults' failed to satisfy constraint: Member must "
         "have value less than or equal to 100"),
        ("list_endpoints", {"StatusEquals": "Nope"}, "Value 'Nope' at 'statusEquals' failed to satisfy constraint: "
         "Member must satisfy enum value set: [OutOfService, "),
        ("describe_endpoint", {"EndpointName": "bad name!"}, "Value 'bad name!' at 'endpointName' failed to satisfy "
         "constraint: Member must satisfy regular expression pattern: "),
        ("describe_endpoint", {"EndpointName": "n" * 64}, "Member must have length less than or equal to 63"),
    ],
)  # fmt: skip
def test_what_botocore_lets_pass_is_refused(lab: Lab, operation: str, request_: dict[str, Any], sentence: str) -> None:
    code, message = refused(getattr(lab.client("sagemaker"), operation), **request_)
    assert code == "ValidationException"
    assert "validation error" in message and sentence in message


def test_what_botocore_itself_refuses_is_refused_on_the_wire(lab: Lab) -> None:
    sagemaker = lab.client("sagemaker", parameter_validation=False)
    assert refused(sagemaker.describe_endpoint) == (
        "ValidationException",
        "1 validation error detected: Value null at 'endpointName' failed to satisfy constraint: "
        "Member must not be null",
    )
    _, message = refused(sagemaker.update_endpoint, EndpointName="a b", EndpointConfigName="c d")
    assert message.startswith("2 validation errors detected: Value 'a b' at 'endpointName'")


def test_a_body_that_is_no_object_is_refused(lab: Lab) -> None:
    signed = "AWS4-HMAC-SHA256 Credential=AKIA/20261123/eu-central-1/sagemaker/aws4_request, SignedHeaders=host"
    for body in (b"[]", b"{", b"\xff"):
        status, answer = post(lab, body, {"X-Amz-Target": "SageMaker.ListEndpoints", "Authorization": signed})
        assert (status, answer["__type"]) == (400, "SerializationException")


def test_the_answers_are_checked_too() -> None:
    with pytest.raises(shapes.AnswerError, match=r"endpointStatus.*null.*colour"):
        shapes.check_answer("sagemaker", "DescribeEndpoint", {"EndpointName": "x", "Colour": "red"})
    with pytest.raises(shapes.AnswerError, match="enum value set"):
        shapes.check_answer("sagemaker", "ListEndpoints", {"Endpoints": [{"EndpointStatus": "Purple"}]})


def test_an_unknown_operation_is_a_proper_error(lab: Lab) -> None:
    assert refused(lab.client("sagemaker").list_clusters)[0] == "UnknownOperationException"
    streams = lab.client("cloudwatch").list_metric_streams
    assert refused(streams)[0] == "UnknownOperationException"


def test_pages_default_to_ten_newest_first_and_filters_come_after_the_cut(lab: Lab) -> None:
    sagemaker = lab.client("sagemaker")
    first = sagemaker.list_endpoints()
    assert len(first["Endpoints"]) == 10
    created = [one["CreationTime"] for one in first["Endpoints"]]
    assert created == sorted(created, reverse=True)
    rest = sagemaker.list_endpoints(NextToken=first["NextToken"])
    assert len(rest["Endpoints"]) == 2 and "NextToken" not in rest
    last = rest["Endpoints"][-1]["EndpointName"]
    empty = sagemaker.list_endpoints(NameContains=last)
    assert empty["Endpoints"] == [] and empty["NextToken"], "an empty page is not the end"
    pages = list(sagemaker.get_paginator("list_endpoints").paginate(NameContains=last))
    assert [one["EndpointName"] for cut in pages for one in cut["Endpoints"]] == [last]
    token = first["NextToken"]
    assert refused(sagemaker.list_endpoints, NextToken=token, SortBy="Name")[0] == "ValidationException"
    assert refused(sagemaker.list_endpoints, NextToken="garbage")[0] == "ValidationException"
    by_name = sagemaker.list_endpoints(SortBy="Name", SortOrder="Ascending", MaxResults=100)["Endpoints"]
    assert [one["EndpointName"] for one in by_name] == sorted(one["EndpointName"] for one in by_name)


def test_rates_are_those_that_aws_publishes_and_shared_by_all_clients(world: Callable[..., Lab]) -> None:
    lab = world(throttle=True)
    one, other = lab.client("sagemaker"), lab.client("sagemaker")
    for _ in range(2):
        one.list_endpoints()
        other.list_endpoints()
    assert refused(one.list_endpoints) == ("ThrottlingException", "Rate exceeded")
    one.describe_endpoint(EndpointName="delay-risk")  # has a bucket of its own
    lab.client("sagemaker", region="us-east-1").list_endpoints()
    lab.clock.tick(0.5)
    other.list_endpoints()
    assert refused(one.list_endpoints)[0] == "ThrottlingException"


def test_identity_is_what_cloudtrail_records(lab: Lab) -> None:
    me = lab.client("sts").get_caller_identity()
    assert me["Arn"] == ONCALL.arn == "arn:aws:sts::123456789012:assumed-role/OnCall/maria.lindt"
    lab.client("sagemaker").update_endpoint(EndpointName="delay-risk", EndpointConfigName="delay-risk-v6")
    refused(lab.client("sagemaker").update_endpoint, EndpointName="delay-risk", EndpointConfigName="delay-risk-v5")
    trail = lab.client("cloudtrail")
    wanted = {"LookupAttributes": [{"AttributeKey": "Username", "AttributeValue": "maria.lindt"}], "MaxResults": 2}
    assert lab.clock.now - trail.lookup_events(**wanted)["Events"][0]["EventTime"].timestamp() > 3600, "not yet there"
    lab.clock.tick(31)
    second, first = (json.loads(one["CloudTrailEvent"]) for one in trail.lookup_events(**wanted)["Events"])
    assert first["userIdentity"]["arn"] == me["Arn"]
    assert first["userIdentity"]["principalId"] == me["UserId"]
    assert first["userAgent"].startswith("Boto3/")
    assert first["requestParameters"] == {"endpointName": "delay-risk", "endpointConfigName": "delay-risk-v6"}
    assert first["responseElements"]["endpointArn"].endswith(":endpoint/delay-risk") and "errorCode" not in first
    assert second["errorCode"] == "ValidationException" and second["errorMessage"].startswith("Cannot update")


def test_cloudtrail_finds_by_one_attribute_and_pages_by_fifty(lab: Lab) -> None:
    trail = lab.client("cloudtrail")
    pages = list(trail.get_paginator("lookup_events").paginate())
    assert len(pages) > 1 and len(pages[0]["Events"]) == 50
    events = [event for cut in pages for event in cut["Events"]]
    times = [event["EventTime"] for event in events]
    assert times == sorted(times, reverse=True)
    assert len({event["EventId"] for event in events}) == len(events)
    bodies = [json.loads(event["CloudTrailEvent"]) for event in events]
    assert {"terraform", "ci-deployer", "MLEngineer", "OnCall"} <= {
        body["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"] for body in bodies
    }
    assert any("Terraform" in body["userAgent"] for body in bodies)
    assert any(body.get("errorCode") == "ResourceLimitExceeded" for body in bodies)
    assert "fst_" not in json.dumps(bodies), "environments are hidden"
    two = [{"AttributeKey": "EventName", "AttributeValue": name} for name in ("CreateModel", "UpdateEndpoint")]
    assert refused(trail.lookup_events, LookupAttributes=two)[0] == "InvalidLookupAttributesException"
    named = trail.lookup_events(LookupAttributes=two[1:])["Events"]
    assert {event["EventName"] for event in named} == {"UpdateEndpoint"}
    assert not lab.client("cloudtrail", region="us-east-1").lookup_events()["Events"]


def test_an_assumed_role_acts_until_it_expires(lab: Lab) -> None:
    taken = lab.client("sts").assume_role(
        RoleArn="arn:aws:iam::123456789012:role/ModelOperator", RoleSessionName="maria", DurationSeconds=900
    )
    keys = taken["Credentials"]
    session = boto3.session.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], "eu-central-1")
    sts, sagemaker = (session.client(name, endpoint_url=lab.served.url) for name in ("sts", "sagemaker"))
    assert sts.get_caller_identity()["Arn"] == taken["AssumedRoleUser"]["Arn"]
    assert taken["AssumedRoleUser"]["Arn"].endswith(":assumed-role/ModelOperator/maria")
    lab.clock.tick(901)
    assert refused(sts.get_caller_identity)[0] == "ExpiredToken"
    assert refused(sagemaker.list_endpoints)[0] == "ExpiredTokenException"


def test_a_principal_for_each_key(lab: Lab) -> None:
    for caller in (CI, TERRAFORM):
        session = boto3.session.Session(caller.access_key, SECRET, "token", "eu-central-1")
        assert session.client("sts", endpoint_url=lab.served.url).get_caller_identity()["Arn"] == caller.arn


def test_fault_code_is_refused_before_anything_happens(lab: Lab) -> None:
    rule = {"operation": "UpdateEndpoint", "code": "AccessDeniedException", "message": "no", "status": 400, "times": 1}
    assert control(lab, "POST", "faults", [rule]) == 1
    sagemaker, target = lab.client("sagemaker"), {"EndpointName": "delay-risk", "EndpointConfigName": "delay-risk-v6"}
    assert refused(sagemaker.update_endpoint, **target) == ("AccessDeniedException", "no")
    assert sagemaker.describe_endpoint(EndpointName="delay-risk")["EndpointStatus"] == "InService"
    sagemaker.update_endpoint(**target)


def test_a_server_error_is_retried_by_the_sdk(lab: Lab) -> None:
    control(lab, "POST", "faults", [{"operation": "*", "code": "InternalFailure", "status": 503, "times": 1}])
    lab.client("sagemaker", attempts=2).list_endpoints()
    assert control(lab, "GET", "calls") == {"ListEndpoints": 2}


def test_a_lost_response_has_been_done(lab: Lab) -> None:
    """13.9: the write happens, the client sees nothing, and trying again says in-progress."""
    lab.world.faults.add(operation="UpdateEndpoint", lose_response=True, times=1)
    sagemaker, target = lab.client("sagemaker"), {"EndpointName": "delay-risk", "EndpointConfigName": "delay-risk-v6"}
    with pytest.raises(ConnectionClosedError):
        sagemaker.update_endpoint(**target)
    assert sagemaker.describe_endpoint(EndpointName="delay-risk")["EndpointStatus"] == "Updating"
    assert refused(sagemaker.update_endpoint, **target)[1].startswith("Cannot update in-progress endpoint")


def test_a_late_answer_times_the_client_out_and_delays_nobody_else(lab: Lab) -> None:
    lab.world.faults.add(operation="UpdateEndpoint", delay_s=0.8, times=1)
    slow = lab.client("sagemaker", read_timeout=0.2)
    started = time.monotonic()
    with pytest.raises(ReadTimeoutError):
        slow.update_endpoint(EndpointName="delay-risk", EndpointConfigName="delay-risk-v6")
    found = lab.client("sagemaker").describe_endpoint(EndpointName="delay-risk")
    assert found["EndpointStatus"] == "Updating" and time.monotonic() - started < 0.8


def test_a_truncated_body_is_an_empty_answer_to_botocore(lab: Lab) -> None:
    """No exception: its JSON parser swallows the error. Whoever reads must miss the required member."""
    lab.world.faults.add(operation="ListEndpoints", truncate=True)
    answer = lab.client("sagemaker").list_endpoints()
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200 and "Endpoints" not in answer
    control(lab, "DELETE", "faults")
    assert lab.client("sagemaker").list_endpoints()["Endpoints"]


def test_answers_can_be_naughty(lab: Lab) -> None:
    """13.13: unknown enum values, 1,024 characters with newlines, ANSI and markup."""
    reason = ("\x1b[31mred\x1b[0m [bold]x[/bold]\n\x1b]0;title\x07 \u202e" * 40)[:1024]
    lab.world.faults.add(
        operation="DescribeEndpoint",
        match={"EndpointName": "delay-risk"},
        answer={"EndpointStatus": "Quarantined", "FailureReason": reason},
    )
    sagemaker = lab.client("sagemaker")
    found = sagemaker.describe_endpoint(EndpointName="delay-risk")
    assert (found["EndpointStatus"], found["FailureReason"]) == ("Quarantined", reason)
    assert sagemaker.describe_endpoint(EndpointName="search-rank")["EndpointStatus"] == "InService"


def test_faults_reach_the_services_of_moto_too(lab: Lab) -> None:
    lab.world.faults.add(operation="DescribeAlarms", code="AccessDeniedException", message="not you")
    assert refused(lab.client("cloudwatch").describe_alarms)[0] == "AccessDeniedException"
    lab.client("logs").describe_log_groups()


def test_a_whole_service_can_be_denied(lab: Lab) -> None:
    """13.14: AccessDenied on one service only."""
    lab.world.faults.add(service="cloudtrail", code="AccessDeniedException", message="no")
    assert refused(lab.client("cloudtrail").lookup_events)[0] == "AccessDeniedException"
    lab.client("sagemaker").list_endpoints()


def test_artifacts_of_models_are_in_s3(lab: Lab) -> None:
    sagemaker, s3 = lab.client("sagemaker"), lab.client("s3")
    lab.world.play("bad-config")
    for version in (7, 8):
        model = sagemaker.describe_model(ModelName=f"delay-risk-v{version}")
        bucket, key = model["PrimaryContainer"]["ModelDataUrl"].removeprefix("s3://").split("/", 1)
        assert s3.head_object(Bucket=bucket, Key=key)["ContentLength"] > 0
    s3.delete_object(Bucket=bucket, Key=key)
    assert refused(s3.head_object, Bucket=bucket, Key=key)[0] == "404"


def test_wrong_controls_say_so(lab: Lab) -> None:
    for method, path, body in (
        ("POST", "faults", [{"colour": "red"}]),
        ("POST", "incident", {"name": "nope"}),
        ("GET", "nothing", None),
    ):
        with pytest.raises(urllib.error.HTTPError) as caught:
            control(lab, method, path, body)
        assert "error" in json.load(caught.value)


def test_connections_are_kept_alive(lab: Lab) -> None:
    """A request on a fresh connection, or one that waits for a delayed ACK (40 ms), shows here."""
    sts = lab.client("sts")
    sts.get_caller_identity()
    started = time.process_time(), time.monotonic()
    for _ in range(50):
        sts.get_caller_identity()
    assert time.monotonic() - started[1] < 50 * 0.03


def test_other_services_are_motos(lab: Lab) -> None:
    s3, sqs = lab.client("s3"), lab.client("sqs")
    s3.create_bucket(Bucket="acme-things", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket="acme-things", Key="a/b", Body=b"x" * 70_000, Metadata={"k_e-y": "v"})
    assert s3.head_object(Bucket="acme-things", Key="a/b")["ContentLength"] == 70_000
    assert len(s3.get_object(Bucket="acme-things", Key="a/b")["Body"].read()) == 70_000
    with pytest.raises(ClientError):
        s3.head_object(Bucket="acme-things", Key="none")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="hi")
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "hi"


def test_every_operation_that_we_registered_is_botocores() -> None:
    for service, name in operations.registered():
        assert name in shapes.model(service).operation_names, (service, name)
