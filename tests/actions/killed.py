"""`lastgood`, killed by SIGKILL right before or after its action writes a step: `… killed call after apply ID`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from typing import Any

from console.actions.book import Book
from console.cli import main

step, when, *argv = sys.argv[1:]
_write = Book.write


def _dying(self: Book, name: str, body: Mapping[str, Any]) -> None:
    if (name, when) == (step, "before"):
        os.kill(os.getpid(), signal.SIGKILL)
    _write(self, name, body)
    if (name, when) == (step, "after"):
        os.kill(os.getpid(), signal.SIGKILL)


Book.write = _dying  # type: ignore[method-assign]
sys.argv = ["lastgood", *argv]
main()
