"""What is taken as rows, and what is refused by which exception."""

import array
import unittest

import numpy as np
from common import NAMES, Frame, rows, tiny

from pushforward import InputError, UsageError
from pushforward._tables import rows_of


class Taken(unittest.TestCase):
    def same(self, data, want, names=None):
        got = rows_of(data)
        np.testing.assert_array_equal(got.values, want)
        self.assertEqual(got.values.dtype, np.float64)
        self.assertTrue(got.values.flags.c_contiguous)
        self.assertEqual(got.names, names)

    def test_whole_numbers(self):
        """A column's type says whether a model generates whole numbers."""
        self.assertEqual(rows_of([[1, 2]]).whole, [True, True])
        self.assertEqual(rows_of([[1.0, 2]]).whole, [False, False])
        self.assertEqual(rows_of({"a": [1], "b": [1.0], "c": [True], "d": np.uint8([1])}).whole, [True, False, True, True])
        y = tiny().fit({"a": np.arange(300), "b": np.linspace(0, 1, 300)}).sample(50)
        self.assertTrue((y[:, 0] == y[:, 0].round()).all())
        self.assertFalse((y[:, 1] == y[:, 1].round()).any())

    def test_arrays(self):
        x = rows(5)
        self.same(x, x)
        self.same(np.asfortranarray(x), x)
        self.same(x[::-1], x[::-1])
        self.same(x.astype(np.float32), x.astype(np.float32).astype(float))
        self.same(np.array([[1, 2], [3, 4]], dtype=np.uint8), [[1, 2], [3, 4]])
        self.same([[1, 2], [3, True]], [[1, 2], [3, 1]])

    def test_objects_that_are_numbers(self):
        self.same(np.array([[1, 2.5]], dtype=object), [[1, 2.5]])

    def test_buffers(self):
        flat = array.array("d", [1, 2, 3, 4])
        self.same(memoryview(flat).cast("B").cast("d", (2, 2)), [[1, 2], [3, 4]])

    def test_array_interface(self):
        class Holder:
            def __init__(self, values):
                self.kept = values
                self.__array_interface__ = values.__array_interface__

        self.same(Holder(np.array([[1.0, 2.0]])), [[1, 2]])

    def test_names(self):
        self.same(Frame([[1, 2]], NAMES), [[1, 2]], NAMES)
        self.same(Frame([[1, 2]], [0, 1]), [[1, 2]])
        self.same({"a": [1, 2], "b": 3}, [[1, 3], [2, 3]], ["a", "b"])
        self.same(np.array([(1, 2.5)], dtype=[("a", int), ("b", float)]), [[1, 2.5]], ["a", "b"])


class Refused(unittest.TestCase):
    def refused(self, data, kind, pattern):
        with self.assertRaisesRegex(kind, pattern):
            tiny().fit(data)

    def test_shapes(self):
        self.refused(np.ones(4), InputError, r"2D array, got 1D.*reshape\(-1, 1\)")
        self.refused(np.ones((2, 2, 2)), InputError, "got 3D")
        self.refused(np.ones((0, 3)), InputError, "0 sample")
        self.refused(np.ones((3, 0)), InputError, r"0 feature\(s\) \(shape=\(3, 0\)\)")
        self.refused(np.ones((1, 3)), InputError, "1 sample")
        self.refused({}, InputError, "no columns")
        self.refused({"a": [1, 2], "b": [1, 2, 3]}, InputError, "do not fit")

    def test_values(self):
        x = rows(10)
        x[3, 1] = np.nan
        self.refused(x, InputError, "NaN: row 3, column 1")
        self.refused(Frame(x, NAMES), InputError, "NaN: row 3, column höhe")
        x[3, 1] = -np.inf
        self.refused(x, InputError, "inf.*row 3, column 1")
        self.refused(x + 1j, ValueError, "[Cc]omplex")
        self.refused(np.array([["a", "1"], ["2", "3"]]), ValueError, "column 0.*'a'")
        self.refused(Frame(np.array([[1, "x"], [2, "y"]], dtype=object), NAMES), ValueError, "column höhe.*'x'")

    def test_names(self):
        self.refused(Frame(rows(10), ["a", "a"]), InputError, "both named 'a'")
        self.refused(Frame(rows(10), ["a", 1]), TypeError, "string names")

    def test_sparse(self):
        class Sparse:
            def toarray(self):
                return rows(10)

        self.refused(Sparse(), TypeError, "sparse")

    def test_options(self):
        x = rows(50)
        for parameters, pattern in (
            ({"method": "charcteristic"}, "did you mean 'characteristic'"),
            ({"options": {"widht": 3}}, "did you mean 'width'"),
            ({"options": {"width": 3}}, "given twice"),
            ({"options": {"seed": 3}}, "random_state"),
            ({"options": {"condition": "x1"}}, "argument of fit"),
            ({"steps": 2.5}, "steps is 2.5"),
            ({"steps": True}, "steps is True"),
            ({"steps": "many"}, "steps|many"),
            ({"steps": 2**70}, "64 bits"),
            ({"budget": "3 fortnights", "steps": None}, "budget is '3 fortnights'"),
            ({"random_state": "one"}, "random_state is 'one'"),
        ):
            with self.subTest(parameters), self.assertRaisesRegex(ValueError, pattern):
                tiny(**parameters).fit(x)
        self.assertTrue(issubclass(UsageError, ValueError))
