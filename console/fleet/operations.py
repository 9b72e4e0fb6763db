"""All AWS operations that lastgood declares: the ground of the least policy."""

from __future__ import annotations

from console.kinds.registry import KINDS, verbs

LOGS = (
    "logs:FilterLogEvents",
    "logs:StartLiveTail",
    "sagemaker:DescribeEndpointConfig",
    "sagemaker:DescribeModel",
    "sagemaker:ListInferenceComponents",
    "sagemaker:DescribeTrainingJob",
    "sagemaker:DescribeProcessingJob",
    "sagemaker:DescribeTransformJob",
)
"""What `lastgood logs` reads; the jobs for the names of their streams, components for their groups."""

METRICS = (
    "cloudwatch:GetMetricData",
    "sagemaker:DescribeEndpointConfig",
    "sagemaker:DescribeModel",
    "sagemaker:ListInferenceComponents",
)
"""What `lastgood metrics` reads: as the watch of vital signs does."""

READING = ("sts:GetCallerIdentity", *LOGS, *METRICS)
"""What commands read beside the watches."""


def operations(role: str) -> tuple[str, ...]:
    """`service:Operation`s of a role: `reader` looks (and plans), `operator` writes too."""
    found = {*READING}
    for kind in KINDS:
        for watch in kind.watches():
            found.update(watch.operations)
    for verb in verbs():
        found.update(verb.reads)
        if role == "operator":
            found.update(verb.writes)
    return tuple(sorted(found))
