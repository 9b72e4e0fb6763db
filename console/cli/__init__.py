"""The command line. Thin: a command is a few lines over kinds, ledger and actions. Heavy imports wait for their use."""

from __future__ import annotations

import gc
import os
import sys


def main() -> None:
    """The `lastgood` command: one clear line and an exit code for everything that can go wrong."""
    gc.set_threshold(50_000)  # imports and a list of a thousand endpoints make no garbage: a tenth of a short command
    from console.cli.app import run

    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        pass  # whoever read us has gone
    sys.stderr.flush()
    # Skips teardown: nothing is left to say, daemon threads have none to do, and closing the last connection would
    # make SQLite write its log back and wait for the disk (a reader: 20-80 ms).
    os._exit(code)
