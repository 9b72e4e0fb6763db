"""Programs nobody here wrote, each in an environment of its own below `.peers/`, made when it is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PEERS = Path(__file__).parents[1] / ".peers"


def environment(name: str, requirement: str) -> Path:
    """The folder of programs of the environment `name`."""
    folder = PEERS / name
    if not (folder / ".installed").exists():
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        install = [uv, "pip", "install", "--quiet", "--python", folder / "bin" / "python", "--compile-bytecode"]
        subprocess.run([*install, requirement], check=True)
        (folder / ".installed").touch()
    return folder / "bin"
