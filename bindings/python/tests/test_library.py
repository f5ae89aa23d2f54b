"""Which library is loaded, and that one of another shape is not."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import pushforward
from pushforward import _library


def importing(code="import pushforward", **environment):
    code = f"import sys; sys.path[:0] = {sys.path!r}\n{code}"
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True)
    return done.returncode, done.stderr


class Library(unittest.TestCase):
    def test_version(self):
        self.assertEqual(pushforward.__version__, _library.library.pf_version().decode())

    def test_no_such_file(self):
        code, said = importing(PUSHFORWARD_LIBRARY="/nowhere/libpushforward.so")
        self.assertNotEqual(code, 0)
        self.assertIn("ImportError: PUSHFORWARD_LIBRARY: /nowhere", said)

    def test_another_library(self):
        code, said = importing(PUSHFORWARD_LIBRARY="libm.so.6")
        self.assertIn("ImportError: libm.so.6 has no pf_version", said)

    @unittest.skipUnless(Path(_library.library._name).is_file(), "the system's library is in use")
    def test_the_library_of_the_folder_that_the_package_is_installed_into(self):
        with tempfile.TemporaryDirectory() as prefix:
            packages = Path(prefix, "lib", "python3", "dist-packages")
            packages.mkdir(parents=True)
            (packages / "pushforward").symlink_to(Path(pushforward.__file__).absolute().parent)
            Path(prefix, "lib", "libpushforward.so.0").symlink_to(Path(_library.library._name).absolute())
            code, said = importing(
                f"sys.path.insert(0, {str(packages)!r})\nfrom pushforward import _library\n"
                f"assert _library.library._name.startswith({prefix!r}), _library.library._name",
                PUSHFORWARD_LIBRARY="",
            )
        self.assertEqual(code, 0, said)

    def test_another_layout(self):
        code, said = importing(
            "import ctypes, importlib.util\n"
            "spec = importlib.util.find_spec('pushforward')\n"
            "import types; package = types.ModuleType('pushforward'); package.__path__ = spec.submodule_search_locations\n"
            "sys.modules['pushforward'] = package\n"
            "from pushforward import _structures\n"
            "_structures.TRAIN_TAIL.append(('another', ctypes.c_int64))\n"
            "from pushforward import _library\n"
        )
        self.assertIn("ImportError", said)
        self.assertIn("pf_train_options has", said)

    def test_typed(self):
        self.assertTrue(Path(pushforward.__file__).with_name("py.typed").exists())

    def test_everything_public_is_documented(self):
        for name in pushforward.__all__:
            if name != "__version__":
                self.assertTrue(getattr(pushforward, name).__doc__, name)
