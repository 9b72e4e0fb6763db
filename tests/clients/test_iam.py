"""The least policy: complete, no wider than declared, small enough, and accepted by a policy's grammar."""

from __future__ import annotations

import fnmatch
import json
from typing import Any

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.clients.iam import actions, policy
from console.errors import UsageError
from console.fleet.operations import operations
from console.kinds.alarm.mute import rule_for

READS = [
    *("sagemaker:ListEndpoints", "sagemaker:DescribeEndpoint", "sagemaker:DescribeEndpointConfig", "sagemaker:Search"),
    *("sagemaker:DescribePipeline", "sagemaker:DescribePipelineExecution", "sagemaker:ListPipelineExecutionSteps"),
    *("sagemaker:DescribePipelineDefinitionForExecution", "sagemaker:DescribeModel", "sagemaker:ListPipelines"),
    *("cloudwatch:DescribeAlarms", "cloudwatch:ListMetrics", "cloudtrail:LookupEvents", "sts:GetCallerIdentity"),
    *("logs:FilterLogEvents", "logs:DescribeLogStreams", "s3:HeadObject", "service-quotas:ListServiceQuotas"),
    "application-autoscaling:DescribeScalableTargets",
]
WRITES = [
    *("sagemaker:UpdateEndpoint", "sagemaker:UpdateEndpointWeightsAndCapacities", "sagemaker:StopPipelineExecution"),
    *("sagemaker:StartPipelineExecution", "sagemaker:RetryPipelineExecution", "sagemaker:UpdateModelPackage"),
]
PLACE = {"partition": "aws", "region": "eu-central-1", "account": "123456789012"}


def allows(document: dict[str, Any], action: str, resource: str) -> bool:
    """A policy's evaluation without conditions: a denial wins."""

    def match(statement: dict[str, Any]) -> bool:
        return any(fnmatch.fnmatchcase(action, a) for a in statement["Action"]) and any(
            fnmatch.fnmatchcase(resource, r) for r in statement["Resource"]
        )

    found = [statement["Effect"] for statement in document["Statement"] if match(statement)]
    return "Allow" in found and "Deny" not in found


def arn(rest: str, service: str = "sagemaker") -> str:
    return f"arn:aws:{service}:eu-central-1:123456789012:{rest}"


def test_reader() -> None:
    document = policy(READS, **PLACE)
    assert allows(document, "sagemaker:ListEndpoints", "*")
    assert allows(document, "sagemaker:DescribeEndpoint", arn("endpoint/risk"))
    assert allows(document, "sagemaker:DescribePipelineExecution", arn("pipeline/p/execution/x"))
    assert allows(document, "logs:FilterLogEvents", arn("log-group:/aws/sagemaker/Endpoints/risk:*", "logs"))
    assert allows(document, "s3:GetObject", "arn:aws:s3:::models/risk/model.tar.gz")
    assert allows(document, "servicequotas:ListServiceQuotas", "*")
    assert not allows(document, "logs:FilterLogEvents", arn("log-group:/hr/salaries", "logs"))
    assert not allows(document, "sagemaker:UpdateEndpoint", arn("endpoint/risk"))
    assert not allows(document, "sagemaker:DescribeEndpoint", arn("endpoint/risk").replace("123456789012", "2"))
    assert "sts" not in json.dumps(document) and "Deny" not in json.dumps(document)


def test_operator() -> None:
    document = policy(READS + WRITES, role="operator", **PLACE)
    for resource in ("endpoint/risk", "endpoint-config/risk-v8"):
        assert allows(document, "sagemaker:UpdateEndpoint", arn(resource))
    assert not allows(document, "sagemaker:UpdateEndpointWeightsAndCapacities", arn("endpoint-config/risk-v8"))
    assert not allows(document, "sagemaker:UpdateEndpoint", arn("model/risk"))
    assert allows(document, "sagemaker:StartPipelineExecution", arn("pipeline/p"))
    for denied in ("sagemaker:DeleteEndpoint", "iam:PassRole", "iam:CreateUser"):
        assert not allows(document, denied, "*")
    approve = next(s for s in document["Statement"] if s["Action"] == ["sagemaker:UpdateModelPackage"])
    assert approve["Condition"]["StringEquals"]["sagemaker:ModelApprovalStatus"] == ["Approved", "Rejected"]


def test_rebuilding_passes_a_role_to_sagemaker_only() -> None:
    document = policy([*WRITES, "sagemaker:CreateModel", "sagemaker:CreateEndpointConfig"], role="operator", **PLACE)
    assert allows(document, "iam:PassRole", "arn:aws:iam::123456789012:role/x")
    assert not allows(document, "iam:CreateUser", "*")
    passed = next(s for s in document["Statement"] if s["Action"] == ["iam:PassRole"])
    assert passed["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


@given(st.lists(st.sampled_from(READS + WRITES)), st.sampled_from(["reader", "operator"]))
def test_exactly_what_was_declared_in_any_order(operations: list[str], role: str) -> None:
    document = policy(operations, role=role)
    allowed = {a for s in document["Statement"] if s["Effect"] == "Allow" for a in s["Action"]}
    assert allowed == {action for operation in operations for action in actions(operation)}
    assert document == policy(reversed(operations), role=role)
    assert not any("*" in action for action in allowed)


def test_mutes_are_of_rules_that_are_ours() -> None:
    """PutAlarmMuteRule is authorised on the rule and on each alarm (botocore's documentation)."""
    declared = [*operations("operator")]
    assert {"cloudwatch:PutAlarmMuteRule", "cloudwatch:DeleteAlarmMuteRule"} <= {*declared}
    document = policy(declared, role="operator", **PLACE)
    for resource in ("alarm:delay-risk-5xx", f"alarm-mute-rule:{rule_for('delay-risk-5xx')}"):
        assert allows(document, "cloudwatch:PutAlarmMuteRule", arn(resource, "cloudwatch"))
    assert allows(document, "cloudwatch:GetAlarmMuteRule", arn("alarm-mute-rule:nightly", "cloudwatch"))
    for action in ("cloudwatch:PutAlarmMuteRule", "cloudwatch:DeleteAlarmMuteRule"):
        assert not allows(document, action, arn("alarm-mute-rule:nightly", "cloudwatch"))
    reading = policy(operations("reader"), **PLACE)
    assert not allows(reading, "cloudwatch:PutAlarmMuteRule", arn("alarm:delay-risk-5xx", "cloudwatch"))
    assert allows(reading, "cloudwatch:ListAlarmMuteRules", "*") and allows(reading, "cloudwatch:DescribeAlarms", "*")


def test_it_fits_a_managed_policy() -> None:
    assert len(json.dumps(policy(READS + WRITES, role="operator", **PLACE), separators=(",", ":"))) < 6144


def test_iam_prefixes_are_the_signing_names() -> None:
    session = botocore.session.Session()
    for operation in READS:
        service = operation.partition(":")[0]
        for action in actions(operation):
            name = session.get_service_model(service).signing_name
            assert action.partition(":")[0] == {"monitoring": "cloudwatch"}.get(name, name)


@pytest.mark.parametrize("bad", ["ListEndpoints", "sagemaker:*", "sagemaker:DeleteEndpoint", "iam:CreateUser", ""])
def test_what_is_no_declaration(bad: str) -> None:
    with pytest.raises(UsageError):
        policy([bad])


def test_unknown_role() -> None:
    with pytest.raises(UsageError, match="no role"):
        policy([], role="root")
