"""The single record of an action: footer, help, palette, CLI command, README table and IAM policy are made from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import msgspec

from console.actions.model import Call, Level, Plan, Sighting
from console.clock import Millis

if TYPE_CHECKING:
    from console.ledger.snapshot import Snapshot
    from console.ledger.store import Ledger


class Desk(Protocol):
    """What an action works with: fresh reads, scoped writes, the ledger, and who is asking."""

    @property
    def scope(self) -> str: ...
    @property
    def context(self) -> str: ...
    @property
    def identity(self) -> str: ...
    @property
    def frozen(self) -> str:
        """Why nothing should be changed now (the context's freeze calendar), or an empty string."""

    @property
    def ledger(self) -> Ledger: ...
    @property
    def acting_ends(self) -> Millis | None:
        """When this process can write no longer: the end of credentials that it cannot renew by itself."""

    def confirm(self) -> None:
        """Ask STS who will act; from then on that is `identity`. Raises CredentialsError, Refused (another account)."""

    def reader(self, service: str) -> Any:
        """A boto3 client for the verb's declared reads."""

    def writer(self, service: str) -> Any:
        """A boto3 client for the verb's declared writes: one attempt, no resending."""

    def now(self) -> Millis: ...
    @property
    def skew_ms(self) -> int:
        """How far this host's clock is behind AWS's (negative: ahead), as of the last answer; 0 before the first."""

    def saw(self, kind: str, name: str, record: msgspec.Struct, *, provider_at: Millis | None = None) -> None:
        """Keep a fact: what an action sees is history as well. A ledger that cannot be written is not its end."""

    def gone(self, kind: str, names: Sequence[str]) -> None:
        """Keep tombstones."""

    def snapshot(self) -> Snapshot:
        """What the ledger knows now."""


class Deed(Protocol):
    """How a verb is done. Reads go through the desk; the executor alone sends the plan's calls."""

    def plan(self, desk: Desk, subject: str, args: Mapping[str, Any]) -> Plan: ...
    def ready(self, desk: Desk, plan: Plan) -> Sighting:
        """Look again right before the write: GO, WAIT (queued), NOT_NEEDED, or OVERTAKEN with the difference."""

    def took(self, desk: Desk, plan: Plan, call: Call) -> bool | None:
        """After an unclear failure of a call: did it happen? None while that cannot be told."""

    def verify(self, desk: Desk, plan: Plan, mark: str, answers: Sequence[Mapping[str, Any]]) -> Sighting:
        """After the calls (their answers in order): WAIT, DONE, FAILED or OVERTAKEN."""

    def keep(self, desk: Desk, plan: Plan) -> None:
        """After DONE: keep the facts that later judgement needs."""


@runtime_checkable
class Stepwise(Protocol):
    """A deed whose calls are steps: after each one it is looked at what came of it before the next is sent.

    A plan of one call has no steps. Where a step must not stay, the plan's `restore` calls are sent.
    """

    def between(self, desk: Desk, plan: Plan, mark: str, answered: Sequence[Millis]) -> Sighting:
        """After so many calls, answered at these times: WAIT, GO (with the mark for what comes next), FAILED (restore),
        or OVERTAKEN (stop as it is). Asked after the last call too."""

    def restored(self, desk: Desk, plan: Plan, mark: str) -> Sighting:
        """DONE once all is as before the plan, WAIT while it may become so, else FAILED or OVERTAKEN."""


class Option(msgspec.Struct, frozen=True):
    """One input of a verb: a CLI option and a form field.

    `kind` is text, int, flag, choice, map (NAME=VALUE), or words: NAME=VALUE without an option's name, asked for before
    the plan is made.
    """

    name: str
    help: str
    kind: str = "text"
    choices: tuple[str, ...] = ()
    usual: Callable[[Any], str] = lambda view: ""
    """What a form for this view begins with."""


class Verb(msgspec.Struct, frozen=True):
    """An action as every surface shows it."""

    id: str
    kind: str
    key: str
    label: str
    effect: str
    level: Level
    writes: tuple[str, ...]
    """Operations that change something, as `service:Operation`."""
    reads: tuple[str, ...]
    deed: Callable[[], Deed]
    """Imports and returns what does it: the import is the expensive part, so it waits until somebody acts."""
    options: tuple[Option, ...] = ()
    off: Callable[[Any], str] = lambda view: ""
    """Why the verb is disabled for this view, or an empty string."""
    starts: str = ""
    """The kind of what it sets going, which goes on when the verb is done: `--wait` follows that to its end."""
