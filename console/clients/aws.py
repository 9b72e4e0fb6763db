"""The one place where AWS clients are made: scoped to declared operations, budgeted, and resuming after a renewal.

A client refuses every operation it was not made for before anything leaves the process, and every error it raises is
one of console.errors. botocore is imported when the first client is made, never before (518 ms with a client).
"""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import contextmanager, nullcontext
from copy import copy
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from console import __version__
from console.clients import hooks, profiles
from console.clients.budget import Budget
from console.clients.errors import LENT
from console.clients.hooks import is_read
from console.clients.lent import Lent, take
from console.clients.patience import Patience
from console.clients.seats import READ_ATTEMPTS, Prompter, Seat, retries
from console.clock import Millis, now_ms, to_ms
from console.errors import CredentialsError, LastgoodError, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.settings import Context, Settings

CONNECT_S, READ_S = 4, 15
RENEW_EVERY_S = 3.0
"""At most one new session in this time: renewing reads files and may run a credential_process."""


@dataclass(frozen=True, slots=True)
class _Key:
    service: str
    operations: frozenset[str]
    write: bool
    urgent: bool
    attempts: int


class Client:
    """A scoped boto3 client. It always acts with the newest session, so it may be kept for hours."""

    __slots__ = ("_cloud", "_key")

    def __init__(self, cloud: Cloud, key: _Key) -> None:
        self._cloud, self._key = cloud, key

    def __getattr__(self, name: str) -> Any:
        if name in Client.__slots__:  # half-made, as by copy: no recursion
            raise AttributeError(name)
        return getattr(self._cloud._raw(self._key), name)

    def __repr__(self) -> str:
        return f"<{self._key.service} client for {', '.join(sorted(self._key.operations))}>"


class Cloud:
    """AWS as one context sees it. Thread-safe; the clients it hands out are too.

    `on_call` hears of every request really sent, as `service:Operation`; `call_log` appends the same to a file.
    `patience` bounds how long reads go unanswered; without it they end by the SDK's timeouts, a minute each.
    """

    def __init__(
        self,
        context: Context,
        *,
        budget: Budget | None = None,
        call_log: str = "",
        on_call: Callable[[str], None] | None = None,
        connect_s: float = CONNECT_S,
        read_s: float = READ_S,
        clock: Callable[[], float] = time.monotonic,
        lent: Lent | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.context = context
        self.budget = budget or Budget()
        self.patience = patience
        self.skew_ms: int | None = None
        """AWS's clock minus ours, from the last answer's Date (to a second); None before the first answer."""
        self._call_log, self._on_call = call_log, on_call
        self._timeouts, self._clock = (connect_s, read_s), clock
        self._lock = threading.RLock()
        self._here = threading.local()
        self._unanswered: dict[int, float] = {}
        """By thread: since when nothing came back for what it sent."""
        self._loader: Any = None
        look = Seat(context.profile, context.ambient)
        self._look = look
        self._act = Seat(context.act_profile, False) if context.act_profile else look
        self._act.lent = lent

    @classmethod
    def of(
        cls,
        settings: Settings,
        context: Context | None = None,
        *,
        budget: Budget | None = None,
        patience: Patience | None = None,
    ) -> Cloud:
        return cls(
            context or settings.current, budget=budget, call_log=settings.call_log, lent=take(), patience=patience
        )

    @property
    def region(self) -> str:
        return profiles.region(self.context)

    @property
    def endpoint_url(self) -> str:
        return profiles.endpoint_url(self.context)

    @property
    def generation(self) -> int:
        """How often the reading session was made: a renewed one may be somebody else."""
        return self._look.generation

    def client(
        self,
        service: str,
        operations: Iterable[str],
        *,
        write: bool = False,
        urgent: bool = False,
        attempts: int | None = None,
    ) -> Any:
        """A client for these operations (`service:Operation`; those of other services are left out) and no others.

        Reads are sent up to three times. Writes go once, urgently, with the acting profile: the SDK must not resend
        what has no token. `attempts` allows more for writes whose operations all carry an idempotency token. Costs
        nothing until it is used. Raises Refused for a write in a read-only context, and for a write operation
        declared as a read.
        """
        scoped = frozenset(name for entry in operations for own, name in [_split(entry, service)] if own == service)
        writes = sorted(name for name in scoped if not is_read(f"{service}:{name}"))
        if writes and not write:
            raise Refused(f"{service}:{writes[0]} changes something, and this client only reads")
        if write and self.context.read_only:
            raise Refused(f"context {self.context.name} is read-only", advice="set read_only in config.toml")
        return Client(self, _Key(service, scoped, write, urgent or write, attempts or (1 if write else READ_ATTEMPTS)))

    def resolve(self, prompter: Prompter | None = None, *, write: bool = False) -> None:
        """Sign in now, in a fresh session, asking for an MFA code by `prompter` if the profile wants one.

        To be called before the screen is taken over: later, nothing ever reads the terminal. Raises CredentialsError.
        """
        seat = self._seat(write)
        with self._lock:
            seat.prompter = prompter
            try:
                credentials = self._renew(seat).get_credentials()
                if credentials is None:
                    from botocore.exceptions import NoCredentialsError

                    raise NoCredentialsError
                # Role credentials are deferred: only this makes the call, and asks for the code.
                credentials.get_frozen_credentials()
            except Exception as exc:
                seat.stale = True
                raise seat.translated(exc) from None
            finally:
                seat.prompter = None

    def expires_at(self, *, write: bool = False) -> Millis | None:
        """When the current credentials end; None if they do not or nobody has signed in yet."""
        with self._lock:
            return self._seat(write).expires_at()

    def ends_at(self, *, write: bool = False) -> Millis | None:
        """When this process can call no longer: the expiry of credentials that do not renew by themselves."""
        seat = self._seat(write)
        final = seat.lent or seat.method == "env" or profiles.asks_for_code(seat.profile or "default")
        return self.expires_at(write=write) if final else None

    def _seat(self, write: bool) -> Seat:
        return self._act if write else self._look

    def _renew(self, seat: Seat) -> Any:
        session = seat.renew(self._loader, self._timeouts, self._clock())
        if self._loader is None:
            self._loader = session.get_component("data_loader")
        return session

    def lend(self) -> Lent:
        """The acting session as it is now, for a process that cannot ask for an MFA code. After `resolve`."""
        with self._lock:
            session = self._act.session or self._renew(self._act)
            frozen = session.get_credentials().get_frozen_credentials()
        return Lent(frozen.access_key, frozen.secret_key, frozen.token or "", self.expires_at(write=True))

    # Clients

    def _raw(self, key: _Key) -> Any:
        """The botocore client behind a Client, made when needed and whenever the session is new."""
        seat = self._seat(key.write)
        with self._lock:
            rested = self._clock() - seat.made_at >= RENEW_EVERY_S
            if seat.failure and not rested:
                raise copy(seat.failure)
            try:
                if seat.session is None or (seat.stale and rested):
                    self._renew(seat)
                raw = seat.clients.get(key)
                if raw is None:
                    with _no_gc():
                        raw = seat.clients[key] = self._make(seat, key)
                return raw
            except Exception as exc:
                error = seat.translated(exc, key.service)
                seat.stale = True
                seat.failure = error if isinstance(error, CredentialsError) else None
                raise error from None

    def _make(self, seat: Seat, key: _Key) -> Any:
        from botocore.config import Config

        raw = seat.session.create_client(
            key.service,
            region_name=self.context.region or None,
            endpoint_url=self.context.endpoint_url or None,
            config=Config(
                connect_timeout=self._timeouts[0],
                read_timeout=self._timeouts[1],
                # Pinned: the default changed between minor versions (facts 1.1), and AWS_MAX_ATTEMPTS must not.
                retries=retries(key.attempts),
                user_agent_extra=f"lastgood/{__version__}",
                max_pool_connections=10,
                # StartLiveTail's host begins with another word; in front of an address there is no room for one.
                inject_host_prefix=not _is_address(self.context.endpoint_url),
            ),
        )
        if key.write and key.attempts > 1:
            hooks.require_tokens(raw, key.service, key.operations)
        credentials = seat.session.get_credentials()
        seat.method = LENT if seat.lent else getattr(credentials, "method", "") or ""
        generation, api_call = seat.generation, raw._make_api_call

        def send(operation: str, params: dict[str, Any]) -> Any:
            self._here.sent = False
            try:
                return api_call(operation, params)
            except Exception as exc:
                raise seat.translated(exc, f"{key.service}:{operation}", sent=self._here.sent) from None
            finally:
                self._unanswered.pop(threading.get_ident(), None)

        def call(operation: str, params: dict[str, Any]) -> Any:
            try:
                return send(operation, params)
            except CredentialsError as error:
                heir = None if key.write else self._heir(error, seat, generation, key)
                if heir is None:
                    raise
            # The credentials were renewed behind our back; a read may simply be asked again, once.
            return heir(operation, params)

        def patiently(operation: str, params: dict[str, Any]) -> Any:
            if self.patience is None or key.write:  # a write that is left behind would be unclear
                return call(operation, params)
            return self.patience.call(f"{key.service}:{operation}", lambda: call(operation, params))

        # Every generated method, paginator and waiter goes through this one attribute.
        raw._make_api_call, raw._lastgood_send = patiently, send
        hooks.install(
            raw,
            key.service,
            key.operations,
            self.budget,
            urgent=key.urgent,
            waiting=self.patience.resting if self.patience else nullcontext,
            sending=self._sending,
            dated=self._see_date,
        )
        return raw

    def _heir(self, error: CredentialsError, seat: Seat, generation: int, key: _Key) -> Any:
        """After a failure of credentials: the sender of a newer session's client, if there may be one now."""
        if not error.resumes:
            return None
        with self._lock:
            if seat.generation == generation:
                seat.stale = True
                if self._clock() - seat.made_at < RENEW_EVERY_S:
                    return None
            try:
                return self._raw(key)._lastgood_send
            except LastgoodError:
                return None

    def silent_s(self) -> float:
        """How long the oldest request that is under way has had no answer, however often it was resent; 0: none is."""
        since = min(list(self._unanswered.values()), default=None)
        return 0.0 if since is None else self._clock() - since

    def _sending(self, operation: str) -> None:
        self._here.sent = True
        self._unanswered.setdefault(threading.get_ident(), self._clock())
        if self._on_call:
            self._on_call(operation)
        if self._call_log:
            # One short append is atomic among processes, so all parts of a test run may share the file.
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
            handle = os.open(self._call_log, flags, 0o600)
            try:
                os.write(handle, f"{operation}\n".encode())
            finally:
                os.close(handle)

    def _see_date(self, date: str) -> None:
        self._unanswered.pop(threading.get_ident(), None)
        try:
            # The header has whole seconds, cut off: on average half a second too early.
            self.skew_ms = to_ms(parsedate_to_datetime(date)) + 500 - now_ms()
        except (TypeError, ValueError):
            return


def _is_address(url: str) -> bool:
    """Whether an endpoint URL names its host by an IP address."""
    from ipaddress import ip_address
    from urllib.parse import urlsplit

    try:
        ip_address(urlsplit(url).hostname or "")
    except ValueError:
        return False
    return True


def _split(entry: str, service: str) -> tuple[str, str]:
    own, colon, name = entry.rpartition(":")
    return (own, name) if colon else (service, name)


@contextmanager
def _no_gc() -> Iterator[None]:
    """Garbage collection is a third of the cost of making a client (facts/speed.md)."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
