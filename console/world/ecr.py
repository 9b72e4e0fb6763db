"""ECR, as far as a preflight asks it: the images of the models there are. Pushing is not modelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from console.world.errors import AwsError
from console.world.identity import Caller
from console.world.operations import operation
from console.world.sagemaker.resources import Models

if TYPE_CHECKING:
    from console.world.world import Region, World


class Repositories:
    """Images by repository, told from the models that use them. `gone` holds those that somebody deleted."""

    def __init__(self, region: Region) -> None:
        self._region = region
        self.gone: set[str] = set()

    def images(self) -> dict[str, set[str]]:
        """References (digest or tag) by repository name."""
        found: dict[str, set[str]] = {}
        for model in self._region.of(Models):
            for container in (model.body.get("PrimaryContainer") or {}, *model.body.get("Containers", ())):
                image = container.get("Image", "")
                registry, _, rest = image.partition("/")
                if ".dkr.ecr." in registry and image not in self.gone:
                    repository, _, reference = rest.partition("@" if "@" in rest else ":")
                    found.setdefault(repository, set()).add(reference or "latest")
        return found


@operation("DescribeImages", service="ecr")
def describe_images(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    name = request["repositoryName"]
    known = region.of(Repositories).images().get(name)
    if known is None:
        registry = request.get("registryId", region.account)
        where = f"The repository with name '{name}' does not exist in the registry with id '{registry}'"
        raise AwsError("RepositoryNotFoundException", where)
    details = []
    for asked in request.get("imageIds") or [{"imageDigest": d} for d in sorted(known)]:
        reference = asked.get("imageDigest") or asked.get("imageTag", "")
        if reference not in known:
            what = f"The image with imageId {asked} does not exist within the repository with name '{name}'"
            raise AwsError("ImageNotFoundException", what)
        which: dict[str, Any] = {"imageTags": [reference]} if asked.get("imageTag") else {"imageDigest": reference}
        details.append({"registryId": region.account, "repositoryName": name, **which})
    return {"imageDetails": details}
