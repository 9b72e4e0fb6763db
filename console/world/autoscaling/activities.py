"""Scaling activities: what was scaled, why, and what came of it; also what was not. Kept for six weeks.

Words: Application Auto Scaling User Guide, Scaling activities; SageMaker Developer Guide, on quotas; public answers of
the service for SageMaker variants.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from console.world.autoscaling.targets import CONCURRENCY, COPIES, INSTANCES, Key

if TYPE_CHECKING:
    from console.world.autoscaling.decisions import NotScaled
    from console.world.world import Region

KEPT_S = 42 * 86400.0
Status = Literal["Pending", "InProgress", "Successful", "Overridden", "Unfulfilled", "Failed"]
ATTEMPT = "Attempting to scale due to alarm triggered"
_NOUNS = {
    INSTANCES: "desired instance count",
    CONCURRENCY: "desired provisioned concurrency",
    COPIES: "desired copy count",
}


def noun(key: Key) -> str:
    return _NOUNS[key.dimension]


def by_alarm(alarm: str, policy: str) -> str:
    """The Cause."""
    return f"monitor alarm {alarm} in state ALARM triggered policy {policy}"


@dataclass(slots=True)
class Activity:
    key: Key
    description: str
    cause: str
    started: float
    ended: float | None = None
    status: Status = "Pending"
    message: str | None = None
    not_scaled: NotScaled | None = None

    @classmethod
    def to(cls, key: Key, capacity: int, cause: str, at: float) -> Activity:
        return cls(key, f"Setting {noun(key)} to {capacity}.", cause, at)

    def fulfil(self, capacity: int, at: float) -> None:
        self.status, self.ended = "Successful", at
        self.message = f"Successfully set {noun(self.key)} to {capacity}. Change successfully fulfilled by sagemaker."

    @property
    def id(self) -> str:
        seed = f"{self.key}{self.description}{self.cause}{self.started}"
        digest = hashlib.sha256(seed.encode()).hexdigest()
        return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"

    def shown(self) -> dict[str, Any]:
        reason = self.not_scaled
        return {
            "ActivityId": self.id,
            "ServiceNamespace": "sagemaker",
            "ResourceId": self.key.resource,
            "ScalableDimension": self.key.dimension,
            "Description": self.description,
            "Cause": self.cause,
            "StartTime": self.started,
            "EndTime": self.ended,
            "StatusCode": self.status,
            "StatusMessage": self.message,
            "NotScaledReasons": [{"Code": reason.code, **reason.bounds}] if reason else None,
        }


class Activities:
    """Those of one region. The seed's past is told when somebody asks."""

    def __init__(self, region: Region) -> None:
        self._world = region.world
        self._items: list[Activity] = []
        self._pasts: list[tuple[str, Callable[[], list[Activity]]]] = []

    def plant(self, resource: str, past: Callable[[], list[Activity]]) -> None:
        self._pasts.append((resource, past))

    def add(self, activity: Activity) -> Activity:
        self._items.append(activity)
        return activity

    def find(self, resource: str | None = None, dimension: str | None = None) -> list[Activity]:
        """Of the last six weeks, newest first; not scaled ones too."""
        for planted, past in self._pasts:
            if resource in (None, planted):
                self._items.extend(past())
        self._pasts = [one for one in self._pasts if resource not in (None, one[0])]
        since = self._world.now - KEPT_S
        self._items = [one for one in self._items if one.started >= since]
        found = (
            one
            for one in self._items
            if resource in (None, one.key.resource) and dimension in (None, one.key.dimension)
        )
        return sorted(found, key=lambda one: one.started, reverse=True)
