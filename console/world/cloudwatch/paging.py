"""CloudWatch's pages: MaxRecords or MaxDatapoints, and InvalidNextToken for a token that does not belong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from console.world import paging
from console.world.errors import AwsError

T = TypeVar("T")


def page(items: Sequence[T], request: dict[str, Any], size: int) -> tuple[list[T], str | None]:
    """`size`: how many the request asks for, or the operation's default."""
    bound = {name: value for name, value in request.items() if name not in ("MaxRecords", "MaxDatapoints")}
    try:
        return paging.page(items, bound | {"MaxResults": size})
    except AwsError as error:
        raise AwsError("InvalidNextToken", error.message) from None
