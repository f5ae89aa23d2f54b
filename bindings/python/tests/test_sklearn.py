"""scikit-learn's own checks of an estimator, where it is installed.

A method without a density refuses ``score``; the checks that call it are left to the run on a flow, which passes them all.
"""

import unittest
import warnings

import numpy as np
from common import rows, tiny, tiny_flow

try:
    import sklearn
    from sklearn.utils.estimator_checks import check_estimator
except ImportError:
    sklearn = check_estimator = None

NEED_SCORE = {
    "check_fit_score_takes_y",
    "check_pipeline_consistency",
    "check_methods_sample_order_invariance",
    "check_methods_subset_invariance",
}
OF_SCIKIT_LEARN = {"check_array_api_input"}  # needs an environment variable of SciPy's


@unittest.skipUnless(sklearn, "no scikit-learn")
class Checks(unittest.TestCase):
    def failures(self, generator, excluded):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results = check_estimator(generator, on_fail=None, on_skip=None)
        self.assertGreater(len(results), 30)
        skipped = {r["check_name"] for r in results if r["status"] == "skipped"}
        self.assertLessEqual(skipped, OF_SCIKIT_LEARN)
        failed = {r["check_name"]: repr(r["exception"]) for r in results if r["status"] not in ("passed", "skipped")}
        return {name: why for name, why in failed.items() if name not in excluded}

    def test_one_step(self):
        self.assertEqual(self.failures(tiny(steps=100, width=8, batch=64), NEED_SCORE), {})

    def test_flow(self):
        self.assertEqual(self.failures(tiny_flow(steps=10, width=8, batch=64), set()), {})

    def test_clone_and_search(self):
        from sklearn.base import clone
        from sklearn.model_selection import GridSearchCV

        g = tiny()
        self.assertEqual(clone(g).get_params(), g.get_params())
        search = GridSearchCV(tiny_flow(steps=5), {"width": [8, 16]}, cv=2).fit(rows())
        self.assertTrue(np.isfinite(search.best_score_))
        self.assertEqual(search.best_estimator_.sample(3).shape, (3, 2))
