"""What one step is and does: its resolved request, its time, its retry, its name, results and metadata. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from console.world.sagemaker import jobs
from console.world.sagemaker.definitions import RetryPolicy, Step
from console.world.sagemaker.expressions import Scope, Unresolved, resolve
from console.world.sagemaker.records import SUCCEEDED, Attempt, Execution, StepRun, chance, short_id

_DURATIONS_S = {
    "Processing": 260.0,
    "Training": 1_150.0,
    "Transform": 740.0,
    "Tuning": 3_400.0,
    "QualityCheck": 420.0,
    "ClarifyCheck": 500.0,
    "Lambda": 7.0,
    "Model": 3.0,
    "RegisterModel": 4.0,
    "Condition": 1.0,
}
# Which members of a request make two runs of a step equal. [DG: Default cache key attributes by pipeline step type]
_CACHE_KEYS = {
    "Processing": "AppSpecification Environment ProcessingInputs",
    "Training": "AlgorithmSpecification CheckpointConfig DebugHookConfig DebugRuleConfigurations Environment "
    "HyperParameters InputDataConfig",
    "Tuning": "HyperParameterTuningJobConfig TrainingJobDefinition TrainingJobDefinitions",
    "Transform": "DataProcessing Environment MaxConcurrentTransforms ModelName TransformInput",
    "QualityCheck": "AppSpecification Environment ProcessingInputs",
    "ClarifyCheck": "AppSpecification Environment ProcessingInputs",
}
# Failure prefixes (facts: sagemaker 4.5) as the exception types of retry policies. [DG: Retry policy]
_ERRORS = {
    "CapacityError": "SageMaker.CAPACITY_ERROR",
    "InternalServerError": "SageMaker.JOB_INTERNAL_ERROR",
    "ResourceLimitExceeded": "SageMaker.RESOURCE_LIMIT",
    "ThrottlingException": "Step.THROTTLING",
    "ServiceFault": "Step.SERVICE_FAULT",
}
_ALWAYS = RetryPolicy(frozenset({"Step.SERVICE_FAULT", "Step.THROTTLING"}), 1.0, 2.0, 5)
_OWN_MEMBERS = {"Name", "Type", "Arguments", "DependsOn", "RetryPolicies", "CacheConfig", "PropertyFiles"}
_LOW_IS_GOOD = re.compile(r"rmse|mae|mse|mape|error|loss|brier", re.IGNORECASE)


def scope_of(execution: Execution) -> Scope:
    """What expressions of this execution see. Values of property files come from its script, else from chance."""

    def step(name: str) -> Any:
        run = execution.runs.get(name)
        if run is None or run.status != SUCCEEDED:
            raise Unresolved(f"Step {name} has no results")
        return properties(execution, run)

    def report(step_name: str, file: str, path: str) -> Any:
        for known, value in execution.script.reports:
            if known == path:
                return value
        low, high = (0.04, 0.15) if _LOW_IS_GOOD.search(path) else (0.88, 0.96)
        return round(chance(low, high, execution.pipeline.name, execution.id, path), 4)

    pipeline = execution.pipeline
    names = {
        "PipelineName": pipeline.name,
        "PipelineArn": pipeline.arn,
        "PipelineExecutionId": execution.id,
        "PipelineExecutionArn": execution.arn,
        "StartDateTime": jobs.iso(execution.created),
        "CurrentDateTime": jobs.iso(execution.created),
    }
    return Scope(execution.values, names, step, report)


def resolved(step: Step, scope: Scope) -> dict[str, Any]:
    """`Arguments` and the members beside it, expressions replaced, conditions left alone. Raises Unresolved."""
    members = {key: value for key, value in step.body.items() if key not in _OWN_MEMBERS and value is not None}
    arguments = {} if step.type == "Condition" else step.arguments
    answer: dict[str, Any] = resolve({**members, "Arguments": arguments}, scope)
    if hyper := answer["Arguments"].get("HyperParameters"):
        # Numbers from parameters arrive as text there, as the service wants them.
        answer["Arguments"]["HyperParameters"] = {name: _text(value) for name, value in hyper.items()}
    return answer


def signature(step: Step, arguments: Mapping[str, Any]) -> str | None:
    """Equal for runs of a step that caching takes for the same work; None for steps that are never cached."""
    if step.type not in _CACHE_KEYS:
        return None
    request = arguments["Arguments"]
    keyed = {key: request.get(key) for key in _CACHE_KEYS[step.type].split()}
    return hashlib.sha256(json.dumps([step.type, keyed], sort_keys=True).encode()).hexdigest()


def parallel_limit(execution: Execution) -> float:
    config = execution.parallelism or execution.pipeline.parallelism or {}
    return float(config.get("MaxParallelExecutionSteps") or "inf")


def duration_s(step: Step) -> float:
    """Seconds of work at pace 1: typical for the type, steady for a name."""
    return _DURATIONS_S[step.type] * chance(0.7, 1.4, "duration", step.name)


def retry_delay_s(run: StepRun, reason: str | None) -> float | None:
    """Seconds until the step's retry policies try again; None when they do not."""
    error = _ERRORS.get((reason or "").partition(":")[0])
    tries = len(run.attempts) - run.earlier
    policy = next((policy for policy in (*run.step.retries, _ALWAYS) if error in policy.errors), None)
    if policy is None or tries == 0 or tries > policy.attempts:
        return None
    return float(policy.interval_s * policy.backoff ** (tries - 1))


def job_name(execution: Execution, step: Step, attempt: int) -> str:
    """`pipelines-p4jn9xou8a8s-Preprocess-tmgxry49ug`, of at most 63 characters (32 for a tuning job)."""
    unique = short_id(10, execution.arn, step.name, attempt)
    if step.type == "Tuning":
        return f"{execution.id}-{step.name[:8].strip('-')}-{unique}"
    return f"pipelines-{execution.id}-{step.name[:29].strip('-')}-{unique}"


def outcome(run: StepRun) -> bool | None:
    """Which side a condition took, also when the run was copied."""
    return run.source[1].outcome if run.source else run.outcome


def typed_outputs(step: Step, given: Mapping[str, str]) -> dict[str, Any]:
    """OutputParameters of a Lambda or Callback step in their declared types; what was not given is a default."""
    values: dict[str, Any] = {}
    for declared in step.body.get("OutputParameters") or ():
        name, kind = declared["OutputName"], declared.get("OutputType", "String")
        text = given.get(name)
        if text is None and step.type == "Callback":
            continue
        if kind == "Boolean":
            values[name] = text is None or text.lower() == "true"
        elif kind == "String":
            values[name] = "200" if text is None else text
        else:
            try:
                values[name] = int(text or 200) if kind == "Integer" else float(text or 0.9)
            except ValueError:
                values[name] = text  # a number that is none fails where it is compared, as at AWS
    return values


def properties(execution: Execution, run: StepRun) -> Any:
    """What `Steps.<name>.…` refers to: the Describe of the step's job, or the outputs it declared."""
    if run.source:
        return properties(*run.source)
    kind, job = run.step.type, run.job
    if kind in ("Callback", "Lambda"):
        return {"OutputParameters": run.outputs}
    if kind == "Condition":
        return {"Outcome": "True" if run.outcome else "False"}
    if job is None:
        raise Unresolved(f"Step {run.step.name} has no properties")
    if kind == "Model":
        return {**run.arguments["Arguments"], "ModelName": job.job}
    if kind == "RegisterModel":
        arn = _package_arn(execution, run)
        return {**run.arguments["Arguments"], "ModelPackageArn": arn, "ModelPackageName": arn}
    if kind in ("QualityCheck", "ClarifyCheck"):
        return _baselines(run, job)
    return jobs.describe(execution, run, job, job.ended or job.started)


def metadata(execution: Execution, run: StepRun) -> dict[str, Any] | None:
    """The step's member of the union `PipelineExecutionStepMetadata`; None while there is nothing to tell."""
    if run.source:
        return metadata(*run.source)
    kind, job, arguments = run.step.type, run.job, run.arguments
    outputs = [{"Name": name, "Value": _text(value)} for name, value in run.outputs.items()] or None
    if kind == "Condition":
        return None if run.outcome is None else {"Condition": {"Outcome": "True" if run.outcome else "False"}}
    if kind == "Fail":
        return {"Fail": {"ErrorMessage": arguments["Arguments"]["ErrorMessage"]}} if arguments else None
    if job is None:
        return None
    if kind == "Callback":
        body = {"CallbackToken": run.token, "SqsQueueUrl": arguments["SqsQueueUrl"], "OutputParameters": outputs}
        return {"Callback": body}
    if kind == "Lambda":
        return {"Lambda": {"Arn": arguments["FunctionArn"], "OutputParameters": outputs}}
    if kind == "RegisterModel":
        return {"RegisterModel": {"Arn": _package_arn(execution, run)}} if run.status == SUCCEEDED else None
    if kind == "Model":
        return {"Model": {"Arn": execution.pipeline.resource("model", job.job)}}
    if kind in ("QualityCheck", "ClarifyCheck"):
        return {kind: _check(execution, run, job)}
    resource, member = jobs.KINDS[kind]
    return {member: {"Arn": execution.pipeline.resource(resource, job.job)}}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _package_arn(execution: Execution, run: StepRun) -> str:
    group = run.arguments["Arguments"].get("ModelPackageGroupName", execution.pipeline.name)
    return execution.pipeline.resource("model-package", f"{group}/{execution.pipeline.executions.index(execution) + 1}")


def _baselines(run: StepRun, job: Attempt) -> dict[str, str]:
    outputs = run.arguments["Arguments"].get("ProcessingOutputConfig", {}).get("Outputs") or [{}]
    prefix = str(outputs[0].get("S3Output", {}).get("S3Uri", "s3://unknown")).rstrip("/")
    names = {"Statistics": "statistics.json", "Constraints": "constraints.json"}
    return {
        f"{use}{what}": f"{prefix}/{job.job}/{file}"
        for use in ("CalculatedBaseline", "BaselineUsedForDriftCheck")
        for what, file in names.items()
        if what == "Constraints" or run.step.type == "QualityCheck"  # a Clarify check has no statistics
    }


def _check(execution: Execution, run: StepRun, job: Attempt) -> dict[str, Any]:
    violated = run.status != SUCCEEDED and job.fault is not None
    report = _baselines(run, job)["CalculatedBaselineConstraints"].replace("/constraints.", "/constraint_violations.")
    return {
        **_baselines(run, job),
        "CheckType": run.arguments.get("CheckType"),
        "ModelPackageGroupName": run.arguments.get("ModelPackageGroupName"),
        "ViolationReport": report if violated else None,
        "CheckJobArn": execution.pipeline.resource("processing-job", job.job),
        "SkipCheck": bool(run.arguments.get("SkipCheck")),
        "RegisterNewBaseline": bool(run.arguments.get("RegisterNewBaseline")),
    }
