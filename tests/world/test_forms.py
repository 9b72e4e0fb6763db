"""The query protocol, as botocore's own serializer writes it and its own parser reads it: what older clients speak."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore import parsers, serialize

from console.world import shapes
from console.world.cloudwatch.alarms import Alarms
from console.world.identity import ONCALL
from tests.world.conftest import Lab


def ask(lab: Lab, operation: str, signing: str = "monitoring", **members: Any) -> dict[str, Any]:
    service = {"monitoring": "cloudwatch"}.get(signing, signing)
    known = shapes.model(service).operation_model(operation)
    form = serialize.create_serializer("query").serialize_to_request(members, known)["body"]
    scope = f"Credential={ONCALL.access_key}/20261123/eu-central-1/{signing}/aws4_request"
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host",
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
    }
    request = urllib.request.Request(lab.served.url, urlencode(form).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            answer = {"status_code": reply.status, "headers": dict(reply.headers), "body": reply.read()}
    except urllib.error.HTTPError as error:
        answer = {"status_code": error.code, "headers": dict(error.headers), "body": error.read()}
    found: dict[str, Any] = parsers.create_parser("query").parse(answer, known.output_shape)
    return found


def test_metrics_by_forms(lab: Lab) -> None:
    start = int(lab.clock.now) // 60 * 60
    dimensions = [{"Name": "Host", "Value": "a & <b>"}]
    datum = {"MetricName": "Load", "Values": [1.5, 2.5], "Counts": [2.0, 1.0], "Timestamp": start + 1.5}
    put = ask(lab, "PutMetricData", Namespace="Shop", MetricData=[datum | {"Dimensions": dimensions}, datum])
    assert put["ResponseMetadata"]["HTTPStatusCode"] == 200
    metric = {"Namespace": "Shop", "MetricName": "Load", "Dimensions": dimensions}
    query = {"Id": "q", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}
    found = ask(lab, "GetMetricData", MetricDataQueries=[query], StartTime=start, EndTime=start + 60)
    (result,) = found["MetricDataResults"]
    assert (result["Values"], result["Timestamps"][0].timestamp()) == ([5.5], start)
    listed = ask(lab, "ListMetrics", Namespace="Shop")["Metrics"]
    assert [one["Dimensions"] for one in listed] == [[], dimensions]


def test_alarms_by_forms(lab: Lab) -> None:
    alarm = {
        "AlarmName": "x",
        "Namespace": "Shop",
        "MetricName": "Load",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 2.5,
        "ComparisonOperator": "GreaterThanThreshold",
        "ActionsEnabled": False,
        "AlarmActions": [],
    }
    ask(lab, "PutMetricAlarm", **alarm)
    (found,) = ask(lab, "DescribeAlarms", AlarmNames=["x"])["MetricAlarms"]
    assert alarm.items() <= found.items()
    assert found["AlarmConfigurationUpdatedTimestamp"].timestamp() == pytest.approx(lab.clock.now)
    ask(lab, "SetAlarmState", AlarmName="x", StateValue="ALARM", StateReason="a drill")
    assert "x" in lab.world.region().of(Alarms).in_alarm()
    refused = ask(lab, "DeleteAlarms", AlarmNames=["nope"])
    assert refused["Error"]["Code"] == "ResourceNotFound"
    assert ask(lab, "DescribeAlarms", MaxRecords=500)["Error"]["Code"] == "ValidationError"


def test_the_other_services_of_forms(lab: Lab) -> None:
    assert ask(lab, "GetCallerIdentity", "sts")["Account"] == "123456789012"
    role = "arn:aws:iam::123456789012:role/ml-oncall"
    given = ask(lab, "AssumeRole", "sts", RoleArn=role, RoleSessionName="me", DurationSeconds=900)
    assert given["Credentials"]["Expiration"].timestamp() == pytest.approx(lab.clock.now + 900, abs=2)
    names = ["sagemaker:UpdateEndpoint", "sagemaker:DescribeEndpoint"]
    simulated = ask(lab, "SimulatePrincipalPolicy", "iam", PolicySourceArn=role, ActionNames=names)
    assert [one["EvalActionName"] for one in simulated["EvaluationResults"]] == names


def test_forms_that_cannot_be_read(lab: Lab) -> None:
    form = b"Action=DescribeAlarms&MaxRecords=many"
    scope = f"Credential={ONCALL.access_key}/20261123/eu-central-1/monitoring/aws4_request"
    headers = {"Authorization": scope, "Content-Type": "application/x-www-form-urlencoded"}
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(lab.served.url, form, headers), timeout=10)
    assert caught.value.code == 400 and b"MalformedInput" in caught.value.read()
