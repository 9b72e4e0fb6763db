"""When an endpoint's trouble began, how bad it became and when it ended, from one look to the next. Pure but `tell`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from console.clock import MINUTE, Millis
from console.kinds.base import Eyes, Sign
from console.kinds.vitals.beat import SPAN
from console.kinds.vitals.episode import RELAPSE, Episode
from console.kinds.vitals.finding import Finding
from console.kinds.vitals.judge import of_variant
from console.kinds.vitals.onset import onset
from console.kinds.vitals.record import Pulse, Vitals
from console.ledger.samples import KEEP_MS

Minutes = Sequence[tuple[Millis, Vitals]]

WORSE = 1.5
"""So many times as bad as what was told is told anew: a fact a minute would be none."""

EASED = 0.5
"""Of its worst, from which on down a critical one is a warning."""


def tell(eyes: Eyes, felt: Mapping[str, tuple[Pulse, Sequence[Finding]]]) -> None:
    """Keep the episodes that began, became worse or ended with this sweep's looks."""
    decode, minute = msgspec.json.Decoder(Episode).decode, msgspec.json.Decoder(Vitals).decode
    known = {name: decode(body) for name, body in eyes.heads("episode").items()}
    for name, (beat, found) in felt.items():
        before = known.get(name)
        if not found and (before is None or before.until is not None):
            continue  # as a rule

        def minutes(name: str = name, end: Millis = beat.at) -> Minutes:
            kept = eyes.kept("vitals", end - KEEP_MS, [name])
            return [(sample.at, minute(sample.body)) for sample in kept if sample.at < end]

        after = followed(before, name, beat, found, minutes)
        if after is not None and after != before:
            eyes.saw("episode", name, after)


def followed(
    before: Episode | None, name: str, beat: Pulse, found: Sequence[Finding], minutes: Callable[[], Minutes]
) -> Episode | None:
    """The endpoint's newest episode after this look; None where it never had any. `found` is worst first; `minutes`
    (oldest first, to the pulse's end) are asked for only where a beginning or an end has to be told."""
    worst = next((finding for finding in found if finding.sign.rank <= Sign.WARNING.rank), None)
    if worst is None:
        # Silence after trouble is no recovery: nobody knows.
        if before is None or before.until is not None or found:
            return before
        return msgspec.structs.replace(before, until=_ended(before, beat, minutes()))
    if before is None or (before.until is not None and beat.at - before.until > RELAPSE):
        since = onset(minutes(), worst, beat.was_of(worst.variant))
        return Episode(
            name,
            beat.read_at,
            since if since is not None else beat.at - _length(beat),
            worst.sign,
            worst.words,
            worst.about,
            worst.variant,
            _size(worst),
            beat.detailed,
        )
    now = msgspec.structs.replace(before, until=None)
    if not before.sure:
        # The first look at one of many reads half an hour; that at one in trouble reads all there is.
        since = onset(minutes(), worst, beat.was_of(worst.variant))
        now = msgspec.structs.replace(now, since=min(since or before.since, before.since), sure=beat.detailed)
    grew = worst.about == before.about and _size(worst) >= WORSE * before.size
    if worst.sign.rank < before.sign.rank or (worst.sign is before.sign and grew):
        told = {"words": worst.words, "about": worst.about, "variant": worst.variant, "size": _size(worst)}
        now = msgspec.structs.replace(now, sign=worst.sign, **told)
    return now


def standing(found: Sequence[Finding], episode: Episode) -> tuple[Finding, ...]:
    """What was critical in this episode is so until it is half as bad as its worst: a number that goes to and fro
    about a limit must not. Worst first."""
    if episode.until is not None or episode.sign is not Sign.CRITICAL:
        return tuple(found)

    def kept(one: Finding) -> Finding:
        same = (one.about, one.variant) == (episode.about, episode.variant) and one.sign is Sign.WARNING
        if not same or not episode.size or _size(one) < EASED * episode.size:
            return one
        return msgspec.structs.replace(one, sign=Sign.CRITICAL, reasons=(*one.reasons, f"its worst: {episode.words}"))

    return tuple(sorted(map(kept, found), key=lambda one: one.sign.rank))


def _ended(episode: Episode, beat: Pulse, minutes: Minutes) -> Millis:
    """After the last minute that shows it alone; where none does (few requests), before the window that is calm."""
    was, calm = beat.was_of(episode.variant), beat.at - _length(beat)
    for at, vitals in reversed(minutes):
        one = next((s for s in vitals.signs if s.variant == episode.variant and not (s.config or s.component)), None)
        if at < episode.since:
            break
        if one is not None and any(found.about == episode.about for found in of_variant(one, was)):
            return at + MINUTE
    return max(calm, episode.since + MINUTE)


def _length(beat: Pulse) -> Millis:
    return max((one.minutes for one in beat.variants), default=SPAN) * MINUTE


def _size(finding: Finding) -> float:
    """A share where there is one; else its first number."""
    numbers = finding.numbers
    bad, n = numbers.get("errors", numbers.get("errors_4xx")), numbers.get("n")
    if bad is not None and n:
        return bad / n
    return next(iter(numbers.values()), 0.0)
