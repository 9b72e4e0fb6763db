"""The command line. Thin: a command is a few lines over kinds, ledger and actions. Heavy imports wait for their use."""

from __future__ import annotations

import contextlib
import gc
import os
import sys


def main() -> None:
    """The `lastgood` command: one clear line and an exit code for everything that can go wrong."""
    gc.set_threshold(50_000)  # imports and a list of a thousand endpoints make no garbage: a tenth of a short command
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us (`>&-`, a daemon): nobody listens
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a locale without ● is no reason to fail
    from console.cli.quick import quick

    code = quick(sys.argv[1:])
    if code is None:
        from console.cli.app import run

        code = run(sys.argv[1:])
    with contextlib.suppress(BrokenPipeError):  # whoever read us has gone
        sys.stdout.flush()
    sys.stderr.flush()
    # Skips teardown: nothing is left to say, daemon threads have none to do, and closing the last connection would
    # make SQLite write its log back and wait for the disk (a reader: 20-80 ms).
    os._exit(code)
