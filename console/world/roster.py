"""The default fleet: who runs which model on what, and how it gets deployed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

Deployer = Literal["ci", "terraform", "person"]
Rollout = Literal["plain", "canary", "linear", "rolling"]
Kind = Literal["instances", "multi-model", "async", "serverless", "components"]


@dataclass(frozen=True, slots=True)
class Service:
    """One endpoint of the roster."""

    name: str
    team: str
    owner: str
    instance_type: str
    instances: int
    version: int
    """Of the config in service; the configs before it exist too, as far as `kept` goes."""
    deployer: Deployer = "ci"
    rollout: Rollout = "plain"
    capture_percent: int = 0
    autoscaled: tuple[int, int] | None = None
    tier: int = 2
    challenger: bool = False
    """A second variant takes a tenth of the traffic."""
    refused: int = 0
    """Deployments of the last month that AWS refused (quota, in progress)."""
    failed_last: bool = False
    """The last deployment came back without success, days ago."""
    undone: bool = False
    """The release before the last was rolled back by the owner within the hour."""
    kept: int = 5
    kind: Kind = "instances"
    shadow: bool = False
    """A shadow variant gets a copy of half the requests."""


ROSTER = (
    Service(
        "delay-risk", "logistics", "maria.lindt", "ml.c6i.xlarge", 3, 7, rollout="canary", capture_percent=20, tier=1
    ),
    Service("search-rank", "search", "jonas.weber", "ml.g5.xlarge", 4, 23, rollout="linear", autoscaled=(2, 8), tier=1),
    Service("ads-embed", "ads", "priya.nair", "ml.g5.2xlarge", 2, 11, rollout="rolling", refused=1),
    Service(
        "churn-scorer",
        "growth",
        "tomas.novak",
        "ml.m5.xlarge",
        2,
        5,
        deployer="person",
        capture_percent=100,
        kind="components",
    ),
    Service(
        "eta-minutes", "logistics", "maria.lindt", "ml.c6i.2xlarge", 4, 14, "terraform", autoscaled=(3, 10), tier=1
    ),
    Service(
        "fraud-online",
        "payments",
        "aiko.tanaka",
        "ml.c6i.2xlarge",
        6,
        31,
        rollout="canary",
        capture_percent=50,
        autoscaled=(4, 12),
        tier=1,
        challenger=True,
    ),
    Service(
        "price-elastic",
        "pricing",
        "lena.brandt",
        "ml.m5.2xlarge",
        2,
        9,
        rollout="canary",
        failed_last=True,
        shadow=True,
    ),
    Service("demand-cast", "supply", "tomas.novak", "ml.m5.xlarge", 1, 3, "terraform", tier=3, kind="multi-model"),
    Service("review-toxic", "trust", "samir.haddad", "ml.g4dn.xlarge", 2, 6, capture_percent=5),
    Service("route-cost", "logistics", "maria.lindt", "ml.c6i.xlarge", 2, 12, rollout="linear", undone=True),
    Service(
        "doc-extract",
        "backoffice",
        "samir.haddad",
        "ml.g5.xlarge",
        1,
        4,
        deployer="person",
        tier=3,
        refused=1,
        kind="async",
    ),
    Service("lead-value", "growth", "tomas.novak", "ml.t2.medium", 1, 2, deployer="person", tier=3, kind="serverless"),
)

_SUBJECTS = (
    "basket",
    "click",
    "cohort",
    "credit",
    "depot",
    "fare",
    "feed",
    "intent",
    "margin",
    "offer",
    "parcel",
    "query",
)
_TASKS = (
    "risk",
    "rank",
    "score",
    "embed",
    "match",
    "forecast",
    "cluster",
    "detect",
    "value",
    "churn",
    "route",
    "price",
)
_TYPES = ("ml.m5.large", "ml.m5.xlarge", "ml.c6i.xlarge", "ml.c6i.2xlarge", "ml.g5.xlarge")


def roster(count: int, seed: int) -> list[Service]:
    """The first `count` services: the default dozen, then as many made-up ones as it takes."""
    chance = random.Random(seed)
    services = list(ROSTER[:count])
    people = [(service.team, service.owner) for service in ROSTER]
    for index in range(len(services), count):
        team, owner = chance.choice(people)
        name = f"{chance.choice(_SUBJECTS)}-{chance.choice(_TASKS)}-{index:04d}"
        services.append(
            Service(
                name,
                team,
                owner,
                chance.choice(_TYPES),
                chance.randint(1, 4),
                chance.randint(2, 9),
                deployer=chance.choice(("ci", "ci", "terraform", "person")),
                rollout=chance.choice(("plain", "canary", "linear", "rolling")),
                tier=chance.randint(1, 3),
                kept=2,
            )
        )
    return services
