"""All AWS operations that lastgood declares: the ground of the least policy."""

from __future__ import annotations

from console.kinds.registry import KINDS, verbs

LOGS = (
    "logs:FilterLogEvents",
    "sagemaker:DescribeTrainingJob",
    "sagemaker:DescribeProcessingJob",
    "sagemaker:DescribeTransformJob",
)
"""What `lastgood logs` reads; the jobs for the names of their streams."""

READING = ("sts:GetCallerIdentity", *LOGS)
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
