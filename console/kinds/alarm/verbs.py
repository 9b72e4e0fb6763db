"""What may be done to an alarm: have it tell nobody for a while. What does it is imported when somebody acts."""

from __future__ import annotations

from console.actions.model import Level
from console.actions.verb import Deed, Option, Verb
from console.kinds.alarm.view import AlarmView

READS = ("cloudwatch:DescribeAlarms", "cloudwatch:ListAlarmMuteRules", "cloudwatch:GetAlarmMuteRule")


def _mute() -> Deed:
    from console.kinds.alarm.mute import Muting

    return Muting()


def _unmute() -> Deed:
    from console.kinds.alarm.mute import Unmuting

    return Unmuting()


def _mute_off(view: AlarmView) -> str:
    return f"it scales {view.alarm.scaling}: muting it would stop that" if view.alarm.scaling else ""


def _unmute_off(view: AlarmView) -> str:
    return "" if view.alarm.mutes or view.alarm.mutes is None else "it is not muted"


VERBS = (
    Verb(
        id="mute",
        kind="alarm",
        key="M",
        label="Mute",
        effect="keep an alarm's actions from being taken for a while; CloudWatch itself ends it",
        level=Level.CHANGE,
        writes=("cloudwatch:PutAlarmMuteRule",),
        reads=READS,
        deed=_mute,
        options=(Option("for", "how long: 30m (as without it), 2h, at most 15d"),),
        off=_mute_off,
    ),
    Verb(
        id="unmute",
        kind="alarm",
        key="U",
        label="Unmute",
        effect="end the mute that lastgood put on an alarm",
        level=Level.CHANGE,
        writes=("cloudwatch:DeleteAlarmMuteRule",),
        reads=READS,
        deed=_unmute,
        off=_unmute_off,
    ),
)
