"""Copies of an inference component: nothing is proposed by numbers of before they came."""

from __future__ import annotations

import re

import boto3
import msgspec
import pytest

from console.actions.model import Stage, Verdict
from console.errors import Refused
from tests.incidents.conftest import Make, Night

ENDPOINT = "churn-scorer"


def watched(night: Make) -> tuple[Night, str]:
    one = night()
    one.has(ENDPOINT)
    assert one.look() == {} == one.look()
    sagemaker = boto3.client("sagemaker")
    listed = sagemaker.list_inference_components(EndpointNameEquals=ENDPOINT)["InferenceComponents"]
    return one, str(listed[0]["InferenceComponentName"])


def refused(one: Night, component: str) -> str:
    with pytest.raises(Refused, match="nothing is proposed before") as error:
        one.plan("scale", component, "scaling")
    return error.value.message


def test_no_copies_more_until_their_metrics_are_there(night: Make) -> None:
    """Not autoscaled: no activity tells when they came."""
    one, component = watched(night)
    plan = one.plan("scale", component, "scaling")
    have = plan.before["desired"]
    assert plan.after["desired"] == have + 1
    assert one.apply(one.plan("scale", component, "scaling", desired=have + 1)).stage is Stage.DONE
    assert one.look() == {}
    said = refused(one, component)
    assert f"{have + 1} copies serve and its metrics are of " in said
    one.wait(12)
    assert one.look() == {} == one.look()
    assert one.plan("scale", component, "scaling").before["desired"] == have + 1


def test_no_copies_more_while_autoscaling_brings_some(night: Make) -> None:
    one, component = watched(night)
    boto3.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="sagemaker",
        ResourceId=f"inference-component/{component}",
        ScalableDimension="sagemaker:inference-component:DesiredCopyCount",
        MinCapacity=1,
        MaxCapacity=4,
    )
    one.wait(12)
    assert one.look() == {} == one.look()
    plan = one.plan("scale", component, "scaling", max=6)
    assert one.apply(plan).stage is Stage.DONE
    assert re.search(r"max raised 4→6 .*, autoscaling has not acted yet", refused(one, component))
    one.wait(12)
    boto3.client("sagemaker").update_inference_component_runtime_config(
        InferenceComponentName=component, DesiredRuntimeConfig={"CopyCount": plan.before["desired"] + 2}
    )
    have = plan.before["desired"]
    assert re.search(rf"it scales {have}→{have + 2} since .*: wait for that", refused(one, component))


def test_copies_that_do_not_fit_are_told_before_and_where_aws_gives_up(night: Make) -> None:
    one, component = watched(night)
    sagemaker = boto3.client("sagemaker")
    needs = sagemaker.describe_inference_component(InferenceComponentName=component)["Specification"]
    each = needs["ComputeResourceRequirements"]["NumberOfCpuCoresRequired"]
    plan = one.plan("scale", component, "scaling", desired=40)
    room = next(check for check in plan.preflight if check.check == "room")
    assert room.verdict is Verdict.FAIL and plan.refused == (room,)
    assert re.search(rf"^40 copies do not fit on \d instances? of ml.*, \d+ do: each takes {each:g} of", room.detail)
    (fit,) = re.findall(r", (\d+) do:", room.detail)
    enough = one.plan("scale", component, "scaling", desired=int(fit))
    assert next(check for check in enough.preflight if check.check == "room").verdict is Verdict.PASS
    more = one.plan("scale", component, "scaling", desired=int(fit) + 1)
    told = next(check for check in more.preflight if check.check == "room")
    assert told.verdict is Verdict.WARN and "SageMaker may add instances, up to 4" in told.detail
    # Somebody took the room between the plan and its call: AWS takes the number, and places what it can.
    passed = tuple(check for check in plan.preflight if check.check != "room")
    began = one.now
    done = one.apply(msgspec.structs.replace(plan, preflight=passed))
    assert done.stage is Stage.FAILED and "Insufficient capacity" in done.words and "40 wanted" in done.words
    assert one.now - began < 10 * 60_000, "it does not wait for what AWS has given up"
    with pytest.raises(Refused) as error:
        one.plan("scale", component, "scaling")
    assert "it scales" not in error.value.message
