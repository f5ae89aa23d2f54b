"""What a long call tells its host, and how the host ends it.

An exception cannot leave a callback that C has called: ctypes would print it and go on. So the first one is kept, ``stop``
answers yes from then on, and it is raised once the call has returned, with the checkpoint saved. Python's signal handlers
run at the first instruction of whatever callback comes next, where no ``try`` of its own can catch what they raise; they are
wrapped while the call lasts, in the main thread, which alone runs them.
"""

from __future__ import annotations

import logging
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from . import _structures as s
from .errors import PushforwardWarning

logger = logging.getLogger("pushforward")


class Progress(NamedTuple):
    """How far a training is."""

    stage: str  #: what is being done, for example "velocity"
    done: int  #: units of work done in this stage
    total: int  #: of so many; 0 when unknown
    loss: float  #: latest training loss, NaN when there is none
    seconds: float  #: wall time since the stage began
    eta_seconds: float  #: estimated wall time to the end of the training, NaN when unknown


class Watch:
    """The hooks of one call. ``error`` is the first exception that a callback or a signal handler raised."""

    def __init__(self, progress: Callable[[Progress], object] | None) -> None:
        self.error: BaseException | None = None
        self._inside = False  # a callback of the host, whose exceptions _guard catches
        self._progress = progress
        self.hooks = s.Hooks(
            log=s.LogHook(self._on_log),
            progress=s.ProgressHook(self._on_progress) if progress else s.ProgressHook(),
            stop=s.StopHook(self._on_stop),
        )

    def _guard(self, function: Callable[..., object], *arguments: Any) -> None:
        if self.error is None:
            try:
                self._inside = True
                function(*arguments)
                self._inside = False
            except BaseException as error:  # KeyboardInterrupt before all
                self._inside = False
                self.error = error

    def _on_log(self, _context: Any, level: int, message: bytes) -> None:
        text = message.decode(errors="replace")
        if level == s.LOG_WARNING:
            self._guard(warnings.warn, text, PushforwardWarning, 2)
        else:
            self._guard(logger.info, "%s", text)

    def _on_progress(self, _context: Any, progress: Any) -> None:
        p = progress.contents
        assert self._progress is not None
        self._guard(self._progress, Progress(p.stage.decode(), p.done, p.total, p.loss, p.seconds, p.eta_seconds))

    def _on_stop(self, _context: Any) -> bool:
        return self.error is not None

    @contextmanager
    def _signals_kept(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        wrapped: list[tuple[int, Any, Any]] = []
        try:
            for number in signal.valid_signals():
                handler = signal.getsignal(number)
                if callable(handler):
                    keep = self._keeping(handler)
                    signal.signal(number, keep)
                    wrapped.append((number, handler, keep))
            yield
        finally:
            for signum, handler, keep in wrapped:
                if signal.getsignal(signum) is keep:  # else a callback has set another, which stays
                    signal.signal(signum, handler)

    def _keeping(self, handler: Callable[..., object]) -> Callable[[int, Any], None]:
        def keep(number: int, frame: Any) -> None:
            if self._inside:
                handler(number, frame)  # what it raises ends the callback
            else:
                self._guard(handler, number, frame)

        return keep

    def run(self, function: Callable[..., object], *arguments: Any) -> None:
        """Calls it with signals kept, and raises what came up meanwhile, else what the function itself raised."""
        failure: Exception | None = None
        with self._signals_kept():
            try:
                function(*arguments)
            except Exception as error:
                failure = error
        if self.error is not None:
            raise self.error
        if failure is not None:
            raise failure
