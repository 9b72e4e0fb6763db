"""After a verified action: has somebody undone it? First seen by the collector, kept as a note in the action's journal.

Terraform puts back what its code says, and a pipeline deploys what it was approved for: a fix that is gone again must
not be found by its users (DESIGN.md section 3, rule 6). What its state says is told by the kind.
"""

from __future__ import annotations

import msgspec

from console.clock import DAY, Millis, clock_time
from console.errors import LedgerError
from console.ledger.store import Ledger

WATCHED_FOR = 2 * DAY
"""How long a verified action is watched for its reversal."""


# The parts of the facts that tell it; the kinds that keep them are floors above.
class _Act(msgspec.Struct):
    kind: str
    subject: str
    before: str
    target: str
    at: Millis
    action: str


class _Pending(msgspec.Struct):
    config: str


class _Endpoint(msgspec.Struct):
    config: str
    pending: _Pending | None = None

    @property
    def serving(self) -> str:
        return self.pending.config if self.pending else self.config


class _Change(msgspec.Struct):
    at: Millis
    kind: str
    subject: str
    by: str = ""
    actor: str = ""
    target: str = ""
    error: str = ""


def watch_reversals(ledger: Ledger, scope: str, now: Millis) -> list[str]:
    """Note each reversal once, where it is first seen; returns the ids of the actions noted now.

    Cheap enough for every sweep: without a verified action of the last two days it reads one short list of facts.
    Never raises: what could not be noted is seen again at the next sweep.
    """
    try:
        return [act.action for act in _acts(ledger, scope, now) if _note(ledger, scope, act, now)]
    except (LedgerError, msgspec.MsgspecError):
        return []


def _acts(ledger: Ledger, scope: str, now: Millis) -> list[_Act]:
    decode = msgspec.json.Decoder(_Act).decode
    acts = [decode(fact.body) for fact in ledger.heads(scope, "act")]
    return [act for act in acts if act.kind == "endpoint" and act.target and act.at > now - WATCHED_FOR]


def _note(ledger: Ledger, scope: str, act: _Act, now: Millis) -> bool:
    fact = next(iter(ledger.heads(scope, "endpoint", [act.subject])), None)
    if fact is None or fact.observed_at <= act.at:
        return False
    serving = msgspec.json.decode(fact.body, type=_Endpoint).serving
    if serving == act.target or _ours(ledger, scope, act, serving):
        return False
    entries = ledger.journal.entries(scope, action_id=act.action)
    if not entries or any(entry.body.get("reversal") == serving for entry in entries):
        return False
    what = (
        f"undone: {_who(ledger, scope, act, serving)} went {'back' if serving == act.before else 'away'} to {serving}"
    )
    words = f"{what}, seen {clock_time(fact.observed_at, now)}"
    ledger.journal.append(scope, act.action, "note", {"words": words, "reversal": serving}, now)
    return True


def _ours(ledger: Ledger, scope: str, act: _Act, serving: str) -> bool:
    """Whether a later action of ours asked for what serves now: that is no reversal, somebody consented to it."""
    plans = [e.body.get("plan") or {} for e in ledger.journal.entries(scope, since=act.at) if e.step == "intent"]
    return any((p.get("kind"), p.get("subject"), p.get("target")) == (act.kind, act.subject, serving) for p in plans)


def _who(ledger: Ledger, scope: str, act: _Act, serving: str) -> str:
    """By whom, if CloudTrail has told it already: it is minutes late."""
    decode = msgspec.json.Decoder(_Change).decode
    changes = [decode(fact.body) for fact in ledger.heads(scope, "change")]
    made = [c for c in changes if c.subject == act.subject and c.target == serving and c.at > act.at and not c.error]
    newest = max(made, key=lambda c: c.at, default=None)
    if newest is None or not (newest.actor or newest.by):
        return "somebody"
    both = newest.by and newest.actor and newest.by != newest.actor
    return f"{newest.actor} ({newest.by})" if both else newest.actor or newest.by
