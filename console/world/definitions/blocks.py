"""What the definitions have in common: the offline session, and one function per kind of step."""
# mypy: ignore-errors
# The SDK has no types, and is installed in an environment of its own (see make.py).

import os

os.environ["SAGEMAKER_SUPPRESS_V2_WARNING"] = "1"

import boto3
from sagemaker.drift_check_baselines import DriftCheckBaselines
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.lambda_helper import Lambda
from sagemaker.model import Model
from sagemaker.model_metrics import MetricsSource, ModelMetrics
from sagemaker.processing import ProcessingInput, ProcessingOutput, ScriptProcessor
from sagemaker.workflow.execution_variables import ExecutionVariables
from sagemaker.workflow.functions import Join
from sagemaker.workflow.lambda_step import LambdaOutput, LambdaOutputTypeEnum, LambdaStep
from sagemaker.workflow.model_step import ModelStep
from sagemaker.workflow.parameters import ParameterString
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.properties import PropertyFile
from sagemaker.workflow.retry import (
    SageMakerJobExceptionTypeEnum,
    SageMakerJobStepRetryPolicy,
    StepExceptionTypeEnum,
    StepRetryPolicy,
)
from sagemaker.workflow.steps import CacheConfig, ProcessingStep, Step

ACCOUNT, REGION, BUCKET = "123456789012", "eu-central-1", "acme-ml-artifacts"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/service-role/acme-sagemaker-execution"
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{{}}:2026.11"
XGBOOST = f"492215442770.dkr.ecr.{REGION}.amazonaws.com/sagemaker-xgboost:1.7-1"
DAY = CacheConfig(enable_caching=True, expire_after="P1D")
CAPACITY = SageMakerJobStepRetryPolicy(
    exception_types=[SageMakerJobExceptionTypeEnum.RESOURCE_LIMIT],
    failure_reason_types=[SageMakerJobExceptionTypeEnum.CAPACITY_ERROR],
    interval_seconds=60,
    max_attempts=2,
)
SERVICE = StepRetryPolicy(
    exception_types=[StepExceptionTypeEnum.SERVICE_FAULT, StepExceptionTypeEnum.THROTTLING],
    interval_seconds=5,
    max_attempts=5,
)


class OfflineSession(PipelineSession):
    """A pipeline session that knows its bucket instead of making it: any call it would make has nowhere to go."""

    def default_bucket(self) -> str:
        return BUCKET


SESSION = OfflineSession(
    boto_session=boto3.Session("offline", "offline", region_name=REGION),
    default_bucket=BUCKET,
    sagemaker_config={"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}},
)


def job(
    model: str,
    name: str,
    inputs: dict[str, object] | None = None,
    outputs: tuple[str, ...] = (),
    *,
    arguments: list[object] | None = None,
    report: PropertyFile | None = None,
    depends: list[Step] | None = None,
    cache: CacheConfig | None = None,
    instance: object = "ml.m5.2xlarge",
) -> ProcessingStep:
    """A processing step running `<name>.py` from the bucket; its outputs land under the run's own prefix."""
    processor = ScriptProcessor(
        image_uri=IMAGE.format("ml-processing"),
        command=["python3"],
        role=ROLE,
        instance_count=1,
        instance_type=instance,
        sagemaker_session=SESSION,
        max_runtime_in_seconds=7200,
        env={"MODEL": model},
    )
    run = processor.run(
        code=f"s3://{BUCKET}/code/{model}/{name.lower()}.py",
        inputs=[
            ProcessingInput(input_name=key, source=value, destination=f"/opt/ml/processing/{key}")
            for key, value in (inputs or {}).items()
        ],
        outputs=[
            ProcessingOutput(
                output_name=key,
                source=f"/opt/ml/processing/{key}",
                destination=Join(
                    "/",
                    [
                        f"s3://{BUCKET}/runs/{model}",
                        ExecutionVariables.PIPELINE_EXECUTION_ID,
                        name.lower(),
                        key,
                    ],
                ),
            )
            for key in outputs
        ],
        arguments=arguments,
    )
    return ProcessingStep(
        name,
        step_args=run,
        property_files=[report] if report else None,
        depends_on=depends,
        cache_config=cache,
        retry_policies=[SERVICE],
    )


def output(step: ProcessingStep, name: str) -> object:
    return step.properties.ProcessingOutputConfig.Outputs[name].S3Output.S3Uri


def estimator(model: str, instance: object = "ml.m5.4xlarge", image: str = XGBOOST, **hyper: object) -> Estimator:
    return Estimator(
        image_uri=image,
        role=ROLE,
        instance_count=1,
        instance_type=instance,
        output_path=f"s3://{BUCKET}/models/{model}",
        sagemaker_session=SESSION,
        max_run=10_800,
        hyperparameters={"objective": "binary:logistic", "num_round": 400, **hyper},
    )


def channels(prepared: ProcessingStep) -> dict[str, TrainingInput]:
    return {key: TrainingInput(output(prepared, key), content_type="text/csv") for key in ("train", "validation")}


def register(
    model: str,
    name: str,
    data: object,
    approval: object,
    report: object | None = None,
    baselines: DriftCheckBaselines | None = None,
    depends: list[Step] | None = None,
) -> ModelStep:
    package = Model(XGBOOST, model_data=data, role=ROLE, sagemaker_session=SESSION)
    metrics = (
        ModelMetrics(model_statistics=MetricsSource(s3_uri=report, content_type="application/json"))
        if report is not None
        else None
    )
    return ModelStep(
        name,
        step_args=package.register(
            content_types=["text/csv"],
            response_types=["text/csv"],
            inference_instances=["ml.m5.xlarge", "ml.c5.2xlarge"],
            transform_instances=["ml.m5.4xlarge"],
            model_package_group_name=model,
            approval_status=approval,
            model_metrics=metrics,
            drift_check_baselines=baselines,
        ),
        depends_on=depends,
    )


def notify(name: str, model: str, message: object, depends: list[Step] | None = None) -> LambdaStep:
    return LambdaStep(
        name,
        lambda_func=Lambda(f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:ml-notify", session=SESSION),
        inputs={"model": model, "message": message, "execution": ExecutionVariables.PIPELINE_EXECUTION_ARN},
        outputs=[LambdaOutput("statusCode", LambdaOutputTypeEnum.String)],
        depends_on=depends,
    )


def approval() -> ParameterString:
    return ParameterString(
        "ModelApprovalStatus", "PendingManualApproval", ["PendingManualApproval", "Approved", "Rejected"]
    )


def data(model: str) -> ParameterString:
    return ParameterString("InputData", f"s3://{BUCKET}/features/{model}/latest/")
