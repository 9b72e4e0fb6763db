"""Tags of any SageMaker resource, by ARN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from console.world.errors import validation
from console.world.identity import Caller
from console.world.operations import operation
from console.world.paging import page

if TYPE_CHECKING:
    from console.world.world import Region, World

LIMIT = 50


class Tags:
    def __init__(self, region: Region) -> None:
        self._by_arn: dict[str, dict[str, str]] = {}

    def of(self, arn: str) -> list[dict[str, str]]:
        return [{"Key": key, "Value": value} for key, value in self._by_arn.get(arn, {}).items()]

    def put(self, arn: str, tags: list[dict[str, str]] | None) -> None:
        """Adds or overwrites; raises ValidationException beyond 50."""
        merged = self._by_arn.get(arn, {}) | {tag["Key"]: tag["Value"] for tag in tags or ()}
        if len(merged) > LIMIT:
            raise validation(f"The number of tags exceeds the limit of {LIMIT}.")
        if merged:
            self._by_arn[arn] = merged

    def drop(self, arn: str, keys: list[str] | None = None) -> None:
        """These keys, or all."""
        if keys is None:
            self._by_arn.pop(arn, None)
        for key in keys or ():
            self._by_arn.get(arn, {}).pop(key, None)


@operation("AddTags")
def add_tags(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    region.of(Tags).put(request["ResourceArn"], request["Tags"])
    return {"Tags": region.of(Tags).of(request["ResourceArn"])}


@operation("ListTags")
def list_tags(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    cut, token = page(region.of(Tags).of(request["ResourceArn"]), request, default=50)
    return {"Tags": cut, "NextToken": token}


@operation("DeleteTags")
def delete_tags(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    region.of(Tags).drop(request["ResourceArn"], request["TagKeys"])
    return {}
