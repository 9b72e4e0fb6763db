"""Scoped clients over real HTTP: what may leave, how often, and what comes back as which error."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from console import __version__
from console.clients.aws import Cloud
from console.clients.budget import Budget
from console.clients.errors import ClockSkewed, InProgress, QuotaExceeded, never_sent
from console.clients.hooks import is_read
from console.errors import (
    CredentialsError,
    LastgoodError,
    NotFound,
    NotPermitted,
    Refused,
    Rejected,
    Throttled,
    Unreachable,
    UsageError,
)
from tests.clients.conftest import Clock, Reply, Teller, cloud, context, failure

pytestmark = pytest.mark.usefixtures("keys")

LIST = ["sagemaker:ListEndpoints"]
ROLL = ["sagemaker:UpdateEndpoint", "sagemaker:DescribeEndpoint"]
EMPTY = json.dumps({"Endpoints": []})


def roll(client: object) -> None:
    client.update_endpoint(EndpointName="risk", EndpointConfigName="risk-v8")  # type: ignore[attr-defined]


# Scope


def test_undeclared_operation_is_refused_before_anything_leaves(teller: Teller) -> None:
    client = cloud(teller.url).client("sagemaker", LIST)
    with pytest.raises(Refused, match="sagemaker:DescribeEndpoint was not declared"):
        client.describe_endpoint(EndpointName="risk")
    with pytest.raises(Refused):
        client.delete_endpoint(EndpointName="risk")
    with pytest.raises(Refused):
        list(client.get_paginator("list_models").paginate())
    assert teller.requests == []


def test_operations_of_other_services_do_not_widen_a_client(teller: Teller) -> None:
    client = cloud(teller.url).client("sagemaker", ["logs:ListTags", "ListEndpoints"])
    with pytest.raises(Refused):
        client.list_tags(ResourceArn="arn:aws:sagemaker:eu-central-1:123456789012:endpoint/x")
    teller.answer = lambda request: Reply(EMPTY)
    assert client.list_endpoints()["Endpoints"] == []


@pytest.mark.parametrize("declared", [["s3:GetObject"], ["s3:HeadObject"]])
def test_presigned_urls_are_stopped_declared_or_not(teller: Teller, declared: list[str]) -> None:
    client = cloud(teller.url).client("s3", declared)
    with pytest.raises(Refused):
        client.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})
    with pytest.raises(Refused):
        client.generate_presigned_post("b", "k")


def test_before_call_is_a_second_lock(teller: Teller) -> None:
    client = cloud(teller.url).client("sagemaker", LIST)
    events = client.meta.events
    guard = next(handler for handler in events._emitter._handlers.prefix_search("provide-client-params"))
    events.unregister("provide-client-params", guard)
    with pytest.raises(Refused):
        client.describe_endpoint(EndpointName="risk")
    assert teller.requests == []


def test_a_reading_client_cannot_be_declared_with_a_write(teller: Teller) -> None:
    with pytest.raises(Refused, match="sagemaker:UpdateEndpoint changes something"):
        cloud(teller.url).client("sagemaker", ROLL)


def test_read_only_contexts_get_no_write_client(teller: Teller) -> None:
    with pytest.raises(Refused, match="context test is read-only"):
        cloud(teller.url, read_only=True).client("sagemaker", ROLL, write=True)


def test_default_deny_of_unknown_verbs() -> None:
    assert is_read("sagemaker:ListEndpoints") and is_read("logs:StartQuery") and is_read("s3:HeadObject")
    for name in ("sagemaker:UpdateEndpoint", "sagemaker:InvokeEndpoint", "logs:PutLogEvents", "sagemaker:Frobnicate"):
        assert not is_read(name)


def test_user_agent_names_lastgood(teller: Teller) -> None:
    teller.answer = lambda request: Reply(EMPTY)
    cloud(teller.url).client("sagemaker", LIST).list_endpoints()
    assert teller.requests[0].agent.endswith(f"lastgood/{__version__}")


# Sending


def test_reads_are_sent_three_times_whatever_the_environment_says(
    teller: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "9")
    monkeypatch.setenv("AWS_RETRY_MODE", "legacy")
    teller.answer = lambda request: failure("InternalFailure", "oops", 500)
    with pytest.raises(Unreachable) as caught:
        cloud(teller.url).client("sagemaker", LIST).list_endpoints()
    assert len(teller.requests) == 3
    assert not never_sent(caught.value)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(hang_up=True),
        failure("InternalFailure", "", 500),
        failure("ThrottlingException", "Rate exceeded"),
        Reply(b"", 503),
        Reply(delay_s=5),
        Reply(b'{"EndpointArn": "arn:', promise=400),
    ],
    ids=["hang-up", "500", "throttled", "503", "timeout", "cut short"],
)
def test_a_write_is_sent_once(teller: Teller, reply: Reply) -> None:
    teller.answer = lambda request: reply
    with pytest.raises((Unreachable, Throttled)) as caught:
        aws = cloud(teller.url, read_s=0.5 if reply.delay_s else 10)
        roll(aws.client("sagemaker", ROLL, write=True))
    assert teller.targets == ["UpdateEndpoint"]
    assert not never_sent(caught.value)


def test_only_writes_with_a_token_may_be_resent(teller: Teller) -> None:
    aws = cloud(teller.url)
    with pytest.raises(Refused, match="no idempotency token"):
        roll(aws.client("sagemaker", ROLL, write=True, attempts=3))
    arn = "arn:aws:sagemaker:eu-central-1:123456789012:pipeline/p/execution/e"
    teller.answer = lambda request: (
        Reply(json.dumps({"PipelineExecutionArn": arn})) if len(teller.requests) > 1 else Reply(hang_up=True)
    )
    start = aws.client("sagemaker", ["sagemaker:StartPipelineExecution"], write=True, attempts=3)
    start.start_pipeline_execution(PipelineName="p", ClientRequestToken="t" * 32)
    assert [json.loads(request.body)["ClientRequestToken"] for request in teller.requests] == ["t" * 32] * 2


def test_nothing_listens(teller: Teller) -> None:
    teller.server.server_close()
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1 cannot be reached") as caught:
        roll(cloud(teller.url).client("sagemaker", ROLL, write=True))
    assert caught.value.code == "EndpointConnectionError" and never_sent(caught.value)
    assert caught.value.operation == "sagemaker:UpdateEndpoint"


def test_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unreachable, match=r"nowhere\.invalid cannot be reached"):
        roll(cloud("http://nowhere.invalid").client("sagemaker", ROLL, write=True))


def test_a_host_that_does_not_answer_the_connection() -> None:
    began = time.monotonic()
    with pytest.raises(Unreachable) as caught:
        roll(cloud("http://192.0.2.1").client("sagemaker", ROLL, write=True))
    assert never_sent(caught.value) and time.monotonic() - began < 10


def test_proxy_that_is_not_there(teller: Teller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://user:hunter2@127.0.0.1:9")
    with pytest.raises(Unreachable, match=r"the proxy 127\.0\.0\.1 cannot be reached") as caught:
        roll(cloud(teller.url).client("sagemaker", ROLL, write=True))
    assert "hunter2" not in str(caught.value) and never_sent(caught.value)


def test_no_tls_there(teller: Teller) -> None:
    with pytest.raises(Unreachable) as caught:
        roll(cloud(teller.url.replace("http", "https")).client("sagemaker", ROLL, write=True))
    assert caught.value.code == "SSLError" and "AWS_CA_BUNDLE" in caught.value.advice


# Answers


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply("<html>Please sign in</html>", kind="text/html"), "a web page"),
        (Reply(b'{"Endpoints": [{"EndpointNa'), "a broken answer"),
        (Reply(b""), "an empty answer"),
        (Reply(b"[]"), "a broken answer"),
        (Reply(b"\xff\xfe\x00"), "a broken answer"),
        (Reply(b"\xff\xfe\x00", 400), "cannot be read"),
        (Reply(b"[1]", 400), "cannot be read"),
        (Reply("<html>403 Forbidden</html>", 403, "text/html"), "HTTP 403 without an answer of AWS"),
        (Reply("<html>Proxy says no</html>", 407, "text/html"), "HTTP 407"),
    ],
)
def test_what_is_no_answer_is_never_an_empty_list(teller: Teller, reply: Reply, said: str) -> None:
    teller.answer = lambda request: reply
    with pytest.raises(Unreachable, match=said) as caught:
        cloud(teller.url).client("sagemaker", LIST).list_endpoints()
    assert "proxy" in caught.value.advice


def test_sts_garbage(teller: Teller) -> None:
    teller.answer = lambda request: Reply("<html><body>sign in</html>", kind="text/html")
    with pytest.raises(Unreachable):
        cloud(teller.url).client("sts", ["sts:GetCallerIdentity"]).get_caller_identity()


ARN = "arn:aws:sagemaker:eu-central-1:123456789012:endpoint/risk"
QUOTA = (
    "The account-level service limit 'ml.m5.xlarge for endpoint usage' is 4 Instances, with current utilization of 4 "
    "Instances and a request delta of 2 Instances. Please use AWS Service Quotas to request an increase."
)
DENIED = (
    "User: arn:aws:sts::123456789012:assumed-role/ops/ana is not authorized to perform: sagemaker:UpdateEndpoint on "
    f"resource: {ARN} because no identity-based policy allows the sagemaker:UpdateEndpoint action"
)


@pytest.mark.parametrize(
    ("code", "message", "kind", "said"),
    [
        ("ValidationException", f'Could not find endpoint "{ARN}".', NotFound, "Could not find endpoint"),
        ("ValidationException", f'Could not find endpoint configuration "{ARN}".', NotFound, "configuration"),
        ("ValidationException", "Requested resource not found.", NotFound, "Requested resource"),
        ("ValidationException", 'Could not find model "x".', NotFound, "model"),
        ("ResourceNotFound", "Pipeline 'p' does not exist.", NotFound, "Pipeline"),
        ("ValidationException", f'Cannot update in-progress endpoint "{ARN}".', InProgress, "in-progress"),
        ("ValidationException", f'Cannot create already existing endpoint "{ARN}".', Rejected, "already existing"),
        ("ValidationException", "1 validation error detected", Rejected, "1 validation error"),
        ("ConcurrentUpdateException", "busy", InProgress, "busy"),
        ("ResourceLimitExceeded", QUOTA, QuotaExceeded, "request delta of 2"),
        ("LimitExceededException", "too many targets", QuotaExceeded, "too many targets"),
        ("AccessDeniedException", DENIED, NotPermitted, f"not permitted: sagemaker:UpdateEndpoint on {ARN}"),
        ("AccessDenied", "Access Denied", NotPermitted, "not permitted: sagemaker:UpdateEndpoint"),
        ("ThrottlingException", "Rate exceeded", Throttled, "throttled: sagemaker:UpdateEndpoint"),
        ("ExpiredTokenException", "The security token included in the request is expired", CredentialsError, "expired"),
        ("UnrecognizedClientException", "The security token included in the request is invalid.", CredentialsError, ""),
        ("InvalidSignatureException", "does not match: x-amz-security-token:FwoGTOKEN", CredentialsError, ""),
        ("InvalidSignatureException", "Signature expired: 20261123T0 is now earlier than 2026", ClockSkewed, "clock"),
        ("ServiceUnavailable", "try later", Unreachable, "try later"),
        ("UnknownOperationException", "", Rejected, "UnknownOperationException"),
    ],
)
def test_every_answer_has_its_class(
    teller: Teller, code: str, message: str, kind: type[LastgoodError], said: str
) -> None:
    teller.answer = lambda request: failure(code, message)
    with pytest.raises(LastgoodError) as caught:
        roll(cloud(teller.url).client("sagemaker", ROLL, write=True))
    assert type(caught.value) is kind
    assert said in caught.value.message
    assert "FwoGTOKEN" not in f"{caught.value.message} {caught.value.advice}"
    assert caught.value.__cause__ is None and caught.value.__suppress_context__, "a traceback would show the request"
    if kind in {CredentialsError, ClockSkewed, NotPermitted, QuotaExceeded}:
        assert caught.value.advice


def test_invalid_parameters_do_not_repeat_their_values(teller: Teller) -> None:
    client = cloud(teller.url).client("sagemaker", ["sagemaker:CreateModel"], write=True)
    with pytest.raises(Rejected, match=r"PrimaryContainer\.Environment\.DB_PASSWORD") as caught:
        client.create_model(ModelName="m", PrimaryContainer={"Environment": {"DB_PASSWORD": ["hunter2"]}})
    assert "hunter2" not in str(caught.value)
    assert teller.requests == []


def test_head_requests_have_only_a_status(teller: Teller) -> None:
    client = cloud(teller.url).client("s3", ["s3:HeadObject"])
    for status, kind in ((404, NotFound), (403, NotPermitted)):
        teller.answer = lambda request, status=status: Reply(b"", status, "application/xml")  # type: ignore[misc]
        with pytest.raises(kind):
            client.head_object(Bucket="b", Key="k")


def test_unknown_enum_values_and_members_pass(teller: Teller) -> None:
    teller.answer = lambda request: Reply(json.dumps({"EndpointStatus": "Levitating", "NewThing": {"a": 1}}))
    client = cloud(teller.url).client("sagemaker", ["sagemaker:DescribeEndpoint"])
    assert client.describe_endpoint(EndpointName="risk")["EndpointStatus"] == "Levitating"


# Bookkeeping


def test_every_request_sent_is_counted_retries_too_and_a_throttle_slows_down(teller: Teller, tmp_path: Path) -> None:
    budget = Budget(wait=lambda seconds: None)
    seen: list[str] = []
    log = tmp_path / "calls"
    aws = Cloud(context(teller.url), budget=budget, call_log=str(log), on_call=seen.append)
    before = budget.interval_s("sagemaker:ListEndpoints")
    teller.answer = lambda request: (
        Reply(EMPTY) if len(teller.requests) > 1 else failure("ThrottlingException", "Rate exceeded")
    )
    aws.client("sagemaker", LIST).list_endpoints()
    assert seen == ["sagemaker:ListEndpoints"] * 2 == log.read_text().split()
    usage = budget.usage()
    assert usage.calls == {"sagemaker:ListEndpoints": 2} and usage.throttles == {"sagemaker:ListEndpoints": 1}
    assert budget.interval_s("sagemaker:ListEndpoints") > 1.9 * before
    assert log.stat().st_mode & 0o777 == 0o600


def test_urgent_clients_do_not_wait_but_count(teller: Teller) -> None:
    waits: list[float] = []
    budget = Budget(wait=waits.append)
    teller.answer = lambda request: Reply(EMPTY)
    aws = Cloud(context(teller.url), budget=budget)
    urgent, patient = aws.client("sagemaker", LIST, urgent=True), aws.client("sagemaker", LIST)
    for _ in range(4):
        urgent.list_endpoints()
    assert waits == [] and budget.usage().total == 4
    patient.list_endpoints()
    assert len(waits) == 1 and waits[0] > 2


def test_clock_skew_is_measured_on_the_date_header(teller: Teller) -> None:
    aws = cloud(teller.url)

    def skew(ahead_s: int) -> int:
        teller.answer, teller.now = lambda request: Reply(EMPTY), lambda: time.time() + ahead_s
        aws.client("sagemaker", LIST).list_endpoints()
        return aws.skew_ms or 0

    assert aws.skew_ms is None
    assert abs(skew(120) - 120_000) < 2_000
    assert abs(skew(0)) < 2_000


def test_clients_are_shared_and_lazy(teller: Teller, monkeypatch: pytest.MonkeyPatch) -> None:
    aws = cloud(teller.url)
    one, two = aws.client("sagemaker", LIST), aws.client("sagemaker", LIST)
    assert one._cloud._look.session is None, "nothing is made before it is used"
    assert one.meta is two.meta and one.meta is not aws.client("sagemaker", LIST, urgent=True).meta


def test_no_region(teller: Teller) -> None:
    with pytest.raises(UsageError, match="no AWS region") as caught:
        cloud(teller.url, region="").client("sagemaker", LIST).list_endpoints()
    assert "AWS_REGION" in caught.value.advice


def test_environment_credentials_do_not_resume(teller: Teller, clock: Clock) -> None:
    teller.answer = lambda request: failure("ExpiredTokenException", "expired")
    client = cloud(teller.url, clock).client("sagemaker", LIST)
    with pytest.raises(CredentialsError) as caught:
        client.list_endpoints()
    assert not caught.value.resumes and "start lastgood again" in caught.value.advice
    assert len(teller.requests) == 1


def test_import_costs_nothing() -> None:
    code = (
        "import sys, console.settings, console.freeze, console.text, console.clients.budget, console.clients.iam, "
        "console.clients.aws, console.clients.identity, console.clients.translating, console.clients.profiles\n"
        "from console.settings import Settings; from console.clients.aws import Cloud\n"
        "s = Settings.load({'AWS_REGION': 'eu-central-1'}); Cloud.of(s).client('sagemaker', ['ListEndpoints'])\n"
        "heavy = {'boto3', 'botocore', 'httpx', 'mlflow', 'pydantic', 'textual', 'rich', 'typer', 'urllib3'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
