"""Errors an operator can act on: one line says what happened, one what to do, and each has an exit code."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What a script may rely on. Add to it, never renumber."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    REFUSED = 4
    CREDENTIALS = 5
    TIMEOUT = 6
    UNHEALTHY = 7
    INTERRUPTED = 130


class LastgoodError(Exception):
    """Base of all errors that are shown as one clear line. `advice` says what to do about it."""

    exit_code = Exit.FAILED

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


class UsageError(LastgoodError):
    """The command or the input is wrong; nothing was done."""

    exit_code = Exit.USAGE


class NotFound(LastgoodError):
    """No such thing, as far as the source or the ledger knows."""

    exit_code = Exit.NOT_FOUND


class Refused(LastgoodError):
    """Guard, read-only, preflight, missing consent, or changed meanwhile. Nothing was written to AWS."""

    exit_code = Exit.REFUSED


class TimedOut(LastgoodError):
    """What was waited for did not come in time; it may still come."""

    exit_code = Exit.TIMEOUT


class LedgerError(LastgoodError):
    """The ledger cannot be opened or written. Nothing acknowledged before is lost."""


class SourceError(LastgoodError):
    """A provider answered with an error or did not answer. Degrades the cells of that source only.

    `code` is the provider's own (`ThrottlingException`) or the class of a client-side failure;
    `operation` is `service:Operation`.
    """

    def __init__(self, message: str, *, code: str = "", operation: str = "", advice: str = "") -> None:
        super().__init__(message, advice=advice)
        self.code = code
        self.operation = operation


class CredentialsError(SourceError):
    """Nothing, wrong or expired credentials. `resumes` tells whether a running process recovers after renewal."""

    exit_code = Exit.CREDENTIALS

    def __init__(
        self, message: str, *, code: str = "", operation: str = "", advice: str = "", resumes: bool = True
    ) -> None:
        super().__init__(message, code=code, operation=operation, advice=advice)
        self.resumes = resumes


class NotPermitted(SourceError):
    """The identity may not do this one thing; other sources go on."""

    exit_code = Exit.CREDENTIALS


class Throttled(SourceError):
    """The account's shared rate is used up; the data is older than usual."""


class Unreachable(SourceError):
    """No answer from the network: connect, read or TLS failure. For a write this is *unclear*, not failed."""


class Rejected(SourceError):
    """The provider understood and said no (validation, conflict, quota): sending it again will not help."""
