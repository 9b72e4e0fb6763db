"""What every plan has in common: an id of its own, where it is for, who asks and when, and the worst check first."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from console.actions.model import Call, Check, Level, Plan, worst_first
from console.actions.verb import Desk
from console.clock import Millis


def draft(
    desk: Desk,
    verb: str,
    kind: str,
    subject: str,
    *,
    level: Level,
    title: str,
    target: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    calls: Iterable[Call],
    restore: Iterable[Call] = (),
    preflight: Iterable[Check] = (),
    causes: Iterable[str] = (),
    inverse: str = "",
    when: str = "at once",
    cost: str = "",
    how: str = "",
    settle: str = "",
    starts_at: Millis | None = None,
    basis: Mapping[str, Any] | None = None,
    args: Mapping[str, Any] | None = None,
) -> Plan:
    """A plan as the desk's context and identity would do it now; the fields are those of `Plan`."""
    return Plan(
        id=secrets.token_hex(6),
        verb=verb,
        kind=kind,
        subject=subject,
        target=target,
        level=level,
        scope=desk.scope,
        context=desk.context,
        identity=desk.identity,
        created_at=desk.now(),
        title=title,
        before=dict(before),
        after=dict(after),
        calls=tuple(calls),
        restore=tuple(restore),
        causes=tuple(causes),
        preflight=worst_first(preflight),
        inverse=inverse,
        when=when,
        cost=cost,
        how=how,
        settle=settle,
        starts_at=starts_at,
        basis=dict(basis or {}),
        args=dict(args or {}),
    )
