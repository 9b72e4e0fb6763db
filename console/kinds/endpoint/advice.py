"""What to do about an endpoint, and what not: its findings weighed with what was deployed when.

The right and the wrong deed for each symptom: facts/sagemaker.md section 9.2. Advice is given only where the evidence
carries it: a roll back where something was deployed shortly before, more hosts where hosts are the limit.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from console.clock import DAY, HOUR, MINUTE, Millis, clock_time
from console.kinds.deployment.record import Deployment
from console.kinds.endpoint.known import known_ways
from console.kinds.endpoint.motion import going_back
from console.kinds.endpoint.record import short
from console.kinds.endpoint.view import EndpointView
from console.kinds.endpoint.ways import Way, choose
from console.kinds.scaling.growth import scale_waits, waits
from console.kinds.vitals.finding import Finding
from console.kinds.vitals.onset import onset
from console.kinds.vitals.record import Pulse, Vitals
from console.ledger.samples import KEEP_MS

if TYPE_CHECKING:
    from console.ledger.snapshot import Snapshot

BEFORE = 2 * HOUR
"""So long before a thing went wrong a change still counts as near."""
SKEW = 5 * MINUTE
"""A minute's errors may be older than the moment at which a deployment was seen to take traffic."""
LATELY = DAY
"""Where nobody knows when it began: what was deployed longer ago has served a whole day."""

NAMES = {
    "rollback": "roll back",
    "weights": "shift traffic away",
    "scale": "scale out",
    "suspend": "suspend scale-in",
    "unsuspend": "resume scaling",
}


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """`verb` is empty where no verb mends it. `against` are tempting ones, with what speaks against them."""

    verb: str = ""
    target: str = ""
    """Of a roll back: the config."""
    variant: str = ""
    """Which one the verb is about, where there are several."""
    why: str = ""
    beyond: str = ""
    """What helps where no verb does: a sentence."""
    against: tuple[tuple[str, str], ...] = ()
    began: Millis | None = None
    """When it went wrong, as far as the minutes kept show that."""

    @property
    def lines(self) -> tuple[tuple[str, str], ...]:
        """(label, words) for people."""
        told = []
        if self.verb:
            to = f" to {self.target}" if self.target else f" from {self.variant}" if self.verb == "weights" else ""
            why = f": {self.why}" if self.why else ""
            told.append(("helps", f"{NAMES.get(self.verb, self.verb)}{to}{why}"))
        elif self.beyond:
            told.append(("helps", self.beyond))
        # One a line, and each a whole sentence: cut at 80 columns it must not read as the opposite.
        told += [("but", f"do not {NAMES.get(verb, verb)} ({why})") for verb, why in self.against]
        return tuple(told)

    def warning(self, verb: str, name: str) -> str:
        """Why `verb` is the wrong one for the endpoint `name`, with the better one; empty where nothing says so."""
        why = next((f"do not {NAMES.get(one, one)} ({why})" for one, why in self.against if one == verb), "")
        better = f"{NAMES.get(self.verb, self.verb)} helps: {self.command(name)}" if self.verb not in {"", verb} else ""
        return "; ".join(filter(None, (why, better)))

    def args(self, name: str) -> list[str]:
        """Of the verb's command about the endpoint `name`; numbers that it needs are proposed by its plan."""
        if self.verb == "weights":
            return [name, f"{self.variant}=0"]
        to = ["--to", self.target] if self.target else []
        return [name, *to, *(["--variant", self.variant] if self.variant else [])]

    def command(self, name: str) -> str:
        """That only plans."""
        return shlex.join(["lastgood", self.verb, *self.args(name), "--dry-run"]) if self.verb else ""

    def to_json(self, name: str) -> dict[str, Any]:
        return {
            "suggestions": [{"verb": self.verb, "args": self.args(name), "why": self.why}] if self.verb else [],
            "elsewhere": self.beyond or None,
            "against": [{"verb": verb, "why": why} for verb, why in self.against],
        }


def advice(view: EndpointView, snapshot: Snapshot) -> Advice:
    """From the ledger alone."""
    beat = view.pulse
    began = _began(view.found, beat, snapshot, view.name)
    wanted = {verb for finding in view.found for verb in finding.speaks_for}
    wanted -= {verb for finding in view.found for verb in finding.speaks_against}
    waiting = ""
    if "scale" in wanted:
        copies = (scale_waits(one, snapshot, beat) for one in view.scaling if one.target.component)
        waiting = waits(snapshot, view.name, _variant("scale", view), beat) or next(filter(None, copies), "")
    return advise(view, beat, known_ways(view, snapshot), began=began, now=snapshot.moment, waiting=waiting)


def advise(
    view: EndpointView,
    beat: Pulse | None,
    ways: Sequence[Way],
    *,
    began: Millis | None,
    now: Millis,
    waiting: str = "",
) -> Advice:
    """The first verb that the findings speak for, and none of them against: what keeps it from growing explains the
    rest, then the worst. A roll back only to a config that is known, and away from one that may be to blame; no more
    capacity while what came last is not in the metrics yet (`waiting`: the words)."""
    e, verdict = view.endpoint, view.verdict
    to_blame = _to_blame(view, began or (verdict.since if verdict.about == "logs" else None), now)
    target = _target(view, ways)
    causes = sorted(view.found, key=lambda finding: finding.about != "scaling")
    wanted = list(dict.fromkeys(verb for finding in causes for verb in finding.speaks_for))
    vetoed = {verb for finding in view.found for verb in finding.speaks_against}
    if verdict.about in {"logs", "undone"}:
        wanted.insert(0, "rollback")
        vetoed.discard("rollback")
    if verdict.about == "broken" and e.status == "UpdateRollbackFailed":
        return Advice(verb="rollback", target=target, why=verdict.words) if target else Advice()
    if to_blame is None and verdict.about != "undone":
        vetoed.add("rollback")
    back = going_back(e)
    if back:
        vetoed.add("rollback")
    if waiting:
        vetoed.add("scale")
    verb = next((one for one in wanted if one not in vetoed and (one != "rollback" or target)), "")
    # Retraining takes hours: it tempts nobody at night.
    idle = back or verdict.about == "stuck"
    tempting = [one for one in ("rollback", "scale") if (view.found and one in vetoed) or (idle and one == "rollback")]
    against = [
        (one, why)
        for one in tempting
        if (why := (waiting if one == "scale" else "") or _against(one, view, beat, to_blame, began, now))
    ]
    return Advice(
        verb=verb,
        target=target if verb == "rollback" else "",
        variant=_variant(verb, view),
        why=_why(verb, view, to_blame, began, now),
        beyond="" if verb or waiting else _beyond(view),
        against=tuple(against),
        began=began,
    )


def _began(found: Sequence[Finding], beat: Pulse | None, snapshot: Snapshot, name: str) -> Millis | None:
    """When the worst of what the vital signs tell began."""
    felt = next((finding for finding in found if finding.about != "scaling"), None)
    if felt is None or beat is None:
        return None
    decode = msgspec.json.Decoder(Vitals).decode
    kept = snapshot.ledger.samples.window(snapshot.scope, "vitals", snapshot.moment - KEEP_MS, snapshot.at, [name])
    minutes = [(sample.at, decode(sample.body)) for sample in kept if sample.at < beat.at]
    return onset(minutes, felt, beat.was_of(felt.variant))


def _to_blame(view: EndpointView, began: Millis | None, now: Millis) -> Deployment | None:
    """The deployment in motion, or that of what serves, if the trouble began with it or soon after."""
    e = view.endpoint
    moving = e.pending is not None and e.pending.config != e.config
    config = e.pending.config if moving and e.pending else e.config
    reign = next((d for d in view.deployments if d.target == config and (moving or d.took_over) and d.at), None)
    if reign is None:
        return None
    end = now if moving else reign.ended_at or reign.at
    if began is None:
        return reign if now - end <= LATELY else None
    return reign if (reign.started_at or reign.at) - SKEW <= began <= end + BEFORE else None


def _target(view: EndpointView, ways: Sequence[Way]) -> str:
    e = view.endpoint
    if e.pending is not None and e.config and e.pending.config != e.config:
        # In motion: what still serves is what to stay on (a roll back waits in a queue until it has settled).
        return e.config
    best = choose(ways)
    return best.config if best else ""


def _variant(verb: str, view: EndpointView) -> str:
    if verb in {"", "rollback"} or len(view.endpoint.variants) < 2:
        return ""
    return next((finding.variant for finding in view.found if verb in finding.speaks_for), "")


def _why(verb: str, view: EndpointView, to_blame: Deployment | None, began: Millis | None, now: Millis) -> str:
    if verb == "rollback" and to_blame is not None:
        name = f"{short(to_blame.target, view.name)} of {clock_time(to_blame.at, now)}"
        known = began is not None or view.verdict.about == "logs" or to_blame.target != view.endpoint.config
        return f"it began with {name}" if known else f"{name} was deployed last; when it began is not known"
    bound = next((f for f in view.found if f.about == "scaling" and verb in f.speaks_for), None)
    if verb == "scale" and bound is not None and bound.numbers.get("current", 0.0) >= bound.numbers.get("max", 1e9):
        return f"raise its maximum of {bound.numbers['max']:.0f}"
    # Its row says the worst already.
    words = next((finding.words for finding in view.found if verb in finding.speaks_for), "")
    return words if words not in view.verdict.words else ""


def _beyond(view: EndpointView) -> str:
    if not any(finding.about == "scaling" for finding in view.found):
        return ""
    from console.kinds.scaling.felt import elsewhere  # there is one, so it is imported already

    return elsewhere(view.scaling)


def _against(
    verb: str,
    view: EndpointView,
    beat: Pulse | None,
    to_blame: Deployment | None,
    began: Millis | None,
    now: Millis,
) -> str:
    e = view.endpoint
    if verb == "rollback":
        if going_back(e) and e.pending is not None:
            return f"{short(e.pending.config, e.name)} is on its way out, {short(e.config, e.name)} serves"
        if view.verdict.about == "stuck":
            return f"{short(e.config, e.name)} serves, and an update cannot be cancelled"
        if to_blame is not None:
            return next((f.words for f in view.found if verb in f.speaks_against), "")
        last = next((d for d in view.deployments if d.target == e.config and d.at), None)
        if last is None:
            return "no deployment near it is known"
        at = clock_time(last.at, now)
        early = began is not None and began < last.at
        return f"it began before {short(e.config, e.name)} of {at}" if early else f"nothing was deployed since {at}"
    if any(finding.about == "scaling" and verb in finding.speaks_against for finding in view.found):
        return "AWS gives no more now"
    shown = max(beat.variants, key=lambda one: one.cpu_percent or 0.0, default=None) if beat else None
    if shown is None:
        return ""
    used = (("CPU", shown.cpu_percent), ("GPU", shown.gpu_percent))
    return ", ".join(f"{what} {value:.0f} %" for what, value in used if value is not None)
