"""Local notes shared by the ledger: a hold on a subject, and the last act that was verified on it. Pure."""

from __future__ import annotations

import msgspec

from console.clock import Millis


class Hold(msgspec.Struct, frozen=True, gc=False):
    """ "Hands off": retrain and approvals of a held subject ask for its release first. Known to this ledger alone."""

    kind: str
    subject: str
    reason: str
    by: str
    at: Millis


class Act(msgspec.Struct, frozen=True, gc=False):
    """The last verified action on a subject: what its reversal is told from."""

    kind: str
    subject: str
    verb: str
    before: str
    target: str
    by: str
    at: Millis
    action: str


def key(kind: str, subject: str) -> str:
    """The fact name of a note about a subject."""
    return f"{kind}/{subject}"
