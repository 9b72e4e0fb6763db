"""The failures that only clients know, and what to do about credentials that ended (facts/sagemaker.md section 10)."""

from __future__ import annotations

import shlex

from console.errors import (
    CredentialsError,
    Exit,
    LastgoodError,
    Rejected,
    SourceError,
    Unreachable,
    UsageError,
)


class InProgress(Rejected):
    """The subject is being changed already: look at it before anything else (facts section 2.4)."""


class QuotaExceeded(Rejected):
    """An account limit forbids it. Waiting does not help, a request for an increase does."""


class Unanswered(Unreachable):
    """The patience of a command is used up: nothing was answered, however often it was asked."""

    exit_code = Exit.TIMEOUT


class ClockSkewed(SourceError):
    """This host's clock is wrong, so AWS refuses its signatures. The credentials are fine."""


LENT = "lent"
"""Name of the credential source where the process that asked for consent handed its own session on (clients/lent)."""

NEVER_SENT = frozenset({"EndpointConnectionError", "ConnectTimeoutError", "ProxyConnectionError"})
"""Codes of Unreachable for which the request surely did not leave. For any other, a write is unclear."""


def garbled(operation: str, what: str, *, code: str = "GarbledAnswer") -> Unreachable:
    """Something answered that is not AWS, or AWS was cut short. For a write this is unclear."""
    advice = "a proxy or a sign-in page of the network may answer in place of AWS: check HTTPS_PROXY and NO_PROXY"
    return Unreachable(f"{operation or 'AWS'}: {what}", code=code, operation=operation, advice=advice)


def unanswered(operation: str, silent_s: float) -> Unanswered:
    """For a read that nothing came back for, not even a refusal."""
    what = f"{operation} has not answered for {silent_s:.0f} s"
    advice = "check network, VPN, VPC endpoint and security group; LASTGOOD_TIMEOUT=1m waits longer"
    return Unanswered(what, code="Unanswered", operation=operation, advice=advice)


def never_sent(error: LastgoodError) -> bool:
    """Whether a failed write surely had no effect because nothing left this host."""
    return isinstance(error, (UsageError, ClockSkewed, CredentialsError)) or (
        isinstance(error, Unreachable) and error.code in NEVER_SENT
    )


def renewal(method: str, profile: str) -> str:
    """How to get fresh credentials: the exact command where there is one. Works on a host without a browser."""
    flag = f" --profile {shlex.quote(profile)}" if profile else ""
    whose = f"profile {profile}" if profile else "the default profile"
    match method:
        case "env":
            return "export fresh AWS_* variables and start lastgood again: a running process keeps the old ones"
        case method if method == LENT:
            return f"start it again: {whose} asks for a new code"
        case "sso":
            # Since AWS CLI 2.22 the default flow calls back to localhost, which never arrives over SSH.
            return f"run: aws sso login --use-device-code{flag}"
        case "login":
            return f"run: aws login --remote{flag}"
        case "custom-process":
            return f"repair the credential_process of {whose}; lastgood goes on by itself"
        case "iam-role" | "container-role":
            return "the host's role renews itself: check that its metadata service answers"
        case "shared-credentials-file" | "config-file":
            return f"renew the keys of {whose} in its file; lastgood goes on by itself"
        case "assume-role" | "assume-role-with-web-identity":
            return f"renew what {whose} is assumed with; lastgood goes on by itself"
    return f"log in again, for example: aws sso login --use-device-code{flag}"


def mfa_advice(profile: str) -> str:
    """Where to type the code while the screen is taken: the AWS CLI's cache is shared."""
    flag = f" --profile {shlex.quote(profile)}" if profile else ""
    return f"type a new code in another terminal: aws sts get-caller-identity{flag}"
