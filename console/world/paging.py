"""Pages as AWS cuts them: first the page, then some of the filters, so that a page may be empty and not the last."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from console.world.errors import validation

T = TypeVar("T")


def page(
    items: Sequence[T],
    request: dict[str, Any],
    default: int = 10,
    filter_after: Callable[[T], bool] | None = None,
) -> tuple[list[T], str | None]:
    """The page of `items` (sorted, and filtered by what filters before) that MaxResults and NextToken ask for.

    `filter_after` is applied to the cut page (facts: sagemaker 3; aws-cli #7596, boto3 #3347). The token is bound to
    the other parameters of the request: with others it raises ValidationException.
    """
    size = int(request.get("MaxResults") or default)
    bound = {key: value for key, value in request.items() if key not in ("NextToken", "MaxResults")}
    seal = hashlib.sha256(json.dumps(bound, sort_keys=True).encode()).hexdigest()[:16]
    start = _start(request["NextToken"], seal) if request.get("NextToken") else 0
    cut = items[start : start + size]
    token = None
    if start + size < len(items):
        token = base64.urlsafe_b64encode(json.dumps([start + size, seal]).encode()).decode()
    return [item for item in cut if filter_after is None or filter_after(item)], token


def _start(token: str, seal: str) -> int:
    try:
        start, sealed = json.loads(base64.urlsafe_b64decode(token.encode()))
    except ValueError:
        raise validation("Invalid pagination token.") from None
    if sealed != seal:
        raise validation("The pagination token does not belong to a request with these parameters.")
    return int(start)


def ordered(
    items: Sequence[T],
    request: dict[str, Any],
    keys: dict[str, Callable[[T], Any]],
    by: str = "CreationTime",
    order: str = "Descending",
) -> list[T]:
    """Sorted by SortBy and SortOrder, which default per operation (facts: sagemaker 3). `keys` maps SortBy's values."""
    descending = (request.get("SortOrder") or order) == "Descending"
    return sorted(items, key=keys[request.get("SortBy") or by], reverse=descending)
