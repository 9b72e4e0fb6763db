"""Who sits behind the clients: the session of a profile, made anew whenever its credentials may have been renewed."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from console.clients import profiles
from console.clients.errors import mfa_advice
from console.clients.lent import Lent
from console.clients.translating import translate
from console.clock import Millis, to_ms
from console.errors import CredentialsError, LastgoodError

READ_ATTEMPTS = 3

Prompter = Callable[[str], str]


@dataclass(slots=True)
class Seat:
    """One identity of a context: the profile that reads, or the one that acts. Not thread-safe."""

    profile: str
    ambient: bool
    session: Any = None
    made_at: float = float("-inf")
    generation: int = 0
    stale: bool = False
    prompter: Prompter | None = None
    method: str = ""
    lent: Lent | None = None
    failure: CredentialsError | None = None
    """Why the session could not be used, kept until the next one may be made."""
    clients: dict[Any, Any] = field(default_factory=dict)

    def renew(self, loader: Any, timeouts: tuple[float, float], now: float) -> Any:
        """A new session: the only sure way to see renewed SSO tokens, files and processes (facts section 10).

        `loader` is shared by all sessions, because the service models take 86 ms to read; None: it brings its own.
        """
        import botocore.session
        from botocore.config import Config

        self.clients, self.session, self.method, self.failure = {}, None, "", None
        self.made_at, self.stale = now, True
        self.generation += 1
        # Passing a profile switches keys in variables off; a profile that came from AWS_PROFILE must not do that.
        session = botocore.session.Session(profile=None if self.ambient else self.profile or None)
        if loader is not None:
            session.register_component("data_loader", loader)
        # For the clients botocore makes for itself (sts, sso): its defaults wait a minute.
        session.set_default_client_config(
            Config(connect_timeout=timeouts[0], read_timeout=timeouts[1], retries=retries(READ_ATTEMPTS))
        )
        if self.lent:
            session.set_credentials(self.lent.access_key, self.lent.secret_key, self.lent.token or None)
        else:
            self._teach_mfa(session)
        self.session, self.stale = session, False
        return session

    def expires_at(self) -> Millis | None:
        if self.lent:
            return self.lent.expires_at
        # There is no public way to ask (facts section 10); a missing attribute reads as "unknown".
        expiry = getattr(getattr(self.session, "_credentials", None), "_expiry_time", None)
        return to_ms(expiry) if expiry else None

    def translated(self, exc: Exception, operation: str = "", *, sent: bool = False) -> LastgoodError:
        error = translate(exc, operation, method=self.method or self._likely_method(), profile=self.profile, sent=sent)
        if isinstance(error, CredentialsError) and error.resumes:
            self.stale = True
        return error

    def _likely_method(self) -> str:
        """The credential source while none has been loaded: variables count unless a profile was named."""
        if os.environ.get("AWS_ACCESS_KEY_ID") and (self.ambient or not self.profile):
            return "env"
        return ""

    def _teach_mfa(self, session: Any) -> None:
        if not profiles.asks_for_code(session.get_config_variable("profile") or "default"):
            return
        from botocore.utils import JSONFileCache

        provider = session.get_component("credential_provider").get_provider("assume-role")
        provider._prompter = self._ask
        # The AWS CLI's own cache: one code serves the CLI, the console, its collector and its actions, each of which
        # is a process of its own. Only MFA sessions go there (0600), as they do with the CLI.
        provider.cache = JSONFileCache(str(Path("~/.aws/cli/cache").expanduser()))

    def _ask(self, prompt: str) -> str:
        whose = f"profile {self.profile}" if self.profile else "the default profile"
        if self.prompter is None:
            raise CredentialsError(f"{whose} asks for an MFA code", code="MfaNeeded", advice=mfa_advice(self.profile))
        try:
            return self.prompter(prompt).strip()
        except EOFError:
            advice = f"run it in a terminal, or {mfa_advice(self.profile)}"
            raise CredentialsError(f"no MFA code was given for {whose}", code="MfaNeeded", advice=advice) from None


def retries(attempts: int) -> dict[str, Any]:
    return {"mode": "standard", "total_max_attempts": attempts}
