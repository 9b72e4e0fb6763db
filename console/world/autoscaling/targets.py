"""Scalable targets: what may be scaled, within which bounds. They also decide what UpdateEndpoint may change."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from console.world.autoscaling.policies import Policies
from console.world.autoscaling.scheduled import ScheduledActions
from console.world.errors import AwsError
from console.world.identity import ACCOUNT

if TYPE_CHECKING:
    from console.world.world import Region

SERVICE: Final = "application-autoscaling"
INSTANCES: Final = "sagemaker:variant:DesiredInstanceCount"
CONCURRENCY: Final = "sagemaker:variant:DesiredProvisionedConcurrency"
COPIES: Final = "sagemaker:inference-component:DesiredCopyCount"
ROLE_NAME = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/{ROLE_NAME}"


class Key(NamedTuple):
    resource: str
    """`endpoint/search-rank/variant/AllTraffic` or `inference-component/churn-scorer-b2b`."""
    dimension: str

    @property
    def endpoint(self) -> str:
        """Empty for an inference component."""
        return self.resource.split("/")[1] if self.dimension != COPIES else ""

    @property
    def name(self) -> str:
        """Of the variant or the inference component."""
        return self.resource.rsplit("/", 1)[1]

    @classmethod
    def of_variant(cls, endpoint: str, variant: str, dimension: str = INSTANCES) -> Key:
        return cls(f"endpoint/{endpoint}/variant/{variant}", dimension)

    def missing(self) -> AwsError:
        return AwsError(
            "ObjectNotFoundException",
            f"No scalable target registered for service namespace: sagemaker, resource ID: {self.resource}, "
            f"scalable dimension: {self.dimension}",
        )


@dataclass(slots=True)
class Target:
    key: Key
    low: int
    high: int
    created: float
    suspended: dict[str, bool] = field(default_factory=dict)
    """By member of SuspendedState."""

    def bounded(self, capacity: int) -> int:
        return max(self.low, min(self.high, capacity))


class ScalableTargets:
    """Those of one region."""

    def __init__(self, region: Region) -> None:
        self._region = region
        self._items: dict[Key, Target] = {}

    def variants_of(self, endpoint: str) -> set[str]:
        """Variants of the endpoint whose instances Auto Scaling may resize."""
        return {key.name for key in self._items if key.endpoint == endpoint and key.dimension == INSTANCES}

    def of_endpoint(self, endpoint: str) -> list[Target]:
        return [target for target in self.all() if target.key.endpoint == endpoint]

    def get(self, key: Key) -> Target | None:
        return self._items.get(key)

    def known(self, key: Key) -> Target:
        """Raises ObjectNotFoundException."""
        found = self._items.get(key)
        if found is None:
            raise key.missing()
        return found

    def set(self, target: Target) -> None:
        from console.world.autoscaling.scaling import Scaling  # which itself asks for the targets

        self._items[target.key] = target
        self._region.of(Scaling)  # from now on it listens to alarms and endpoints

    def put(self, endpoint: str, variant: str, low: int, high: int, at: float) -> Target:
        """The seed's: nothing is moved into the bounds."""
        target = Target(Key.of_variant(endpoint, variant), low, high, at)
        self.set(target)
        return target

    def remove(self, key: Key) -> None:
        """With its policies, their alarms and its scheduled actions (facts: sagemaker 2.7)."""
        self.known(key)
        del self._items[key]
        self._region.of(Policies).forget(key)
        self._region.of(ScheduledActions).forget(key)

    def drop(self, endpoint: str) -> None:
        """DeleteEndpoint deregisters its targets itself (facts: sagemaker 2.7)."""
        for target in self.of_endpoint(endpoint):
            self.remove(target.key)

    def drop_component(self, name: str) -> None:
        key = Key(f"inference-component/{name}", COPIES)
        if key in self._items:
            self.remove(key)

    def all(self) -> list[Target]:
        return [self._items[key] for key in sorted(self._items)]

    def arn(self, key: Key) -> str:
        stem = zlib.crc32("".join(key).encode())
        return self._region.arn(f"scalable-target/{stem:020x}", service=SERVICE)
