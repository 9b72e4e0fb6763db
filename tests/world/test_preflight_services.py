"""ECR and IAM as a preflight asks them, through boto3."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from console.world.ecr import Repositories


def _image(lab) -> str:
    sagemaker = lab.client("sagemaker")
    config = sagemaker.describe_endpoint(EndpointName="delay-risk")["EndpointConfigName"]
    variant = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"][0]
    return sagemaker.describe_model(ModelName=variant["ModelName"])["PrimaryContainer"]["Image"]


def test_images_of_models_are_in_their_repository_until_somebody_deletes_them(lab) -> None:
    image, ecr = _image(lab), lab.client("ecr")
    digest = image.partition("@")[2]
    asked = {"repositoryName": "ml/delay-risk", "imageIds": [{"imageDigest": digest}]}
    assert ecr.describe_images(**asked)["imageDetails"][0]["imageDigest"] == digest
    lab.world.region().of(Repositories).gone.add(image)
    with pytest.raises(ClientError, match=r"ImageNotFoundException|RepositoryNotFoundException"):
        ecr.describe_images(**asked)


def test_an_unknown_repository_is_said(lab) -> None:
    with pytest.raises(ClientError, match="RepositoryNotFoundException"):
        lab.client("ecr").describe_images(repositoryName="nobody/here")


@pytest.mark.parametrize(("denied", "decision"), [(False, "allowed"), (True, "implicitDeny")])
def test_the_simulator_says_what_a_call_would_meet(lab, denied: bool, decision: str) -> None:
    if denied:
        lab.world.faults.add(operation="UpdateEndpoint", code="AccessDeniedException")
    answer = lab.client("iam").simulate_principal_policy(
        PolicySourceArn="arn:aws:iam::123456789012:role/OnCall",
        ActionNames=["sagemaker:UpdateEndpoint"],
        ResourceArns=["arn:aws:sagemaker:eu-central-1:123456789012:endpoint/delay-risk"],
    )
    assert [r["EvalDecision"] for r in answer["EvaluationResults"]] == [decision]
