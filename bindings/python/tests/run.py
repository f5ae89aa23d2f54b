"""Runs the tests beside this file and prints a line each: "ok NAME", "not ok NAME" or "skip NAME (why)".

    PUSHFORWARD_LIBRARY=build/libpushforward.so python3 bindings/python/tests/run.py [--installed] [PATTERN]

The package is the one beside the tests, or with --installed the one that Python finds.
"""

import sys
import unittest
from pathlib import Path

HERE = Path(__file__).parent


class Lines(unittest.TestResult):
    """What went wrong goes to standard error."""

    @staticmethod
    def _name(test):
        return "python: " + test.id()

    def _bad(self, test, error):
        print(f"not ok {self._name(test)}", flush=True)
        print(self._exc_info_to_string(error, test), file=sys.stderr)

    def addSuccess(self, test):
        print(f"ok {self._name(test)}", flush=True)

    def addError(self, test, err):
        super().addError(test, err)
        self._bad(test, err)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._bad(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._bad(subtest, err)

    def addSkip(self, test, reason):
        print(f"skip {self._name(test)} ({reason})", flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    if "--installed" in sys.argv:
        sys.argv.remove("--installed")
    else:
        sys.path.insert(0, str(HERE.parent))
    pattern = sys.argv[1] if len(sys.argv) > 1 else "test_*.py"
    result = Lines()
    suite = unittest.defaultTestLoader.discover(str(HERE), pattern)
    if suite.countTestCases() == 0:
        print(f"not ok python: no test in {HERE} matches {pattern}")
    suite.run(result)
