"""What served when: per endpoint the fleets that ran, from which second, with which share of the requests.

The seed tells the past (lazily: a thousand endpoints cost nothing until somebody asks), `sagemaker.endpoints` appends
what changes. A deleted endpoint keeps its history, as CloudWatch keeps its metrics.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from console.world.traffic.demand import SILENT, Workload

if TYPE_CHECKING:
    from console.world.world import Region

Flavour = Literal["instances", "multi-model", "async", "serverless", "host", "component"]
"""`host`: a variant that runs inference components; `component`: one of those."""


@dataclass(frozen=True, slots=True)
class Serving:
    """One variant (or inference component) of one config, as it ran for a while."""

    config: str
    variant: str
    flavour: Flavour
    instance_type: str | None
    instances: int
    """That serve: copies of an inference component; 0 for serverless."""
    share: float
    """Of the endpoint's requests; for a shadow the share that it gets a copy of."""
    launched: float = 0.0
    """Epoch seconds: when its containers started."""
    deployed: bool = False
    """UpdateEndpoint brought it: its metrics come with dimension EndpointConfigName too (facts: sagemaker 2.8)."""
    shadow: bool = False
    component: str = ""
    concurrency: int = 0
    """MaxConcurrency of a serverless variant."""
    provisioned: int = 0
    """ProvisionedConcurrency of a serverless variant."""
    vcpus: float = 0.0
    """That a copy of an inference component reserves."""
    gpus: float = 0.0
    memory_mb: float = 0.0


Servings = tuple[Serving, ...]


@dataclass(frozen=True, slots=True)
class Era:
    since: float
    """Epoch seconds."""
    servings: Servings


@dataclass(frozen=True, slots=True)
class Stretch:
    """Part of an era."""

    begin: float
    end: float
    servings: Servings


class History:
    """One endpoint's eras in order of time."""

    def __init__(self, name: str, past: Callable[[], list[Era]] | None = None, workload: Workload = SILENT) -> None:
        self.name = name
        self.workload = workload
        self.version = 0
        """Moves when an era is added: for caches."""
        self._past = past
        self._configs: tuple[int, set[str]] | None = None
        self._eras: list[Era] = []

    @property
    def eras(self) -> list[Era]:
        if self._past is not None:
            past, self._past = self._past(), None
            first = self._eras[0].since if self._eras else math.inf
            self._eras = [era for era in past if era.since < first] + self._eras
        return self._eras

    def record(self, at: float, servings: Servings) -> None:
        """From `at` on. What was told of later moments is forgotten."""
        eras = self.eras
        while eras and eras[-1].since >= at:
            eras.pop()
        if not eras or eras[-1].servings != servings:
            eras.append(Era(at, servings))
        self.version += 1

    def over(self, begin: float, end: float) -> list[Stretch]:
        """The stretches of [begin, end) in which something ran, in order."""
        eras = self.eras
        found = []
        for index in range(max(0, bisect.bisect_right(eras, begin, key=lambda era: era.since) - 1), len(eras)):
            era = eras[index]
            if era.since >= end:
                break
            until = eras[index + 1].since if index + 1 < len(eras) else math.inf
            if era.servings and min(end, until) > max(begin, era.since):
                found.append(Stretch(max(begin, era.since), min(end, until), era.servings))
        return found

    def at(self, moment: float) -> Servings:
        index = bisect.bisect_right(self.eras, moment, key=lambda era: era.since) - 1
        return self._eras[index].servings if index >= 0 else ()

    @property
    def configs(self) -> set[str]:
        """That ever served."""
        if self._configs is None or self._configs[0] != self.version:
            self._configs = (self.version, {one.config for era in self.eras for one in era.servings})
        return self._configs[1]

    def was_deployed(self, config: str) -> bool:
        """Whether UpdateEndpoint ever brought this config."""
        return any(one.config == config and one.deployed for era in self.eras for one in era.servings)


class Histories:
    """Those of one region, by endpoint; names differ by more than case."""

    def __init__(self, region: Region) -> None:
        from console.world.cloudwatch.series import Metrics
        from console.world.traffic.metrics import EndpointMetrics

        self._items: dict[str, History] = {}
        self._components: dict[str, str] = {}
        region.of(Metrics).sources.append(EndpointMetrics(region, self))

    def __iter__(self) -> Iterator[History]:
        return iter(self._items.values())

    def find(self, endpoint: str) -> History | None:
        """Dimensions of CloudWatch are matched to the letter."""
        found = self._items.get(endpoint.lower())
        return found if found and found.name == endpoint else None

    def of_component(self, component: str) -> History | None:
        endpoint = self._components.get(component)
        return self.find(endpoint) if endpoint else None

    def plant(self, endpoint: str, past: Callable[[], list[Era]], workload: Workload) -> None:
        self._items[endpoint.lower()] = History(endpoint, past, workload)

    def host(self, component: str, endpoint: str) -> None:
        """The component's metrics are found with the endpoint's."""
        self._components[component] = endpoint

    def record(self, endpoint: str, at: float, servings: Servings) -> None:
        """Endpoints that were not planted have no callers until somebody sets their workload."""
        history = self._items.setdefault(endpoint.lower(), History(endpoint))
        history.record(at, servings)
        for serving in servings:
            if serving.component:
                self.host(serving.component, endpoint)
