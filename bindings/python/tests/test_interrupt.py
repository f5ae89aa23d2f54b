"""A training that is interrupted raises what interrupted it, leaves a checkpoint, and goes on to the same bytes."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import warnings
from pathlib import Path

from common import MORE, rows, tiny

from pushforward import PushforwardWarning, UsageError
from pushforward._watch import Watch

LONG = {"steps": 20000, "options": {**MORE, "checkpoint_seconds": 1000}}

CHILD = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path[:0] = {path!r}
from common import rows
from test_interrupt import long
try:
    long().fit(rows(), progress=lambda p: print("go", flush=True), checkpoint={checkpoint!r})
    print("finished")
except KeyboardInterrupt:
    print("interrupted")
"""


def long():
    return tiny(**LONG)


class Alarm(Exception):
    pass


class Interrupted(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.checkpoint = Path(folder.name, "training")
        # a job that a script starts in the background has Ctrl-C ignored, and Python then leaves it so
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, before)

    def resumed(self, generator):
        self.assertTrue(self.checkpoint.exists())
        done = generator.fit(rows(), checkpoint=self.checkpoint, resume=True).model_.to_bytes()
        self.assertFalse(self.checkpoint.exists())
        return done

    def test_from_progress(self):
        def interrupt(progress):
            if progress.stage == stages[-1]:
                raise KeyboardInterrupt

        stages = []
        whole = tiny().fit(rows(), progress=lambda p: stages.append(p.stage)).model_.to_bytes()
        g = tiny()
        with self.assertRaises(KeyboardInterrupt):
            g.fit(rows(), progress=interrupt, checkpoint=self.checkpoint)
        self.assertFalse(hasattr(g, "model_"))
        self.assertEqual(self.resumed(g), whole)

    def test_control_c(self):
        """A real SIGINT while the library computes."""
        code = CHILD.format(path=sys.path, checkpoint=str(self.checkpoint))
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
            self.assertEqual(child.stdout.readline(), "go\n")
            child.send_signal(signal.SIGINT)
            out, err = child.communicate(timeout=60)
        self.assertEqual(out.replace("go\n", ""), "interrupted\n", err)
        self.assertEqual(err, "")
        self.assertEqual(self.resumed(long()), long().fit(rows()).model_.to_bytes())

    def test_any_signal_handler(self):
        def ring(_number, _frame):
            raise Alarm

        before = signal.signal(signal.SIGALRM, ring)
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with self.assertRaises(Alarm):
            long().fit(rows(), checkpoint=self.checkpoint)
        self.assertTrue(self.checkpoint.exists())
        self.assertIs(signal.getsignal(signal.SIGALRM), ring)

    def test_in_a_callback_that_waits(self):
        """The callback ends, too: what the handler raises is raised in it."""
        begun = time.monotonic()
        before = signal.signal(signal.SIGALRM, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with self.assertRaises(KeyboardInterrupt):
            tiny().fit(rows(), progress=lambda p: time.sleep(30))
        self.assertLess(time.monotonic() - begun, 20)

    def test_a_handler_that_does_not_raise(self):
        heard = []
        before = signal.signal(signal.SIGUSR1, lambda *_: heard.append(1))
        self.addCleanup(signal.signal, signal.SIGUSR1, before)
        tiny().fit(rows(), progress=lambda p: heard or os.kill(os.getpid(), signal.SIGUSR1))
        self.assertTrue(heard)

    def test_in_a_thread(self):
        caught = []

        def work():
            try:
                long().fit(rows(), progress=lambda p: 1 / 0)
            except ZeroDivisionError as error:
                caught.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join(60)
        self.assertEqual(len(caught), 1)

    def test_a_second_one_during_the_first(self):
        """What comes first is raised; the handlers are back."""
        watch = Watch(None)
        with self.assertRaises(KeyboardInterrupt):
            watch.run(lambda: [os.kill(os.getpid(), signal.SIGINT) for _ in range(2)] and time.sleep(0.01))
        self.assertIs(signal.getsignal(signal.SIGINT), signal.default_int_handler)

    def test_warnings_are_warnings(self):
        watch = Watch(None)
        with self.assertWarnsRegex(PushforwardWarning, "careful"):
            watch.hooks.log(None, 1, b"careful")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            watch.hooks.log(None, 1, b"careful")
        self.assertTrue(watch.hooks.stop(None))
        with self.assertRaises(PushforwardWarning):
            watch.run(lambda: None)

    def test_resume_without_a_checkpoint_begins(self):
        self.assertEqual(
            tiny().fit(rows(), checkpoint=self.checkpoint, resume=True).model_.to_bytes(), tiny().fit(rows()).model_.to_bytes()
        )

    def test_a_checkpoint_needs_a_number(self):
        with self.assertRaisesRegex(UsageError, "random_state"):
            tiny(random_state=None).fit(rows(), checkpoint=self.checkpoint)

    def test_a_checkpoint_of_something_else(self):
        with self.assertRaises(KeyboardInterrupt):
            tiny().fit(rows(), progress=lambda p: signal.raise_signal(signal.SIGINT), checkpoint=self.checkpoint)
        with self.assertRaises(ValueError):
            tiny(width=8).fit(rows(), checkpoint=self.checkpoint, resume=True)
