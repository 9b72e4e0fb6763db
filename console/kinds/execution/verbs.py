"""What may be done to a run."""

from __future__ import annotations

from console.actions.model import Level
from console.actions.verb import Deed, Option, Verb
from console.kinds.execution.record import repeats
from console.kinds.execution.view import ExecutionView

READS = (
    "sagemaker:DescribePipeline",
    "sagemaker:DescribePipelineExecution",
    "sagemaker:ListPipelineExecutionSteps",
)


def _retry() -> Deed:
    from console.kinds.execution.again import Retry

    return Retry()


def _stop() -> Deed:
    from console.kinds.execution.again import Stop

    return Stop()


def _retry_off(view: ExecutionView) -> str:
    if not view.execution.ended:
        return "it is still in motion"
    return "it succeeded" if view.execution.status == "Succeeded" else repeats(view.execution)


def _stop_off(view: ExecutionView) -> str:
    return f"it is {view.execution.status}" if view.execution.status != "Executing" else ""


VERBS = (
    Verb(
        id="retry",
        kind="execution",
        key="Y",
        label="Retry",
        effect="let a failed or stopped run go on where it stopped",
        level=Level.CHANGE,
        writes=("sagemaker:RetryPipelineExecution",),
        reads=READS,
        deed=_retry,
        starts="execution",
        options=(Option("force", "retry although the same error is expected", "flag"),),
        off=_retry_off,
    ),
    Verb(
        id="stop",
        kind="execution",
        key="",
        label="Stop",
        effect="bring a run in motion to an end",
        level=Level.CHANGE,
        writes=("sagemaker:StopPipelineExecution",),
        reads=READS,
        deed=_stop,
        off=_stop_off,
    ),
)
