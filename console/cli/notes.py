"""Lines for the person on stderr, and how an error becomes one and an exit code."""

from __future__ import annotations

import contextlib
import sys

from console.errors import CredentialsError, Exit, LastgoodError


def note(line: str) -> None:
    """One line for the person, never for the pipe."""
    from console.text import safe

    with contextlib.suppress(OSError, ValueError):  # a full disk, a closed pipe: nobody can be told
        sys.stderr.write(f"lastgood: {safe(line)}\n")
        sys.stderr.flush()


def tell(error: LastgoodError) -> int:
    """Say what happened and what to do about it; returns the exit code."""
    note(f"{error.message} — {error.advice}" if error.advice else error.message)
    if isinstance(error, CredentialsError) and not error.resumes:
        note("credentials from the environment do not renew themselves: start again after renewing")
    return int(error.exit_code)


def failed(error: OSError) -> int:
    """The system refused something: a full disk under stdout, say. Returns the exit code."""
    note(f"{error.filename or 'the output'}: {error.strerror or error}")
    return int(Exit.FAILED)
