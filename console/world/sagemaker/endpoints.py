"""Endpoints and the changes they are in. The course of a change is pure (`course`); here it meets the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from console.world.autoscaling.targets import ScalableTargets
from console.world.cloudwatch.alarms import Alarms
from console.world.errors import validation
from console.world.quotas import Quotas
from console.world.sagemaker import serving
from console.world.sagemaker.course import Course, Trouble, maintenance
from console.world.sagemaker.deployment import Ending, Phase, counted
from console.world.sagemaker.endpoint_view import search_record
from console.world.sagemaker.fleet import Fleet, instances_by_type, quota_exceeded
from console.world.sagemaker.search import SearchIndex
from console.world.sagemaker.tags import Tags

if TYPE_CHECKING:
    from console.world.world import Region

Kind = Literal["create", "update", "scale", "maintenance", "delete"]
_BUSY = {"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"}


@dataclass(frozen=True, slots=True)
class Change:
    """What an endpoint is going through."""

    kind: Kind
    course: Course
    started: float
    """Epoch seconds."""
    config: str
    """The config it leads to."""
    fleet: Fleet
    """The fleet it leads to."""


@dataclass(slots=True)
class Endpoint:
    name: str
    arn: str
    config: str
    created: float
    modified: float
    """Moves when the status does; phases within a deployment leave it alone."""
    status: str = "InService"
    fleet: Fleet = ()
    reason: str | None = None
    """FailureReason of the last change."""
    last_deployment: dict[str, Any] | None = None
    change: Change | None = None
    launched: float = 0.0
    """When the containers of the fleet started."""


class Endpoints:
    """The endpoints of one region."""

    def __init__(self, region: Region) -> None:
        self._region = region
        self._world = region.world
        self._items: dict[str, Endpoint] = {}
        self._changing: dict[str, Endpoint] = {}
        self.bad_configs: dict[str, Trouble] = {}
        """Configs whose instances never come up, by name: set by incidents and tests."""
        self.bad_scalings: dict[str, Trouble] = {}
        """Endpoints whose next change of weights or capacity fails."""
        self.scarce: set[str] = set()
        """Instance types of which AWS has none to spare: until they are taken out again, no fleet of them grows."""
        self.on_settling: list[Callable[[Endpoint], None]] = []
        """Called before the end of a change is applied: the fleets are still those of the change."""
        self.on_settled: list[Callable[[Endpoint], None]] = []
        """Called after it is applied: how incidents follow what operators do."""
        region.of(Alarms).on_change.append(lambda _: self.alarms_changed())

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self._items.values())

    def __len__(self) -> int:
        return len(self._items)

    def arn(self, name: str) -> str:
        return self._region.arn(f"endpoint/{name.lower()}")

    def get(self, name: str) -> Endpoint:
        found = self._items.get(name.lower())
        if found is None:
            raise validation(f'Could not find endpoint "{self.arn(name)}".')
        return found

    def add(self, endpoint: Endpoint) -> Endpoint:
        if endpoint.name.lower() in self._items:
            raise validation(f'Cannot create already existing endpoint "{endpoint.arn}".')
        self._items[endpoint.name.lower()] = endpoint
        return endpoint

    def settled(self, name: str, also: tuple[str, ...] = ()) -> Endpoint:
        """The endpoint if it takes changes now: InService, or one of `also`. Raises as AWS words it (facts 2.4); its
        words for a Failed endpoint are not known."""
        endpoint = self.get(name)
        if endpoint.status in _BUSY:
            raise validation(f'Cannot update in-progress endpoint "{endpoint.arn}".')
        if endpoint.status not in ("InService", *also):
            raise validation(f'Cannot update endpoint "{endpoint.arn}" in status {endpoint.status}.')
        return endpoint

    def check_quota(self, more: Fleet, share: float = 1.0) -> None:
        """Raises ResourceLimitExceeded if these instances do not fit beside all that run or are being launched."""
        changes = (one.change for one in self._changing.values())
        launching = [change.fleet for change in changes if change and change.kind in ("create", "update")]
        used = instances_by_type([*(one.fleet for one in self._items.values()), *launching])
        for instance_type, count in instances_by_type([more]).items():
            limit, delta = self._region.of(Quotas).limit(instance_type), counted(share, count)
            if used[instance_type] + delta > limit:
                raise quota_exceeded(instance_type, limit, used[instance_type], delta)

    def begin(self, endpoint: Endpoint, change: Change) -> None:
        """Accepts a change. What AWS forgets then: the FailureReason of the one before (ACK PR #7)."""
        endpoint.change = change
        if change.kind != "maintenance":
            endpoint.reason = None
        self._changing[endpoint.name] = endpoint
        self._enter(endpoint, change, 0.0)

    def maintain(self, name: str, lasts_s: float) -> None:
        """Out of the blue: SystemUpdating for that long."""
        endpoint = self.settled(name)
        kept = Change("maintenance", maintenance(lasts_s), self._world.now, endpoint.config, endpoint.fleet)
        self.begin(endpoint, kept)

    def phase(self, endpoint: Endpoint, now: float) -> tuple[Phase, float] | None:
        """The phase of the endpoint's change and when it began (epoch seconds); None when nothing is going on."""
        change = endpoint.change
        if change is None:
            return None
        phase, began_s = change.course.at(self._world.clock.modelled(now - change.started))
        return phase, change.started + self._world.clock.real(began_s)

    def launched(self, change: Change) -> float:
        """When the containers of the new fleet start: about half way through the launch of their instances."""
        return change.started + self._world.clock.real(change.course.launch_s / 2)

    def alarms_changed(self) -> None:
        """Turns back the deployments that watch an alarm which is in ALARM now."""
        for endpoint in list(self._changing.values()):
            change = endpoint.change
            if change and change.course.policy.alarms:
                elapsed_s = self._world.clock.modelled(self._world.now - change.started)
                self._turn_back_if_alarmed(endpoint, change, elapsed_s)

    def components_changed(self, name: str) -> None:
        """An inference component of it has."""
        endpoint = self._items.get(name.lower())
        if endpoint:
            moment = self.phase(endpoint, self._world.now)
            serving.record(self._region, endpoint, moment[0] if moment else None)

    def touch(self, endpoint: Endpoint) -> None:
        """The status has changed."""
        endpoint.modified = self._world.now
        self.publish(endpoint)

    def publish(self, endpoint: Endpoint) -> None:
        record = search_record(self._region, endpoint, self.phase(endpoint, self._world.now))
        self._region.of(SearchIndex).publish("Endpoint", endpoint.arn, record)

    def _enter(self, endpoint: Endpoint, change: Change, elapsed_s: float) -> None:
        """At `elapsed_s` a phase begins, or the course ends. Boundaries are handed on rather than computed from the
        clock: rounding must not enter a phase twice or never."""
        if endpoint.change is not change or self._turn_back_if_alarmed(endpoint, change, elapsed_s):
            return
        if elapsed_s >= change.course.length_s:
            self._settle(endpoint, change)
            return
        phase, _ = change.course.at(elapsed_s)
        if endpoint.status != phase.endpoint:
            endpoint.status = phase.endpoint
            self.touch(endpoint)
        serving.record(self._region, endpoint, phase)
        boundary_s = change.course.next_boundary(elapsed_s)
        due = change.started + self._world.clock.real(boundary_s)
        self._world.agenda.at(due, lambda _: self._enter(endpoint, change, boundary_s))

    def _turn_back_if_alarmed(self, endpoint: Endpoint, change: Change, elapsed_s: float) -> bool:
        course = change.course
        if course.ending is Ending.REVERTED or elapsed_s >= course.length_s or not course.at(elapsed_s)[0].watched:
            return False
        red = sorted(self._region.of(Alarms).in_alarm().intersection(course.policy.alarms))
        if not red:
            return False
        reason = f"Auto rollback was triggered: {', '.join(red)} in ALARM state."
        turned = replace(change, course=course.turned_back(elapsed_s, reason))
        endpoint.change = turned
        self._enter(endpoint, turned, elapsed_s)
        return True

    def _settle(self, endpoint: Endpoint, change: Change) -> None:
        for tell in self.on_settling:
            tell(endpoint)
        endpoint.change = None
        del self._changing[endpoint.name]
        if change.kind != "maintenance":
            endpoint.reason = change.course.reason
        match change.course.ending:
            case _ if change.kind == "delete":
                self._remove(endpoint)
                return
            case Ending.DONE:
                endpoint.status, endpoint.config, endpoint.fleet = "InService", change.config, change.fleet
                if change.kind in ("create", "update"):
                    endpoint.launched = self.launched(change)
            case Ending.REVERTED:
                endpoint.status = "InService"
            case Ending.MIXED:
                endpoint.status = "UpdateRollbackFailed"
            case Ending.FAILED:
                endpoint.status = "Failed"
        if change.course.ending is not Ending.MIXED:  # there both fleets go on
            serving.record(self._region, endpoint, None)
        self.touch(endpoint)
        for tell in self.on_settled:
            tell(endpoint)

    def _remove(self, endpoint: Endpoint) -> None:
        del self._items[endpoint.name.lower()]
        self._region.of(Tags).drop(endpoint.arn)
        self._region.of(ScalableTargets).drop(endpoint.name)
        self._region.of(SearchIndex).publish("Endpoint", endpoint.arn, None)
