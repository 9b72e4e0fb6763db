"""What is made, not written, of the README: `python -m tests.readme` renews the verbs, `make bench` the figures."""

from __future__ import annotations

import re
from pathlib import Path

from console.kinds.registry import verbs

README = Path(__file__).parent.parent / "README.md"


def put(name: str, text: str) -> None:
    """Replace what stands between `<!-- name -->` and `<!-- /name -->`."""
    README.write_text(_between(name).sub(lambda found: f"{found[1]}\n{text}\n{found[3]}", README.read_text()))


def get(name: str) -> str:
    """What stands there now."""
    found = _between(name).search(README.read_text())
    return found[2].strip("\n") if found else ""


def _between(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- {name} -->)\n(.*?)(<!-- /{name} -->)", re.S)


def verb_table() -> str:
    """One line a verb, from the records that footer, help, palette, commands and policies are made from."""
    rows = ["| verb | key | on | what it does | consent | AWS operations |", "|---|---|---|---|---|---|"]
    merged: dict[str, list[str]] = {}
    for verb in verbs():
        key = f"`{verb.key}`" if verb.key else "`:`"
        writes = ", ".join(f"`{operation}`" for operation in verb.writes) or "none: a note in the ledger"
        row = [f"`lastgood {verb.id}`", key, verb.kind, verb.effect, verb.level.value, writes]
        if verb.id in merged:
            merged[verb.id][2] += f", {verb.kind}"
        else:
            merged[verb.id] = row
    return "\n".join([*rows, *(f"| {' | '.join(row)} |" for row in merged.values())])


if __name__ == "__main__":
    put("verbs", verb_table())
