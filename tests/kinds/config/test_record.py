"""What a deployment changed, told from two configs."""

from __future__ import annotations

from typing import Any

import msgspec

from console.kinds.config.record import Config, difference, from_api
from console.kinds.difference import Difference

IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/ml/risk"


def config(
    name: str, *, variant: dict[str, Any] | None = None, env: dict[str, str] | None = None, **more: Any
) -> Config:
    first = {"VariantName": "AllTraffic", "ModelName": name, "InstanceType": "ml.c6i.xlarge", "InitialInstanceCount": 3}
    model = {
        "PrimaryContainer": {
            "Image": f"{IMAGE}@sha256:{'a' * 64}",
            "ModelDataUrl": "s3://acme/risk/train/run-1/output/model.tar.gz",
            "Environment": env or {},
        }
        | more.pop("container", {})
    }
    answer = {"EndpointConfigName": name, "ProductionVariants": [first | (variant or {})], **more}
    return from_api(answer, {name: model})


def told(before: Config, after: Config) -> dict[str, tuple[str, str]]:
    return {d.what: (d.before, d.after) for d in difference(before, after)}


def test_names_alone_are_no_change() -> None:
    assert told(config("v7"), config("v8")) == {}


def test_image_data_hosts_and_capture() -> None:
    capture = {"EnableCapture": True, "InitialSamplingPercentage": 20}
    before = config("v7", DataCaptureConfig=capture)
    after = config(
        "v8",
        variant={"InstanceType": "ml.c6i.2xlarge", "InitialInstanceCount": 2},
        container={
            "Image": f"{IMAGE}@sha256:{'b' * 64}",
            "ModelDataUrl": "s3://acme/risk/train/run-2/output/model.tar.gz",
        },
    )
    assert told(before, after) == {
        "image": ("a" * 12, "b" * 12),
        "model data": ("run-1", "run-2"),
        "instance type": ("ml.c6i.xlarge", "ml.c6i.2xlarge"),
        "instances": ("3", "2"),
        "data capture": ("20 %", "off"),
    }


def test_a_commit_is_told_a_value_is_not_and_a_secret_is_not_kept() -> None:
    before = config(
        "v7", env={"GIT_COMMIT": "c9c917ada25dcde3", "LOG_LEVEL": "info", "API_TOKEN": "hunter2", "OLD": "1"}
    )
    after = config("v8", env={"GIT_COMMIT": "3ec41341a0c76f40", "LOG_LEVEL": "debug", "API_TOKEN": "hunter3"})
    assert told(before, after) == {
        "GIT_COMMIT": ("c9c917ada25d", "3ec41341a0c7"),
        "LOG_LEVEL": ("a value", "another"),
        "OLD": ("a value", "–"),
    }
    kept = msgspec.json.encode((before, after)).decode()
    assert "hunter" not in kept and "debug" not in kept and "info" not in kept


def test_variants_come_and_go() -> None:
    one = config("v7")
    two = from_api(
        {
            "EndpointConfigName": "v8",
            "ProductionVariants": [
                {
                    "VariantName": "AllTraffic",
                    "ModelName": "v7",
                    "InstanceType": "ml.c6i.xlarge",
                    "InitialInstanceCount": 3,
                },
                {"VariantName": "challenger", "ModelName": "v8", "ServerlessConfig": {"MemorySizeInMB": 2048}},
            ],
        },
        {},
    )
    found = told(one, two)
    assert found["variant challenger"] == ("–", "serverless") and two.unread == ("v7", "v8")


def test_another_repository_is_named() -> None:
    after = config("v8", container={"Image": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/ml/other:1.4"})
    assert told(config("v7"), after) == {"image": (f"risk@{'a' * 12}", "other@1.4")}


def test_a_shadow_and_serverless_settings() -> None:
    before = config("v7", variant={"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}})
    after = config("v8", variant={"ServerlessConfig": {"MemorySizeInMB": 4096, "MaxConcurrency": 5}})
    assert told(before, after) == {"MemorySizeInMB": ("2048", "4096")}


def test_what_differs_is_never_told_as_two_equal_words() -> None:
    """Another registry, a copy of a key in another region, and a path that goes on where the other ends."""
    key = "arn:aws:kms:{}:123456789012:key/mrk-1234"
    before = config("v7", container={"ModelDataUrl": "s3://acme/risk"}, KmsKeyId=key.format("eu-central-1"))
    after = config(
        "v8",
        container={
            "ModelDataUrl": "s3://acme/risk/model.tar.gz",
            "Image": f"{IMAGE}@sha256:{'a' * 64}".replace("1", "2"),
        },
        KmsKeyId=key.format("eu-west-1"),
    )
    found = told(before, after)
    assert found["model data"] == ("s3://acme/risk", "s3://acme/risk/model.tar.gz")
    assert found["KMS key"] == (key.format("eu-central-1"), key.format("eu-west-1"))
    assert "123456789012" in found["image"][0] and "123456789012" not in found["image"][1]
    assert told(before, config("v9", container={"ModelDataUrl": ""}))["model data"] == ("s3://acme/risk", "–")


def test_long_values_are_told_from_where_they_differ() -> None:
    same, other = Difference("image", "1.0", "1.1"), Difference("X" * 900, f"{'t' * 126}1", f"{'t' * 126}2")
    assert same.told == ("image", "1.0 → 1.1")
    what, words = other.told
    assert words == f"…{'t' * 8}1 → …{'t' * 8}2" and len(what) == 40
    one, two = Difference("model data", "a" * 500, f"b{'c' * 500}").told[1].split(" → ")
    assert (len(one), len(two)) == (40, 40) and one != two
    assert Difference("image", "–", "y" * 127).told[1].startswith("– → yyyy")
