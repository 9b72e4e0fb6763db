"""Scaling policies, and the alarms that target tracking makes and deletes for itself."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from console.world.autoscaling import tracking
from console.world.cloudwatch.alarms import Alarm, Alarms

if TYPE_CHECKING:
    from console.world.autoscaling.targets import Key
    from console.world.world import Region

TRACKING, STEPS = "TargetTrackingScaling", "StepScaling"


@dataclass(slots=True)
class Policy:
    key: Key
    name: str
    type: str
    config: dict[str, Any]
    """StepScalingPolicyConfiguration or TargetTrackingScalingPolicyConfiguration, with AWS' defaults."""
    arn: str
    created: float
    own_alarms: list[str] = field(default_factory=list)
    """Names of the alarms that target tracking made: high, low."""
    edition: int = 0

    def cooldown_s(self, out: bool) -> float:
        """Modelled seconds; 300 unless said (facts: sagemaker 5.9)."""
        member = "Cooldown" if self.type == STEPS else "ScaleOutCooldown" if out else "ScaleInCooldown"
        return float(self.config.get(member, 300))

    @property
    def scales_in(self) -> bool:
        return not self.config.get("DisableScaleIn", False)


class Policies:
    """Those of one region."""

    def __init__(self, region: Region) -> None:
        self._region = region
        self._items: dict[tuple[Key, str], Policy] = {}

    def of(self, key: Key) -> list[Policy]:
        """By name."""
        return sorted((one for (owner, _), one in self._items.items() if owner == key), key=lambda one: one.name)

    def all(self) -> list[Policy]:
        return [self._items[at] for at in sorted(self._items)]

    def get(self, key: Key, name: str) -> Policy | None:
        return self._items.get((key, name))

    def by_action(self, action: str) -> Policy | None:
        """The policy that an alarm's action names: its ARN, which AWS may have given a tail `:createdBy/...`."""
        arn = action.partition(":createdBy/")[0]
        return next((one for one in self._items.values() if one.arn == arn), None) if ":policyName/" in arn else None

    def put(self, key: Key, name: str, type_: str, config: dict[str, Any], *, since: float | None = None) -> Policy:
        """Makes a policy, or changes it: then target tracking's alarms are made anew. The configuration is checked
        already. `since`: it has been there from that moment on, and its alarms were OK."""
        policy = self._items.get((key, name))
        created = self._region.world.now if since is None else since
        if policy is None:
            policy = Policy(key, name, type_, config, self._arn(key, name), created)
            self._items[key, name] = policy
        else:
            policy.config, policy.edition = config, policy.edition + 1
        self._delete_alarms(policy)
        if type_ == TRACKING:
            for side, request in tracking.alarms(key, config).items():
                alarm_name = f"TargetTracking-{key.resource}-{side}-{_uuid(policy.arn, side, policy.edition)}"
                action = f"{policy.arn}:createdBy/{_uuid(policy.arn, 'createdBy', 0)}"
                whole = request | {
                    "AlarmName": alarm_name,
                    "AlarmDescription": f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {action}.",
                    "AlarmActions": [action],
                }
                self._region.of(Alarms).put("MetricAlarm", whole, fine_since=since)
                policy.own_alarms.append(alarm_name)
        return policy

    def delete(self, policy: Policy) -> None:
        self._delete_alarms(policy)
        del self._items[policy.key, policy.name]

    def forget(self, key: Key) -> None:
        for policy in self.of(key):
            self.delete(policy)

    def alarms(self, policy: Policy) -> list[Alarm]:
        """Those that have the policy among their actions: target tracking's own, or whatever its owner put."""
        return [alarm for alarm in self._region.of(Alarms) if names(alarm, policy)]

    def _delete_alarms(self, policy: Policy) -> None:
        alarms = self._region.of(Alarms)
        for name in policy.own_alarms:
            if name in alarms:  # somebody may have deleted it, though nobody should
                alarms.delete(name)
        policy.own_alarms = []

    def _arn(self, key: Key, name: str) -> str:
        stem = _uuid(*key, 0)
        return self._region.arn(
            f"scalingPolicy:{stem}:resource/sagemaker/{key.resource}:policyName/{name}", service="autoscaling"
        )


def names(alarm: Alarm, policy: Policy) -> bool:
    """Whether the alarm triggers the policy."""
    return any(action.partition(":createdBy/")[0] == policy.arn for action in alarm.request.get("AlarmActions", ()))


def _uuid(*of: object) -> str:
    digest = hashlib.sha256("/".join(map(str, of)).encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"
