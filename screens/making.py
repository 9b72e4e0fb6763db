"""Plans are made by the command line, so that key and command agree by construction; here it is run and read."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from collections.abc import Mapping
from typing import Any

import msgspec

from console.actions.launch import context_flags
from console.actions.model import Level, Plan
from console.actions.verb import Verb
from console.clients import lent, profiles
from console.errors import LastgoodError
from console.fleet.feed import LedgerFeed
from console.process import environment, own

REFUSED = 4
"""The exit code of what is refused (DESIGN.md section 7)."""


def arguments(verb: Verb, subject: str, args: Mapping[str, Any]) -> list[str]:
    """The command line without the program: `rollback --to=risk-v7 -- delay-risk`."""
    flags, words = [], []
    for option in verb.options:
        value = args.get(option.name)
        if value is None or value is False or value == "":
            continue
        if option.kind == "flag":
            flags.append(f"--{option.name}")
        elif option.kind == "words":
            words += value.split() if isinstance(value, str) else [f"{name}={given}" for name, given in value.items()]
        elif option.kind == "map":
            flags += [f"--{option.name}={name}={given}" for name, given in value.items()]
        else:
            flags.append(f"--{option.name}={value}")
    if verb.level is Level.NOTE and args.get("reason"):
        flags.append(f"--reason={args['reason']}")
    return [verb.id, *flags, "--", subject, *words]


async def make_plan(feed: LedgerFeed, verb: Verb, subject: str, args: Mapping[str, Any]) -> Plan:
    """The plan as `--dry-run` makes it, kept in the ledger by its id. Raises LastgoodError with the command's words."""
    head, *rest = arguments(verb, subject, args)
    process = await asyncio.create_subprocess_exec(
        *own(*context_flags(feed.context), head, "--dry-run", "-o", "json", *rest),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=environment(feed.child_env), start_new_session=True,
    )  # fmt: skip
    try:
        out, err = await process.communicate()
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()  # it only reads: nothing is left half done
        await process.wait()
        raise
    if process.returncode and not (process.returncode == REFUSED and out.strip()):  # refused by a check: still a plan
        raise _error(err.decode(errors="replace"), process.returncode)
    plan = await asyncio.to_thread(_kept, feed, out)
    asked = (verb.id, verb.kind, subject, feed.scope, feed.context.name)
    if (plan.verb, plan.kind, plan.subject, plan.scope, plan.context) != asked:
        advice = f"it is about {plan.kind} {plan.subject} in {plan.context}"
        raise LastgoodError("the plan made is not the one that was asked for", advice=advice)
    return plan


def _kept(feed: LedgerFeed, printed: bytes) -> Plan:
    """The plan whole, from the ledger: what is printed is for scripts, and leaves out what it was made from."""
    try:
        id = msgspec.json.decode(printed, type=_Printed).id
        body = feed.ledger.journal.load_plan(id)
        if body is None:
            advice = "see what is wrong with the ledger: lastgood doctor"
            raise LastgoodError("the plan could not be kept, so it cannot be consented to here", advice=advice)
        return msgspec.json.decode(body, type=Plan)
    except msgspec.MsgspecError as error:
        raise LastgoodError(f"the plan cannot be read: {error}", advice="is lastgood of one version?") from error


class _Printed(msgspec.Struct):
    id: str


def _error(said: str, code: int) -> LastgoodError:
    """stderr's last line of ours: `lastgood: message — advice`."""
    lines = [line for line in said.splitlines() if line.strip()]
    line = next((one for one in reversed(lines) if one.startswith("lastgood: ")), lines[-1] if lines else "")
    message, _, advice = line.removeprefix("lastgood: ").partition(" — ")
    return LastgoodError(message or f"the command ended with code {code} and no word", advice=advice)


def wants_code(feed: LedgerFeed, plan: Plan) -> str:
    """The profile that acting may need an MFA code for, or an empty text."""
    context, env = feed.context, feed.child_env
    if not plan.calls or lent.VARIABLE in env:
        return ""
    if context.ambient and not context.act_profile and env.get("AWS_ACCESS_KEY_ID"):
        return ""
    profile = context.act_profile or profiles.profile_of(context, env)
    return profile if profiles.asks_for_code(profile, env) else ""


def command_line(verb: Verb, plan: Plan, *, reason: str = "", ticket: str = "") -> str:
    """What to type to get the same plan, for a chat or a runbook. It does not consent."""
    args = dict(plan.args)
    if any(option.name == "to" for option in verb.options):
        args["to"] = plan.target  # chosen by the plan: said, so that it is the same one tomorrow
    words = arguments(verb, plan.subject, args)
    more = [f"--{name}={value}" for name, value in (("reason", reason), ("ticket", ticket)) if value]
    more = [flag for flag in more if flag not in words]
    dashes = words.index("--")
    return shlex.join(["lastgood", f"--ctx={plan.context}", *words[:dashes], *more, *words[dashes + 1 :]])
