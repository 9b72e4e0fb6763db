"""Ways back: configs an endpoint could return to, each with its evidence and a grade. SageMaker keeps no such list.

Sources as in facts/sagemaker.md section 8: the deployment in motion, observations and the journal, CloudTrail, the
dimensions under which CloudWatch has traffic, configs named alike, tags. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any

import msgspec

from console.clock import HOUR, Millis, clock_time, duration, iso
from console.kinds.deployment.record import Deployment, Outcome
from console.kinds.endpoint.record import Endpoint
from console.kinds.hold.record import Act


class Grade(IntEnum):
    """How much speaks for a config. Only SERVED and SET are ever chosen without the operator naming them."""

    BAD = 0
    """It failed, was rolled back, or somebody rolled away from it."""
    ALIKE = 1
    """Its name or a tag suggests it; nothing shows that it ever served."""
    SET = 2
    """An accepted UpdateEndpoint set it and nothing replaced it for an hour; nobody watched."""
    SERVED = 3
    """It was seen InService, or CloudWatch has traffic under its name."""

    @property
    def words(self) -> str:
        return ("bad", "only named alike", "was set, not watched", "served")[self]


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """One candidate. `served_ms` is how long it served as far as is known; `since` and `until` bound its last reign."""

    config: str
    grade: Grade
    evidence: tuple[str, ...]
    since: Millis | None = None
    until: Millis | None = None
    by: str = ""

    @property
    def served_ms(self) -> int | None:
        return self.until - self.since if self.since and self.until and self.until > self.since else None

    def to_json(self) -> dict[str, Any]:
        return {
            "config": self.config,
            "grade": self.grade.name.lower(),
            "evidence": self.evidence,
            "since": iso(self.since) if self.since else None,
            "until": iso(self.until) if self.until else None,
            "by": self.by or None,
        }


def ways(
    endpoint: Endpoint,
    deployments: Sequence[Deployment],
    *,
    now: Millis,
    act: Act | None = None,
    seen_configs: Iterable[str] = (),
    with_traffic: Iterable[str] = (),
    configs: Mapping[str, Millis | None] | None = None,
) -> list[Way]:
    """Candidates, best first: by grade, then the newest reign.

    `seen_configs`: configs that observations found in service. `with_traffic`: values of the EndpointConfigName
    dimension. `configs`: existing endpoint configs named alike with their creation times, or None if nobody looked.
    """
    serving = endpoint.serving
    found: dict[str, Way] = {}
    seen, traffic, left = set(seen_configs), set(with_traffic), _left(deployments)
    for deployment in deployments:  # newest first: the newest reign of a config is the one that counts
        if deployment.target and deployment.target != serving and deployment.target not in found:
            found[deployment.target] = _from_deployment(deployment, now, deployment.target in seen)
    sources = [d.source for d in deployments if d.source]
    for config in (*([endpoint.config] if endpoint.pending else ()), *sources, *seen, *traffic):
        if config and config != serving and config not in found:
            found[config] = Way(config=config, grade=Grade.ALIKE, evidence=())
    for config, created in (configs or {}).items():
        if config != serving and config not in found:
            told = f"exists since {clock_time(created, now)}, named alike" if created else "named by a tag"
            found[config] = Way(config=config, grade=Grade.ALIKE, evidence=(told,))
    graded = []
    for way in found.values():
        said, grade, until = list(way.evidence), way.grade, way.until
        if endpoint.pending and way.config == endpoint.config:
            grade, until = Grade.SERVED, now
            said.insert(0, "serves now")
        elif way.config in seen and grade is not Grade.BAD:
            grade = Grade.SERVED
            said.append("seen InService")
        if way.config in traffic:
            said.append("CloudWatch has traffic under its name")
            grade = Grade.SERVED if grade is not Grade.BAD else grade
        if act is not None and act.before == way.config:
            grade = Grade.BAD
            said.insert(0, f"left by the roll back of {clock_time(act.at, now)}")
        elif (successor := left.get(way.config)) and not (act and act.target == way.config):
            grade = Grade.BAD
            said.insert(0, f"left for {successor.target} again {clock_time(successor.at, now)}")
        if configs is not None and way.config not in configs and said:
            said.append("not among the configs named alike: check that it exists")
        evidence = tuple(dict.fromkeys(said))
        graded.append(msgspec.structs.replace(way, grade=grade, until=until, evidence=evidence))
    return sorted(graded, key=lambda w: (-w.grade, -(w.until or w.since or 0), w.config))


def _left(deployments: Sequence[Deployment]) -> dict[str, Deployment]:
    """Configs that somebody left to return to one that had served longer, with the deployment that did it.

    Of two that take turns, the one that served longer is the good one: a fix that was undone is no bad config.
    """
    served: dict[str, int] = {}
    left: dict[str, Deployment] = {}
    before: Deployment | None = None
    for deployment in reversed(deployments):
        if not deployment.took_over:
            continue
        if before is not None and before.target != deployment.target:
            reign = max(0, deployment.at - before.at)
            served[before.target] = served.get(before.target, 0) + reign
            if served.get(deployment.target, 0) > served[before.target]:
                left[before.target] = deployment
            else:
                left.pop(before.target, None)
        before = deployment
    return left


def _from_deployment(deployment: Deployment, now: Millis, seen: bool) -> Way:
    until = deployment.until
    span = f" for {duration(until - deployment.at)}" if until and deployment.at else ""
    who = f" by {deployment.by}" if deployment.by else ""
    when = f" {clock_time(deployment.at, now)}" if deployment.at else ""
    if deployment.outcome in {Outcome.FAILED, Outcome.ROLLED_BACK}:
        said = f"{deployment.outcome.value.replace('_', ' ')}{when}"
        grade = Grade.BAD
    elif deployment.outcome is Outcome.SUCCEEDED:
        said, grade = f"deployed{when}{who}, served{span}", Grade.SERVED
    else:
        long_enough = until is not None and until - deployment.at >= HOUR
        grade = Grade.SET if long_enough or seen else Grade.ALIKE
        said = f"set{when}{who}{f', replaced after{span[4:]}' if span else ''}; its outcome was not watched"
    return Way(
        config=deployment.target,
        grade=grade,
        evidence=(said,),
        since=deployment.at or None,
        until=until,
        by=deployment.by,
    )


def choose(candidates: Sequence[Way]) -> Way | None:
    """The way back an operator need not name: the best that served or was set, the last one to reign first."""
    good = [w for w in candidates if w.grade >= Grade.SET]
    return max(good, key=lambda w: (w.until or 0, w.grade), default=None)


def stem(name: str) -> str:
    """The part of an endpoint's or config's name that its siblings share: `delay-risk-v8` → `delay-risk`."""
    stripped = re.sub(r"([-_.]?(v?\d[\w.]*|config|endpoint|ep|prod))+$", "", name, flags=re.IGNORECASE)
    return stripped or name
