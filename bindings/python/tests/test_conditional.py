"""Columns that are given: until the library generates conditionally, one clear refusal; afterwards, what they do."""

import unittest

import numpy as np
from common import NAMES, Frame, rows, tiny

from pushforward import InputError, PushforwardError, UnsupportedError
from pushforward._library import CONDITIONAL

later = unittest.skipUnless(CONDITIONAL, "this libpushforward does not generate conditionally")


class Refusals(unittest.TestCase):
    def test_unknown_column(self):
        with self.assertRaisesRegex(InputError, "'size' is not a column"):
            tiny().fit(Frame(rows(), NAMES), condition="size")

    def test_rows_beside(self):
        with self.assertRaisesRegex(InputError, "3 rows, X 400"):
            tiny().fit(rows(), condition=np.ones((3, 1)))

    @unittest.skipIf(CONDITIONAL, "this libpushforward generates conditionally")
    def test_a_library_without(self):
        with self.assertRaisesRegex(UnsupportedError, "conditional"):
            tiny().fit(rows(), condition=["x1"])
        with self.assertRaisesRegex(NotImplementedError, "conditional"):
            tiny().fit(rows()).sample(3, given={"x1": 0})

    @later
    def test_an_unconditional_model(self):
        with self.assertRaises(PushforwardError):
            tiny().fit(rows()).sample(3, given={"x1": 0})


@later
class Conditional(unittest.TestCase):
    """x2 is x1 / 2 and a small noise: given x1, its mean is known."""

    def fit(self, X, condition):
        return tiny(steps=3000, width=32, batch=256).fit(X, condition=condition)

    def follows(self, g, given):
        y = np.asarray(g.sample(2000, given=given))
        self.assertEqual(y.shape, (2000, 1))
        self.assertLess(abs(y[0::2].mean() - 0.5), 0.2)  # x1 = 4
        self.assertLess(abs(y[1::2].mean() + 0.5), 0.2)  # x1 = 2

    def test_a_column_of_a_frame(self):
        g = self.fit(Frame(rows(2000), NAMES), ["age"])
        self.assertEqual((g.condition_names_, g.model_.conditions, g.model_.columns), (["age"], ["age"], ["höhe"]))
        self.assertEqual(g.n_features_in_, 2)
        for given in ({"age": [4, 2]}, Frame([[4], [2]], ["age"]), [[4], [2]]):
            g._frame = False
            self.follows(g, given)

    def test_an_array_beside(self):
        x = rows(2000)
        g = self.fit(x[:, 1:], x[:, :1])
        self.assertEqual((g.model_.conditions, g.model_.columns), (["c1"], ["x1"]))
        self.assertEqual(g.n_features_in_, 1)
        self.follows(g, [[4], [2]])

    def test_missing_and_unknown(self):
        g = self.fit(Frame(rows(), NAMES), ["age"])
        with self.assertRaises(ValueError):
            g.sample(3)
        with self.assertRaises(ValueError):
            g.sample(3, given={"size": 1})
