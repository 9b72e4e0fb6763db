"""`lastgood check`: one line and an exit code, for cron, Nagios and deploy scripts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any

import msgspec
import typer

from console.cli.freshness import freshen, look, tell_failures, tell_future
from console.cli.listing import is_meant
from console.cli.output import Format, emit, envelope, named, only, write
from console.cli.reading import KIND, NAMES
from console.cli.session import Say, Session
from console.clock import SECOND, age_step, now_ms
from console.errors import CredentialsError, Exit, LastgoodError, NotFound, UsageError
from console.kinds.base import Kind, Sign
from console.kinds.registry import kind_of
from console.kinds.vitals.sight import Blind, blind
from console.text import count, echoed, safe, shorten

Open = Callable[[typer.Context], Session]

CHECKED = ("endpoint", "pipeline", "alarm")
"""What is checked when nothing is named."""

OLD_MS = 5 * 60 * SECOND
"""Older than this, what the ledger has says nothing about now."""

LIMITS = {Sign.CRITICAL: ";;0;0", Sign.WARNING: ";0;;0"}
"""`;warn;crit;min` of a number of things: above none."""

LONGEST = 200
"""Characters of the line before the `|`: pagers and mail subjects show about as many."""


class Checked(msgspec.Struct, frozen=True):
    """One kind: its views, and how old what they were read from is (None: never read)."""

    kind: Kind
    views: list[Any]
    age_s: float | None

    @property
    def blind(self) -> bool:
        return self.age_s is None or self.age_s * SECOND > OLD_MS


def register(app: typer.Typer, session: Open, note: Say) -> None:
    @app.command()
    def check(
        ctx: typer.Context,
        kind: KIND = "",
        names: NAMES = None,
        strict: Annotated[bool, typer.Option("--strict", help="what is not known counts as wrong")] = False,
        cached: Annotated[bool, typer.Option("--cached", help="never call AWS")] = False,
        output: Annotated[Format, typer.Option("-o", "--output", help="table (the line), json or yaml")] = Format.TABLE,
    ) -> None:
        """Whether anything is wrong, in one line, for cron and Nagios. Exit code 0 or 7; behind the | are numbers."""
        only(output, Format.TABLE, Format.JSON, Format.YAML)
        session_ = session(ctx)
        kinds = [kind_of(word) for word in ([kind] if kind else CHECKED)]
        named(kinds[0], *(names or ()))
        if cached and session_.unconfirmed is None:
            raise UsageError(f"context {session_.context.name} was never read", advice="leave out --cached once")
        _read(session_, kinds, cached=cached)
        found = [_look(session_, one, tuple(names or ())) for one in kinds]
        dark = blind(session_.snapshot()) if any(one.kind.id == "endpoint" for one in found) else None
        bad, words = judged(found, strict=strict, dark=dark)
        sources = {name: state for one in kinds for name, state in session_.sources(one).items()}
        if output is Format.TABLE:
            numbers = " ".join(f"{label}={value}" for label, value in measured(found))
            write(f"{words} | {numbers}")
        else:
            items = [_item(one) for one in found]
            answer = envelope("check", session_.context.name, items, sources, now_ms())
            emit({**answer, "healthy": not bad, "words": words}, output)
        raise typer.Exit(Exit.UNHEALTHY if bad else Exit.DONE)


def _read(session: Session, kinds: Sequence[Kind], *, cached: bool) -> None:
    """Each kind degrades by itself: what cannot be read is said on stderr and counts as not known."""
    if cached:
        for kind in kinds:
            tell_future(session, kind)
        return
    if len(kinds) == 1:
        freshen(session, kinds[0])
        return
    errors: dict[str, LastgoodError] = {}
    for kind in kinds:
        try:
            errors |= look(session, kind)
        except CredentialsError:
            raise
        except LastgoodError as error:
            errors[kind.sources[0]] = error
    tell_failures(session, errors)


def _look(session: Session, kind: Kind, names: tuple[str, ...]) -> Checked:
    views = sorted(kind.views(session.snapshot(), names or None), key=kind.order)
    missing = [name for name in names if not any(is_meant(view, name) for view in views)]
    if missing:
        said = shorten(", ".join(map(echoed, missing)), 200)
        raise NotFound(f"no {kind.id} {said}", advice=f"lastgood get {kind.plural} lists them")
    return Checked(kind, views, session.sources(kind)[kind.sources[0]]["age_s"])


def judged(found: Sequence[Checked], *, strict: bool = False, dark: Blind | None = None) -> tuple[bool, str]:
    """Whether it is wrong, and the line. Warnings are wrong: whoever wants less looks at the numbers. `dark`: why no
    metrics are read; unless somebody meant that, endpoints that SageMaker calls well are no good news."""
    wrong = [(one.kind, view) for one in found for view in one.views if view.sign.rank <= Sign.WARNING.rank]
    unsure = [(one.kind, view) for one in found for view in one.views if view.sign is Sign.UNKNOWN]
    unread = [one for one in found if one.blind]
    if wrong:
        # What is wrong with an endpoint says why; that its alarm is red says only that it is.
        bad = {view.name for kind, view in wrong if kind.id == "endpoint"}
        red = [view for kind, view in wrong if kind.id == "alarm" and bad & _about(view)]
        wrong.sort(key=lambda pair: (pair[1] in red, pair[1].sign.rank))
        worst = min((view.sign for _, view in wrong), key=lambda sign: sign.rank)
        # Where only they are as bad as the first word says, they are named first: the numbers count them so.
        alone = [view for view in red if view.sign is worst] if wrong[0][1].sign is not worst else []
        also = f"{count(len(alone), 'red alarm')}: " if alone else ""
        return True, f"{worst.value.upper()}: {also}{_names(wrong)}"
    if dark is not None and (strict or not dark.meant):
        return True, f"UNKNOWN: {shorten(safe(dark.words).replace('|', '/'), LONGEST)}"
    if unread or unsure:
        said = [_unread(one) for one in unread] + ([f"{_names(unsure)}"] if unsure else [])
        head = "UNKNOWN" if strict or unread else "OK, not all is known"
        return strict, f"{head}: {shorten('; '.join(said), LONGEST)}"
    fine = ", ".join(count(len(one.views), one.kind.id, one.kind.plural) for one in found)
    return False, f"OK: {fine} fine{f'; note: {dark.words}' if dark is not None else ''}"


def _about(alarm: Any) -> set[str]:
    return {*alarm.endpoints, *alarm.guards}


def _unread(one: Checked) -> str:
    if one.age_s is None:
        return f"{one.kind.plural} were never read"
    return f"{one.kind.plural} not read for {age_step(round(one.age_s * SECOND))}"


def _names(pairs: Sequence[tuple[Kind, Any]]) -> str:
    """`delay-risk logs KeyError: 'dep_delay'; 2 more`. Safe: a `|` in a reason must not begin the numbers."""
    first = [f"{view.name} {view.verdict.words}" for _, view in pairs[:2]]
    more = f"; {len(pairs) - 2} more" if len(pairs) > 2 else ""
    return shorten(safe("; ".join(first)).replace("|", "/"), LONGEST) + more


def measured(found: Sequence[Checked]) -> Iterator[tuple[str, str]]:
    """Perfdata (Monitoring Plugins guidelines): label=value;warn;crit;min. A view may add its own by `measures`."""
    for one in found:
        signs = Counter(view.sign for view in one.views)
        for sign in Sign:
            yield f"{one.kind.plural}_{sign.value}", f"{signs[sign]}{LIMITS.get(sign, ';;;0')}"
        if one.age_s is not None:
            yield f"{one.kind.plural}_age", f"{one.age_s:.0f}s;;;0"
        if len(one.views) == 1:
            own: Mapping[str, str] = getattr(one.views[0], "measures", None) or {}
            yield from own.items()


def _item(one: Checked) -> dict[str, Any]:
    signs = Counter(view.sign for view in one.views)
    return {
        "kind": one.kind.id,
        "age_s": one.age_s,
        "counts": {sign.value: signs[sign] for sign in Sign},
        "wrong": [
            {"name": v.name, "sign": v.sign.value, "what": v.verdict.words}
            for v in one.views
            if v.sign.rank <= Sign.WARNING.rank or v.sign is Sign.UNKNOWN
        ],
    }
