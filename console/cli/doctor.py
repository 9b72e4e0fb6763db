"""`lastgood doctor`: each thing that keeps people from working at night, looked at once."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from console.actions.model import Check, Verdict
from console.cli.freshness import ahead_ms
from console.cli.session import SKEW_MS, Session
from console.clock import MINUTE, Millis, clock_time, duration, now_ms
from console.errors import LastgoodError, NotPermitted, SourceError
from console.kinds.registry import KINDS
from console.ledger.locks import collector_lock

if TYPE_CHECKING:
    from console.clients.identity import Identity

ENDING_MS = 30 * MINUTE
ROOM_MB = 200
ESC_MS = 50


def examine(session: Session) -> list[Check]:
    """Everything, in the order in which it would fail at work."""
    return [*_ledger(session), *_aws(session), *_collector(session), *_metrics(session), *_terminal()]


def _ledger(session: Session) -> Iterator[Check]:
    try:
        ledger = session.ledger
        broken = ledger.check()
    except LastgoodError as error:
        yield Check("ledger", Verdict.FAIL, f"{error.message} {error.advice}".strip())
        return
    yield Check("ledger", Verdict.FAIL if broken else Verdict.PASS, "; ".join(broken) or f"{ledger.path} is sound")
    chain = ledger.journal.verify()
    yield Check("journal", Verdict.FAIL if chain else Verdict.PASS, chain.words if chain else "as it was written")
    room = shutil.disk_usage(ledger.path.parent).free // 1_000_000
    yield Check("disk", Verdict.WARN if room < ROOM_MB else Verdict.PASS, f"{room:,} MB free beside the ledger")


def _aws(session: Session) -> Iterator[Check]:
    try:
        identity = session.identity
    except LastgoodError as error:
        yield Check("credentials", Verdict.FAIL, f"{error.message} {error.advice}".strip())
        return
    yield Check("credentials", *_validity(identity, now_ms()))
    skew = session.cloud.skew_ms or 0
    told = f"this host is {abs(skew) / 1000:.0f} s {'behind' if skew > 0 else 'ahead of'} AWS: let NTP set its clock"
    yield Check("clock", Verdict.WARN if abs(skew) > SKEW_MS else Verdict.PASS, told if abs(skew) > 1500 else "in step")
    for kind in KINDS:
        for watch in kind.watches():
            yield from _permissions(session, watch.source, watch.operations)
    if session.context.act_profile:
        from console.clients.identity import who

        try:
            yield Check("act profile", Verdict.PASS, who(session.cloud, write=True).arn)
        except LastgoodError as error:
            yield Check("act profile", Verdict.FAIL, f"{error.message} {error.advice}".strip())


def _validity(identity: Identity, now: Millis) -> tuple[Verdict, str]:
    who = f"{identity.arn} in {identity.region}"
    if identity.expires_at is None:
        return Verdict.PASS, who
    left = identity.expires_at - now
    ends = f"{who}, until {clock_time(identity.expires_at, now)}"
    if left < ENDING_MS:
        return Verdict.WARN, f"{ends}: renew them before a roll back needs longer"
    return Verdict.PASS, ends


def _collector(session: Session) -> Iterator[Check]:
    """Who looks, or why nobody does: the last words of a console's own collector are in a file beside the ledger."""
    try:
        locks, name = session.ledger.locks, collector_lock(session.scope)
        holder = locks.holder(name)
        ahead = ahead_ms(session, [source for kind in KINDS for source in kind.sources])
    except LastgoodError:
        return  # said above
    if ahead:
        told = f"the ledger has looks of {duration(ahead)} in the future: this host's clock was set back since"
        yield Check("coverage", Verdict.WARN, f"{told}; each is made again when it is next asked for")
    if holder is not None:
        since = clock_time(holder.started, now_ms())
        yield Check("collector", Verdict.PASS, f"process {holder.pid} since {since} ({holder.purpose})")
        return
    log = session.settings.state_dir / "collector.log"
    said = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    last = f"; the last one said: {said[-1].removeprefix('lastgood: ')}" if said else ""
    yield Check("collector", Verdict.PASS, f"none runs: a console or `lastgood collect` starts one{last}")


def _metrics(session: Session) -> Iterator[Check]:
    """What watching costs; a budget that leaves something out is said, and is no failure."""
    from console.fleet.health import cost_of_watching
    from console.kinds.vitals.sight import blind

    try:
        if (dark := blind(session.snapshot())) is not None and not dark.meant:
            yield Check("metrics", Verdict.WARN, dark.words)
        cost = cost_of_watching(session.ledger, session.scope, session.settings)
    except LastgoodError:
        return  # said above
    yield Check("metrics cost", Verdict.WARN if cost.left_out else Verdict.PASS, cost.words(now_ms()))


_ONE_METRIC = {
    "Id": "a",
    "MetricStat": {
        "Metric": {"Namespace": "AWS/SageMaker", "MetricName": "Invocations"},
        "Period": 60,
        "Stat": "Sum",
    },
}
PROBES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "endpoints": ("sagemaker", "list_endpoints", {"MaxResults": 1}),
    "pipelines": ("sagemaker", "list_pipelines", {"MaxResults": 1}),
    "executions": ("sagemaker", "search", {"Resource": "PipelineExecution", "MaxResults": 1}),
    "changes": ("cloudtrail", "lookup_events", {"MaxResults": 1}),
    "metrics": ("cloudwatch", "get_metric_data", {"MetricDataQueries": [_ONE_METRIC], "StartTime": 0, "EndTime": 60}),
}
"""One cheap call per source: permissions cannot be simulated everywhere."""


def _permissions(session: Session, source: str, operations: tuple[str, ...]) -> Iterator[Check]:
    if source not in PROBES:
        return
    service, method, params = PROBES[source]
    allowed = (*operations, "sagemaker:ListPipelines", "sagemaker:ListEndpoints")
    try:
        getattr(session.cloud.client(service, allowed, urgent=True), method)(**params)
    except NotPermitted as error:
        yield Check(source, Verdict.WARN, f"{error.message}: this part stays empty (lastgood iam prints the policy)")
    except SourceError as error:
        yield Check(source, Verdict.FAIL, error.message)
    else:
        yield Check(source, Verdict.PASS, "may be read")


def _terminal() -> Iterator[Check]:
    term = os.environ.get("TERM", "")
    size = shutil.get_terminal_size()
    small = size.columns < 80 or size.lines < 24
    detail = (
        f"{term or 'TERM is not set'}, {size.columns}x{size.lines}{', 80x24 is the least that is pleasant' * small}"
    )
    yield Check("terminal", Verdict.WARN if small or term in {"", "dumb"} else Verdict.PASS, detail)
    encoding = (os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or os.environ.get("LANG") or "").upper()
    if "UTF-8" not in encoding and "UTF8" not in encoding:
        told = f"{encoding or 'none'}: signs are drawn in ASCII; LANG=C.UTF-8 draws them as they are meant"
        yield Check("locale", Verdict.WARN, told)
    if os.environ.get("TMUX") and shutil.which("tmux"):
        answer = subprocess.run(["tmux", "show", "-sv", "escape-time"], capture_output=True, text=True, check=False)
        delay = answer.stdout.strip()
        slow = delay.isdigit() and int(delay) > ESC_MS
        yield Check(
            "tmux",
            Verdict.WARN if slow else Verdict.PASS,
            f"Esc waits {delay} ms: set -sg escape-time 20" if slow else f"Esc waits {delay} ms",
        )
