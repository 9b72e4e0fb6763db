"""The command line. Thin: a command is a few lines over kinds, ledger and actions. Heavy imports wait for their use."""

from __future__ import annotations

import codecs
import contextlib
import gc
import os
import sys


def main() -> None:
    """The `lastgood` command: one clear line and an exit code for everything that can go wrong."""
    gc.set_threshold(50_000)  # imports and a list of a thousand endpoints make no garbage: a tenth of a short command
    _streams()
    from console.cli.quick import quick

    code = quick(sys.argv[1:])
    if code is None:
        from console.cli.app import run

        code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        pass  # whoever read us has gone
    except OSError as error:
        from console.cli.notes import note

        note(f"stdout: {error.strerror}")
        code = code or 1
    with contextlib.suppress(OSError):
        sys.stderr.flush()
    # Skips teardown: nothing is left to say, daemon threads have none to do, and closing the last connection would
    # make SQLite write its log back and wait for the disk (a reader: 20-80 ms).
    os._exit(code)


def _streams() -> None:
    """Three streams that take whatever is written, however lastgood was started."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:  # closed by whoever started us (`>&-`, a daemon)
            # Else the next file that is opened, the ledger, would be where a library prints.
            handle = os.open(os.devnull, os.O_RDWR)
            if handle != number:
                os.dup2(handle, number)
                os.close(handle)
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
    codecs.register_error("lastgood", _in_ascii)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="lastgood")  # type: ignore[union-attr]


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    """For a locale without ●: what stands for it. That is no reason to fail, nor for a row of question marks."""
    from console.text import in_ascii

    assert isinstance(error, UnicodeEncodeError)
    return in_ascii(error.object[error.start : error.end]), error.end
