"""Examples are the same each time, and nothing is fitted or imported before it is asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.utils.validation import check_is_fitted

import pretzel
from pretzel import examples


def test_data_come_from_their_seed() -> None:
    assert examples.texts(20) == examples.texts(20) != examples.texts(20, seed=1)
    assert examples.table(20).equals(examples.table(20))
    assert examples.vocabulary(5) == examples.vocabulary(5)
    (X, y), (again, _) = examples.regression(20, 3), examples.regression(20, 3)
    np.testing.assert_array_equal(X, again)
    assert (X.shape, y.shape) == ((20, 3), (20,))


def test_classes_are_of_one_size() -> None:
    _, y = examples.regression(90)
    assert np.bincount(examples.classes(y, 3)).tolist() == [30, 30, 30]
    assert set(examples.classes(y, 2, ["no", "yes"])) == {"no", "yes"}


def test_an_example_stays_unfitted() -> None:
    for example in examples.small_examples():
        rows, _ = example.load()
        assert len(example.fit().predict(rows)) == len(rows)
        with pytest.raises(ValueError, match="not fitted"):
            check_is_fitted(example.estimator)


def test_importing_them_imports_no_estimator() -> None:
    where = str(Path(pretzel.__file__).parent.parent)
    code = f"import sys; sys.path.insert(0, {where!r}); import pretzel.examples; print('sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"
