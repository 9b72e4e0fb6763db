"""Opens the console. Without typer, whose import is a sixth of the time to the first screen."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from console.cli.session import Say, Session
from console.clients import profiles
from console.errors import UsageError

if TYPE_CHECKING:
    from console.fleet.feed import LedgerFeed


def open_console(session: Session, kind: str = "", name: str = "") -> int:
    """Take over the terminal, at one thing if it is named; returns the exit code. MFA is asked before that."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("no terminal: the console needs one", advice="lastgood get endpoints, or lastgood --help")
    feed = feed_of(session)
    from screens.app import LastgoodApp  # 250 ms: after whatever may refuse
    from screens.registry import places

    feeds = {session.context.name: feed}

    def feed_for(context: str) -> LedgerFeed:
        if context not in feeds:
            settings = session.settings
            feeds[context] = feed_of(Session(settings, settings.contexts[context], session.say), ask=False)
        return feeds[context]

    app = LastgoodApp(feed, places=places(), start=kind, subject=name, feed_for=feed_for)
    try:
        app.run()
        return app.return_code or 0
    finally:
        for opened in feeds.values():
            opened.close()


def feed_of(session: Session, *, ask: bool = True) -> LedgerFeed:
    """The feed of one context. The first time, STS is asked who we are; a profile with MFA asks for its code.

    Raises CredentialsError, Unreachable; with `ask` False also where a code would have to be typed.
    """
    from console.fleet.feed import LedgerFeed

    context = session.context
    if profiles.needs_code(context):
        session.cloud.resolve(ask_code if ask else None)
    if session.unconfirmed is None:
        if ask:
            session.say("asking STS who we are …")
        _ = session.identity
    return LedgerFeed(session.settings, context, session.scope, session.child_env())


def ask_code(prompt: str) -> str:
    """An MFA code, typed unseen on the terminal."""
    import getpass

    return getpass.getpass(prompt)


def plain(say: Say) -> int:
    """`lastgood` alone. Raises LastgoodError."""
    from console.settings import Settings

    settings = Settings.load()
    for warning in settings.warnings:
        say(warning)
    return open_console(Session(settings, settings.current, say))
