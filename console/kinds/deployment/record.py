"""A deployment of an endpoint: one attempt to put a config into service, and what is known of it. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from console.clock import MINUTE, Millis, iso

SKEW = 2 * MINUTE
"""Between the start that AWS reports and the time of the call in CloudTrail."""


class Outcome(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"
    IN_PROGRESS = "in_progress"
    UNKNOWN = "unknown"


_TOOK_OVER = (Outcome.SUCCEEDED, Outcome.UNKNOWN)


class Proof(msgspec.Struct, frozen=True, gc=False):
    """One piece of evidence; put into words only where somebody reads it (a table of thousands does not)."""

    what: str
    at: Millis | None = None
    more: str = ""

    @property
    def words(self) -> str:
        return self.what if self.at is None else f"{self.what} at {iso(self.at)}{self.more}"


class Deployment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One attempt to put a config into service.

    `ended_at` is known where the end was watched (without `started_at`: when it was over at the latest). `until` is
    when the next config took over, if one did.
    """

    source: str
    target: str
    started_at: Millis | None
    ended_at: Millis | None = None
    outcome: Outcome = Outcome.UNKNOWN
    by: str = ""
    actor: str = ""
    reason: str = ""
    proofs: tuple[Proof, ...] = ()
    until: Millis | None = None
    left: Millis | None = None
    """When a verified roll back left it: somebody judged it bad, however well its deployment went."""

    @property
    def at(self) -> Millis:
        return self.started_at or self.ended_at or 0

    @property
    def evidence(self) -> tuple[str, ...]:
        return tuple(proof.words for proof in self.proofs)

    @property
    def took_over(self) -> bool:
        """Whether its config served, as far as is known: what was not watched is taken to have."""
        return self.outcome in _TOOK_OVER

    def to_json(self) -> dict[str, Any]:
        return {
            "from": self.source or None,
            "to": self.target,
            "started_at": iso(self.started_at) if self.started_at else None,
            "ended_at": iso(self.ended_at) if self.ended_at else None,
            "outcome": self.outcome.value,
            "by": self.by or None,
            "actor": self.actor or None,
            "reason": self.reason or None,
            "left_at": iso(self.left) if self.left else None,
            "evidence": self.evidence,
        }
