"""Models and endpoint configs: written once, never changed, found by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from console.world.errors import AwsError, validation
from console.world.identity import Caller
from console.world.operations import operation
from console.world.paging import ordered, page
from console.world.sagemaker.tags import Tags

if TYPE_CHECKING:
    from console.world.world import Region, World


@dataclass(frozen=True, slots=True)
class Resource:
    name: str
    arn: str
    created: float
    body: dict[str, Any]
    """The members of the request that made it, without name and tags; Describe answers them as they came."""


class Shelf:
    """Resources of one kind. Names differ by more than case (facts: sagemaker 2.3), and ARNs are lower-cased."""

    def __init__(self, region: Region, kind: str, noun: str) -> None:
        self._region = region
        self._kind = kind
        self._noun = noun
        self._items: dict[str, Resource] = {}

    def __iter__(self) -> Any:
        return iter(self._items.values())

    def arn(self, name: str) -> str:
        return self._region.arn(f"{self._kind}/{name.lower()}")

    def find(self, name: str) -> Resource | None:
        return self._items.get(name.lower())

    def get(self, name: str) -> Resource:
        found = self.find(name)
        if found is None:
            raise self.missing(name)
        return found

    def missing(self, name: str) -> AwsError:
        return validation(f'Could not find {self._noun} "{self.arn(name)}".')

    def add(self, name: str, body: dict[str, Any], at: float) -> Resource:
        arn = self.arn(name)
        if name.lower() in self._items:
            raise validation(f'Cannot create already existing {self._noun} "{arn}".')
        made = Resource(name, arn, at, body)
        self._items[name.lower()] = made
        return made

    def remove(self, name: str) -> None:
        self.get(name)
        del self._items[name.lower()]


class Models(Shelf):
    def __init__(self, region: Region) -> None:
        super().__init__(region, "model", "model")

    def image(self, name: str | None) -> str | None:
        """The container's image of a model; None when the model is gone, as nothing forbids deleting one in use."""
        found = self.find(name) if name else None
        if found is None:
            return None
        container = found.body.get("PrimaryContainer") or (found.body.get("Containers") or [{}])[0]
        image: str | None = container.get("Image")
        return image


class Configs(Shelf):
    def __init__(self, region: Region) -> None:
        super().__init__(region, "endpoint-config", "endpoint configuration")

    def visible(self, name: str, now: float, lag_s: float) -> Resource:
        """As UpdateEndpoint sees it: a config written a moment ago may still be missing (facts: sagemaker 2.3)."""
        found = self.get(name)
        if now < found.created + lag_s:
            raise self.missing(name)
        return found


def _made(shelf: Shelf, kind: str, request: dict[str, Any], region: Region, now: float) -> Resource:
    body = {key: value for key, value in request.items() if key not in (f"{kind}Name", "Tags")}
    made = shelf.add(request[f"{kind}Name"], body, now)
    region.of(Tags).put(made.arn, request.get("Tags"))
    return made


def _listed(shelf: Shelf, kind: str, request: dict[str, Any]) -> tuple[list[dict[str, Any]], str | None]:
    after, before = request.get("CreationTimeAfter", 0.0), request.get("CreationTimeBefore", float("inf"))
    wanted = request.get("NameContains", "").lower()
    inside = [item for item in shelf if after < item.created < before]
    keys = {"Name": lambda item: item.name, "CreationTime": lambda item: (item.created, item.name)}
    cut, token = page(ordered(inside, request, keys), request, filter_after=lambda item: wanted in item.name.lower())
    found = [{f"{kind}Name": item.name, f"{kind}Arn": item.arn, "CreationTime": item.created} for item in cut]
    return found, token


@operation("CreateModel")
def create_model(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    return {"ModelArn": _made(region.of(Models), "Model", request, region, world.now).arn}


@operation("DescribeModel")
def describe_model(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    found = region.of(Models).get(request["ModelName"])
    return found.body | {"ModelName": found.name, "ModelArn": found.arn, "CreationTime": found.created}


@operation("ListModels")
def list_models(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    found, token = _listed(region.of(Models), "Model", request)
    return {"Models": found, "NextToken": token}


@operation("DeleteModel")
def delete_model(world: World, region: Region, request: dict[str, Any], caller: Caller) -> None:
    region.of(Models).remove(request["ModelName"])


@operation("CreateEndpointConfig")
def create_endpoint_config(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    models = region.of(Models)
    for variant in request["ProductionVariants"] + request.get("ShadowProductionVariants", []):
        if "ModelName" in variant:
            models.get(variant["ModelName"])
    names = [variant["VariantName"] for variant in request["ProductionVariants"]]
    if len(set(names)) < len(names):
        raise validation("Variant names within an endpoint configuration must be unique.")
    return {"EndpointConfigArn": _made(region.of(Configs), "EndpointConfig", request, region, world.now).arn}


@operation("DescribeEndpointConfig")
def describe_endpoint_config(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    found = region.of(Configs).get(request["EndpointConfigName"])
    names = {"EndpointConfigName": found.name, "EndpointConfigArn": found.arn, "CreationTime": found.created}
    return found.body | names


@operation("ListEndpointConfigs")
def list_endpoint_configs(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    found, token = _listed(region.of(Configs), "EndpointConfig", request)
    return {"EndpointConfigs": found, "NextToken": token}


@operation("DeleteEndpointConfig")
def delete_endpoint_config(world: World, region: Region, request: dict[str, Any], caller: Caller) -> None:
    """AWS lets a config in use be deleted, and UpdateEndpoint of its endpoint then fails (terraform #40048)."""
    region.of(Configs).remove(request["EndpointConfigName"])
