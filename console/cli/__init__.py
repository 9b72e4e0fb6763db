"""The command line. Thin: a command is a few lines over kinds, ledger and actions. Heavy imports wait for their use."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """The `lastgood` command: one clear line and an exit code for everything that can go wrong."""
    from console.cli.app import run

    code = run(sys.argv[1:])
    sys.stdout.flush()
    if code:
        # Skips teardown: a command that failed has nothing left to say, and daemon threads none to do.
        sys.stderr.flush()
        os._exit(code)
