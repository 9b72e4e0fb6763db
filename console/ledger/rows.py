"""Rows of facts within a transaction: the newest of each subject, and one more."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from console.clock import Millis

CHUNK = 500
"""Names per IN list."""


class Head(NamedTuple):
    subject: int
    observed_at: Millis
    body: bytes
    deleted: bool


def heads_with_tombstones(
    connection: sqlite3.Connection, scope: str, kind: str, names: Sequence[str]
) -> dict[str, Head]:
    found: dict[str, Head] = {}
    for chunk in chunks(names):
        rows = connection.execute(
            "SELECT h.name, h.subject, f.observed_at, f.body, f.deleted FROM head h JOIN fact f ON f.seq = h.seq"
            f" WHERE h.scope = ? AND h.kind = ? AND h.name IN ({','.join('?' * len(chunk))})",
            (scope, kind, *chunk),
        )
        found.update((name, Head(subject, at, body, bool(deleted))) for name, subject, at, body, deleted in rows)
    return found


def append_row(
    connection: sqlite3.Connection,
    scope: str,
    kind: str,
    name: str,
    head: Head | None,
    at: Millis,
    provider_at: Millis | None,
    body: bytes,
    *,
    deleted: bool,
) -> Head:
    at = max(at, head.observed_at) if head else at
    subject = head.subject if head else 0
    seq = connection.execute(
        "INSERT INTO fact (subject, scope, kind, name, observed_at, provider_at, body, deleted)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING seq",
        (subject, scope, kind, name, at, provider_at, body, int(deleted)),
    ).fetchone()[0]
    if not head:
        subject = seq
        connection.execute("UPDATE fact SET subject = ? WHERE seq = ?", (subject, seq))
    connection.execute(
        "INSERT INTO head (scope, kind, name, subject, seq) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (scope, kind, name) DO UPDATE SET seq = excluded.seq",
        (scope, kind, name, subject, seq),
    )
    return Head(subject, at, body, deleted)


def chunks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[i : i + CHUNK] for i in range(0, len(names), CHUNK))


def storable(name: str) -> str:
    """Names from JSON may hold lone surrogates, which no database stores: they become `?`."""
    return name if name.isascii() else name.encode("utf-8", "replace").decode()


def first_behind(prefix: str) -> str | None:
    """The first text that sorts behind everything that begins with `prefix`; None when there is none."""
    while prefix:
        last = ord(prefix[-1])
        if last < 0x10FFFF:
            return prefix[:-1] + chr(0xE000 if last == 0xD7FF else last + 1)
        prefix = prefix[:-1]
    return None
