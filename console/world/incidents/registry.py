"""What an incident is, and which there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from console.world.world import World


SPEED = 6.0


@dataclass(frozen=True, slots=True)
class Incident:
    name: str
    headline: str
    """One line: what happens."""
    subject: str
    """What it is about, as `endpoint/delay-risk` or `pipeline/delay-risk-train`."""
    right: str
    """The verb that resolves it, such as `rollback`; `none` where leaving it alone is right."""
    wrong: tuple[str, ...]
    """Tempting verbs that do not, or make it worse."""
    play: Callable[[World], None]
    """Starts it; called under the world's lock, after `advance`."""
    speed: float = SPEED
    """At which the demo runs it. 1 for what is told by minutes gone by, or by many minutes of metrics: those come once
    a minute of the wall clock, however fast the world runs."""


INCIDENTS: dict[str, Incident] = {}


def incident(entry: Incident) -> Incident:
    """Registers an incident; raises ValueError if the name is taken."""
    if entry.name in INCIDENTS:
        raise ValueError(f"incident '{entry.name}' is registered twice")
    INCIDENTS[entry.name] = entry
    return entry
