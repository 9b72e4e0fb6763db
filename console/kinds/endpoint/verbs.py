"""What may be done to an endpoint. What does it is imported when somebody acts."""

from __future__ import annotations

from console.actions.model import Level
from console.actions.verb import Deed, Option, Verb
from console.kinds.endpoint.view import EndpointView

READS = (
    "sagemaker:DescribeEndpoint",
    "sagemaker:DescribeEndpointConfig",
    "sagemaker:ListEndpointConfigs",
    "sagemaker:DescribeModel",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:ListMetrics",
    "application-autoscaling:DescribeScalableTargets",
    "service-quotas:ListServiceQuotas",
    "s3:HeadObject",
    "ecr:DescribeImages",
    "iam:SimulatePrincipalPolicy",
    "kms:DescribeKey",
)


def _rollback() -> Deed:
    from console.kinds.endpoint.rollback import Rollback

    return Rollback()


def _off(view: EndpointView) -> str:
    if view.endpoint.status in {"Failed", "Deleting"}:
        return f"status is {view.endpoint.status}: UpdateEndpoint is rejected"
    if view.endpoint.status == "Creating":
        return "it is being created: there is nothing to go back to"
    return ""


VERBS = (
    Verb(
        id="rollback",
        kind="endpoint",
        key="R",
        label="Roll back",
        effect="update the endpoint to a config that served before, and verify it",
        level=Level.DANGER,
        writes=("sagemaker:UpdateEndpoint",),
        reads=READS,
        deed=_rollback,
        options=(
            Option("to", "the config to go back to; without it the best known one"),
            Option("gradual", "keep the traffic policy of the last deployment instead of all at once", "flag"),
        ),
        off=_off,
    ),
)
