"""What the AWS configuration files say about a profile, without importing botocore (100-180 ms).

Only what decides where a context points and whether it asks for an MFA code; credentials are botocore's matter.
A file that cannot be read counts as empty here: botocore complains about it in its own words.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from console.settings import Context

_KEYS = {
    *("region", "endpoint_url", "ignore_configured_endpoint_urls"),
    *("mfa_serial", "role_arn", "source_profile", "web_identity_token_file"),
}


def profile_of(context: Context, environ: Mapping[str, str] | None = None) -> str:
    """The profile that botocore ends up with."""
    env = os.environ if environ is None else environ
    return context.profile or env.get("AWS_PROFILE") or env.get("AWS_DEFAULT_PROFILE") or "default"


def names(environ: Mapping[str, str] | None = None) -> list[str]:
    return sorted(_read(os.environ if environ is None else environ))


def region(context: Context, environ: Mapping[str, str] | None = None) -> str:
    """The region of a context: its own (settings have put AWS_REGION there), else its profile's; may be empty."""
    return context.region or _values(context, environ).get("region", "")


def endpoint_url(context: Context, environ: Mapping[str, str] | None = None) -> str:
    """Where AWS answers for this context; empty for Amazon's own addresses."""
    if context.endpoint_url:
        return context.endpoint_url
    env, values = os.environ if environ is None else environ, _values(context, environ)
    ignored = env.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") or values.get("ignore_configured_endpoint_urls", "")
    return "" if ignored.lower() == "true" else values.get("endpoint_url", "").rstrip("/")


def needs_code(context: Context, *, act: bool = False) -> bool:
    """Whether this context's reading (acting) profile asks for an MFA code; keys in the environment never do."""
    acting = context.act_profile if act else ""
    if context.ambient and not acting and os.environ.get("AWS_ACCESS_KEY_ID"):
        return False
    return asks_for_code(acting or profile_of(context))


def asks_for_code(profile: str, environ: Mapping[str, str] | None = None) -> bool:
    """Whether signing in with this profile needs an MFA code somewhere in its chain of roles."""
    found = _read(os.environ if environ is None else environ)
    seen: set[str] = set()
    while profile in found and profile not in seen:
        seen.add(profile)
        values = found[profile]
        if "role_arn" not in values or "web_identity_token_file" in values:
            return False
        if "mfa_serial" in values:
            return True
        profile = values.get("source_profile", "")
    return False


def role_arn(profile: str, environ: Mapping[str, str] | None = None) -> str:
    """The role that a profile assumes; empty if it names none. Nothing is assumed to tell it."""
    return _read(os.environ if environ is None else environ).get(profile, {}).get("role_arn", "")


def _values(context: Context, environ: Mapping[str, str] | None) -> dict[str, str]:
    env = os.environ if environ is None else environ
    return _read(env).get(profile_of(context, env), {})


def _read(environ: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Profile → the few keys of `_KEYS`. Secrets are dropped while reading."""
    import configparser

    found: dict[str, dict[str, str]] = {}
    for variable, default in (
        ("AWS_CONFIG_FILE", "~/.aws/config"),
        ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),  # wins where both speak, as in botocore
    ):
        parser = configparser.RawConfigParser(default_section="\0")
        try:
            parser.read_string(Path(environ.get(variable) or default).expanduser().read_text())
        except (OSError, UnicodeDecodeError, RuntimeError, configparser.Error):
            continue
        for section in parser.sections():
            name = section
            if variable == "AWS_CONFIG_FILE" and section != "default":
                kind, _, rest = section.partition(" ")
                if kind != "profile":
                    continue
                name = rest.strip().strip("'\"")
            kept = {key: text for key, text in parser.items(section) if key in _KEYS and text}
            found.setdefault(name, {}).update(kept)
    return found
