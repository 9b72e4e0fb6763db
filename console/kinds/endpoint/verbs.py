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


def _shift() -> Deed:
    from console.kinds.endpoint.weights import Shift

    return Shift()


def _off(view: EndpointView) -> str:
    if view.endpoint.status in {"Failed", "Deleting"}:
        return f"status is {view.endpoint.status}: UpdateEndpoint is rejected"
    if view.endpoint.status == "Creating":
        return "it is being created: there is nothing to go back to"
    return ""


def _weights_off(view: EndpointView) -> str:
    e = view.endpoint
    if len(e.variants) < 2:
        return "it has one variant: all traffic is its own"
    if e.pending is not None:
        return f"a deployment of {e.pending.config} is in motion: its end sets the weights"
    if e.status in {"Failed", "Deleting", "Creating"}:
        return f"status is {e.status}: weights are not accepted"
    return ""


def _weights_now(view: EndpointView) -> str:
    """As percents of all traffic, which is how every screen says them; AWS has 0.9 and 0.1, or any other scale."""
    known = {v.name: v.weight for v in view.endpoint.variants if v.weight is not None}
    total = sum(known.values())
    return " ".join(f"{name}={100 * weight / total:.4g}" for name, weight in known.items()) if total else ""


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
    Verb(
        id="weights",
        kind="endpoint",
        key="W",
        label="Weights",
        effect="shift traffic between the variants of an endpoint, at once or in watched steps",
        level=Level.DANGER,
        writes=("sagemaker:UpdateEndpointWeightsAndCapacities",),
        reads=(
            "sagemaker:DescribeEndpoint",
            "cloudwatch:GetMetricData",
            "application-autoscaling:DescribeScalableTargets",
            "application-autoscaling:DescribeScalingPolicies",
            "iam:SimulatePrincipalPolicy",
        ),
        deed=_shift,
        options=(
            Option(
                "weights",
                "VARIANT=WEIGHT of those to change; each gets its weight over the sum of all",
                "words",
                usual=_weights_now,
            ),
            Option("steps", "percents of the way, one after the other: 10,50,100"),
            Option("every", "how long each step is watched for a rise of errors: 5m (as without it)"),
            Option("release", "release a hold on the endpoint as well", "flag"),
        ),
        off=_weights_off,
    ),
)
