"""IAM's policy simulator, as far as a preflight asks it. All other IAM is moto's.

Permissions of this world are faults: a rule that answers AccessDenied. The simulator reads the same rules, so it says
beforehand what a call would meet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from console.world.identity import Caller
from console.world.operations import operation

if TYPE_CHECKING:
    from console.world.world import Region, World


@operation("SimulatePrincipalPolicy", service="iam")
def simulate_principal_policy(world: World, region: Region, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
    results = []
    for action in request["ActionNames"]:
        denied = world.faults.denies(action.partition(":")[2])
        for resource in request.get("ResourceArns") or ["*"]:
            results.append(
                {
                    "EvalActionName": action,
                    "EvalResourceName": resource,
                    "EvalDecision": "implicitDeny" if denied else "allowed",
                }
            )
    return {"EvaluationResults": results, "IsTruncated": False}
