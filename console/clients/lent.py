"""Credentials handed to a process that cannot ask for an MFA code, through its environment.

Never on a command line, which everybody on the host can read, and never in a file. Its `/proc/PID/environ` is readable
by the same user and root alone, who could use the profile itself.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping

import msgspec

from console.clock import Millis

VARIABLE = "_LASTGOOD_LENT"


class Lent(msgspec.Struct, frozen=True):
    """A session as it was resolved by the process that asked for consent. It is not renewed."""

    access_key: str
    secret_key: str
    token: str = ""
    expires_at: Millis | None = None

    def __repr__(self) -> str:
        return f"Lent({self.access_key[:4]}…)"  # a traceback must not tell a secret

    def to_env(self) -> dict[str, str]:
        return {VARIABLE: msgspec.json.encode(self).decode()}


def take(environ: MutableMapping[str, str] | None = None) -> Lent | None:
    """What was lent to this process, once: its own children do not inherit it."""
    text = (os.environ if environ is None else environ).pop(VARIABLE, "")
    try:
        return msgspec.json.decode(text, type=Lent) if text else None
    except msgspec.MsgspecError:
        return None
