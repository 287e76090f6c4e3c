"""The interpreter reads requests as the native reader does, and hands each node what it needs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from pretzel.errors import InputValueError
from pretzel.oven.ir.check import CheckFinite
from pretzel.oven.ir.columns import CellLeaf, NumericLeaf, Raw, Select, SparseLeaf, TextLeaf
from pretzel.oven.ir.concat import Concat, Densify
from pretzel.oven.ir.graph import toposort
from pretzel.oven.ir.interpret import interpret, normalize, read_leaf, take
from pretzel.oven.ir.opaque import new_token, opaque

X = np.arange(12.0).reshape(4, 3)


class Doubler:
    def transform(self, X):
        return np.asarray(X) * 2


@pytest.mark.parametrize("table", [X, X.astype(np.float32), X.astype(int), pd.DataFrame(X), sparse.csr_matrix(X)])
def test_numeric_leaves(table):
    value = read_leaf(NumericLeaf((), (2, 0)), table)
    assert value.dtype == np.float64
    np.testing.assert_array_equal(value, X[:, [2, 0]])


def test_none_is_missing():
    table = np.array([[1.0, None], [2.0, 3.0]], dtype=object)
    assert np.isnan(read_leaf(NumericLeaf((), (1,)), table)[0, 0])


def test_cells_keep_their_values():
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    value = read_leaf(CellLeaf((), (1, 0)), frame)
    assert value.dtype == object
    assert value[0].tolist() == ["x", 1]


@pytest.mark.parametrize("documents", [["Ä b", "C"], np.array(["Ä b", "C"]), pd.Series(["Ä b", "C"])])
def test_documents(documents):
    assert read_leaf(TextLeaf((), 0, True, "unicode"), documents).tolist() == [["a b"], ["c"]]


def test_sparse_leaves():
    value = read_leaf(SparseLeaf((), 3), X)
    assert sparse.issparse(value)
    np.testing.assert_array_equal(value.toarray(), X)


def test_take_follows_scikit_learns_indexing():
    frame = pd.DataFrame(X, columns=list("abc"))
    assert take(frame, (1,), scalar=True).tolist() == X[:, 1].tolist()
    assert list(take(frame, (2, 0)).columns) == ["c", "a"]
    assert take(X, (1,), scalar=True).shape == (4,)


def test_shared_nodes_are_computed_once():
    calls = []

    class Counter(Select):
        op = "counter/1"

        def reference(self, *inputs):
            calls.append(1)
            return super().reference(*inputs)

    shared = Counter((NumericLeaf((), (0, 1, 2)),), (0,))
    interpret([Concat((shared, shared)), shared], X)
    assert calls == [1]


def test_opaque_steps_get_the_columns_that_are_theirs():
    step = opaque(Doubler(), "transform", Raw((), (2, 0), selected=True), "a test", new_token())
    behind = NumericLeaf((step,), (1,))
    np.testing.assert_array_equal(interpret([behind], X)[behind], X[:, [0]] * 2)


def test_parts_of_an_opaque_value():
    step = opaque(Doubler(), "transform", Raw((), (0, 1, 2)), "a test", new_token())
    second = opaque(Doubler(), "transform", Raw((step,), (2,), selected=True), "a test", new_token())
    np.testing.assert_array_equal(interpret([second], X)[second], X[:, [2]] * 4)


def test_mixed_kinds():
    dense, rows = NumericLeaf((), (0,)), SparseLeaf((), 3)
    both = Densify((Concat((dense, rows)),))
    np.testing.assert_array_equal(interpret([both], X)[both], np.hstack([X[:, :1], X]))
    assert len(interpret([both], X)) == len(toposort([both]))


def test_checks_pass_values_through_or_stop():
    check = CheckFinite((NumericLeaf((), (0, 1, 2)),), "Test", allow_nan=True)
    bad = X.copy()
    bad[1, 2] = np.nan
    assert interpret([check], bad)[check].shape == (4, 3)
    bad[3, 0] = np.inf
    with pytest.raises(InputValueError, match="Test: row 3, column 0"):
        interpret([check], bad)


@pytest.mark.parametrize(
    ("text", "lower", "accents", "expected"),
    [
        ("ÀÉ", True, None, "àé"),
        ("ÀÉ ß", False, "ascii", "AE "),
        ("ÀÉ ß", True, "unicode", "ae ß"),
        ("ASCII", False, "unicode", "ASCII"),
        ("İ", True, None, "i̇"),
    ],
)
def test_normalize(text, lower, accents, expected):
    assert normalize(text, lower, accents) == expected
