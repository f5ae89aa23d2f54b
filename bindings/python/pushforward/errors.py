"""Exceptions of the package: one class for every status of the library, each also a built-in exception that fits."""

from __future__ import annotations


class PushforwardError(Exception):
    """Anything the library refuses or cannot do; ``status`` is the library's name for it."""

    status = ""


class UsageError(PushforwardError, ValueError):
    """An option or argument is wrong."""

    status = "usage"


class InputError(PushforwardError, ValueError):
    """The data or the model file is not usable."""

    status = "bad-input"


class FileError(PushforwardError, OSError):
    """Reading or writing failed."""

    status = "io"


class OutOfMemoryError(PushforwardError, MemoryError):
    """Out of memory."""

    status = "no-memory"


class NonFiniteError(PushforwardError, ArithmeticError):
    """A computed value is NaN or infinite."""

    status = "non-finite"


class FailedError(PushforwardError, RuntimeError):
    """The operation failed."""

    status = "failed"


class StoppedError(PushforwardError, RuntimeError):
    """Stopped on request."""

    status = "stopped"


class NotFittedError(PushforwardError, ValueError, AttributeError):
    """The estimator is used before ``fit``."""

    status = "not-fitted"


class PushforwardWarning(UserWarning):
    """Something a user should know about a training that went on."""


_BY_STATUS: dict[str, type[PushforwardError]] = {
    kind.status: kind
    for kind in (UsageError, InputError, FileError, OutOfMemoryError, NonFiniteError, FailedError, StoppedError)
}


def of_status(status: str, message: str) -> PushforwardError:
    """The exception for a status by its name, "bad-input"."""
    return _BY_STATUS.get(status, FailedError)(message)
