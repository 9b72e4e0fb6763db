"""Errors as AWS answers them. Codes and messages: the services' field-proven strings, see each raise."""

from __future__ import annotations


class AwsError(Exception):
    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def validation(message: str) -> AwsError:
    return AwsError("ValidationException", message)


def not_found(message: str) -> AwsError:
    """Pipelines, schedules and tuning jobs; endpoints, configs and models answer `validation` instead."""
    return AwsError("ResourceNotFound", message)


def unknown_operation(name: str) -> AwsError:
    return AwsError("UnknownOperationException", f"The requested operation is not implemented here: {name}")
