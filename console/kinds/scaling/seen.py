"""What a target is judged by, in numbers: its sensors, load, quota and capacity. Pure."""

from __future__ import annotations

from typing import NamedTuple

from console.clock import Millis
from console.kinds.hold.record import Suspension
from console.kinds.scaling.record import Activity, Target
from console.kinds.vitals.finding import more_load

ABOVE = 1.05
"""Load of its target from which on more is wanted: target tracking itself bears less than that."""


class Sensor(NamedTuple):
    """An alarm of a policy. `quiet`: why its action is not taken, or empty."""

    name: str
    side: str
    """`out` or `in`."""
    state: str
    since: Millis | None = None
    quiet: str = ""


class Load(NamedTuple):
    """Requests a minute per instance (copy): now, the policy's target, the same hour of other days; None unknown.
    `total` is of all hosts together in the minutes judged. Where these had another number of hosts, that is `borne`,
    and `now` is the total over those that there are: what the metrics come to tell."""

    now: float | None = None
    target: float | None = None
    was: float | None = None
    total: float | None = None
    borne: float | None = None

    def among(self, hosts: int, of: int) -> float | None:
        """Per host if so many bore it; `of`: those that serve, where no total is known."""
        total = self.now * of if self.total is None and self.now is not None else self.total
        return total / hosts if total is not None and hosts else None

    @property
    def percent(self) -> float | None:
        """Of the target."""
        return None if self.now is None or not self.target else 100 * self.now / self.target

    @property
    def more(self) -> str:
        """`+62 % requests a host` against other days; while those are not known `162 % of its target`; empty where no
        more come."""
        if self.now is not None and self.was and self.now >= 1.1 * self.was:
            return more_load(self.now / self.was)
        if (percent := self.percent) is not None and percent >= 100 * ABOVE:
            return f"{percent:.0f} % of its target"
        return ""


class Quota(NamedTuple):
    """Instances of a type that the account may have in endpoints, and those known to be there; `unsure` more are of a
    type that nobody has described yet."""

    type: str
    limit: float
    used: int
    unsure: int = 0
    holders: tuple[tuple[str, int], ...] = ()
    """(endpoint, instances) as far as they are known, most first."""

    @property
    def left(self) -> int:
        """At least."""
        return max(0, int(self.limit) - self.used - self.unsure)

    @property
    def words(self) -> str:
        """`9 of 30 ml.g5.xlarge of the quota used, perhaps 10`; more than there may be is never in use."""
        most = min(self.used + self.unsure, max(self.used, int(self.limit)))
        to = f", perhaps {most}" if most > self.used else ""
        return f"{self.used} of {self.limit:g} {self.type} of the quota used{to}"

    @property
    def held(self) -> str:
        """`fraud-online holds 12, eta-minutes 4`; the biggest three."""
        told = [f"{name} {'holds ' if n == 0 else ''}{count}" for n, (name, count) in enumerate(self.holders[:3])]
        return ", ".join(told) + (f" and {len(self.holders) - 3} endpoints the rest" if len(self.holders) > 3 else "")


class Seen(NamedTuple):
    """What a target is judged by. `busy`: what SageMaker does to it just now, or empty; `missing`: what it should
    scale is not there."""

    target: Target
    activities: tuple[Activity, ...] = ()
    current: int | None = None
    desired: int | None = None
    busy: str = ""
    missing: str = ""
    sensors: tuple[Sensor, ...] = ()
    load: Load = Load()
    quota: Quota | None = None
    type: str = ""
    """Instance type, where known."""
    suspension: Suspension | None = None
    """Who suspended scale-in, where an action of this ledger did."""
    changed_at: Millis | None = None
    """When the target was first seen as it is now (its bounds, policies), if that is known."""

    def red(self, side: str) -> Sensor | None:
        return next((one for one in self.sensors if one.side == side and one.state == "ALARM"), None)

    @property
    def relieved(self) -> bool:
        """Whether more hosts came than its metrics are of, and are enough: its alarm is about the minutes before."""
        load, have = self.load, self.current
        enough = load.percent is not None and load.percent <= 100 * ABOVE
        return enough and load.borne is not None and have is not None and have > load.borne

    @property
    def there(self) -> int | None:
        """What serves now: what is asked for in vain is not there."""
        return self.current if self.current is not None else self.desired

    @property
    def capacity(self) -> int | None:
        return self.desired if self.desired is not None else self.current
