"""What `lastgood info` says of itself: versions, files, what the ledger holds."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from console import __version__
from console.clients.identity import Identity
from console.clock import iso, now_ms
from console.kinds.vitals.cost import ASKED, MEMO, Cost, recalled
from console.ledger.store import Ledger
from console.settings import Context, Settings

PARTS = ("textual", "textual-plotext", "typer", "boto3", "httpx", "mlflow-skinny", "msgspec")


def facts_about(settings: Settings, context: Context, ledger: Ledger, identity: Identity | None) -> dict[str, Any]:
    """Nothing secret: this is what people paste into questions."""
    info = ledger.info()
    facts = {
        "lastgood": __version__,
        "python": f"{platform.python_version()} at {sys.executable}",
        "parts": ", ".join(f"{name} {_version(name)}" for name in PARTS),
        "config": str(settings.config_path or "none: the environment makes one context"),
        "contexts": ", ".join(settings.contexts),
        "context": context.name,
        "identity": f"{identity.arn} (as last confirmed)" if identity else "never confirmed",
        "scope": identity.scope if identity else "unknown",
        "ledger": f"{info.path} ({info.bytes / 1e6:.1f} MB, schema {info.schema})",
        "facts": f"{info.facts:,} of {info.subjects:,} subjects",
        "since": iso(info.oldest) if info.oldest else "nothing yet",
        "journal": f"{info.journal:,} steps",
    }
    if identity:
        facts["metrics"] = cost_of_watching(ledger, identity.scope, settings).words(now_ms())
        for source, state in ledger.coverage.states(identity.scope).items():
            told = "ok" if state.ok else f"{state.code}: {state.error}"
            facts[f"source {source}"] = f"{told}, last good {iso(state.at) if state.at else 'never'}"
    return facts


def cost_of_watching(ledger: Ledger, scope: str, settings: Settings) -> Cost:
    """What reading metrics cost in the last hour, and what was left out because of the budget."""
    coverage = ledger.coverage
    return recalled(coverage.recall(scope, MEMO), settings.metrics_dollars_per_hour, coverage.recall(scope, ASKED))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
