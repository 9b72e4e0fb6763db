"""Checks that the preflights of several verbs share. What may not be looked at is `unknown`, never passed."""

from __future__ import annotations

from collections.abc import Sequence

from console.actions.model import Check, Verdict
from console.actions.verb import Desk
from console.errors import NotPermitted, SourceError


def unseen(error: SourceError, what: str = "") -> str:
    """Why something was not checked, in the provider's words; a permission is the operator's own matter."""
    why = "not permitted to look" if isinstance(error, NotPermitted) else error.message
    return f"{what}: {why}" if what else why


def freeze(desk: Desk) -> Check:
    return Check("freeze calendar", Verdict.WARN if desk.frozen else Verdict.PASS, desk.frozen or "no freeze")


def permission(desk: Desk, operation: str, arns: Sequence[str]) -> Check:
    """Whether whoever will act may do `service:Operation` on all of `arns`.

    Writes have no dry run; IAM can simulate, where that is allowed (facts/sagemaker.md section 11.3).
    """
    try:
        answer = desk.reader("iam").simulate_principal_policy(
            PolicySourceArn=_principal(desk.identity), ActionNames=[operation], ResourceArns=list(arns)
        )
    except SourceError as error:
        return Check("permission", Verdict.UNKNOWN, f"not known before the call: {unseen(error)}")
    denied = [r["EvalResourceName"] for r in answer["EvaluationResults"] if r["EvalDecision"] != "allowed"]
    if denied:
        return Check("permission", Verdict.FAIL, f"{operation} is not allowed on {', '.join(denied)}")
    return Check("permission", Verdict.PASS, f"{operation} is allowed")


def endpoint_quotas(desk: Desk) -> dict[str, float]:
    """SageMaker's quotas as they apply to this account, by name ("ml.m5.xlarge for endpoint usage"). Raises
    SourceError."""
    pages = desk.reader("service-quotas").get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
    return {q["QuotaName"]: q["Value"] for page in pages for q in page["Quotas"]}


def _principal(arn: str) -> str:
    """The role of an assumed-role session: policies are simulated for principals, not for sessions."""
    if ":assumed-role/" not in arn:
        return arn
    head, _, rest = arn.partition(":assumed-role/")
    return f"{head.replace(':sts:', ':iam:')}:role/{rest.split('/', 1)[0]}"
