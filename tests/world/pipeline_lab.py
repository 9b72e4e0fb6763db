"""A world over real HTTP whose clock the test turns, and small pipelines to run in it."""

import itertools
import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from console.world.world import World

ROLE = "arn:aws:iam::123456789012:role/pipelines"
_numbers = itertools.count()


class Lab:
    """One region of an empty world, shared by the tests of a module, whose pipelines have names of their own. Answers
    are checked against botocore's output shapes."""

    def __init__(self) -> None:
        # Five days ago: moto takes log lines from two weeks before to two hours after the real time.
        self.now = float(int(time.time()) - 5 * 86_400)
        self.world = World(fleet=0, throttle=False, validate=True, now=lambda: self.now)
        self.served = self.world.serve()
        self._session = boto3.Session(self.served.env["AWS_ACCESS_KEY_ID"], "x", region_name="eu-central-1")
        self._clients: dict[tuple[str, int], Any] = {}

    def client(self, service: str, attempts: int = 1) -> Any:
        if (service, attempts) not in self._clients:
            config = Config(retries={"total_max_attempts": attempts, "mode": "standard"})
            made = self._session.client(service, endpoint_url=self.served.url, config=config)
            self._clients[service, attempts] = made
        return self._clients[service, attempts]

    @property
    def sm(self) -> Any:
        return self.client("sagemaker")

    def create(self, *steps: dict[str, Any], parameters: list[dict[str, Any]] | None = None, **more: Any) -> str:
        """A pipeline with a name of its own."""
        name = f"lab-{next(_numbers)}"
        text = definition(*steps, parameters=parameters)
        self.sm.create_pipeline(PipelineName=name, PipelineDefinition=text, RoleArn=ROLE, **more)
        return name

    def start(self, name: str, **more: Any) -> str:
        return str(self.sm.start_pipeline_execution(PipelineName=name, **more)["PipelineExecutionArn"])

    def status(self, arn: str) -> str:
        return str(self.sm.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"])

    def steps(self, arn: str) -> dict[str, dict[str, Any]]:
        """In the order in which they started."""
        pages = self.sm.get_paginator("list_pipeline_execution_steps").paginate(
            PipelineExecutionArn=arn, SortOrder="Ascending"
        )
        return {step["StepName"]: step for page in pages for step in page["PipelineExecutionSteps"]}

    def states(self, arn: str) -> dict[str, str]:
        return {name: step["StepStatus"] for name, step in self.steps(arn).items()}

    def settle(self, arn: str, within_s: float = 40_000) -> str:
        """Turns the clock until the execution is over, or for `within_s`."""
        until = self.now + within_s
        while self.now < until and (status := self.status(arn)) in ("Executing", "Stopping"):
            self.now += 30
        return self.status(arn) if self.now >= until else status


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    made = Lab()
    with made.served:
        yield made


def definition(*steps: dict[str, Any], parameters: list[dict[str, Any]] | None = None) -> str:
    return json.dumps({"Version": "2020-12-01", "Metadata": {}, "Parameters": parameters or [], "Steps": steps})


def step(name: str, kind: str, arguments: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    return {"Name": name, "Type": kind, "Arguments": arguments or {}} | members


def processing(name: str, *inputs: Any, **members: Any) -> dict[str, Any]:
    """A job that reads `inputs` (strings or expressions) and writes one output named `out`."""
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30}
    arguments = {
        "ProcessingResources": {"ClusterConfig": cluster},
        "AppSpecification": {"ImageUri": "image"},
        "RoleArn": ROLE,
        "ProcessingInputs": [
            {"InputName": f"i{n}", "AppManaged": False, "S3Input": {"S3Uri": uri, "S3DataType": "S3Prefix"}}
            for n, uri in enumerate(inputs)
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "out",
                    "AppManaged": False,
                    "S3Output": {"S3Uri": f"s3://b/{name}", "LocalPath": "/opt/out", "S3UploadMode": "EndOfJob"},
                }
            ]
        },
    }
    return step(name, "Processing", arguments, **members)


def out(name: str) -> dict[str, str]:
    """A reference to the output of a `processing` step."""
    return {"Get": f"Steps.{name}.ProcessingOutputConfig.Outputs['out'].S3Output.S3Uri"}


def condition(name: str, test: dict[str, Any], yes: list[Any], no: list[Any], **members: Any) -> dict[str, Any]:
    return step(name, "Condition", {"Conditions": [test], "IfSteps": yes, "ElseSteps": no}, **members)
