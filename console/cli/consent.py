"""Who agreed to what: asked on a terminal, or given as flags. Never by Enter alone."""

from __future__ import annotations

import sys

import typer

from console.actions.model import Level, Plan
from console.cli.screen import ask_code
from console.cli.session import Session
from console.clients import profiles
from console.clients.lent import Lent
from console.errors import Refused


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
    if yes or not (sys.stdin.isatty() and sys.stderr.isatty()):
        flags = f"--yes --confirm {name}" if typing else "--yes"
        raise Refused("no consent: nothing was done", advice=f"without a terminal, consent with {flags}")
    wanted = {name} if typing else {"y", "yes"}
    answer = typer.prompt(f"Type {name if typing else 'y'} to do it", default="", show_default=False, err=True)
    if answer.strip() not in wanted and (typing or answer.strip().lower() not in wanted):
        raise Refused("no consent: nothing was done")


def require(session: Session, plan: Plan, confirm: str) -> None:
    """What the acting process demands again: consent was given to this plan in this context. Raises Refused."""
    if plan.context != session.context.name:
        advice = f"lastgood --ctx {plan.context} apply {plan.id}"
        raise Refused(f"the plan is for context {plan.context}, this is {session.context.name}", advice=advice)
    if needs_typing(session, plan) and confirm != session.context.name:
        raise Refused("no consent: nothing was done", advice=f"--confirm {session.context.name}")


def sign_in(session: Session) -> Lent | None:
    """After consent: where the acting profile wants an MFA code, ask for it and return the session to hand on.

    The acting process has no terminal to ask at. All other credentials it resolves, and renews, by itself.
    """
    if not profiles.needs_code(session.context, act=True):
        return None
    session.cloud.resolve(ask_code if sys.stdin.isatty() else None, write=True)
    return session.cloud.lend()


def sign_in_with(session: Session, code: str) -> None:
    """In the acting process, with the code that was typed in the console. Raises CredentialsError."""
    if profiles.needs_code(session.context, act=True):
        session.cloud.resolve(lambda prompt: code, write=True)
