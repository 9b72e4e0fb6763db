"""The model artifacts in S3 that models name, put there when somebody first looks at S3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.world import moto_backends
from console.world.sagemaker.resources import Models

if TYPE_CHECKING:
    from console.world.world import Region

BUCKET = "acme-ml-artifacts"


class Artifacts:
    def __init__(self, region: Region) -> None:
        self._region = region
        self._done: set[str] = set()

    def bring_up_to_date(self) -> None:
        """Objects for models made since the last time; what was deleted since then stays deleted."""
        for model in self._region.of(Models):
            if model.name not in self._done:
                self._done.add(model.name)
                url = (model.body.get("PrimaryContainer") or {}).get("ModelDataUrl", "")
                prefix = f"s3://{BUCKET}/"
                if url.startswith(prefix):
                    content = f"model.tar.gz of {model.name}\n".encode()
                    moto_backends.put_object(self._region.name, BUCKET, url.removeprefix(prefix), content)
