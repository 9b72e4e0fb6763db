"""A client nobody here wrote: the SageMaker Python SDK, in an environment of its own, on the world unchanged."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from console.world.world import World
from tests.peers import environment

SDK = "sagemaker>=2.257,<3"


@pytest.fixture(scope="module")
def python() -> Path:
    """The interpreter with the SDK; the environment (210 MB) is made when it is missing."""
    return environment("sagemaker", SDK) / "python"


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_sdk_makes_starts_and_waits_for_a_pipeline(python: Path, tmp_path: Path) -> None:
    world = World(fleet=0, speed=600, validate=True, throttle=False)
    with world.serve() as served:
        quiet = {"SAGEMAKER_SUPPRESS_V2_WARNING": "1", "HOME": str(tmp_path)}
        done = subprocess.run(
            [python, Path(__file__).with_name("sdk_client.py"), tmp_path / "prepare.py"],
            env={"PATH": os.environ["PATH"], **served.env, **quiet},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen.pop("version").startswith("2.")
    assert seen == {
        "same_arn": True,
        "good": "Succeeded",
        "good_steps": {"Prepare": "Succeeded", "Gate": "Succeeded", "Train": "Succeeded"},
        "parameters": {"MinAuc": "0.5", "InstanceType": "ml.m5.xlarge"},
        "bad": "Failed",
        "bad_steps": {"Prepare": None, "Gate": None, "Refuse": "not good enough"},
        "waited": "WaiterError",
        "executions": 2,
        "description": "the same, once more",
    }
