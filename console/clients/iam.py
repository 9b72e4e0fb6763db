"""The least policy for declared operations (facts/sagemaker.md section 11). Pure: operations in, a document out."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from console.errors import UsageError

_PREFIX = {"service-quotas": "servicequotas"}
_OTHER_ACTIONS: dict[str, tuple[str, ...]] = {
    "s3:HeadObject": ("s3:GetObject",),
    "s3:HeadBucket": ("s3:ListBucket",),
    "s3:ListObjects": ("s3:ListBucket",),
    "s3:ListObjectsV2": ("s3:ListBucket",),
    "sts:GetCallerIdentity": (),  # needs no permission (facts section 10)
}

_RESOURCES: dict[str, tuple[str, ...]] = {
    # UpdateEndpoint is authorised on both (facts 11.1); the weights on the endpoint alone.
    "sagemaker:UpdateEndpoint": ("endpoint/*", "endpoint-config/*"),
    "sagemaker:UpdateEndpointWeightsAndCapacities": ("endpoint/*",),
    "sagemaker:DescribeEndpoint": ("endpoint/*",),
    "sagemaker:DescribeEndpointConfig": ("endpoint-config/*",),
    "sagemaker:DescribeModel": ("model/*",),
    "sagemaker:DescribeModelPackage": ("model-package/*",),
    "sagemaker:UpdateModelPackage": ("model-package/*",),
    "sagemaker:CreateModel": ("model/*",),
    "sagemaker:CreateEndpointConfig": ("endpoint-config/*",),
    "sagemaker:DescribeTrainingJob": ("training-job/*",),
    "sagemaker:DescribeProcessingJob": ("processing-job/*",),
    "sagemaker:DescribeTransformJob": ("transform-job/*",),
    "sagemaker:DescribeInferenceComponent": ("inference-component/*",),
    "sagemaker:UpdateInferenceComponentRuntimeConfig": ("inference-component/*",),
    "application-autoscaling:RegisterScalableTarget": ("scalable-target/*",),
    # Authorised on the rule and on each alarm that it mutes; our rules have names of their own.
    "cloudwatch:PutAlarmMuteRule": ("alarm-mute-rule:lastgood-*", "alarm:*"),
    "cloudwatch:DeleteAlarmMuteRule": ("alarm-mute-rule:lastgood-*",),
    "cloudwatch:GetAlarmMuteRule": ("alarm-mute-rule:*",),
    "logs:DescribeLogStreams": ("log-group:/aws/sagemaker/*",),
    "logs:FilterLogEvents": ("log-group:/aws/sagemaker/*",),
    "logs:GetLogEvents": ("log-group:/aws/sagemaker/*",),
    "logs:StartLiveTail": ("log-group:/aws/sagemaker/*",),
    "logs:StartQuery": ("log-group:/aws/sagemaker/*",),
}
"""What comes behind `arn:PARTITION:SERVICE:REGION:ACCOUNT:`; anything else needs `*`, as every List does."""

SIMULATE = "iam:SimulatePrincipalPolicy"
"""The one IAM operation that is asked for: it only reads."""

_APPROVAL = {"StringEquals": {"sagemaker:ModelApprovalStatus": ["Approved", "Rejected"]}}
_NEEDS_ROLE = {"sagemaker:CreateModel"}


def policy(
    operations: Iterable[str], *, role: str = "reader", partition: str = "aws", region: str = "*", account: str = "*"
) -> dict[str, Any]:
    """A policy document that allows exactly these operations (`service:Operation`), sorted and without repetition.

    For the role `operator` it also denies what lastgood never does (facts 11.3). Raises UsageError for an unknown
    role and for an operation that the denials would forbid.
    """
    if role not in {"reader", "operator"}:
        raise UsageError(f"no role {role!r}", advice="reader or operator")
    names = sorted(set(operations))
    grouped: dict[tuple[str, ...], set[str]] = defaultdict(set)
    approvals: set[str] = set()
    for name in names:
        if not re.fullmatch(r"[a-z0-9-]+:[A-Z]\w*", name):
            raise UsageError(f"{name!r} is no operation", advice="write it as sagemaker:ListEndpoints")
        if name.startswith(("sagemaker:Delete", "iam:")) and name != SIMULATE:
            raise UsageError(f"{name} is denied to every role of lastgood")
        if name == "sagemaker:UpdateModelPackage":
            approvals.add(name)
            continue
        grouped[_arns(name, partition, region, account)].update(actions(name))
    statements = [_statement("Allow", allowed, arns) for arns, allowed in sorted(grouped.items()) if allowed]
    if approvals:
        arns = _arns("sagemaker:UpdateModelPackage", partition, region, account)
        statements.append(_statement("Allow", approvals, arns) | {"Condition": _APPROVAL})
    pass_role = bool(_NEEDS_ROLE & set(names))
    if pass_role:
        condition = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
        arns = (f"arn:{partition}:iam::{account}:role/*",)
        statements.append(_statement("Allow", {"iam:PassRole"}, arns) | {"Condition": condition})
    if role == "operator":
        statements.append(_statement("Deny", {"sagemaker:Delete*"}, ("*",)))
        # A denial wins over every allowance, so it must not catch the two that are needed.
        verbs = ("Add*", "Attach*", "Create*", "Delete*", "Detach*", "Put*", "Remove*", "Set*", "Update*")
        denied = {f"iam:{verb}" for verb in verbs} if pass_role or SIMULATE in names else {"iam:*"}
        statements.append(_statement("Deny", denied, ("*",)))
    return {"Version": "2012-10-17", "Statement": statements}


def actions(operation: str) -> tuple[str, ...]:
    """The IAM actions that an operation is authorised by; none for those that need no permission."""
    if operation in _OTHER_ACTIONS:
        return _OTHER_ACTIONS[operation]
    service, _, name = operation.partition(":")
    return (f"{_PREFIX.get(service, service)}:{name}",)


def _arns(operation: str, partition: str, region: str, account: str) -> tuple[str, ...]:
    service, _, name = operation.partition(":")
    if service == "s3":
        whole = ("ListObjects", "ListObjectsV2", "HeadBucket")
        return (f"arn:{partition}:s3:::*",) if name in whole else (f"arn:{partition}:s3:::*/*",)
    tails = _RESOURCES.get(operation, ())
    if service == "sagemaker" and name.partition("Pipeline")[1] and not name.startswith(("List", "Search")):
        tails = ("pipeline/*",)  # an execution's ARN begins with its pipeline's
    if service == "sagemaker" and name.startswith("SendPipelineExecutionStep"):
        tails = ()  # authorised by callback token, without a resource
    return tuple(f"arn:{partition}:{service}:{region}:{account}:{tail}" for tail in tails) or ("*",)


def _statement(effect: str, allowed: set[str], arns: tuple[str, ...]) -> dict[str, Any]:
    return {"Effect": effect, "Action": sorted(allowed), "Resource": list(arns)}
