"""STS: who am I, and other sessions. moto's would not know the principals that our CloudTrail records."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from console.world.identity import ACCOUNT, SECRET, Caller
from console.world.operations import operation

if TYPE_CHECKING:
    from console.world.world import Region, World


@operation("GetCallerIdentity", service="sts")
def get_caller_identity(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    return {"UserId": caller.principal_id, "Account": ACCOUNT, "Arn": caller.arn}


@operation("AssumeRole", service="sts")
def assume_role(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    role = request["RoleArn"].rsplit("/", 1)[1]
    seconds = float(request.get("DurationSeconds", 3600))
    session, expires = world.identities.assume(role, request["RoleSessionName"], caller.user_agent, world.now, seconds)
    return {
        "Credentials": {
            "AccessKeyId": session.access_key,
            "SecretAccessKey": SECRET,
            "SessionToken": f"lastgood-session-{session.access_key}",
            "Expiration": dt.datetime.fromtimestamp(expires, dt.UTC),
        },
        "AssumedRoleUser": {"AssumedRoleId": session.principal_id, "Arn": session.arn},
    }
