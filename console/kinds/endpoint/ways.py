"""Ways back: configs an endpoint could return to, each with its evidence and a grade. SageMaker keeps no such list.

Sources as in facts/sagemaker.md section 8: the deployment in motion, observations and the journal, CloudTrail, the
dimensions under which CloudWatch has traffic, configs named alike, tags. What is told of an endpoint of the same name
that was deleted since, or of a config of the same name, suggests and proves nothing. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

import msgspec

from console.clock import DAY, HOUR, Millis, clock_time, duration, iso
from console.kinds.deployment.record import SKEW, Deployment, Outcome
from console.kinds.endpoint.record import Endpoint
from console.kinds.hold.record import Act


class Grade(IntEnum):
    """How much speaks for a config. Only SERVED and SET are ever chosen without the operator naming them."""

    BAD = 0
    """It failed, was rolled back, or somebody rolled away from it."""
    ALIKE = 1
    """Its name, a tag or traffic suggests it: a canary that failed had traffic, too."""
    SET = 2
    """An accepted UpdateEndpoint set it and nothing replaced it for an hour; nobody watched."""
    SERVED = 3
    """It was seen InService, or its deployment was seen to succeed."""

    @property
    def words(self) -> str:
        return ("bad", "only suggested", "was set, not watched", "served")[self]


class Reign(NamedTuple):
    """A config as observations found it in service: from when to when the last time (UTC ms; None: still), and for
    how long in all."""

    since: Millis
    until: Millis | None
    total_ms: int


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """One candidate. `served_ms` is how long it served as far as is known; `since` and `until` bound its last reign.

    `brief`: whatever is known of its reigns, they were less than an hour in all: somebody may have found it bad.
    """

    config: str
    grade: Grade
    evidence: tuple[str, ...]
    since: Millis | None = None
    until: Millis | None = None
    by: str = ""
    brief: bool = False

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
    acts: Sequence[Act] = (),
    seen: Mapping[str, Reign] | None = None,
    with_traffic: Iterable[str] = (),
    configs: Mapping[str, Millis | None] | None = None,
) -> list[Way]:
    """Candidates, best first: by grade, then the newest reign.

    `deployments` newest first; `acts` are the verified roll backs, oldest first. `seen`: what observations of this
    endpoint (not of one of its name before) found in service. `with_traffic`: values of the EndpointConfigName
    dimension. `configs`: existing endpoint configs named alike with their creation times, or None if nobody looked.
    """
    serving, seen, traffic = endpoint.serving, seen or {}, set(with_traffic)
    born = (endpoint.created_at or 0) - SKEW
    served, left = _reigns([d for d in deployments if d.at >= born])
    named = {config: act for act in acts for config in (act.before, act.target)}  # the last that names it counts
    newest: dict[str, Deployment] = {}
    for deployment in deployments:
        newest.setdefault(deployment.target, deployment)
    sources = [d.source for d in deployments if d.source]
    known = [*newest, *([endpoint.config] if endpoint.pending else ()), *sources, *seen, *traffic, *(configs or ())]
    graded: list[Way] = []
    for config in dict.fromkeys(known):
        if not config or config == serving:
            continue
        last, reign = newest.get(config), seen.get(config)
        way = _from_deployment(last, now) if last else Way(config=config, grade=Grade.ALIKE, evidence=())
        said, grade, since, until = list(way.evidence), way.grade, way.since, way.until
        if last is not None and last.at < born and grade is not Grade.BAD:
            grade = Grade.ALIKE
            said.append(
                f"that was before {endpoint.name} was created again {clock_time(endpoint.created_at or 0, now)}"
            )
        if reign is not None:
            said.append("seen InService")
            grade = Grade.SERVED if grade is not Grade.BAD else grade
            if last is None or last.at < born:
                since, until = reign.since, reign.until
        if config in traffic:
            said.append("CloudWatch has traffic under its name")
        created = (configs or {}).get(config)
        if endpoint.pending and config == endpoint.config:
            grade, until = Grade.SERVED, now
            said.insert(0, "serves now")
        act = named.get(config)
        if act is not None and act.before == config and not _redeemed(last, act):
            grade = Grade.BAD
            said.insert(0, f"left by the roll back of {clock_time(act.at, now)}")
        elif (successor := left.get(config)) and not (act and act.target == config):
            grade = Grade.BAD
            said.insert(0, f"left for {successor.target} again {clock_time(successor.at, now)}")
        if configs is not None and not said:
            said.append(f"exists since {clock_time(created, now)}, named alike" if created else "named by a tag")
        elif configs is not None and config not in configs:
            said.append("not among the configs named alike: check that it exists")
        known_ms = [ms for ms in (served.get(config), reign.total_ms if reign and reign.until else None) if ms]
        way = Way(
            config=config,
            grade=grade,
            evidence=tuple(dict.fromkeys(said)),
            since=since,
            until=until,
            by=way.by,
            brief=bool(known_ms) and max(known_ms) < HOUR and config != endpoint.config,
        )
        graded.append(doubted(way, created, now))
    return sorted(graded, key=lambda w: (-w.grade, -(w.until or w.since or 0), w.config))


def doubted(way: Way, created: Millis | None, now: Millis) -> Way:
    """The way as it is, unless its config was created after it had begun to serve: then what served was another one
    of its name, and nothing speaks for this one."""
    if created is None or way.since is None or created <= way.since + SKEW or way.grade <= Grade.ALIKE:
        return way
    told = f"created anew {clock_time(created, now)}: what served was another config of that name"
    return msgspec.structs.replace(way, grade=Grade.ALIKE, evidence=(told, *way.evidence))


def _reigns(deployments: Sequence[Deployment]) -> tuple[dict[str, int], dict[str, Deployment]]:
    """For how long each config served in all, in ms, and those that somebody left to return to one that had served
    longer, with the deployment that did it.

    Of two that take turns, the one that served longer is the good one: a fix that was undone is no bad config. What
    was left stays so, however often it is set again, until it has served longer than what it was left for.
    """
    served: dict[str, int] = {}
    left: dict[str, Deployment] = {}
    before: Deployment | None = None
    for deployment in reversed(deployments):
        if not deployment.took_over or (before is not None and before.target == deployment.target):
            continue
        if before is not None:
            reign = served[before.target] = served.get(before.target, 0) + max(0, deployment.at - before.at)
            better = left.get(before.target)
            if served.get(deployment.target, 0) > reign:
                left[before.target] = deployment
            elif better is not None and reign > served.get(better.target, 0):
                del left[before.target]
        before = deployment
    return served, left


def _redeemed(last: Deployment | None, act: Act) -> bool:
    """Whether a config that a roll back left was set again since, and served for a day."""
    return (
        last is not None
        and last.took_over
        and last.at > act.at
        and last.until is not None
        and last.until - last.at >= DAY
    )


def _from_deployment(deployment: Deployment, now: Millis) -> Way:
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
        grade = Grade.SET if until is not None and until - deployment.at >= HOUR else Grade.ALIKE
        said = f"set{when}{who}{f', replaced after{span[4:]}' if span else ''}; its outcome was not watched"
    return Way(
        config=deployment.target,
        grade=grade,
        evidence=(said,),
        since=deployment.at or None,
        until=until,
        by=deployment.by,
    )


def nearest(target: str, candidates: Sequence[Way]) -> str:
    """Which configs there are in place of one that is not there, those that are written alike first."""
    from difflib import get_close_matches  # 3 ms that no list needs

    names = [way.config for way in candidates]
    near = get_close_matches(target[:63], names, n=3, cutoff=0.4) or names[:3]
    return f"nearest: {', '.join(near)}" if near else "lastgood describe endpoint NAME lists the ways back"


def choose(candidates: Sequence[Way]) -> Way | None:
    """The way back an operator need not name: what served or was set, the last one to reign first.

    What reigned for less than an hour comes after all others: of two bad configs in a row, neither was good.
    """
    good = [w for w in candidates if w.grade >= Grade.SET]
    return max(good, key=lambda w: (not w.brief, w.until or 0, w.grade), default=None)


def stem(name: str) -> str:
    """The part of an endpoint's or config's name that its siblings share: `delay-risk-v8` → `delay-risk`."""
    stripped = re.sub(r"([-_.]?(v?\d[\w.]*|config|endpoint|ep|prod))+$", "", name, flags=re.IGNORECASE)
    return stripped or name
