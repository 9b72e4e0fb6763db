"""Describing a config with its models, for all who watch: what it is, and which metrics its endpoint has."""

from __future__ import annotations

from typing import Any

import msgspec

from console.clock import Millis
from console.errors import NotFound, NotPermitted
from console.kinds.base import Eyes
from console.kinds.config.record import Config, from_api, models_of
from console.kinds.vitals.queries import shape_of

OPERATIONS = ("sagemaker:DescribeEndpointConfig", "sagemaker:DescribeModel")


def described(client: Any, name: str) -> Config:
    """One that is gone or may not be looked at is `absent`. Raises SourceError where AWS does not answer."""
    try:
        answer = client.describe_endpoint_config(EndpointConfigName=name)
    except NotFound:
        return Config(name, absent="is deleted")
    except NotPermitted:
        return Config(name, absent="may not be looked at")
    models: dict[str, Any] = {}
    for model in models_of(answer):
        try:
            models[model] = client.describe_model(ModelName=model)
        except (NotFound, NotPermitted):
            continue
    return from_api(answer, models)


def read(eyes: Eyes, name: str, deployed: Millis = 0) -> Config:
    """Describe it and keep what was seen. `deployed`: when the last deployment to it began, as far as that is known."""
    # AWS's clock may be ahead of ours.
    config = msgspec.structs.replace(described(eyes.client("sagemaker"), name), read_at=max(eyes.now(), deployed))
    if not config.absent:
        eyes.saw("config", name, config)
        eyes.saw("shape", name, shape_of(config))
    elif eyes.head("config", name) is None:  # what was read of it is worth more than that it is gone
        eyes.saw("config", name, config)
    return config
