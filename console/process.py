"""How lastgood starts itself: the collector, actions and plans are processes of their own."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path


def own(*args: str) -> list[str]:
    """The command line of another lastgood. `-P`: whatever lies in the current folder must not be imported."""
    return [sys.executable, "-P", "-m", "console", *args]


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for it. From the one-file bundle the packages lie where only its bootstrap looks."""
    env = {**os.environ, **(extra or {})}
    if "_bootstrap" in sys.modules:  # shiv's
        root = str(Path(__file__).parent.parent)
        env["PYTHONPATH"] = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
    return env
