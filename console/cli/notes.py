"""Lines for the person on stderr, and how an error becomes one and an exit code."""

from __future__ import annotations

import sys

from console.errors import CredentialsError, LastgoodError


def note(line: str) -> None:
    """One line for the person, never for the pipe."""
    from console.text import safe

    sys.stderr.write(f"lastgood: {safe(line)}\n")
    sys.stderr.flush()


def tell(error: LastgoodError) -> int:
    """Say what happened and what to do about it; returns the exit code."""
    note(f"{error.message} — {error.advice}" if error.advice else error.message)
    if isinstance(error, CredentialsError) and not error.resumes:
        note("credentials from the environment do not renew themselves: start again after renewing")
    return int(error.exit_code)
