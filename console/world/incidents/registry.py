"""What an incident is, and which there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from console.world.world import World


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


INCIDENTS: dict[str, Incident] = {}


def incident(entry: Incident) -> Incident:
    """Registers an incident; raises ValueError if the name is taken."""
    if entry.name in INCIDENTS:
        raise ValueError(f"incident '{entry.name}' is registered twice")
    INCIDENTS[entry.name] = entry
    return entry
