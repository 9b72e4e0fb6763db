"""Every failure of the AWS SDK as a typed error with the advice to print (facts/sagemaker.md sections 2.4 and 10).

Nothing here matches on a message where a class or a code tells enough. Where AWS itself makes the message matter
(`ValidationException` for "not found"), the code is matched too. Messages are the provider's own words, redacted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from console.clients.errors import (
    LENT,
    ClockSkewed,
    InProgress,
    QuotaExceeded,
    garbled,
    mfa_advice,
    renewal,
)
from console.errors import (
    CredentialsError,
    LastgoodError,
    NotFound,
    NotPermitted,
    Rejected,
    SourceError,
    Throttled,
    Unreachable,
    UsageError,
)
from console.text import redact


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# botocore's own list without LimitExceededException: that is a quota in every service used here (facts 1.2).
_THROTTLES = _names(
    """Throttling ThrottlingException ThrottledException RequestThrottledException TooManyRequestsException
    ProvisionedThroughputExceededException TransactionInProgressException RequestLimitExceeded BandwidthLimitExceeded
    RequestThrottled SlowDown PriorRequestNotComplete EC2ThrottledException 429"""
)
_QUOTAS = _names("ResourceLimitExceeded LimitExceededException LimitExceeded ServiceQuotaExceededException")
_EXPIRED = _names("ExpiredTokenException ExpiredToken TokenRefreshRequired")
_BAD_KEYS = _names(
    """UnrecognizedClientException InvalidClientTokenId InvalidAccessKeyId InvalidSignatureException
    SignatureDoesNotMatch IncompleteSignature IncompleteSignatureException AuthFailure InvalidToken
    MissingAuthenticationToken MissingAuthenticationTokenException"""
)
_SKEWED = _names("RequestTimeTooSkewed RequestExpired RequestInTheFuture")
DENIED = _names(
    """AccessDeniedException AccessDenied UnauthorizedOperation AuthorizationError AuthorizationErrorException
    NotAuthorized UnauthorizedException ForbiddenException OptInRequired SubscriptionRequiredException
    RegionDisabledException KMSAccessDeniedException"""
)
_MISSING = _names(
    """ResourceNotFound ResourceNotFoundException ResourceNotFoundFault ObjectNotFoundException NoSuchEntity
    NoSuchEntityException NoSuchKey NoSuchBucket NotFound NotFoundException QueueDoesNotExist
    AWS.SimpleQueueService.NonExistentQueue ImageNotFoundException RepositoryNotFoundException"""
)
_BUSY = _names("ConcurrentUpdateException ConcurrentModificationException")
_UNCLEAR = _names(
    """InternalFailure InternalServerError InternalServerException InternalServiceException InternalServiceError
    InternalServiceFault InternalError InternalDependencyException ServiceUnavailable ServiceUnavailableException
    RequestTimeout RequestTimeoutException"""
)
_SIGN_IN = _names("AssumeRole AssumeRoleWithWebIdentity GetRoleCredentials CreateToken GetSessionToken")

_NOT_FOUND = re.compile(r"^Could not find |^Requested resource not found|does not exist", re.IGNORECASE)
_IN_PROGRESS = re.compile(r"^Cannot (?:update|delete) in-progress ", re.IGNORECASE)
_CLOCK = re.compile(r"Signature expired|Signature not yet current|is now earlier than|is still later than")
_WHO_MAY_NOT = re.compile(r"not authorized to perform:?\s+([\w-]+:\w+)(?:.*?\bon resource:?\s+(\S+))?", re.DOTALL)


def translate(
    exc: BaseException, operation: str = "", *, method: str = "", profile: str = "", sent: bool = False
) -> LastgoodError:
    """The typed error for whatever a client raised.

    `operation` is `service:Operation`; `method` is botocore's name of the credential source in use (`env`, `sso`,
    `custom-process` …), which decides the advice and whether a running process recovers after a renewal. `sent` tells
    that a request had left: botocore's parsers fail with plain KeyErrors on an answer they do not know.
    """
    if isinstance(exc, LastgoodError):
        return exc
    from botocore import exceptions as b
    from botocore.parsers import ResponseParserError

    at = _Where(operation, method, profile)
    if isinstance(exc, b.ClientError):
        return _answer(exc, at)
    for kinds, make in _table():
        if isinstance(exc, tuple(getattr(b, kind) for kind in kinds)):
            return make(exc, at)
    if isinstance(exc, (b.ConnectionError, b.HTTPClientError)):
        return _unreachable(exc, at)
    if isinstance(exc, RuntimeError) and "still expired" in str(exc):
        return at.credentials("the credentials were renewed, but the new ones have expired too", type(exc).__name__)
    if isinstance(exc, b.BotoCoreError):
        return Rejected(redact(str(exc)), code=type(exc).__name__, operation=operation)
    if sent or isinstance(exc, ResponseParserError):
        return garbled(at.operation, "an answer that cannot be read")
    if method == "custom-process" or isinstance(exc, (OSError, ValueError, EOFError)):
        return _helper(exc, at)
    return SourceError(redact(f"{type(exc).__name__}: {exc}"), code=type(exc).__name__, operation=operation)


class _Where:
    """What was tried, and as whom."""

    def __init__(self, operation: str, method: str, profile: str) -> None:
        self.operation, self.method, self.profile = operation, method, profile
        self.whose = f"profile {profile}" if profile else "the default credentials"

    def credentials(
        self, message: str, code: str, advice: str = "", *, resumes: bool | None = None
    ) -> CredentialsError:
        return CredentialsError(
            message,
            code=code,
            operation=self.operation,
            advice=advice or renewal(self.method, self.profile),
            resumes=self.method not in {"env", LENT} if resumes is None else resumes,
        )


_Make = Callable[[Any, _Where], LastgoodError]


def _table() -> tuple[tuple[tuple[str, ...], _Make], ...]:
    """Client-side classes by name, most derived first."""
    return (
        (("NoCredentialsError", "NoAuthTokenError"), _nothing),
        (("PartialCredentialsError",), _partial),
        (("ProfileNotFound",), _no_profile),
        (("NoRegionError",), _no_region),
        (("SSOTokenLoadError", "UnauthorizedSSOTokenError", "TokenRetrievalError", "SSOError"), _sso),
        (("LoginRefreshRequired", "LoginTokenLoadError", "LoginInsufficientPermissions", "LoginError"), _login),
        (("MissingDependencyException",), _no_crt),
        (("RefreshWithMFAUnsupportedError",), _mfa_over),
        (("MetadataRetrievalError",), _metadata),
        (("CredentialRetrievalError",), _helper),
        (("InfiniteLoopConfigError", "InvalidConfigError", "ConfigParseError", "ConfigNotFound"), _bad_config),
        (("ParamValidationError", "ValidationError"), _bad_params),
    )


def _nothing(exc: Any, at: _Where) -> LastgoodError:
    advice = f"set AWS_PROFILE, name a profile in config.toml, or {renewal('', at.profile)}"
    return at.credentials(f"no AWS credentials: {at.whose} leads to none", "NoCredentialsError", advice, resumes=True)


def _partial(exc: Any, at: _Where) -> LastgoodError:
    provider, missing = exc.kwargs.get("provider", ""), exc.kwargs.get("cred_var", "")
    return at.credentials(
        f"half a set of AWS credentials: {missing} is missing ({provider})",
        "PartialCredentialsError",
        "set both the access key and its secret" + (" and start lastgood again" if provider == "env" else ""),
        resumes=provider != "env",
    )


def _no_profile(exc: Any, at: _Where) -> LastgoodError:
    from console.clients import profiles

    names = profiles.names()
    known = f"known profiles: {', '.join(names)}" if names else "no profile is configured (~/.aws/config)"
    name = exc.kwargs.get("profile", at.profile)
    return at.credentials(f"no AWS profile {name!r}", "ProfileNotFound", known, resumes=True)


def _no_region(exc: Any, at: _Where) -> LastgoodError:
    advice = f"set AWS_REGION, or region in config.toml or in {at.whose}"
    return UsageError("no AWS region is set", advice=advice)


def _sso(exc: Any, at: _Where) -> LastgoodError:
    never = type(exc).__name__ == "SSOTokenLoadError"
    what = f"{at.whose} is not logged in to AWS SSO" if never else f"the AWS SSO login of {at.whose} has expired"
    return at.credentials(what, type(exc).__name__, renewal("sso", at.profile), resumes=True)


def _login(exc: Any, at: _Where) -> LastgoodError:
    what = {
        "LoginTokenLoadError": f"{at.whose} is not logged in",
        "LoginInsufficientPermissions": f"{at.whose} may not use aws login: it needs signin:CreateOAuth2Token",
    }.get(type(exc).__name__, f"the login of {at.whose} has expired")
    return at.credentials(what, type(exc).__name__, renewal("login", at.profile), resumes=True)


def _no_crt(exc: Any, at: _Where) -> LastgoodError:
    advice = "install it beside lastgood (pip install 'botocore[crt]'), then " + renewal("login", at.profile)
    what = f"{at.whose} needs the package awscrt"
    return at.credentials(what, "MissingDependencyException", advice, resumes=False)


def _mfa_over(exc: Any, at: _Where) -> LastgoodError:
    return at.credentials(
        f"the MFA session of {at.whose} has ended", type(exc).__name__, mfa_advice(at.profile), resumes=True
    )


def _metadata(exc: Any, at: _Where) -> LastgoodError:
    return at.credentials(
        f"the host's metadata service gave no credentials: {redact(str(exc.kwargs.get('error_msg', '')))}",
        "MetadataRetrievalError",
        "in a container the hop limit must be 2; AWS_EC2_METADATA_DISABLED=true skips the service",
        resumes=True,
    )


def _helper(exc: Any, at: _Where) -> LastgoodError:
    """credential_process: a failure, or something else than JSON (which botocore lets through as ValueError)."""
    kwargs = getattr(exc, "kwargs", {})
    provider = kwargs.get("provider") or at.method or "custom-process"
    if isinstance(exc, ValueError) and not kwargs:
        said = "its answer is no JSON"  # the text itself may hold a key
    else:
        said = redact(str(kwargs.get("error_msg") or getattr(exc, "strerror", None) or exc)).strip() or "it failed"
    named = "credential_process" if provider == "custom-process" else provider
    what = f"{named} of {at.whose} gave no credentials: {said}"
    return at.credentials(what, type(exc).__name__, renewal(provider, at.profile), resumes=provider != "env")


def _bad_config(exc: Any, at: _Where) -> LastgoodError:
    if type(exc).__name__ == "InfiniteLoopConfigError":
        chain = " → ".join([*exc.kwargs.get("visited_profiles", ()), exc.kwargs.get("source_profile", "")])
        message, advice = f"the roles of {at.whose} go round in a circle: {chain}", "break it in ~/.aws/config"
    else:
        message, advice = redact(str(exc)), "correct it in ~/.aws/config"
    return at.credentials(message, type(exc).__name__, advice, resumes=True)


def _bad_params(exc: Any, at: _Where) -> LastgoodError:
    # The report repeats the values it complains about, and those may be secrets (environment of a model).
    report = re.sub(r",?\s*value: .*?(?=, type: |, valid |\n|$)", "", str(exc), flags=re.DOTALL)
    return Rejected(redact(" ".join(report.split())), code=type(exc).__name__, operation=at.operation)


def _unreachable(exc: Any, at: _Where) -> LastgoodError:
    kind = type(exc).__name__
    kwargs = getattr(exc, "kwargs", {})
    host = urlsplit(str(kwargs.get("endpoint_url") or kwargs.get("proxy_url") or "")).hostname or "AWS"
    said = redact(str(kwargs.get("error", "")))
    what, advice = {
        "EndpointConnectionError": (f"{host} cannot be reached", "check network, VPN and VPC endpoint"),
        "ConnectTimeoutError": (f"no connection to {host}", "check network, VPN, VPC endpoint and security group"),
        "ReadTimeoutError": (f"{host} took the request but did not answer in time", ""),
        "ConnectionClosedError": (f"{host} closed the connection without an answer", ""),
        "ProxyConnectionError": (f"the proxy {host} cannot be reached", "check HTTPS_PROXY and NO_PROXY"),
        "SSLError": (
            f"no trusted TLS connection to {host}: {said}",
            "if a company proxy opens TLS, name its certificate in AWS_CA_BUNDLE",
        ),
    }.get(kind, (redact(str(exc)), "check the network"))
    return Unreachable(what, code=kind, operation=at.operation, advice=advice)


def _answer(exc: Any, at: _Where) -> LastgoodError:
    """AWS answered with an error: its code and, where AWS makes it necessary, its message decide."""
    body = exc.response.get("Error", {})
    code, words = str(body.get("Code", "")), str(body.get("Message", ""))
    status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    sign_in = exc.operation_name in _SIGN_IN and not at.operation.endswith(f":{exc.operation_name}")
    if code in _SKEWED or _CLOCK.search(words):
        advice = "correct the time of this host (NTP); the credentials are fine"
        said = redact(words.partition("\n")[0])
        return ClockSkewed(f"this host's clock is wrong: {said}", code=code, operation=at.operation, advice=advice)
    said = redact(words).strip() or code
    if code in _EXPIRED:
        return at.credentials(f"the credentials of {at.whose} have expired", code)
    if code in _BAD_KEYS:
        # No provider's words: for signatures they repeat the request with its session token.
        what = f"AWS does not know the key of {at.whose}, or its secret is wrong ({code})"
        advice = "check partition and region, then " + renewal(at.method, at.profile)
        return at.credentials(what, code, advice)
    if code in _THROTTLES or status == 429:
        what = f"throttled: {at.operation or 'AWS'} ({said})"
        advice = "the account's callers share this rate; lastgood slows down by itself"
        return Throttled(what, code=code, operation=at.operation, advice=advice)
    if code in _QUOTAS:
        advice = "ask for an increase in Service Quotas, or free what is in use"
        return QuotaExceeded(said, code=code, operation=at.operation, advice=advice)
    head = at.operation.rpartition(":")[2].startswith("Head")  # no body, so the status is all there is
    if code in _MISSING or (head and status == 404) or (code == "ValidationException" and _NOT_FOUND.search(words)):
        return NotFound(said if not head else f"not found: {at.operation}")
    if code in DENIED or (head and status == 403):
        return _sign_in_denied(exc, code, said, at) if sign_in else _denied(code, words, at)
    if code in _BUSY or _IN_PROGRESS.search(words):
        return InProgress(said, code=code, operation=at.operation, advice="wait until it settles")
    if code in _UNCLEAR or status >= 500:
        advice = "AWS has a problem; for a write, look before sending it again"
        return Unreachable(
            f"{at.operation or 'AWS'}: {said} ({status})", code=code, operation=at.operation, advice=advice
        )
    if code.isdigit() or not code:
        return garbled(at.operation, f"HTTP {status} without an answer of AWS", code=code or str(status))
    if sign_in:
        return at.credentials(f"{at.whose}: {said}", code)
    return Rejected(said, code=code, operation=at.operation)


def _sign_in_denied(exc: Any, code: str, said: str, at: _Where) -> LastgoodError:
    if "MultiFactorAuthentication" in said:
        return at.credentials(
            f"the MFA code for {at.whose} was not accepted", code, "wait for the next code", resumes=True
        )
    what = f"{at.whose} may not sign in ({exc.operation_name}): {said}"
    return at.credentials(what, code, "check the role's trust policy and role_arn", resumes=True)


def _denied(code: str, words: str, at: _Where) -> LastgoodError:
    match = _WHO_MAY_NOT.search(words)
    action = match[1] if match else at.operation
    resource = (match[2] or "").rstrip(".,") if match else ""
    why = next((why for why in ("explicit deny", "service control policy", "boundary") if why in words), "")
    what = f"not permitted: {action or redact(words)}" + (f" on {resource}" if resource else "")
    if not match and words and action:
        what += f" ({redact(words)})"
    what += f" ({why})" if why else ""
    advice = "lastgood iam prints the least policy"
    return NotPermitted(what, code=code, operation=at.operation, advice=advice)
