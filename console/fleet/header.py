"""Where, as whom, and how old: what the first line of every screen says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from console.clock import Millis


class Unread(NamedTuple):
    """Why nothing of a list was read yet, in the provider's words, and what to do; empty before the first try."""

    why: str = ""
    advice: str = ""


@dataclass(frozen=True, slots=True)
class HeaderInfo:
    """Where, as whom, and how old: all that the first line says.

    `account` is the full number (its last four digits are drawn). `expires_at` is when the credentials end, if
    known; `identity_note` is anything else to say of them ("act 41 m"). `freshness` is what the word at the right
    says ("live", "2 m old", "throttled; data 45 s old", "unconfirmed", "as of 02:00Z"), `fresh` a style name.
    """

    context: str
    account: str = ""
    region: str = ""
    guarded: bool = False
    read_only: bool = False
    identity: str = ""
    identity_note: str = ""
    expires_at: Millis | None = None
    freshness: str = "live"
    fresh: str = "ok"
    calls_per_min: int | None = None
    """API calls of all consoles of this host in the last minute; None where nobody counts."""
    dollars_per_hour: float | None = None
    """What reading metrics cost in the last hour; None where none were read."""
