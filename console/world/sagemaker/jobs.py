"""The jobs that steps make, as the Describe operations answer them: a function of the step's run and of time. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from console.world.sagemaker.records import (
    EXECUTING,
    FAILED,
    STOPPED,
    STOPPING,
    SUCCEEDED,
    Attempt,
    Execution,
    StepRun,
    chance,
    short_id,
)

KINDS = {
    "Processing": ("processing-job", "ProcessingJob"),
    "Training": ("training-job", "TrainingJob"),
    "Transform": ("transform-job", "TransformJob"),
    "Tuning": ("hyper-parameter-tuning-job", "TuningJob"),
    "QualityCheck": ("processing-job", "QualityCheck"),
    "ClarifyCheck": ("processing-job", "ClarifyCheck"),
}
"""Step type → kind of resource in the ARN, member of the step's Metadata."""

_STATUS = {
    EXECUTING: "InProgress",
    STOPPING: "Stopping",
    STOPPED: "Stopped",
    FAILED: "Failed",
    SUCCEEDED: "Completed",
}
# When a training job's phases begin, as parts of its time (facts: sagemaker 4.5 for the names).
_PHASES = (
    (0.0, "Starting", "Launching requested ML instances"),
    (0.1, "Downloading", "Downloading input data"),
    (0.16, "Training", "Training image download completed. Training in progress."),
    (0.93, "Uploading", "Uploading generated training model"),
)


def iso(moment: float) -> str:
    return dt.datetime.fromtimestamp(moment, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def describe(execution: Execution, run: StepRun, job: Attempt, now: float) -> dict[str, Any]:
    """The Describe answer of a step's job at `now`, plus the properties that steps may refer to beyond it."""
    request = run.arguments["Arguments"]
    return _DESCRIBE[run.step.type](execution, run, job, request, now)


def _status(run: StepRun, job: Attempt) -> str:
    """An earlier attempt keeps its own status whatever the step does now."""
    return _STATUS[run.status if job.ended is None and run.status in _STATUS else job.status]


def _reason(job: Attempt) -> str | None:
    return job.fault.reason if job.fault and job.status == FAILED else None


def _began(job: Attempt) -> bool:
    """A job that never got its instances has not started: it has no start time and no log."""
    return not (job.fault and job.fault.reason.startswith(("CapacityError", "ResourceLimitExceeded")))


def started_at(job: Attempt) -> float | None:
    """When its container ran, in epoch seconds; None for a job that never got its instances."""
    length = (job.ended or job.due) - job.started
    return job.started + min(60.0, 0.1 * length) if _began(job) else None


def _reached(job: Attempt, now: float) -> float | None:
    start = started_at(job)
    return start if start is not None and now >= start else None


def _processing(
    execution: Execution, run: StepRun, job: Attempt, request: Mapping[str, Any], now: float
) -> dict[str, Any]:
    kept = "ProcessingInputs ProcessingOutputConfig ProcessingResources StoppingCondition AppSpecification Environment"
    return {
        **{key: request.get(key) for key in (*kept.split(), "NetworkConfig", "RoleArn")},
        "ProcessingJobName": job.job,
        "ProcessingJobArn": execution.pipeline.resource("processing-job", job.job),
        "ProcessingJobStatus": _status(run, job),
        "FailureReason": _reason(job),
        "ExitMessage": job.fault.exit_message if job.fault and job.status == FAILED else None,
        "CreationTime": job.started,
        "ProcessingStartTime": _reached(job, now),
        "ProcessingEndTime": job.ended,
        "LastModifiedTime": job.ended or _reached(job, now) or job.started,
    }


def _training(
    execution: Execution, run: StepRun, job: Attempt, request: Mapping[str, Any], now: float
) -> dict[str, Any]:
    kept = (
        "AlgorithmSpecification RoleArn InputDataConfig OutputDataConfig ResourceConfig StoppingCondition Environment"
    )
    transitions = _transitions(run, job, now)
    start, done = _reached(job, now), job.status == SUCCEEDED
    seconds = int((job.ended or now) - start) if start else None
    output = str(request.get("OutputDataConfig", {}).get("S3OutputPath", "s3://unknown")).rstrip("/")
    return {
        **{key: request.get(key) for key in kept.split()},
        "TrainingJobName": job.job,
        "TrainingJobArn": execution.pipeline.resource("training-job", job.job),
        "ModelArtifacts": {"S3ModelArtifacts": f"{output}/{job.job}/output/model.tar.gz"},
        "TrainingJobStatus": _status(run, job),
        "SecondaryStatus": transitions[-1]["Status"],
        "SecondaryStatusTransitions": transitions,
        "FailureReason": _reason(job),
        "HyperParameters": request.get("HyperParameters"),
        "CreationTime": job.started,
        "TrainingStartTime": start,
        "TrainingEndTime": job.ended,
        "LastModifiedTime": job.ended or transitions[-1]["StartTime"],
        "TrainingTimeInSeconds": seconds or None,
        "BillableTimeInSeconds": seconds or None,
        "FinalMetricDataList": _metrics(execution, job) if done else None,
    }


def _metrics(execution: Execution, job: Attempt) -> list[dict[str, Any]]:
    values = {"train:logloss": (0.19, 0.27), "validation:auc": (0.88, 0.96)}
    return [
        {"MetricName": name, "Value": round(chance(*band, execution.id, job.job, name), 5), "Timestamp": job.ended}
        for name, band in values.items()
    ]


def _transitions(run: StepRun, job: Attempt, now: float) -> list[dict[str, Any]]:
    length, until = job.due - job.started, job.ended or now
    phases = _PHASES if _began(job) else _PHASES[:1]
    begun = [(job.started + part * length, name, text) for part, name, text in phases]
    seen = [phase for phase in begun if phase[0] <= until] or begun[:1]
    status = _status(run, job)
    if job.ended is not None or status == "Stopping":
        text = _reason(job) or {"Completed": "Training job completed"}.get(status, f"Training job {status.lower()}")
        seen.append((job.ended or now, status, text))
    ends = [moment for moment, _, _ in seen[1:]] + [job.ended]
    return [
        {"Status": name, "StartTime": moment, "EndTime": end, "StatusMessage": text}
        for (moment, name, text), end in zip(seen, ends, strict=True)
    ]


def _transform(
    execution: Execution, run: StepRun, job: Attempt, request: Mapping[str, Any], now: float
) -> dict[str, Any]:
    kept = "ModelName MaxConcurrentTransforms MaxPayloadInMB BatchStrategy Environment TransformInput TransformOutput"
    return {
        **{key: request.get(key) for key in (*kept.split(), "TransformResources", "DataProcessing")},
        "TransformJobName": job.job,
        "TransformJobArn": execution.pipeline.resource("transform-job", job.job),
        "TransformJobStatus": _status(run, job),
        "FailureReason": _reason(job),
        "CreationTime": job.started,
        "TransformStartTime": _reached(job, now),
        "TransformEndTime": job.ended,
    }


def _tuning(execution: Execution, run: StepRun, job: Attempt, request: Mapping[str, Any], now: float) -> dict[str, Any]:
    limits = request["HyperParameterTuningJobConfig"]["ResourceLimits"]
    total, parallel = int(limits.get("MaxNumberOfTrainingJobs") or 20), int(limits["MaxParallelTrainingJobs"])
    share = min(1.0, ((job.ended or now) - job.started) / max(job.due - job.started, 1e-9))
    done = total if job.status == SUCCEEDED else min(total, int(share * total))
    active = 0 if job.ended else min(parallel, total - done)
    best = _best(execution, job, request)
    return {
        **{key: request.get(key) for key in ("HyperParameterTuningJobConfig", "WarmStartConfig")},
        "HyperParameterTuningJobConfig": _limits_as_numbers(request["HyperParameterTuningJobConfig"]),
        "HyperParameterTuningJobName": job.job,
        "HyperParameterTuningJobArn": execution.pipeline.resource("hyper-parameter-tuning-job", job.job),
        "HyperParameterTuningJobStatus": _status(run, job),
        "FailureReason": _reason(job),
        "CreationTime": job.started,
        "HyperParameterTuningEndTime": job.ended,
        "LastModifiedTime": job.ended or now,
        "TrainingJobStatusCounters": {
            "Completed": done,
            "InProgress": active,
            "RetryableError": 0,
            "NonRetryableError": 0,
            "Stopped": total - done if job.status == STOPPED else 0,
        },
        "ObjectiveStatusCounters": {"Succeeded": done, "Pending": active, "Failed": 0},
        "BestTrainingJob": best if done else None,
        # Only as a property of the step: ListTrainingJobsForHyperParameterTuningJob, best objective first.
        "TrainingJobSummaries": [best] if done else [],
    }


def _limits_as_numbers(config: Mapping[str, Any]) -> dict[str, Any]:
    limits = {key: int(value) for key, value in config["ResourceLimits"].items()}
    return {**config, "ResourceLimits": limits}


def _best(execution: Execution, job: Attempt, request: Mapping[str, Any]) -> dict[str, Any]:
    name = f"{job.job}-014-{short_id(8, job.job, 'best')}"
    tuned = request["HyperParameterTuningJobConfig"].get("ParameterRanges") or {}
    hyper = {
        item["Name"]: str(round(chance(float(item["MinValue"]), float(item["MaxValue"]), job.job, item["Name"]), 3))
        for item in tuned.get("ContinuousParameterRanges") or ()
    }
    objective = request["HyperParameterTuningJobConfig"].get("HyperParameterTuningJobObjective") or {}
    return {
        "TrainingJobName": name,
        "TrainingJobArn": execution.pipeline.resource("training-job", name),
        "CreationTime": job.started,
        "TrainingJobStatus": "Completed",
        "TunedHyperParameters": hyper,
        "ObjectiveStatus": "Succeeded",
        "FinalHyperParameterTuningJobObjectiveMetric": {
            "MetricName": objective.get("MetricName", "validation:auc"),
            "Value": round(chance(0.88, 0.96, job.job), 5),
        },
    }


_DESCRIBE: dict[str, Callable[[Execution, StepRun, Attempt, Mapping[str, Any], float], dict[str, Any]]] = {
    "Processing": _processing,
    "QualityCheck": _processing,
    "ClarifyCheck": _processing,
    "Training": _training,
    "Transform": _transform,
    "Tuning": _tuning,
}
