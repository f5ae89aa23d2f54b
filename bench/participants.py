"""Participants: processes that speak the line protocol of the benchmark (see work.h and peers/serve.py).

A participant that is not at work is stopped (SIGSTOP), so that threads which spin while they wait cost nobody
anything and everybody keeps the waiting policy that its authors chose.
"""
from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import subprocess
import tempfile
import time

PR_SET_PDEATHSIG = 1


class Unavailable(Exception):
    """The participant did not start or went away; says why."""


def _die_with_parent() -> None:
    """A stopped process would not see its standard input end: have the kernel kill it with the driver."""
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    except (AttributeError, OSError):
        pass


class Process:
    """A child in a process group of its own, pinned to `cores`.

    All children stay in the driver's session: Linux shares the processor among sessions first (autogroup), and a two-thread
    participant beside two spinning sessions would be given a third of each core."""

    def __init__(self, command: list[str], cores: list[int], env: dict[str, str] | None = None):
        def prepare() -> None:
            os.setpgid(0, 0)
            _die_with_parent()
            if hasattr(os, "sched_setaffinity"):
                os.sched_setaffinity(0, cores)

        self.errors = tempfile.TemporaryFile()
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
                                      env={**os.environ, **(env or {})}, preexec_fn=prepare)

    def signal(self, number: int) -> None:
        try:
            os.killpg(self.child.pid, number)
        except ProcessLookupError:
            pass

    def pause(self) -> None:
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.child.wait()
        for stream in (self.child.stdin, self.child.stdout, self.errors):
            try:
                stream.close()
            except OSError:
                pass

    def last_words(self) -> str:
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "no message"


class Participant(Process):
    """A worker: ready() once, then go(k) any number of times."""

    def __init__(self, command: list[str], cores: list[int], env: dict[str, str] | None = None):
        super().__init__(command, cores, env)
        self.pending = b""

    def _line(self, timeout: float) -> str:
        end = time.monotonic() + timeout
        pipe = self.child.stdout.fileno()
        while b"\n" not in self.pending:
            left = end - time.monotonic()
            if left <= 0 or not select.select([pipe], [], [], left)[0]:
                raise Unavailable(f"no answer within {timeout:.0f} s")
            piece = os.read(pipe, 65536)
            if not piece:
                self.child.wait()
                raise Unavailable(self.last_words())
            self.pending += piece
        line, self.pending = self.pending.split(b"\n", 1)
        return line.decode()

    def _answer(self, word: str, timeout: float) -> str:
        """The rest of the next line that begins with `word`; libraries may chat in between."""
        while True:
            line = self._line(timeout)
            if line.split(" ", 1)[0] == word:
                return line[len(word):].strip()

    def ready(self, timeout: float) -> dict:
        facts = json.loads(self._answer("ready", timeout) or "{}")
        self.pause()
        return facts

    def go(self, k: int, timeout: float) -> tuple[float, dict]:
        """Seconds that k iterations took, and what else the worker says about them."""
        try:
            self.child.stdin.write(f"go {k}\n".encode())
            self.child.stdin.flush()
        except OSError:
            raise Unavailable(self.last_words()) from None
        seconds, _, facts = self._answer("done", timeout).partition(" ")
        return float(seconds), json.loads(facts or "{}")
