"""Views of 1,000 endpoints with 5 facts and 5 changes each, and what the registry costs to import."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from console.clock import HOUR, MINUTE
from console.kinds.change.record import Change
from console.kinds.endpoint.record import Endpoint, Pending, Phase, Variant
from console.kinds.endpoint.view import views
from console.kinds.vitals.record import Pulse, Signs, Was, summed
from console.ledger.samples import Sample
from console.ledger.snapshot import Snapshot
from console.ledger.store import Ledger

NOW = 1_800_000_000_000
SCOPE = "aws:1:eu-central-1"
IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/ml/shop@sha256:" + "7" * 64


def fill(ledger: Ledger, endpoints: int) -> None:
    """Each: on v1, v2 in motion (launching, baking), on v2, scaled; and five calls, two of them these."""
    for n, status, pending in [
        (1, "InService", None),
        (2, "Updating", "Creating"),
        (3, "Updating", "Baking"),
        (4, "InService", None),
        (5, "InService", None),
    ]:
        at = NOW - (6 - n) * HOUR
        items = []
        for i in range(endpoints):
            name = f"endpoint-{i:04}"
            variant = Variant("AllTraffic", 1.0, 1.0, n, n, (IMAGE,))
            coming = (
                Variant("AllTraffic", 1.0, 1.0, 2, 2, (), (Phase(pending, "Baking for 300 seconds", at),))
                if pending
                else None
            )
            e = Endpoint(
                name=name,
                arn=f"arn:aws:sagemaker:eu-central-1:123456789012:endpoint/{name}",
                status=status,
                config=f"{name}-v{1 if n < 4 else 2}",
                created_at=NOW - 900 * HOUR,
                modified_at=at if n != 3 else at - HOUR,
                variants=(variant,),
                pending=Pending(f"{name}-v2", NOW - 4 * HOUR, (coming,)) if coming else None,
                policy={
                    "BlueGreenUpdatePolicy": {
                        "TrafficRoutingConfiguration": {"Type": "CANARY", "WaitIntervalInSeconds": 300}
                    }
                },
                tags={"team": "growth", "model": name},
                detailed=True,
            )
            items.append((name, msgspec.json.encode(e), e.modified_at))
        ledger.observe(SCOPE, "endpoint", items, at=at + MINUTE)
    changes = [
        Change(
            f"{i}-{k}",
            NOW - k * 40 * HOUR - 4 * HOUR,
            "UpdateEndpoint",
            "endpoint",
            f"endpoint-{i:04}",
            by="ci-deployer",
            actor="ci",
            agent="aws-cli/2.31",
            target=f"endpoint-{i:04}-v{2 - k}",
        )
        for i in range(endpoints)
        for k in range(5)
    ]
    ledger.observe(SCOPE, "change", [(c.id, msgspec.json.encode(c), c.at) for c in changes], at=NOW - HOUR)
    beat = Pulse(
        at=NOW - 2 * MINUTE,
        read_at=NOW,
        stale_at=NOW + MINUTE,
        variants=(Signs("AllTraffic", minutes=5, invocations=30_481.0, errors_5xx=4.0, latency_p99_ms=84.251),),
        was=(Was("AllTraffic", 7, 6_021.5, 0.00012, 0.0011, 83.112, 4.92, 31.4, 3010.75),),
        last_at=NOW - 3 * MINUTE,
        invoked_at=NOW - 3 * MINUTE,
        trace=tuple(6_000.0 + n for n in range(30)),
    )
    body = msgspec.json.encode(summed(beat, (), troubled=False))
    ledger.samples.put(SCOPE, "pulse", [Sample(f"endpoint-{i:04}", NOW, body) for i in range(endpoints)], alone=True)


def test_a_thousand_endpoints_are_viewed_in_no_time(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        fill(ledger, 1000)
        snapshot = Snapshot(ledger, SCOPE, None, NOW)
        assert len(views(snapshot)) == 1000
        assert len(views(snapshot)[0].deployments) >= 5
        assert all(view.beat and not view.found for view in views(snapshot))
        spent = min(_cpu(lambda: views(snapshot)) for _ in range(5))
        yardstick = min(_cpu(lambda: sum(x for x in range(1_000_000))) for _ in range(3))
        # Under 60 ms where the million additions take 30; on a busy host both grow.
        assert spent < 4 * yardstick, f"{spent * 1000:.0f} ms against {yardstick * 1000:.0f}"


def _cpu(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def test_the_registry_is_cheap_to_import() -> None:
    code = (
        "import sys, console.kinds.registry as r; heavy = {'boto3', 'botocore', 'textual', 'rich', 'jinja2', 'httpx',"
        " 'mlflow', 'pydantic', 'yaml', 'moto'} & set(sys.modules);"
        " deeds = [m for m in sys.modules if m.endswith(('.watch', '.rollback', '.preflight', '.retrain', '.again'))];"
        " print(sorted(heavy), deeds)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == "[] []"
