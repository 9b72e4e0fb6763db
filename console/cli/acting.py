"""The verbs as commands, made from their records: plan, consent, apply in a process of its own, follow the journal."""

from __future__ import annotations

import inspect
import shlex
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from console.actions.book import UNRECORDED
from console.actions.launch import Order
from console.actions.model import Check, Level, Plan, Verdict
from console.actions.orphans import orphans
from console.actions.progress import progress
from console.actions.verb import Verb
from console.cli.consent import consent, require, sign_in_with
from console.cli.following import begun, execute, follow, start, start_again, wait_aloud
from console.cli.given import parameter, text, value, worded_option, words_of
from console.cli.output import Format, emit, write
from console.cli.plans import SIGNS, plan_lines
from console.cli.reading import complete_names, locate
from console.cli.session import READ_ONLY, Say, Session
from console.clock import parse_duration
from console.errors import Exit, LedgerError, NotFound, Refused, Rejected, TimedOut, UsageError
from console.kinds.registry import kind_of, verbs
from console.ledger.locks import action_lock
from console.text import echoed, safe, shorten

__all__ = ["SIGNS", "register"]

Open = Callable[[typer.Context], Session]


def register(app: typer.Typer, session: Open, note: Say) -> None:
    for group in _by_id().values():
        app.command(name=group[0].id, help=_help(group))(_command(group, session))

    @app.command(hidden=True)
    def apply(
        ctx: typer.Context,
        plan_id: str,
        order: Annotated[bool, typer.Option("--order", help="read what was consented to from stdin")] = False,
        reason: str = "",
        ticket: str = "",
        confirm: str = "",
        resume: bool = False,
        unrecorded: bool = False,
        poll: float | None = None,
    ) -> None:
        """Apply a plan that was shown and consented to. Run by the console and the verbs, in a session of its own."""
        # A closed terminal must not end it, also where somebody starts it by hand.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        given = _order() if order else Order(reason=reason, ticket=ticket, confirm=confirm)
        session_ = session(ctx)
        plan = given.plan or (_begun(session_, plan_id) if resume else load(session_, plan_id))
        # What was sent is only observed: that needs nobody's consent.
        if not (resume and _sent(session_, plan_id)):
            require(session_, plan, given.confirm)
        if given.code:
            sign_in_with(session_, given.code)
        done = execute(
            session_,
            plan,
            reason=given.reason,
            ticket=given.ticket,
            unrecorded=unrecorded,
            resume=resume,
            poll_s=poll,
        )
        raise typer.Exit(done)

    @app.command()
    def resume(
        ctx: typer.Context,
        action: Annotated[str, typer.Argument(help="id of an action whose process died; without it: list them")] = "",
        yes: Annotated[bool, typer.Option("--yes", help="consent to a queued action going on")] = False,
        confirm: Annotated[str, typer.Option("--confirm", help="the context's name, where it is guarded")] = "",
    ) -> None:
        """Observe and close actions whose process died; let a queued one go on after consent."""
        session_ = session(ctx)
        if not action:
            for plan, words, sent, _ in orphans(session_.ledger, session_.scope):
                state = "sent, outcome not observed" if sent else "queued, nothing sent"
                write(f"{plan.id}  {safe(plan.title)}  {state}: {safe(words)}")
            return
        raise typer.Exit(_resume(session_, action, yes=yes, confirm=confirm))


def _order() -> Order:
    try:
        return msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    except msgspec.MsgspecError as error:
        raise UsageError(f"--order: {error}", advice="it is for lastgood's own use") from error


def _by_id() -> dict[str, list[Verb]]:
    groups: dict[str, list[Verb]] = {}
    for verb in verbs():
        groups.setdefault(verb.id, []).append(verb)
    return groups


def _help(group: list[Verb]) -> str:
    verb = group[0]
    effect = f"{verb.effect[0].upper()}{verb.effect[1:]}."
    return f"{effect} ({'local note' if verb.level is Level.NOTE else verb.level.value})"


_TYPES: dict[str, Any] = {
    "text": str | None,
    "int": int | None,
    "flag": bool,
    "choice": str | None,
    "map": list[str] | None,
}


_WAIT_RUN = "follow the run to its end; exit code 1 unless it succeeds, 6 if it runs on after --timeout"

SHARED = ("dry_run", "yes", "confirm", "reason", "ticket", "wait", "output", "unrecorded")
"""Options that all verbs have."""


def _command(group: list[Verb], session: Open) -> Callable[..., None]:
    """A typer command whose signature is made from the verb's options and the ones that all verbs share."""
    first = group[0]
    worded = worded_option(first)

    def command(ctx: typer.Context, **given: Any) -> None:
        session_ = session(ctx)
        names, pairs = words_of(first, given.pop("subject"), given.pop("named"))
        if worded is not None:
            given[parameter(worded)] = pairs
        subject = _named(group, names[0], names[1] if len(names) > 1 else "")
        if not subject.strip():
            raise UsageError(f"an empty name is no {first.kind}", advice=f"lastgood get {first.kind}s lists them")
        within = parse_duration(given.pop("timeout")) if first.starts else None
        shared = {key: given.pop(key) for key in SHARED}
        shared |= {key: text(f"--{key}", shared[key]) for key in ("reason", "ticket")}
        if shared["output"] not in {Format.TABLE, Format.JSON, Format.YAML}:
            raise UsageError(f"-o {shared['output'].value} is for lists", advice="a plan is table, json or yaml")
        verb = first
        if len(group) > 1:
            kind, subject = _located(session_, group, subject, names[0] if len(names) > 1 and names[1] else "")
            verb = next((v for v in group if v.kind == kind), None) or _cannot(first, kind)
        args = {option.name: value(option, given[parameter(option)]) for option in verb.options}
        if verb.level is Level.NOTE:
            args["reason"] = shared["reason"]
        raise typer.Exit(_act(session_, verb, subject, args, within_ms=within, **shared))

    def option(name: str, type_: Any, default: Any, flags: str, help_: str) -> inspect.Parameter:
        annotation = Annotated[type_, typer.Option(flags, help=help_)]
        return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)

    kinds = " or ".join(verb.kind for verb in group)
    subject = Annotated[str, typer.Argument(help=f"the {kinds}", autocompletion=complete_names)]
    if worded is None:
        name: Any = Annotated[
            str, typer.Argument(metavar="[NAME]", help="its name, where the word before it was its kind")
        ]
    else:
        name = Annotated[list[str] | None, typer.Argument(metavar="NAME=VALUE…", help=worded.help)]
    parameters = [
        inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context),
        inspect.Parameter("subject", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=subject),
        inspect.Parameter(
            "named", inspect.Parameter.POSITIONAL_OR_KEYWORD, default="" if worded is None else None, annotation=name
        ),
        *(
            option(parameter(o), _TYPES[o.kind], False if o.kind == "flag" else None, f"--{o.name}", o.help)
            for o in first.options
            if o is not worded
        ),
        option("dry_run", bool, False, "--dry-run", "print the plan and do nothing"),
        option("yes", bool, False, "--yes", "consent without being asked"),
        option("confirm", str, "", "--confirm", "the context's name, for danger in a guarded context"),
        option("reason", str, "", "--reason", "why; kept in the journal"),
        option("ticket", str, "", "--ticket", "incident or change number; kept in the journal"),
        option("wait", bool, False, "--wait", _WAIT_RUN if first.starts else "follow it until it is verified"),
        *(
            [option("timeout", str, "1h", "--timeout", "with --wait: give up following after this long")]
            if first.starts
            else ()
        ),
        option("unrecorded", bool, False, "--unrecorded", "act although the ledger cannot be written"),
        option("output", Format, Format.TABLE, "--output", "table, json or yaml"),
    ]
    # -o as everywhere; typer takes further names after the first.
    parameters[-1] = parameters[-1].replace(
        annotation=Annotated[Format, typer.Option("-o", "--output", help="how to print the plan: table, json or yaml")]
    )
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def _named(group: list[Verb], subject: str, name: str) -> str:
    """The name in `NAME` or `KIND NAME`, as `get` and `describe` take it."""
    if not name:
        return subject
    if (kind := kind_of(subject)).id not in {verb.kind for verb in group}:
        _cannot(group[0], kind.id)
    return name


def _located(session: Session, group: list[Verb], subject: str, word: str) -> tuple[str, str]:
    """(kind id, name): the kind that was said, else what the ledger knows by the name. What changes something in AWS
    looks there itself: an empty ledger must not be in its way."""
    if word:
        return kind_of(word).id, subject
    try:
        kind, subject = locate(session, subject)
    except NotFound:
        if not group[0].writes:
            raise
        return group[0].kind, subject
    return kind.id, subject


def _cannot(verb: Verb, kind: str) -> Verb:
    raise UsageError(f"{verb.id} is not for {kind}s", advice=f"lastgood {verb.id} --help")


def _act(
    session: Session,
    verb: Verb,
    subject: str,
    args: dict[str, Any],
    *,
    dry_run: bool,
    yes: bool,
    confirm: str,
    reason: str,
    ticket: str,
    wait: bool,
    output: Format,
    unrecorded: bool,
    within_ms: int | None = None,
) -> int:
    session = _recorded(session, unrecorded)
    desk = session.desk(verb, dry_run=dry_run)
    try:
        plan = verb.deed().plan(desk, subject, args)
    except Rejected as error:
        # Planning only reads, and a read is rejected for what it was asked for: a name that cannot be one.
        said = shorten(error.message, 200)
        raise UsageError(f"{echoed(subject)!r}: {said}", advice=f"lastgood {verb.id} --help") from error
    if session.context.read_only and verb.writes:
        against = Check("read-only", Verdict.FAIL, f"context {session.context.name} is read-only, {READ_ONLY}")
        plan = msgspec.structs.replace(plan, preflight=(against, *plan.preflight))
    try:
        session.ledger.journal.save_plan(plan.id, plan.scope, msgspec.json.encode(plan), plan.created_at)
    except LedgerError as error:
        if not (unrecorded or dry_run):
            raise _unwritable(error) from error
        session.say(f"the plan is shown, not kept: {error.message}")
    machine = output is not Format.TABLE
    if machine:
        emit(plan.to_json(), output)
    else:
        show(plan)
    if dry_run:
        return Exit.REFUSED if plan.refused else Exit.DONE  # a script asks before it acts
    if plan.refused:
        raise Refused("; ".join(f"{c.check}: {c.detail}" for c in plan.refused), advice="mend it, then plan again")
    consent(session, plan, yes=yes, confirm=confirm)
    if not plan.calls:  # a local note: over before a process of its own would have started
        return execute(session, plan, reason=reason, ticket=ticket, unrecorded=unrecorded)
    process = start(session, plan, reason=reason, ticket=ticket, unrecorded=unrecorded)
    if unrecorded:
        return wait_aloud(session, process)
    begun(session, plan.id, process)
    if wait:
        code = follow(session, plan.id, process, tell=session.say if machine else write)
        return code if code or within_ms is None else _to_its_end(session, verb, plan, within_ms)
    session.say(f"runs on as {plan.id}; lastgood audit {plan.id} follows it")
    return Exit.DONE


def _to_its_end(session: Session, verb: Verb, plan: Plan, within_ms: int) -> int:
    """Follow what the verb set going: that it runs is what was verified, how it ends is what a script asks."""
    from console.cli.waiting import wait_for

    entries = session.ledger.journal.entries(session.scope, action_id=plan.id)
    answers = progress((e.step, e.body) for e in entries).answers
    arn = str(answers.get(0, {}).get("PipelineExecutionArn", ""))
    # A retry goes on with the run that it is about; a new one is named in the answer to its call.
    name = plan.subject if plan.kind == verb.starts else f"{plan.subject}/{arn.rpartition('/')[2]}"
    try:
        return wait_for(session, kind_of(verb.starts), name, "succeeded", within_ms)
    except TimedOut as error:
        error.advice = f"it runs on: lastgood wait execution {shlex.quote(name)} --for succeeded --timeout 4h"
        raise
    except KeyboardInterrupt:
        session.say(f"stopped following; {name} runs on: lastgood describe execution {shlex.quote(name)}")
        return Exit.INTERRUPTED


def show(plan: Plan) -> None:
    """The plan as text."""
    for line in plan_lines(plan):
        write(line)


def load(session: Session, plan_id: str) -> Plan:
    body = session.ledger.journal.load_plan(plan_id)
    if body is None:
        raise NotFound(f"no plan {echoed(plan_id)} in {session.settings.ledger}", advice="make it again with --dry-run")
    return msgspec.json.decode(body, type=Plan)


def _recorded(session: Session, unrecorded: bool) -> Session:
    """The session, if its ledger can be opened; unrecorded, one on a ledger that knows nothing yet. Raises Refused."""
    try:
        _ = session.ledger
        return session
    except LedgerError as error:
        if not unrecorded:
            raise _unwritable(error) from error
        folder = Path(tempfile.mkdtemp(prefix="lastgood-unrecorded-"))
        session.say(f"{error.message}: acting without its history, on an empty ledger in {folder}")
        settings = msgspec.structs.replace(session.settings, state_dir=folder, ledger=folder / "ledger.db")
        return Session(settings, session.context, session.say)


def _unwritable(error: LedgerError) -> Refused:
    return Refused(f"nothing was done: {error.message}", advice=f"{error.advice}; {UNRECORDED}")


def _resume(session: Session, action: str, *, yes: bool, confirm: str) -> int:
    found = next((o for o in orphans(session.ledger, session.scope) if o.plan.id == action), None)
    if found is None:
        raise _no_orphan(session, action)
    if not found.sent:
        show(found.plan)
        require(session, found.plan, session.context.name)  # the context must fit before anybody is asked
        consent(session, found.plan, yes=yes, confirm=confirm)
    after = session.ledger.journal.entries(session.scope, action_id=action)[-1].seq
    process = start_again(session, found.plan, sent=found.sent)
    begun(session, action, process, after)
    return follow(session, action, process, after=after)


def _no_orphan(session: Session, action: str) -> Exception:
    entries = session.ledger.journal.entries(session.scope, action_id=action)
    if not entries:
        return NotFound(
            f"no action {echoed(action)} in {session.settings.ledger}", advice="lastgood resume lists those there are"
        )
    done = progress((e.step, e.body) for e in entries)
    if done.ended:
        return Refused(f"{action} is closed: {done.ended}, {done.words}", advice=f"lastgood audit {action}")
    holder = session.ledger.locks.holder(action_lock(action))
    who = f" in pid {holder.pid}" if holder else ""
    return Refused(f"{action} is running{who}: {done.words}", advice=f"lastgood audit {action} tells how far it is")


def _begun(session: Session, action: str) -> Plan:
    """The plan of an action, from its intent. Raises NotFound."""
    for entry in session.ledger.journal.entries(session.scope, action_id=action):
        if entry.step == "intent" and "plan" in entry.body:
            return msgspec.convert(entry.body["plan"], Plan)
    raise NotFound(f"no action {echoed(action)} has begun", advice="lastgood audit lists them")


def _sent(session: Session, action: str) -> bool:
    entries = session.ledger.journal.entries(session.scope, action_id=action)
    return bool(progress((e.step, e.body) for e in entries).sent)
