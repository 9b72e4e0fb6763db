"""Starts an action in a session of its own: a closed terminal or a lost connection does not reach it."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import msgspec

from console.actions.model import Plan
from console.process import environment, own
from console.settings import Context


def context_flags(context: Context) -> list[str]:
    """The context as flags of ours changed it, for our own processes; its name and the ledger go by the environment."""
    given = {"region": context.region, "endpoint-url": context.endpoint_url}
    if not context.ambient:
        given["profile"] = context.profile
    return [f"--{name}={value}" for name, value in given.items() if value] + ["--read-only"] * context.read_only


class Order(msgspec.Struct, kw_only=True):
    """What was consented to, as the process that does it reads it from its stdin: arguments are seen by everybody on
    the host, end at 128 KiB each, and cannot carry a plan that the ledger could not keep."""

    plan: Plan | None = None
    """None: the ledger has it."""
    reason: str = ""
    ticket: str = ""
    confirm: str = ""
    code: str = ""
    """An MFA code for the acting profile, typed in the console. Used once, at once; kept nowhere."""

    def __repr__(self) -> str:
        return f"Order({self.plan.id if self.plan else ''})"  # a traceback must not tell the code


def launch_apply(
    state_dir: Path,
    env: Mapping[str, str],
    plan_id: str,
    *,
    reason: str,
    ticket: str,
    confirm: str,
    code: str = "",
    plan: Plan | None = None,
    unrecorded: bool = False,
    flags: Sequence[str] = (),
) -> subprocess.Popen[bytes]:
    """`lastgood apply`: only after consent to the plan of this id. `flags` are the program's own (`--region=…`).

    Give `plan` where the ledger may not have it. Unrecorded, the journal goes to our own stderr.
    """
    order = msgspec.json.encode(Order(plan=plan, reason=reason, ticket=ticket, confirm=confirm, code=code))
    options = ["--unrecorded"] if unrecorded else []
    argv = [*flags, "apply", *options, "--order", "--", plan_id]
    return _launch(state_dir, env, plan_id, argv, order, aloud=unrecorded)


def launch_resume(
    state_dir: Path,
    env: Mapping[str, str],
    plan_id: str,
    *,
    confirm: str = "",
    code: str = "",
    flags: Sequence[str] = (),
) -> subprocess.Popen[bytes]:
    """`lastgood apply --resume`: of a queued action only after consent (`confirm` is the context's name where it is
    guarded), of a sent one at any time (it is observed)."""
    order = msgspec.json.encode(Order(confirm=confirm, code=code))
    return _launch(state_dir, env, plan_id, [*flags, "apply", "--resume", "--order", "--", plan_id], order)


def log_of(state_dir: Path, plan_id: str) -> Path:
    return state_dir / "actions" / f"{plan_id}.log"


def last_line(state_dir: Path, plan_id: str) -> str:
    """What the process of an action said last; why it ended where the journal does not tell."""
    try:
        lines = log_of(state_dir, plan_id).read_text(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1].removeprefix("lastgood: ") if lines else ""


def _launch(
    state_dir: Path, env: Mapping[str, str], plan_id: str, argv: Sequence[str], order: bytes, *, aloud: bool = False
) -> subprocess.Popen[bytes]:
    out = _log(state_dir, plan_id)
    try:
        process = subprocess.Popen(
            own(*argv),
            stdin=subprocess.PIPE,
            stdout=out or subprocess.DEVNULL,
            stderr=None if aloud else out or subprocess.DEVNULL,
            env=environment(env),
            start_new_session=True,
        )
    finally:
        if out:
            out.close()
    with contextlib.suppress(BrokenPipeError):  # it refused before it read: its exit code and its log tell why
        assert process.stdin is not None
        with process.stdin as pipe:
            pipe.write(order)
    return process


def _log(state_dir: Path, plan_id: str) -> IO[bytes] | None:
    """None on a full disk: an action that may go on without its ledger may go on without this file."""
    log = log_of(state_dir, plan_id)
    try:
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return log.open("ab")
    except OSError:
        return None
