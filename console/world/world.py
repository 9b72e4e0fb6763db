"""A believable AWS on loopback: one account, regions with their state, a clock, and what may go wrong."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import console.world.services  # noqa: F401  registers the operations
from console.world import moto_backends
from console.world import seed as seeding
from console.world.clock import Agenda, WorldClock
from console.world.faults import Faults
from console.world.identity import ACCOUNT, ONCALL, Caller, Identities
from console.world.operations import Answer, invoke
from console.world.throttle import Throttle
from console.world.trail import Trail

if TYPE_CHECKING:
    from console.world.server import Served

T = TypeVar("T")
DEFAULT_REGION = "eu-central-1"


class Region:
    """What one region holds. Each service keeps its state in a class of its own, made at first use by `of`."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.account = ACCOUNT
        self.trail = Trail(name, delay_s=world.clock.real(world.trail_delay_s))
        self._states: dict[type[Any], Any] = {}

    def of(self, kind: type[T]) -> T:
        """This region's only `kind`, constructed with the region as its argument at first use."""
        if kind not in self._states:
            self._states[kind] = kind(self)  # type: ignore[call-arg]
        state: T = self._states[kind]
        return state

    def arn(self, resource: str, service: str = "sagemaker") -> str:
        """`resource` as in `endpoint/delay-risk`. SageMaker lower-cases names in its ARNs."""
        return f"arn:aws:{service}:{self.name}:{self.account}:{resource}"


class World:
    """The account. One at a time per process: moto, which answers the services we do not, keeps its state there.

    `speed` divides durations of minutes; `fleet` is the number of seeded endpoints (0: an empty account); `validate`
    checks each answer against botocore's output shapes (tests); `now` is the wall clock in epoch seconds.
    The lags are of real seconds at speed 1: a new config's until UpdateEndpoint sees it, Search's behind Describe, and
    CloudTrail's delivery. Without `evaluate` alarms stay as they are set: for simulations of large fleets over days.
    """

    def __init__(
        self,
        seed: int = 1,
        speed: float = 1.0,
        fleet: int = 12,
        throttle: bool = True,
        validate: bool = False,
        now: Callable[[], float] = time.time,
        *,
        config_lag_s: float = 2.0,
        search_lag_s: float = 10.0,
        trail_delay_s: float = 30.0,
        evaluate: bool = True,
    ) -> None:
        moto_backends.reset()
        self.seed = seed
        self.clock = WorldClock(speed, now)
        self.agenda = Agenda()
        self.lock = threading.RLock()
        self.faults = Faults()
        self.throttle = Throttle() if throttle else None
        self.validate = validate
        self.evaluate = evaluate
        self.identities = Identities()
        self.calls: Counter[str] = Counter()
        self.config_lag_s, self.search_lag_s, self.trail_delay_s = config_lag_s, search_lag_s, trail_delay_s
        self.regions: dict[str, Region] = {}
        self._request_moment: float | None = None
        if fleet:
            seeding.plant(self, fleet)

    @property
    def now(self) -> float:
        """Epoch seconds: the moment an effect was due while it runs, else the moment of the request."""
        if self.agenda.moment is not None:
            return self.agenda.moment
        return self._request_moment if self._request_moment is not None else self.clock.now()

    def region(self, name: str = DEFAULT_REGION) -> Region:
        if name not in self.regions:
            self.regions[name] = Region(self, name)
        return self.regions[name]

    def after(self, seconds: float, effect: Callable[[float], None]) -> int:
        """Runs `effect` when `seconds` of the modelled service have passed from `now`."""
        return self.agenda.at(self.now + self.clock.real(seconds), effect)

    def advance(self) -> None:
        """Lets everything happen that is due by now. Under the lock."""
        self._request_moment = None
        self.agenda.advance(self.clock.now())

    def handle(self, region: Region, service: str, name: str, request: dict[str, Any], caller: Caller) -> Answer:
        """A request at this moment; under the lock. Raises AwsError."""
        self._request_moment = self.clock.now()
        try:
            return invoke(self, region, service, name, request, caller)
        finally:
            self._request_moment = None

    def call(
        self,
        name: str,
        request: dict[str, Any],
        caller: Caller = ONCALL,
        region: str = DEFAULT_REGION,
        service: str = "sagemaker",
    ) -> Answer:
        """The same, in-process: deeds of incidents and of the seed. Inside an effect its moment is the effect's."""
        with self.lock:
            return invoke(self, self.region(region), service, name, request, caller)

    def play(self, incident: str) -> None:
        """Starts an incident by name. Raises KeyError naming those there are."""
        from console.world.incidents import INCIDENTS

        if incident not in INCIDENTS:
            raise KeyError(f"no incident '{incident}'; there are: {', '.join(sorted(INCIDENTS))}")
        with self.lock:
            self.advance()
            INCIDENTS[incident].play(self)
            self.advance()

    def serve(self, port: int = 0) -> Served:
        """Serves on 127.0.0.1 in threads of its own until closed; port 0 takes any free one."""
        from console.world.server import serve

        return serve(self, port)
