"""Local notes shared by the ledger: a hold on a subject, what was verified on it last, and who undid that. Pure."""

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


class Setting(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Numbers that a verified action set: what their reversal is told from. Beside `Act`, as one endpoint may have been
    rolled back, shifted and scaled; `about` tells these apart and is the name of the fact.

    `of` says what the numbers are: `weights` by variant, `bounds` (min, max; those that were set), or `instances` by
    variant. `source` is the name of the fact that has them: the endpoint's, or the scalable target's.
    """

    endpoint: str
    about: str
    of: str
    source: str
    before: dict[str, float]
    after: dict[str, float]
    by: str
    at: Millis
    action: str
    created_at: Millis | None = None


class Suspension(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Scale-in that a verified action suspended: somebody must resume it. Named by its scalable target."""

    by: str
    at: Millis
    action: str
    reason: str = ""


class Reversal(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A verified setting that somebody put back: `words` is a clause, `weights of 03:10Z undone: tf went back to …`."""

    endpoint: str
    words: str
    at: Millis
    set_at: Millis


def key(kind: str, subject: str) -> str:
    """The fact name of a note about a subject."""
    return f"{kind}/{subject}"
