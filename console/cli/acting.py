"""The verbs as commands, made from their records: plan, consent, apply in a process of its own, follow the journal."""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
import typer

from console.actions.launch import last_line, launch_apply
from console.actions.model import Level, Plan, Verdict
from console.actions.orphans import orphans
from console.actions.verb import Option, Verb
from console.cli.output import Format, emit
from console.cli.reading import complete_names, locate
from console.cli.session import Say, Session
from console.errors import Exit, NotFound, Refused, UsageError
from console.kinds.registry import verbs
from console.ledger.journal import TERMINAL
from console.ledger.locks import action_lock
from console.text import safe

SIGNS = {Verdict.FAIL: "✖", Verdict.WARN: "▲", Verdict.UNKNOWN: "◌", Verdict.PASS: "✓"}

CODES = {
    "done": Exit.DONE,
    "not_needed": Exit.DONE,
    "failed": Exit.FAILED,
    "refused": Exit.REFUSED,
    "overtaken": Exit.REFUSED,
    "closed": Exit.FAILED,
}
"""How an action's last step ends the command that waits for it."""

Open = Callable[[typer.Context], Session]


def register(app: typer.Typer, session: Open, note: Say) -> None:
    for group in _by_id().values():
        app.command(name=group[0].id, help=_help(group))(_command(group, session))

    @app.command(hidden=True)
    def apply(
        ctx: typer.Context,
        plan_id: str,
        reason: str = "",
        ticket: str = "",
        confirm: str = "",
        unrecorded: bool = False,
    ) -> None:
        """Apply a plan that was shown and consented to. Run by the console and the verbs, in a session of its own."""
        session_ = session(ctx)
        plan = load(session_, plan_id)
        require(session_, plan, confirm)
        raise typer.Exit(_execute(session_, plan, reason=reason, ticket=ticket, unrecorded=unrecorded))

    @app.command()
    def resume(
        ctx: typer.Context,
        action: Annotated[str, typer.Argument(help="id of an action whose process died; without it: list them")] = "",
        yes: Annotated[bool, typer.Option("--yes", help="consent to a queued action going on")] = False,
        foreground: Annotated[bool, typer.Option("--foreground", hidden=True)] = False,
    ) -> None:
        """Observe and close actions whose process died; let a queued one go on after consent."""
        session_ = session(ctx)
        crashed = orphans(session_.ledger, session_.scope)
        if not action:
            for plan, words, sent, _ in crashed:
                state = "sent, outcome not observed" if sent else "queued, nothing sent"
                typer.echo(f"{plan.id}  {safe(plan.title)}  {state}: {safe(words)}")
            return
        found = next((orphan for orphan in crashed if orphan.plan.id == action), None)
        if found is None:
            raise NotFound(f"no action {action} waits for anybody", advice="lastgood resume lists those that do")
        plan, sent = found.plan, found.sent
        if not sent and not foreground:
            show(plan)
            consent(session_, plan, yes=yes, confirm=session_.context.name if yes else "")
        raise typer.Exit(_execute(session_, plan, resume=True))


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


def _command(group: list[Verb], session: Open) -> Callable[..., None]:
    """A typer command whose signature is made from the verb's options and the ones that all verbs share."""
    first = group[0]

    def command(ctx: typer.Context, **given: Any) -> None:
        session_ = session(ctx)
        subject = given.pop("subject")
        shared = {key: given.pop(key) for key in ("dry_run", "yes", "confirm", "reason", "ticket", "wait", "output")}
        verb = first
        if len(group) > 1:
            kind, subject = locate(session_, subject)
            verb = next((v for v in group if v.kind == kind.id), None) or _cannot(first, kind.id)
        args = {option.name: _value(option, given[option.name]) for option in verb.options}
        if verb.level is Level.NOTE:
            args["reason"] = shared["reason"]
        raise typer.Exit(_act(session_, verb, subject, args, **shared))

    def option(name: str, type_: Any, default: Any, flags: str, help_: str) -> inspect.Parameter:
        annotation = Annotated[type_, typer.Option(flags, help=help_)]
        return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)

    kinds = " or ".join(verb.kind for verb in group)
    subject = Annotated[str, typer.Argument(help=f"the {kinds}", autocompletion=complete_names)]
    parameters = [
        inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context),
        inspect.Parameter("subject", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=subject),
        *(
            option(o.name, _TYPES[o.kind], False if o.kind == "flag" else None, f"--{o.name}", o.help)
            for o in first.options
        ),
        option("dry_run", bool, False, "--dry-run", "print the plan and do nothing"),
        option("yes", bool, False, "--yes", "consent without being asked"),
        option("confirm", str, "", "--confirm", "the context's name, for danger in a guarded context"),
        option("reason", str, "", "--reason", "why; kept in the journal"),
        option("ticket", str, "", "--ticket", "incident or change number; kept in the journal"),
        option("wait", bool, False, "--wait", "follow it until it is verified"),
        option("output", Format, Format.TABLE, "--output", "table, json or yaml"),
    ]
    # -o as everywhere; typer takes further names after the first.
    parameters[-1] = parameters[-1].replace(
        annotation=Annotated[Format, typer.Option("-o", "--output", help="how to print the plan: table, json or yaml")]
    )
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def _cannot(verb: Verb, kind: str) -> Verb:
    raise UsageError(f"{verb.id} is not for {kind}s", advice=f"lastgood {verb.id} --help")


def _value(option: Option, given: Any) -> Any:
    if option.kind != "map":
        return given
    pairs = {}
    for item in given or ():
        name, equals, value = item.partition("=")
        if not equals or not name:
            raise UsageError(f"--{option.name} {item!r}", advice="write it as NAME=VALUE")
        pairs[name] = value
    return pairs


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
) -> int:
    desk = session.desk(verb)
    plan = verb.deed().plan(desk, subject, args)
    session.ledger.journal.save_plan(plan.id, plan.scope, msgspec.json.encode(plan), plan.created_at)
    if output in {Format.JSON, Format.YAML}:
        emit(plan, output)
    else:
        show(plan)
    if dry_run:
        return Exit.DONE
    if plan.refused:
        raise Refused("; ".join(f"{c.check}: {c.detail}" for c in plan.refused), advice="mend it, then plan again")
    consent(session, plan, yes=yes, confirm=confirm)
    launch(session, plan, reason=reason, ticket=ticket, confirm=confirm or session.context.name)
    if not wait:
        session.say(f"runs on as {plan.id}; lastgood audit {plan.id} follows it")
        return Exit.DONE
    return follow(session, plan.id)


def show(plan: Plan) -> None:
    """The plan as text: what will happen, worst check first, and how to undo it."""
    echo = typer.echo
    echo(f"{safe(plan.title)}    {plan.context}  as {safe(plan.identity)}")
    for label, text in (("when", plan.when), ("cost", plan.cost), ("how", plan.how), ("waits for", plan.settle)):
        if text:
            echo(f"  {label:<10}{safe(text)}")
    for check in plan.preflight:
        echo(f"  {SIGNS[check.verdict]} {check.check:<16}{safe(check.detail)}")
    for call in plan.calls:
        params = msgspec.json.encode(call.params).decode()
        echo(f"  {'call':<10}{call.operation} {safe(params)}")
    for cause in plan.causes:
        echo(f"  {'causes':<10}{safe(cause)}")
    if plan.inverse:
        echo(f"  {'undo':<10}{safe(plan.inverse)}")


def needs_typing(session: Session, plan: Plan) -> bool:
    return plan.level is Level.DANGER and session.context.guarded


def consent(session: Session, plan: Plan, *, yes: bool, confirm: str) -> None:
    """Ask, or take the flags. Raises Refused where nobody can be asked or nobody agrees. A note needs none."""
    if plan.level is Level.NOTE:
        return
    name = session.context.name
    typing = needs_typing(session, plan)
    if yes and (not typing or confirm == name):
        return
    if yes or not sys.stdin.isatty():
        flags = f"--yes --confirm {name}" if typing else "--yes"
        raise Refused("no consent: nothing was done", advice=f"without a terminal, consent with {flags}")
    if typing:
        answer = typer.prompt(f"Type {name} to do it", default="", show_default=False, err=True)
        agreed = answer.strip() == name
    else:
        answer = typer.prompt("Type y to do it", default="", show_default=False, err=True)
        agreed = answer.strip().lower() in {"y", "yes"}
    if not agreed:
        raise Refused("no consent: nothing was done")


def require(session: Session, plan: Plan, confirm: str) -> None:
    """What `apply` demands again: consent was given to this plan in this context. Raises Refused."""
    if plan.context != session.context.name:
        raise Refused(
            f"the plan is for context {plan.context}", advice=f"lastgood --ctx {plan.context} apply {plan.id}"
        )
    if needs_typing(session, plan) and confirm != session.context.name:
        raise Refused("no consent: nothing was done", advice=f"--confirm {session.context.name}")


def load(session: Session, plan_id: str) -> Plan:
    body = session.ledger.journal.load_plan(plan_id)
    if body is None:
        raise NotFound(f"no plan {plan_id} in {session.settings.ledger}", advice="make it again with --dry-run")
    return msgspec.json.decode(body, type=Plan)


def launch(session: Session, plan: Plan, *, reason: str, ticket: str, confirm: str) -> None:
    state_dir, env = session.settings.state_dir, session.child_env()
    launch_apply(state_dir, env, plan.id, reason=reason, ticket=ticket, confirm=confirm)


def follow(session: Session, action: str) -> int:
    """Print the steps of an action as they are journalled; returns the exit code that its end means."""
    seen, quiet_since = 0, time.monotonic()
    while True:
        for entry in session.ledger.journal.entries(session.scope, action_id=action, after_seq=seen):
            seen, quiet_since = entry.seq, time.monotonic()
            words = entry.body.get("words") or entry.body.get("operation") or ""
            typer.echo(f"{_stamp(entry.at)}  {entry.step:<10}  {safe(str(words))}".rstrip())
            if entry.step in TERMINAL:
                return int(CODES[entry.step])
        if time.monotonic() - quiet_since > 10 and session.ledger.locks.is_free(action_lock(action)):
            said = last_line(session.settings.state_dir, action)
            raise Refused(said or f"action {action} ended without a word")
        time.sleep(0.2)


def _stamp(at: int) -> str:
    from console.clock import clock_time, now_ms

    return clock_time(at, now_ms(), seconds=True)


def _execute(
    session: Session, plan: Plan, *, reason: str = "", ticket: str = "", unrecorded: bool = False, resume: bool = False
) -> int:
    from console.actions.book import Book
    from console.actions.executor import STEPS, Executor

    verb = next(v for v in verbs() if v.id == plan.verb and v.kind == plan.kind)
    desk = session.desk(verb)

    def say(step: str, body: Any) -> None:
        words = body.get("words") or body.get("operation") or ""
        typer.echo(f"{step:<10}  {safe(str(words))}".rstrip())

    book = Book(session.ledger, plan.scope, plan.id, now=desk.now, unrecorded=unrecorded, say=say)
    executor = Executor(desk, verb.deed(), book, session.ledger.locks)
    end = executor.resume(plan) if resume else executor.apply(plan, reason=reason, ticket=ticket)
    return int(CODES[STEPS[end.stage]])
