"""After a verified weights or scale: has somebody put the numbers back? A note in the action's journal, and a fact that
the endpoint's row tells it by, for as long as it is so.

Going on in the direction of the action is no reversal (a maximum raised once more), nor is what a later action of ours
did: somebody consented to that. Roll backs have `console.actions.reversal`.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from console.actions.reversal import WATCHED_FOR
from console.actions.verb import Desk
from console.clock import MINUTE, SECOND, Millis, clock_time
from console.errors import LedgerError
from console.kinds.change.record import ACTORS, Change
from console.kinds.endpoint.record import Endpoint
from console.kinds.endpoint.traffic import shares, told
from console.kinds.hold.record import Reversal, Setting
from console.kinds.scaling.record import Target
from console.ledger.store import Fact, Ledger

LISTED = MINUTE
"""A list of scalable targets may have been read before the action and be written after it: not believed so early."""

HAIR = 0.001
"""Of all traffic: AWS keeps weights as 32-bit floats."""


def keep(desk: Desk, setting: Setting) -> None:
    """After DONE: from now on this is watched, and what was told of the one before is past."""
    desk.saw("setting", setting.about, setting)
    desk.gone("reversal", [setting.about])


def watch_settings(ledger: Ledger, scope: str, now: Millis) -> list[str]:
    """Judge every verified setting of the last two days; returns the ids of the actions whose reversal is noted now.

    Never raises: what could not be told is told at the next sweep.
    """
    try:
        decode = msgspec.json.Decoder(Setting).decode
        settings = [decode(fact.body) for fact in ledger.heads(scope, "setting")]
        return [one.action for one in settings if _watch(ledger, scope, one, now)]
    except (LedgerError, msgspec.MsgspecError):
        return []


def _watch(ledger: Ledger, scope: str, setting: Setting, now: Millis) -> bool:
    fact = _fact(ledger, scope, setting)
    here = _here(fact, setting) if fact is not None and setting.at > now - WATCHED_FOR else None
    if fact is None or here is None or not undone(setting, here) or _ours(ledger, scope, setting):
        ledger.tombstone(scope, "reversal", [setting.about], at=now)
        return False
    back = "back" if _as_before(setting, here) else "away"
    what = f"undone: {_who(ledger, scope, setting, fact)} went {back} to {words(setting, here)}"
    verb = "weights" if setting.of == "weights" else "scale"
    seen = Reversal(setting.endpoint, f"{verb} of {clock_time(setting.at, now)} {what}", fact.observed_at, setting.at)
    ledger.observe(scope, "reversal", [(setting.about, msgspec.json.encode(seen), None)], at=now)
    entries = ledger.journal.entries(scope, action_id=setting.action)
    state = words(setting, here)
    if not entries or any(entry.body.get("reversal") == state for entry in entries):
        return False
    note = {"words": f"{what}, seen {clock_time(fact.observed_at, now)}", "reversal": state}
    ledger.journal.append(scope, setting.action, "note", note, now)
    return True


def undone(setting: Setting, here: Mapping[str, float]) -> bool:
    """Whether the numbers went towards those of before."""
    before, after = setting.before, setting.after
    if setting.of == "weights":
        if here.keys() != after.keys():
            return False  # another config with other variants: somebody has moved on
        was, then, now = shares(before), shares(after), shares(here)
        gains = max(then, key=lambda name: then[name] - was.get(name, 0.0))
        return now[gains] < then[gains] - HAIR
    return any((here[name] - value) * (before[name] - value) > 0 for name, value in after.items())


def words(setting: Setting, numbers: Mapping[str, float]) -> str:
    """`a 90 %, b 10 %` · `min 1, max 4` · `3 instances`."""
    if setting.of == "weights":
        return told(numbers)
    if setting.of == "bounds":
        return ", ".join(f"{name} {numbers[name]:.0f}" for name in setting.after)
    return ", ".join(f"{numbers[name]:.0f} instance{'' if numbers[name] == 1 else 's'}" for name in setting.after)


def _as_before(setting: Setting, here: Mapping[str, float]) -> bool:
    if setting.of == "weights":
        was, now = shares(setting.before), shares(here)
        return all(abs(now[name] - was.get(name, 0.0)) <= HAIR for name in now)
    return all(here[name] == setting.before.get(name) for name in setting.after)


def _fact(ledger: Ledger, scope: str, setting: Setting) -> Fact | None:
    """What tells the numbers as they are now, if anything newer than the action does."""
    kind, grace = ("scaling", LISTED) if setting.of == "bounds" else ("endpoint", 0)
    fact = next(iter(ledger.heads(scope, kind, [setting.source])), None)
    return fact if fact is not None and fact.observed_at > setting.at + grace else None


def _here(fact: Fact, setting: Setting) -> dict[str, float] | None:
    """None where they cannot be compared any more: created anew, autoscaled since."""
    if setting.of == "bounds":
        t = msgspec.json.decode(fact.body, type=Target)
        return {"min": t.min, "max": t.max} if t.created_at == setting.created_at else None
    e = msgspec.json.decode(fact.body, type=Endpoint)
    if e.created_at != setting.created_at:
        return None
    if setting.of == "weights":
        return {v.name: (v.desired_weight if v.desired_weight is not None else v.weight) or 0.0 for v in e.variants}
    counts = {v.name: v.desired_instances if v.desired_instances is not None else v.instances for v in e.variants}
    found = {name: float(count) for name, count in counts.items() if count is not None}
    return found if setting.after.keys() <= found.keys() else None


def _ours(ledger: Ledger, scope: str, setting: Setting) -> bool:
    """Whether a later action of ours sent something about the same numbers: then that one's end is what counts."""
    entries = ledger.journal.entries(scope, since=setting.at)
    sent = {entry.action_id for entry in entries if entry.step == "call"}
    for entry in entries:
        if entry.step != "intent" or entry.action_id not in sent or entry.action_id == setting.action:
            continue
        plan = entry.body.get("plan") or {}
        if (plan.get("basis") or {}).get("about") == setting.about:
            return True
        if plan.get("verb") == "rollback" and plan.get("subject") == setting.endpoint:
            return True
    return False


def _who(ledger: Ledger, scope: str, setting: Setting, fact: Fact) -> str:
    """By whom, if CloudTrail has told it already: it is minutes late, and not asked about scalable targets."""
    if setting.of == "bounds":
        return "its schedule or somebody" if msgspec.json.decode(fact.body, type=Target).scheduled else "somebody"
    decode = msgspec.json.Decoder(Change).decode
    changes = [decode(one.body) for one in ledger.heads(scope, "change")]
    made = [
        change
        for change in changes
        if (change.kind, change.subject) == ("endpoint", setting.endpoint)
        and setting.at < change.at <= fact.observed_at + SECOND
        and not change.error
        and change.actor != "aas"  # it sets counts, and no weights
    ]
    newest = max(made, key=lambda change: change.at, default=None)
    if newest is None or not (newest.actor or newest.by):
        return "somebody"
    who = ACTORS.get(newest.actor, newest.actor) or newest.by
    return f"{who} ({newest.by})" if newest.by and newest.by != who else who
