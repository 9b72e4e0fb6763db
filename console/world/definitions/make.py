"""Makes the pipeline definitions beside this file with the SageMaker Python SDK, whose output they are, untouched.

Run it when a definition should change; the JSON files are committed, so that the world needs no SDK:

    python3 -m venv .peers/sagemaker
    .venv/bin/uv pip install --python .peers/sagemaker/bin/python 'sagemaker>=2.257,<3'
    .peers/sagemaker/bin/python console/world/definitions/make.py

SDK 2.257 is the last line with the classic `sagemaker.workflow` module. It runs offline: no step names a local file, so
nothing is uploaded, and the session below never asks S3 for its bucket. File names are pipeline names; a definition
names its model in paths and groups, so the seed makes another pipeline's definition by replacing that name.
"""

# mypy: ignore-errors

import json
from collections.abc import Callable
from pathlib import Path

from blocks import (
    ACCOUNT,
    BUCKET,
    CAPACITY,
    DAY,
    IMAGE,
    REGION,
    ROLE,
    SERVICE,
    SESSION,
    XGBOOST,
    approval,
    channels,
    data,
    estimator,
    job,
    notify,
    output,
    register,
)
from sagemaker.drift_check_baselines import DriftCheckBaselines
from sagemaker.model import Model
from sagemaker.model_metrics import MetricsSource
from sagemaker.model_monitor import DatasetFormat
from sagemaker.transformer import Transformer
from sagemaker.tuner import ContinuousParameter, HyperparameterTuner, IntegerParameter
from sagemaker.workflow.callback_step import CallbackOutput, CallbackOutputTypeEnum, CallbackStep
from sagemaker.workflow.check_job_config import CheckJobConfig
from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.conditions import (
    ConditionEquals,
    ConditionGreaterThanOrEqualTo,
    ConditionIn,
    ConditionLessThanOrEqualTo,
    ConditionNot,
)
from sagemaker.workflow.fail_step import FailStep
from sagemaker.workflow.functions import Join, JsonGet
from sagemaker.workflow.model_step import ModelStep
from sagemaker.workflow.parameters import (
    Parameter,
    ParameterBoolean,
    ParameterFloat,
    ParameterInteger,
    ParameterString,
)
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.properties import PropertyFile
from sagemaker.workflow.quality_check_step import (
    DataQualityCheckConfig,
    ModelQualityCheckConfig,
    QualityCheckStep,
)
from sagemaker.workflow.steps import Step, TrainingStep, TransformStep, TuningStep

Made = tuple[list[Parameter], list[Step]]


def delay_risk(model: str) -> Made:
    """The plain one: prepare (cached), train, evaluate, and a gate that registers or fails."""
    source, status = data(model), approval()
    window = ParameterInteger("WindowDays", 90)
    instance = ParameterString(
        "TrainingInstanceType", "ml.m5.4xlarge", ["ml.m5.4xlarge", "ml.m5.12xlarge", "ml.c5.9xlarge"]
    )
    depth, threshold = ParameterInteger("MaxDepth", 6), ParameterFloat("MinAuc", 0.85)
    prepare = job(
        model,
        "Preprocess",
        {"raw": source},
        ("train", "validation", "test"),
        arguments=["--window-days", window.to_string()],
        cache=DAY,
    )
    train = TrainingStep(
        "Train",
        step_args=estimator(model, instance, max_depth=depth, eta=0.1).fit(channels(prepare)),
        retry_policies=[CAPACITY, SERVICE],
    )
    artifact = train.properties.ModelArtifacts.S3ModelArtifacts
    report = PropertyFile("EvaluationReport", "evaluation", "evaluation.json")
    evaluate = job(
        model,
        "Evaluate",
        {"model": artifact, "test": output(prepare, "test")},
        ("evaluation",),
        report=report,
        instance="ml.m5.xlarge",
    )
    refuse = FailStep(
        "QualityTooLow",
        error_message=Join(" ", ["Execution failed: AUC of the candidate is below", threshold]),
    )
    gate = ConditionStep(
        "CheckAuc",
        conditions=[
            ConditionGreaterThanOrEqualTo(
                JsonGet("Evaluate", report, "binary_classification_metrics.auc.value"), threshold
            )
        ],
        if_steps=[register(model, "Register", artifact, status, output(evaluate, "evaluation"))],
        else_steps=[refuse],
    )
    return [source, window, instance, depth, threshold, status], [prepare, train, evaluate, gate]


def churn_scorer(model: str) -> Made:
    """Hyperparameter tuning, then the best model is created and registered when good enough; else a note is sent."""
    source, status = data(model), approval()
    trials, threshold = ParameterInteger("MaxTrials", 20), ParameterFloat("MinF1", 0.7)
    prepare = job(model, "Preprocess", {"raw": source}, ("train", "validation", "test"), cache=DAY)
    tuner = HyperparameterTuner(
        estimator(model, eval_metric="auc"),
        "validation:auc",
        {"eta": ContinuousParameter(0.01, 0.3), "max_depth": IntegerParameter(3, 10)},
        max_jobs=trials,
        max_parallel_jobs=4,
    )
    tune = TuningStep("Tune", step_args=tuner.fit(channels(prepare)), retry_policies=[CAPACITY])
    best = tune.get_top_model_s3_uri(0, BUCKET, f"models/{model}")
    report = PropertyFile("EvaluationReport", "evaluation", "evaluation.json")
    evaluate = job(
        model,
        "EvaluateBest",
        {"model": best, "test": output(prepare, "test")},
        ("evaluation",),
        report=report,
    )
    candidate = Model(XGBOOST, model_data=best, role=ROLE, sagemaker_session=SESSION)
    create = ModelStep("CreateBest", step_args=candidate.create(instance_type="ml.m5.xlarge"))
    gate = ConditionStep(
        "CheckF1",
        conditions=[
            ConditionGreaterThanOrEqualTo(JsonGet("EvaluateBest", report, "classification_metrics.f1.value"), threshold)
        ],
        if_steps=[create, register(model, "Register", best, status, output(evaluate, "evaluation"))],
        else_steps=[notify("TellTeam", model, "candidate below the threshold, champion kept")],
    )
    return [source, trials, threshold, status], [prepare, tune, evaluate, gate]


def fraud_online(model: str) -> Made:
    """Data quality and model quality checks against the approved model's baselines."""
    source, status = data(model), approval()
    skip = ParameterBoolean(name="SkipDataQuality", default_value=False)
    baseline = ParameterBoolean(name="RegisterNewBaseline", default_value=True)
    config = CheckJobConfig(role=ROLE, instance_count=1, instance_type="ml.c5.2xlarge", sagemaker_session=SESSION)
    prepare = job(model, "Preprocess", {"raw": source}, ("train", "validation", "test"), cache=DAY)
    quality = QualityCheckStep(
        "DataQuality",
        quality_check_config=DataQualityCheckConfig(
            baseline_dataset=output(prepare, "train"),
            dataset_format=DatasetFormat.csv(header=True),
            output_s3_uri=f"s3://{BUCKET}/quality/{model}/data",
        ),
        check_job_config=config,
        skip_check=skip,
        register_new_baseline=baseline,
        model_package_group_name=model,
    )
    train = TrainingStep(
        "Train",
        step_args=estimator(model, "ml.m5.12xlarge", scale_pos_weight=48).fit(channels(prepare)),
        depends_on=[quality],
        retry_policies=[CAPACITY],
    )
    artifact = train.properties.ModelArtifacts.S3ModelArtifacts
    made = ModelStep(
        "Candidate",
        step_args=Model(XGBOOST, model_data=artifact, role=ROLE, sagemaker_session=SESSION).create(
            instance_type="ml.m5.xlarge"
        ),
    )
    score = TransformStep(
        "ScoreTestSet",
        step_args=Transformer(
            model_name=made.properties.ModelName,
            instance_count=2,
            instance_type="ml.m5.2xlarge",
            output_path=f"s3://{BUCKET}/scored/{model}",
            accept="text/csv",
            sagemaker_session=SESSION,
        ).transform(data=output(prepare, "test"), content_type="text/csv", split_type="Line"),
    )
    check = QualityCheckStep(
        "ModelQuality",
        quality_check_config=ModelQualityCheckConfig(
            baseline_dataset=score.properties.TransformOutput.S3OutputPath,
            dataset_format=DatasetFormat.csv(header=False),
            problem_type="BinaryClassification",
            inference_attribute="_c0",
            ground_truth_attribute="_c1",
            output_s3_uri=f"s3://{BUCKET}/quality/{model}/model",
        ),
        check_job_config=config,
        register_new_baseline=baseline,
        model_package_group_name=model,
    )
    baselines = DriftCheckBaselines(
        model_data_statistics=MetricsSource(
            s3_uri=quality.properties.BaselineUsedForDriftCheckStatistics, content_type="application/json"
        )
    )
    package = register(model, "Register", artifact, status, baselines=baselines, depends=[check])
    return [source, skip, baseline, status], [prepare, quality, train, made, score, check, package]


def review_toxic(model: str) -> Made:
    """People label a sample in between: a callback waits for them; a Lambda tells the team at the end."""
    source, status = data(model), approval()
    size = ParameterInteger("SampleSize", 2000)
    sample = job(model, "SampleForLabels", {"raw": source}, ("sample",), arguments=["--rows", size.to_string()])
    labels = CallbackStep(
        "AwaitLabels",
        sqs_queue_url=f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/ml-labelling",
        inputs={"sample": output(sample, "sample"), "queue": f"{model}-agents", "rows": size},
        outputs=[
            CallbackOutput("labels", CallbackOutputTypeEnum.String),
            CallbackOutput("agreement", CallbackOutputTypeEnum.Float),
        ],
    )
    merge = job(
        model,
        "MergeLabels",
        {"raw": source, "labels": labels.properties.Outputs["labels"]},
        ("train", "validation"),
    )
    train = TrainingStep(
        "FineTune",
        step_args=estimator(model, "ml.g5.2xlarge", IMAGE.format("toxic-bert"), epochs=3, lr="2e-5").fit(
            channels(merge)
        ),
        retry_policies=[CAPACITY],
    )
    package = register(model, "Register", train.properties.ModelArtifacts.S3ModelArtifacts, status)
    agreed = ConditionStep(
        "LabelsAgree",
        conditions=[ConditionGreaterThanOrEqualTo(labels.properties.Outputs["agreement"], 0.8)],
        if_steps=[merge, train, package],
        else_steps=[FailStep("LabelsDisagree", error_message="Annotators agree on fewer than 80% of the sample")],
    )
    return [source, size, status], [sample, labels, agreed]


def demand_cast(model: str) -> Made:
    """Two candidates trained side by side and compared; a parameter decides whether the backtest runs."""
    source, status = data(model), approval()
    mode = ParameterString("Mode", "full", ["full", "incremental", "backtest"])
    limit = ParameterFloat("MaxMape", 0.18)
    prepare = job(model, "Preprocess", {"raw": source}, ("train", "validation", "test"), cache=DAY)
    boosted = TrainingStep("TrainBoosted", step_args=estimator(model).fit(channels(prepare)), retry_policies=[CAPACITY])
    deep = TrainingStep(
        "TrainDeep",
        step_args=estimator(model, "ml.g5.2xlarge", IMAGE.format("tft"), epochs=30).fit(channels(prepare)),
        retry_policies=[CAPACITY],
    )
    report = PropertyFile("Comparison", "comparison", "comparison.json")
    artifacts = {
        "boosted": boosted.properties.ModelArtifacts.S3ModelArtifacts,
        "deep": deep.properties.ModelArtifacts.S3ModelArtifacts,
    }
    compare = job(model, "Compare", {**artifacts, "test": output(prepare, "test")}, ("comparison",), report=report)
    backtest = job(model, "Backtest", {"boosted": artifacts["boosted"]}, ("backtest",))
    mape = JsonGet("Compare", report, "regression_metrics.mape.value")
    wanted = ConditionStep(
        "BacktestWanted",
        conditions=[ConditionNot(ConditionEquals(mode, "incremental"))],
        if_steps=[backtest],
        else_steps=[],
    )
    package = register(model, "Register", artifacts["boosted"], status, output(compare, "comparison"))
    gate = ConditionStep(
        "CheckMape",
        conditions=[ConditionLessThanOrEqualTo(mape, limit), ConditionIn(mode, ["full", "incremental"])],
        if_steps=[package],
        else_steps=[notify("KeepChampion", model, Join(" ", ["MAPE above", limit, "or a backtest only"]))],
    )
    return [source, mode, limit, status], [prepare, boosted, deep, compare, wanted, gate]


def eta_minutes(model: str) -> Made:
    """Nightly batch scoring: checks the data, scores with the model in use, publishes, tells the team."""
    source = data(model)
    name = ParameterString("ModelName", f"{model}-v14")
    count = ParameterInteger("InstanceCount", 2)
    fresh = job(model, "CheckFreshness", {"raw": source}, ("report",), instance="ml.t3.medium")
    score = TransformStep(
        "Score",
        step_args=Transformer(
            model_name=name,
            instance_count=count,
            instance_type="ml.m5.4xlarge",
            output_path=f"s3://{BUCKET}/scores/{model}",
            sagemaker_session=SESSION,
        ).transform(data=source, content_type="text/csv", split_type="Line"),
        depends_on=[fresh],
        retry_policies=[CAPACITY],
    )
    publish = job(model, "Publish", {"scores": score.properties.TransformOutput.S3OutputPath}, ("published",))
    return [source, name, count], [fresh, score, publish, notify("TellTeam", model, "scores published", [publish])]


PIPELINES: dict[str, Callable[[str], Made]] = {
    "delay-risk-train": delay_risk,
    "churn-scorer-train": churn_scorer,
    "fraud-online-train": fraud_online,
    "review-toxic-train": review_toxic,
    "demand-cast-train": demand_cast,
    "eta-minutes-score": eta_minutes,
}


def main() -> None:
    for name, make in PIPELINES.items():
        parameters, steps = make(name.rsplit("-", 1)[0])
        made = Pipeline(name, parameters, steps=steps, sagemaker_session=SESSION)
        text = json.dumps(json.loads(made.definition()), indent=1) + "\n"
        (Path(__file__).parent / f"{name}.json").write_text(text)
        print(f"{name}: {len(steps)} top-level steps, {len(text):,} characters")


if __name__ == "__main__":
    main()
