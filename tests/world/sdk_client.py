"""Run by the interpreter that has the SageMaker Python SDK (test_sdk.py): makes, starts and waits for a pipeline as the
SDK's users do, and prints what it saw as one JSON object. It knows of the world only the standard environment."""
# mypy: ignore-errors

import json
import sys
from pathlib import Path

import sagemaker
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.processing import ProcessingOutput, ScriptProcessor
from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.conditions import ConditionGreaterThan
from sagemaker.workflow.fail_step import FailStep
from sagemaker.workflow.functions import JsonGet
from sagemaker.workflow.parameters import ParameterFloat, ParameterString
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.properties import PropertyFile
from sagemaker.workflow.steps import ProcessingStep, TrainingStep

ROLE = "arn:aws:iam::123456789012:role/sdk"
QUIET = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}


def build(script: Path) -> Pipeline:
    # The bucket is named: to make up a name the SDK asks STS at its public address, whatever AWS_ENDPOINT_URL says.
    session = PipelineSession(sagemaker_config=QUIET, default_bucket="sdk-bucket")
    least = ParameterFloat("MinAuc", 0.5)
    instance = ParameterString("InstanceType", "ml.m5.large", ["ml.m5.large", "ml.m5.xlarge"])
    processor = ScriptProcessor(
        image_uri="image", command=["python3"], role=ROLE, instance_count=1, instance_type="ml.m5.large",
        sagemaker_session=session,
    )  # fmt: skip
    report = PropertyFile("Report", "report", "report.json")
    outputs = [ProcessingOutput(output_name=name, source=f"/opt/{name}") for name in ("train", "report")]
    prepare = ProcessingStep(
        "Prepare", step_args=processor.run(code=str(script), outputs=outputs), property_files=[report]
    )
    train_data = prepare.properties.ProcessingOutputConfig.Outputs["train"].S3Output.S3Uri
    estimator = Estimator("image", ROLE, 1, instance, sagemaker_session=session)
    train = TrainingStep("Train", step_args=estimator.fit({"train": TrainingInput(train_data)}))
    gate = ConditionStep(
        "Gate",
        conditions=[ConditionGreaterThan(JsonGet("Prepare", report, "auc"), least)],
        if_steps=[train],
        else_steps=[FailStep("Refuse", "not good enough")],
    )
    return Pipeline("sdk-made", [least, instance], steps=[prepare, gate], sagemaker_session=session)


def main() -> None:
    script = Path(sys.argv[1])
    script.write_text("print('prepare')\n")
    pipeline = build(script)
    made = pipeline.upsert(ROLE, tags=[{"Key": "team", "Value": "sdk"}])
    again = pipeline.upsert(ROLE, description="the same, once more")
    good = pipeline.start(parameters={"InstanceType": "ml.m5.xlarge"}, execution_display_name="sdk-good")
    good.wait(delay=1, max_attempts=60)
    bad = pipeline.start(parameters={"MinAuc": 0.999})
    try:
        bad.wait(delay=1, max_attempts=60)
        waited = "no error"
    except Exception as error:
        waited = type(error).__name__
    sys.stdout.write(
        json.dumps(
            {
                "version": sagemaker.__version__,
                "same_arn": made["PipelineArn"] == again["PipelineArn"],
                "good": good.describe()["PipelineExecutionStatus"],
                "good_steps": {step["StepName"]: step["StepStatus"] for step in good.list_steps()},
                "parameters": {p["Name"]: p["Value"] for p in good.list_parameters()["PipelineParameters"]},
                "bad": bad.describe()["PipelineExecutionStatus"],
                "bad_steps": {step["StepName"]: step.get("FailureReason") for step in bad.list_steps()},
                "waited": waited,
                "executions": len(pipeline.list_executions()["PipelineExecutionSummaries"]),
                "description": pipeline.describe()["PipelineDescription"],
            }
        )
    )


if __name__ == "__main__":
    main()
