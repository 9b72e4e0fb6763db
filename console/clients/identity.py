"""Who we are: account and role by STS, remembered by profile so that the start is instant.

A remembered identity is unconfirmed until STS agrees; nothing may be written before that (DESIGN.md section 5).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

import msgspec

from console.clients import profiles
from console.clock import Millis, now_ms
from console.errors import Unreachable
from console.settings import Context

if TYPE_CHECKING:
    from console.clients.aws import Cloud

WHO = "sts:GetCallerIdentity"
"""Needs no permission at all (facts section 10)."""


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    account: str
    arn: str
    user: str
    """The short name for a header: `role/session`, or the user's name."""
    partition: str
    region: str
    endpoint_url: str = ""
    expires_at: Millis | None = None
    confirmed: bool = True
    confirmed_at: Millis | None = None
    """When STS last said so, in any process of this host."""

    @property
    def scope(self) -> str:
        """`aws/123456789012/eu-central-1`, with `@http://…` behind it where AWS is not at its own address."""
        where = f"@{self.endpoint_url}" if self.endpoint_url else ""
        return f"{self.partition}/{self.account}/{self.region}{where}"


def who(cloud: Cloud, *, write: bool = False) -> Identity:
    """Ask STS. Raises CredentialsError, Unreachable, UsageError (no region)."""
    client = cloud.client("sts", [WHO], write=write, urgent=True)
    answer = client.get_caller_identity()
    arn, account = answer.get("Arn", ""), answer.get("Account", "")
    if arn.count(":") < 5 or not account:
        raise Unreachable("sts answered without an identity", code="GarbledAnswer", operation=WHO)
    return Identity(
        account=account,
        arn=arn,
        user=short(arn),
        partition=arn.split(":")[1],
        region=cloud.region or client.meta.region_name,
        endpoint_url=cloud.endpoint_url,
        expires_at=cloud.expires_at(write=write),
    )


def short(arn: str) -> str:
    """`arn:aws:sts::123:assumed-role/ops/ana` → `ops/ana`; `arn:aws:iam::123:user/team/bo` → `bo`."""
    kind, _, rest = arn.split(":", 5)[-1].partition("/")
    if kind == "assumed-role":
        return rest
    return rest.rpartition("/")[2] or kind


def remembered(state_dir: Path, context: Context, environ: Mapping[str, str] | None = None) -> Identity | None:
    """The identity this profile had last time, unconfirmed; `expires_at` is of the session it had then.

    The region is today's, not the remembered one.
    """
    env = os.environ if environ is None else environ
    region = profiles.region(context, env)
    found = _load(state_dir).get(_key(context, env))
    if found is None or not region:
        return None
    endpoint = profiles.endpoint_url(context, env)
    return msgspec.structs.replace(found, region=region, endpoint_url=endpoint, confirmed=False)


def remember(state_dir: Path, context: Context, identity: Identity, environ: Mapping[str, str] | None = None) -> None:
    """Keep what STS said (0600). Failing to is no error: the next start is merely slower."""
    env = os.environ if environ is None else environ
    known = _load(state_dir)
    known[_key(context, env)] = msgspec.structs.replace(identity, confirmed_at=now_ms())
    path = state_dir / "identities.json"
    draft = path.with_name(f".identities.{os.getpid()}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(known))
        draft.replace(path)  # two consoles at once: the last one wins, neither sees half a file
    except OSError:
        with contextlib.suppress(OSError):  # a read-only file system refuses this too
            draft.unlink(missing_ok=True)


def _load(state_dir: Path) -> dict[str, Identity]:
    try:
        return msgspec.json.decode((state_dir / "identities.json").read_bytes(), type=dict[str, Identity])
    except (OSError, msgspec.DecodeError):
        return {}


def _key(context: Context, environ: Mapping[str, str]) -> str:
    """What decides who we are: the profile or the key in the environment, and where AWS answers."""
    where = profiles.endpoint_url(context, environ)
    key = environ.get("AWS_ACCESS_KEY_ID", "")
    if key and (context.ambient or not context.profile):
        # A name for a cache that is "unconfirmed" until STS agrees: a collision costs nothing, hashlib 3 ms.
        return f"env:{crc32(key.encode()):08x}@{where}"
    return f"profile:{profiles.profile_of(context, environ)}@{where}"
