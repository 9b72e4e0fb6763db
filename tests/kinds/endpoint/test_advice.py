"""Which verb helps and which does not: findings weighed with what was deployed when."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from console.clock import DAY, HOUR, MINUTE
from console.kinds.base import Sign, Verdict
from console.kinds.deployment.record import Deployment, Outcome
from console.kinds.endpoint.advice import Advice, advise
from console.kinds.endpoint.record import Endpoint, Pending, Variant
from console.kinds.endpoint.view import EndpointView
from console.kinds.endpoint.ways import Grade, Way
from console.kinds.vitals.finding import Finding
from console.kinds.vitals.onset import onset
from console.kinds.vitals.record import Pulse, Signs, Vitals, Was

NOW = 1_795_144_320_000
"""03:12Z."""
WAYS = (Way(config="risk-v7", grade=Grade.SERVED, evidence=("served",)),)
ERRORS = Finding(Sign.CRITICAL, "3.0 % fail (150 of 5,000)", (), {}, ("rollback",), ("retrain",), "errors", "a")
APART = Finding(
    Sign.CRITICAL, "a: 3.0 % fail (150 of 5,000)", (), {}, ("weights", "rollback"), ("retrain",), "errors", "a"
)
BUSY = Finding(Sign.WARNING, "p99 610 ms: hosts are busy", (), {}, ("scale",), ("rollback", "retrain"), "latency", "a")
AT_MAX = Finding(Sign.WARNING, "at max 8/8", (), {}, ("scale",), ("retrain",), "scaling", "a")
NO_QUOTA = Finding(Sign.WARNING, "cannot grow: quota", (), {}, (), ("scale", "rollback", "retrain"), "scaling", "a")
FLAPS = Finding(Sign.WARNING, "flaps", (), {}, ("suspend",), ("retrain",), "scaling", "a")
CALLERS = Finding(Sign.WARNING, "callers", (), {}, (), ("rollback", "retrain", "scale"), "callers", "a")


def deployed(config: str, ago: int, outcome: Outcome = Outcome.SUCCEEDED) -> Deployment:
    ended = None if outcome is Outcome.IN_PROGRESS else NOW - ago + 10 * MINUTE
    return Deployment(source="", target=config, started_at=NOW - ago, ended_at=ended, outcome=outcome)


def told(
    *found: Finding, deployments: tuple[Deployment, ...] = (), began: int | None = NOW - 20 * MINUTE, about: str = "",
    ways: tuple[Way, ...] = WAYS, **more: Any,
) -> Advice:  # fmt: skip
    e = Endpoint(**{"name": "risk", "arn": "arn", "status": "InService", "config": "risk-v8"} | more)
    verdict = Verdict(Sign.CRITICAL, "words", since=NOW - HOUR, about=about)
    view = EndpointView(endpoint=e, observed_at=NOW, verdict=verdict, deployments=deployments, found=found)
    hosts = Signs("a", minutes=5, cpu_percent=31.0)
    beat = Pulse(at=NOW, read_at=NOW, stale_at=NOW + HOUR, variants=(hosts,))
    return advise(view, beat, ways, began=began, now=NOW)


NEW, OLD = deployed("risk-v8", 40 * MINUTE), deployed("risk-v8", 9 * DAY)


def test_errors_that_began_with_a_deployment_are_left_by_a_roll_back() -> None:
    found = told(ERRORS, deployments=(NEW,))
    assert (found.verb, found.target) == ("rollback", "risk-v7")
    assert found.lines == (("helps", "roll back to risk-v7: it began with v8 of 02:32Z"),)
    assert told(ERRORS, deployments=(NEW,), ways=()).verb == "", "there is nothing known to go back to"


def test_nothing_was_deployed_so_nothing_is_rolled_back() -> None:
    found = told(ERRORS, deployments=(OLD,))
    assert found.verb == "" and found.lines[0][1].startswith("do not roll back (nothing was deployed since 11 Nov")
    assert told(ERRORS).lines == (("but", "do not roll back (no deployment near it is known)"),)
    early = told(ERRORS, deployments=(NEW,), began=NOW - 50 * MINUTE)
    assert early.lines == (("but", "do not roll back (it began before v8 of 02:32Z)"),)
    late = told(ERRORS, deployments=(deployed("risk-v8", 9 * HOUR),))
    assert late.verb == "", "it served for hours"


def test_where_the_beginning_is_not_known_a_young_config_is_suspected() -> None:
    found = told(ERRORS, deployments=(deployed("risk-v8", 9 * HOUR),), began=None)
    assert found.verb == "rollback" and "when it began is not known" in found.why
    assert told(ERRORS, deployments=(OLD,), began=None).verb == ""


@pytest.mark.parametrize("about", ["logs", "undone"])
def test_logs_and_reversals_need_no_numbers(about: str) -> None:
    found = told(deployments=(deployed("risk-v8", 65 * MINUTE),), began=None, about=about)
    assert (found.verb, found.target) == ("rollback", "risk-v7")


def test_a_canary_is_left_for_what_still_serves() -> None:
    moving = deployed("risk-v8", 9 * MINUTE, Outcome.IN_PROGRESS)
    e = {"config": "risk-v6", "status": "Updating", "pending": Pending("risk-v8", NOW - 9 * MINUTE)}
    found = told(ERRORS, deployments=(moving,), began=NOW - 5 * MINUTE, **e)
    assert (found.verb, found.target) == ("rollback", "risk-v6")
    assert told(ERRORS, deployments=(moving,), began=NOW - HOUR, **e).verb == "", "the old fleet fails as well"
    stuck = told(deployments=(moving,), began=None, about="stuck", **e)
    assert stuck.lines == (("but", "do not roll back (v6 serves, and an update cannot be cancelled)"),)


def test_what_keeps_it_from_growing_explains_the_rest() -> None:
    assert told(ERRORS, AT_MAX, BUSY, deployments=(NEW,)).verb == "scale"
    full = msgspec.structs.replace(AT_MAX, numbers={"current": 8.0, "max": 8.0})
    assert told(full, BUSY, deployments=(OLD,)).lines[0] == ("helps", "scale out: raise its maximum of 8")
    assert told(ERRORS, BUSY, FLAPS, deployments=(OLD,)).verb == "suspend"
    refused = told(BUSY, NO_QUOTA, deployments=(NEW,))
    assert refused.verb == "" and dict(refused.against)["scale"] == "AWS gives no more now"
    callers = told(CALLERS, deployments=(NEW,))
    assert callers.verb == "" and dict(callers.against) == {"rollback": "callers", "scale": "CPU 31 %"}


def test_commands_only_plan_and_name_the_variant_where_there_are_several() -> None:
    assert told(ERRORS, deployments=(NEW,)).command("risk") == "lastgood rollback risk --to risk-v7 --dry-run"
    assert told(AT_MAX).command("risk") == "lastgood scale risk --dry-run"
    assert told(AT_MAX, variants=(Variant("a"), Variant("b"))).command("risk").endswith("--variant a --dry-run")
    assert told(CALLERS).command("risk") == ""
    shift = told(APART, variants=(Variant("a"), Variant("b")))
    assert shift.command("risk") == "lastgood weights risk a=0 --dry-run"
    assert shift.lines[0] == ("helps", "shift traffic away from a: a: 3.0 % fail (150 of 5,000)")


def test_mixed_fleets_go_back_and_calm_gets_no_advice() -> None:
    assert told(status="UpdateRollbackFailed", about="broken", began=None).verb == "rollback"
    assert told(status="Failed", about="broken", began=None) == Advice()
    assert told(deployments=(OLD,), began=None) == Advice(), "an action of ours that hangs, say"


def test_json_has_the_names_of_an_incident() -> None:
    found = told(ERRORS, deployments=(NEW,)).to_json("risk")
    why = "it began with v8 of 02:32Z"
    assert found["suggestions"] == [{"verb": "rollback", "args": ["risk", "--to", "risk-v7"], "why": why}]
    assert told(ERRORS).to_json("risk")["against"][0]["verb"] == "rollback"


def minutes(*errors: float) -> list[tuple[int, Vitals]]:
    signs = (
        Vitals((Signs("a", invocations=1000.0, errors_5xx=n), Signs("a", "risk-v8", errors_5xx=9.0))) for n in errors
    )
    return [(n * MINUTE, vitals) for n, vitals in enumerate(signs)]


def test_when_it_began_is_the_first_bad_minute_after_calm() -> None:
    was = Was("a", 7, 1000.0, 0.0001)
    assert onset(minutes(0, 0, 0, 0, 0, 30, 40, 0, 35, 30), ERRORS, was) == 5 * MINUTE, "one good minute is chance"
    assert onset(minutes(30, 40, 35, 30), ERRORS, was) is None, "no calm before it is known"
    assert onset(minutes(0, 0, 0, 0, 0), ERRORS, was) is None
    assert onset(minutes(90, 0, 0, 0, 0, 30, 30), ERRORS, was) == 5 * MINUTE, "what was over was another trouble"
    assert onset([], ERRORS, was) is None
