"""Each rule of the derivation by a history of its own. Times in minutes after an arbitrary start."""

from __future__ import annotations

from typing import Any

import pytest

from console.clock import MINUTE
from console.kinds.change.record import Change
from console.kinds.deployment.derive import derive, is_current
from console.kinds.deployment.record import Deployment, Outcome
from console.kinds.endpoint.record import Endpoint, Pending, Phase, Variant

T0 = 1_800_000_000_000


def m(minutes: float) -> int:
    return T0 + round(minutes * MINUTE)


def seen(
    at: float,
    config: str,
    status: str = "InService",
    *,
    modified: float | None = None,
    to: str = "",
    start: float | None = None,
    phase: str = "",
    reason: str = "",
    born: float = -10_000,
    detailed: bool = True,
) -> tuple[int, Endpoint]:
    phases = (Phase(phase),) if phase else ()
    pending = (
        Pending(to, m(start) if start is not None else None, (Variant("AllTraffic", phases=phases),)) if to else None
    )
    return m(at), Endpoint(
        name="shop",
        arn="",
        status="Updating" if to and status == "InService" else status,
        config=config,
        created_at=m(born),
        modified_at=m(modified if modified is not None else (start if start is not None else at)),
        failure_reason=reason,
        pending=pending,
        detailed=detailed,
    )


def call(at: float, target: str, *, event: str = "UpdateEndpoint", by: str = "ci-deployer", **more: Any) -> Change:
    return Change(f"e{at}", m(at), event, "endpoint", "shop", by=by, actor="ci", target=target, **more)


def brief(found: tuple[Deployment, ...]) -> list[str]:
    """`v1>v2 succeeded` in order of time; `*` where a start is known, `!` where an end is."""
    return [
        f"{d.source}>{d.target} {d.outcome.value}{'*' if d.started_at else ''}{'!' if d.ended_at else ''}"
        for d in reversed(found)
    ]


def end(at: float, config: str, modified: float, **more: Any) -> tuple[int, Endpoint]:
    return seen(at, config, modified=modified, **more)


GLANCE = [seen(0, "v1", modified=-50), seen(10, "v1", to="v2", start=9)]
CASES: dict[str, tuple[list[Any], list[Change], float, list[str]]] = {
    "nothing seen, nothing called": ([], [], 0, []),
    "at rest": ([seen(0, "v1", modified=-50), seen(9, "v1", modified=-50)], [], 0, []),
    "watched, succeeded": (
        [*GLANCE, seen(17, "v1", to="v2", start=9), end(18, "v2", 18)],
        [],
        0,
        ["v1>v2 succeeded*!"],
    ),
    "seen before anything": ([GLANCE[1]], [], 0, ["v1>v2 in_progress*"]),
    "a list that names no config is no verdict": (
        [seen(10, "", modified=8, detailed=False), seen(11, "v2", modified=8)],
        [call(5, "v2")],
        0,
        [">v2 succeeded*"],
    ),
    "a list in the middle closes nothing": (
        [*GLANCE, seen(12, "v1", to="v2", start=9), seen(12.5, "", modified=12.5, detailed=False), end(13, "v2", 12.5)],
        [],
        0,
        ["v1>v2 succeeded*!"],
    ),
    "a list between two configs hides no change": (
        [seen(0, "v1", modified=-50), seen(10, "", modified=9, detailed=False), seen(11, "v2", modified=9)],
        [],
        0,
        [">v2 succeeded!"],
    ),
    "failed silently": ([*GLANCE, end(12, "v1", 11.5)], [], 0, ["v1>v2 failed*!"]),
    "rolled back after traffic": (
        [*GLANCE, seen(17, "v1", to="v2", start=9, phase="Baking"), end(18, "v1", 18)],
        [],
        0,
        ["v1>v2 rolled_back*!"],
    ),
    "rolled back by its reason": (
        [*GLANCE, end(12, "v1", 11, reason="Auto rollback was triggered: red")],
        [],
        0,
        ["v1>v2 rolled_back*!"],
    ),
    "mixed fleets": (
        [*GLANCE, seen(12, "v1", "UpdateRollbackFailed", modified=11)],
        [],
        0,
        ["v1>v2 failed*!"],
    ),
    "mixed fleets with a summary left over": (
        [*GLANCE, seen(12, "v1", "UpdateRollbackFailed", modified=11, to="v2", start=9)],
        [],
        0,
        ["v1>v2 failed*!"],
    ),
    "out of service is no success": (
        [*GLANCE, seen(12, "v2", "OutOfService", modified=11)],
        [],
        0,
        ["v1>v2 failed*!"],
    ),
    "created": (
        [seen(0, "v1", "Creating", to="v1", start=0, born=0), end(5, "v1", 1.5, born=0)],
        [],
        0,
        [">v1 succeeded*!"],
    ),
    "creation failed": (
        [
            seen(0, "v1", "Creating", to="v1", start=0, born=0),
            seen(5, "v1", "Failed", modified=1, born=0, reason="x"),
        ],
        [],
        0,
        [">v1 failed*!"],
    ),
    "nobody watched the end": ([*GLANCE, end(300, "v2", 200)], [], 0, ["v1>v2 unknown*"]),
    "nobody watched the end, CloudTrail is not complete": (
        [*GLANCE, end(300, "v2", 200)],
        [call(9, "v2")],
        199,
        ["v1>v2 unknown*"],
    ),
    "nobody watched the end, CloudTrail is complete": (
        [*GLANCE, end(300, "v2", 200)],
        [call(9, "v2")],
        201,
        ["v1>v2 succeeded*"],
    ),
    "nobody watched the end, somebody deployed since": (
        [*GLANCE, end(300, "v2", 200)],
        [call(9, "v2"), call(100, "v2")],
        250,
        ["v1>v2 unknown*", ">v2 succeeded*"],
    ),
    "seen late, but it ended right after it was seen in motion": (
        [*GLANCE, end(900, "v2", 11)],
        [],
        0,
        ["v1>v2 succeeded*!"],
    ),
    "an index that lags is no end and no reversal": (
        [
            *GLANCE,
            seen(11, "v1", modified=-50, detailed=False),
            seen(12, "v1", "Updating", modified=9, detailed=False),
            seen(18, "v1", to="v2", start=9),
            end(19, "v2", 18.5),
            seen(20, "v1", "Updating", modified=9, detailed=False),
            end(21, "v2", 18.5, detailed=False),
        ],
        [],
        0,
        ["v1>v2 succeeded*!"],
    ),
    "scaling begins at once: the deployment is over": (
        [*GLANCE, seen(11, "v2", "Updating", modified=10.5), end(30, "v2", 29)],
        [],
        0,
        ["v1>v2 succeeded*!"],
    ),
    "an unknown status tells nothing": (
        [*GLANCE, seen(10.5, "v1", "Hibernating", modified=9), end(11.5, "v2", 11)],
        [],
        0,
        ["v1>v2 succeeded*!"],
    ),
    "the next one in motion": (
        [*GLANCE, seen(12, "v2", to="v3", start=11)],
        [],
        0,
        ["v1>v2 succeeded*!", "v2>v3 in_progress*"],
    ),
    "the next one in motion, from the old config": (
        [*GLANCE, seen(12, "v1", to="v3", start=11)],
        [],
        0,
        ["v1>v2 failed*!", "v1>v3 in_progress*"],
    ),
    "the same again": (
        [*GLANCE, seen(40, "v1", to="v2", start=38)],
        [],
        0,
        ["v1>v2 unknown*", "v1>v2 in_progress*"],
    ),
    "no StartTime: still one deployment": (
        [
            GLANCE[0],
            seen(10, "v1", to="v2", modified=9),
            seen(11, "v1", to="v2", modified=9),
            end(12, "v2", 12),
        ],
        [],
        0,
        ["v1>v2 succeeded*!"],
    ),
    "changed between two sights": ([GLANCE[0], end(50, "v2", 40)], [], 0, [">v2 succeeded!"]),
    "changed between two sights, with its call": (
        [GLANCE[0], end(50, "v2", 40)],
        [call(30, "v2")],
        45,
        [">v2 succeeded*"],
    ),
    "changed between two sights, its call may be another": (
        [GLANCE[0], end(50, "v2", 40)],
        [call(30, "v2")],
        35,
        [">v2 unknown*"],
    ),
    "missed altogether, then a third config": (
        [*GLANCE, end(300, "v3", 200)],
        [],
        0,
        ["v1>v2 unknown*", "v2>v3 succeeded!"],
    ),
    "a reason alone may be of scaling: nothing is invented": (
        [GLANCE[0], end(50, "v1", 40, reason="InsufficientInstanceCapacity")],
        [],
        100,
        [],
    ),
    "calls of a past nobody watched": (
        [seen(0, "v3", modified=-100)],
        [call(-900, "v1"), call(-500, "v2"), call(-120, "v3")],
        -50,
        [">v1 unknown*", "v1>v2 unknown*", "v2>v3 succeeded*"],
    ),
    "a call that never took over": (
        [seen(0, "v2", modified=-100, reason="ping")],
        [call(-500, "v2"), call(-120, "v3")],
        -50,
        [">v2 unknown*", "v2>v3 failed*"],
    ),
    "a call, and the index from before it": (
        [seen(0, "v2", modified=-130, detailed=False)],
        [call(-120, "v3")],
        -50,
        [">v3 unknown*"],
    ),
    "to the config it was on, without a word": (
        [seen(-200, "v2", modified=-300), seen(0, "v2", modified=-100)],
        [call(-120, "v2")],
        -50,
        [">v2 unknown*"],
    ),
    "seen again to the config it was on, with a reason": (
        [
            seen(0, "v1", "UpdateRollbackFailed", modified=-9),
            seen(1, "v1", to="v1", start=0.5),
            end(2, "v1", 2, reason="x"),
        ],
        [],
        0,
        [">v1 failed*!"],
    ),
    "refused calls are none": (
        [GLANCE[0]],
        [call(-20, "v2", error="ValidationException")],
        0,
        [],
    ),
    "deleted and created again": (
        [seen(0, "v1", modified=-50), seen(100, "v2", modified=90, born=80)],
        [call(-60, "v1", event="CreateEndpoint"), call(80, "v2", event="CreateEndpoint")],
        95,
        [">v1 succeeded*", ">v2 succeeded*"],
    ),
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.replace(" ", "-"))
def test_each_rule(case: str) -> None:
    sights, changes, complete, expected = CASES[case]
    assert brief(derive(fresh(sights), changes, m(complete))) == expected


def test_who_began_it_and_on_what_evidence() -> None:
    sights = [*GLANCE, end(12, "v2", 11)]
    (told,) = derive(sights, [call(9, "v2"), call(-40, "v2", by="somebody-else")][:1])
    assert (told.by, told.actor, told.started_at, told.ended_at) == ("ci-deployer", "ci", m(9), m(11))
    assert [line.split(" ")[0] for line in told.evidence] == ["CloudTrail:", "seen", "InService"]


def test_reigns_end_where_the_next_began_to_serve() -> None:
    sights = [
        *GLANCE,
        end(12, "v2", 11),
        seen(30, "v2", to="v3", start=30),
        end(31, "v2", 31),
        end(90, "v4", 80),
    ]
    v4, v3, v2 = derive(sights, [])
    assert (v2.until, v3.until, v4.until) == (m(80), None, None), "v3 failed: it ended nobody's reign"
    assert (v3.outcome, v3.source, v4.source) == (Outcome.FAILED, "v2", "v2")


def test_a_stale_sight_of_the_index_is_no_news() -> None:
    before = [seen(10, "v1", modified=9)]
    assert not is_current(before, seen(11, "v1", modified=5, detailed=False)[1])
    assert is_current(before, seen(11, "v1", modified=9, detailed=False)[1])


def fresh(sights: list[tuple[int, Endpoint]]) -> list[tuple[int, Endpoint]]:
    kept: list[tuple[int, Endpoint]] = []
    for at, one in sights:
        if is_current(kept, one):
            kept.append((at, one))
    return kept


def test_a_late_answer_of_describe_is_no_news_either() -> None:
    """A process was stopped while its answer waited, and went on when the deployment was over."""
    done = [*GLANCE, end(18, "v2", 18)]
    late = seen(20, "v1", to="v2", start=9)
    assert not is_current(done, late[1])
    assert is_current(GLANCE, seen(11, "v1", to="v2", start=9)[1])
