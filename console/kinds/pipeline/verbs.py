"""What may be done to a pipeline."""

from __future__ import annotations

from console.actions.model import Level
from console.actions.verb import Deed, Option, Verb


def _retrain() -> Deed:
    from console.kinds.pipeline.retrain import Retrain

    return Retrain()


VERBS = (
    Verb(
        id="retrain",
        kind="pipeline",
        key="N",
        label="New run",
        effect="start a new run of the pipeline, with its parameters checked",
        level=Level.CHANGE,
        writes=("sagemaker:StartPipelineExecution",),
        reads=(
            "sagemaker:DescribePipeline",
            "sagemaker:ListPipelineExecutions",
            "sagemaker:DescribePipelineExecution",
        ),
        deed=_retrain,
        starts="execution",
        options=(
            Option("param", "a parameter as NAME=VALUE; may be repeated", "map"),
            Option("name", "display name of the run"),
            Option("steps", "only these steps, separated by commas (selective execution)"),
            Option("source", "the run that the other steps are taken from; without it the last green one"),
            Option("release", "release a hold on the pipeline first", "flag"),
        ),
    ),
)
