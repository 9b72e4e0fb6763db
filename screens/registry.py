"""Which screens there are: one line each. What a screen needs is imported when it is opened, not at the start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from textual.screen import Screen

from console.actions.verb import Verb
from screens.feed import Feed
from screens.places import Everywhere, Look, Places

if TYPE_CHECKING:
    from console.fleet.feed import LedgerFeed


def places() -> Places:
    return Places(
        subjects={"endpoint": _endpoint, "pipeline": _pipeline, "execution": _execution, "change": _change,
                  "alarm": _alarm, "scaling": _scaling},
        looks=[
            Look("ways", "w", "ways back", "Configs it could return to, each with its evidence", _ways, ("endpoint",)),
            Look("logs", "l", "logs", "Log lines as they arrive", _logs, ("endpoint", "execution")),
            Look("metrics", "m", "metrics", "How its vital signs went: errors, latency, saturation, instances",
                 _metrics, ("endpoint",)),
            Look("events", "t", "timeline", "What happened to it, newest first", _timeline,
                 ("endpoint", "pipeline", "execution")),
            Look("related", "x", "related", "What it came from and what came from it", _related,
                 ("endpoint", "pipeline", "execution")),
            Look("describe", "d", "describe", "All that is known of it, as `lastgood describe` prints it", _describe),
            Look("yaml", "y", "YAML", "Its record, as `lastgood get -o yaml` prints it", _yaml),
        ],
        plan=_plan,
        everywhere=[
            Everywhere("triage", "What needs somebody, worst first, what changed before it, and the way back", _triage),
            Everywhere("timeline", "What happened to everything, newest first", lambda feed: _timeline(feed)),
            Everywhere("audit", "The journal of actions: who did what, why, how it ended", _audit),
            Everywhere("handover", "What the next person on call must know of the last 8 hours", _handover),
        ],
    )  # fmt: skip


def _endpoint(feed: Feed, name: str) -> Screen[Any]:
    from screens.endpoint import EndpointScreen

    return EndpointScreen(name)


def _pipeline(feed: Feed, name: str) -> Screen[Any]:
    from screens.pipeline import PipelineScreen

    return PipelineScreen(name)


def _execution(feed: Feed, name: str) -> Screen[Any]:
    from screens.execution import ExecutionScreen

    return ExecutionScreen(name)


def _change(feed: Feed, name: str) -> Screen[Any]:
    return _describe(feed, "change", name)


def _alarm(feed: Feed, name: str) -> Screen[Any]:
    from screens.described import DescribedScreen

    return DescribedScreen("alarm", name)


def _scaling(feed: Feed, name: str) -> Screen[Any]:
    from screens.described import DescribedScreen

    return DescribedScreen("scaling", name)


def _ways(feed: Feed, kind: str, name: str) -> Screen[Any]:
    from screens.ways import WaysScreen

    return WaysScreen(cast("LedgerFeed", feed), name)


def _plan(feed: Feed, verb: Verb, names: tuple[str, ...]) -> Screen[Any]:
    from screens.acting import plan_or_form

    return plan_or_form(cast("LedgerFeed", feed), verb, names)


def _logs(feed: Feed, kind: str, name: str) -> Screen[Any]:
    from screens.logs import LogScreen

    return LogScreen(kind, name)


def _metrics(feed: Feed, kind: str, name: str) -> Screen[Any]:
    from screens.metrics import MetricsScreen

    return MetricsScreen(name)


def _timeline(feed: Feed, kind: str = "", name: str = "") -> Screen[Any]:
    from screens.timeline import TimelineScreen

    return TimelineScreen(kind, name)


def _related(feed: Feed, kind: str, name: str) -> Screen[Any]:
    from screens.timeline import RelatedScreen

    return RelatedScreen(kind, name)


def _describe(feed: Feed, kind: str, name: str) -> Screen[Any]:
    from screens.reader import DescribeScreen

    return DescribeScreen(kind, name)


def _yaml(feed: Feed, kind: str, name: str) -> Screen[Any]:
    from screens.reader import YamlScreen

    return YamlScreen(kind, name)


def _triage(feed: Feed) -> Screen[Any]:
    from screens.pages import TriageScreen

    return TriageScreen()


def _audit(feed: Feed) -> Screen[Any]:
    from screens.pages import AuditScreen

    return AuditScreen()


def _handover(feed: Feed) -> Screen[Any]:
    from screens.pages import HandoverScreen

    return HandoverScreen()
