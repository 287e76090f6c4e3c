"""Model files of XGBoost, read without it: both formats, older releases, and files that no XGBoost wrote."""

from __future__ import annotations

import contextlib
import copy
import json
import math
import struct
from typing import Any

import numpy as np
import pytest

from pretzel.errors import CompileError
from pretzel.oven.frontends.xgboost import ubjson
from pretzel.oven.frontends.xgboost.model import is_ubjson, read_model

TREE: dict[str, Any] = {
    "left_children": [1, -1, -1],
    "right_children": [2, -1, -1],
    "parents": [2147483647, 0, 0],
    "split_indices": [1, 0, 0],
    "split_conditions": [0.5, -1.25, 2.0],
    "split_type": [0, 0, 0],
    "default_left": [1, 0, 0],
    "categories": [],
    "categories_nodes": [],
    "categories_segments": [],
    "categories_sizes": [],
    "base_weights": [0.0, 0.0, 0.0],
    "tree_param": {"num_nodes": "3", "num_feature": "2", "num_deleted": "0", "size_leaf_vector": "1"},
}
MODEL: dict[str, Any] = {
    "version": [3, 2, 0],
    "learner": {
        "attributes": {},
        "feature_names": [],
        "feature_types": [],
        "gradient_booster": {
            "name": "gbtree",
            "model": {
                "gbtree_model_param": {"num_trees": "2", "num_parallel_tree": "1"},
                "iteration_indptr": [0, 1, 2],
                "tree_info": [0, 0],
                "trees": [TREE, TREE],
            },
        },
        "learner_model_param": {"base_score": "[5E-1]", "num_class": "0", "num_feature": "2", "num_target": "1"},
        "objective": {"name": "reg:squarederror"},
    },
}


def changed(*path: Any, value: Any) -> bytes:
    """The model as JSON with something else at ``path``; no value: without it."""
    model = copy.deepcopy(MODEL)
    inside: Any = model
    for key in path[:-1]:
        inside = inside[key]
    if value is None:
        del inside[path[-1]]
    else:
        inside[path[-1]] = value
    return json.dumps(model).encode()


LEARNER = ("learner",)
BOOSTER = (*LEARNER, "gradient_booster", "model")
FIRST = (*BOOSTER, "trees", 0)


def as_ubjson(value: Any) -> bytes:
    """What XGBoost writes: lengths of eight bytes, typed arrays of numbers."""
    match value:
        case dict():
            return b"{" + b"".join(_text(name) + as_ubjson(each) for name, each in value.items()) + b"}"
        case list() if value and all(isinstance(each, float) for each in value):
            return b"[$d#" + _length(len(value)) + np.array(value, ">f4").tobytes()
        case list() if value and all(isinstance(each, int) for each in value):
            return b"[$l#" + _length(len(value)) + np.array(value, ">i4").tobytes()
        case list():
            return b"[#" + _length(len(value)) + b"".join(map(as_ubjson, value))
        case str():
            return b"S" + _text(value)
    return b"l" + struct.pack(">i", value)


def _length(n: int) -> bytes:
    return b"L" + struct.pack(">q", n)


def _text(text: str) -> bytes:
    return _length(len(text.encode())) + text.encode()


def test_both_formats() -> None:
    one, other = read_model(json.dumps(MODEL).encode()), read_model(as_ubjson(MODEL))
    assert not is_ubjson(json.dumps(MODEL, indent=1).encode())
    assert is_ubjson(as_ubjson(MODEL))
    for model in (one, other):
        assert (model.booster, model.objective, model.n_features, model.n_groups) == (
            "gbtree",
            "reg:squarederror",
            2,
            1,
        )
        np.testing.assert_array_equal(model.trees[0].values.ravel()[1:], np.float32([-1.25, 2.0]))
        assert model.trees[0].tree.threshold[0] == np.nextafter(np.float32(0.5), np.float32(0))
        np.testing.assert_array_equal(model.rounds, [0, 1, 2])
        np.testing.assert_array_equal(model.base_score, np.float32([0.5]))


@pytest.mark.parametrize(
    "data",
    [
        changed("learner", "learner_model_param", "base_score", value="5E-1"),
        changed("learner", "learner_model_param", "num_target", value=None),
        changed(*BOOSTER, "iteration_indptr", value=None),
        changed(*FIRST, "default_left", value=[True, False, False]),
        changed(*FIRST, "split_type", value=None),
        changed(*FIRST, "base_weights", value=None),
        changed(*FIRST, "base_weights", value=[math.nan] * 3),
        changed(*BOOSTER, "unknown", value={"a": [1, "b"]}),
        changed("learner", "attributes", value=None),
        changed("learner", "feature_names", value=None),
    ],
    ids=range(10),
)
def test_files_of_other_releases(data: bytes) -> None:
    assert b"NaN" not in data or "base_weights" in json.loads(data)["learner"]["gradient_booster"]["model"]["trees"][0]
    expected = read_model(json.dumps(MODEL).encode())
    found = read_model(data)
    np.testing.assert_array_equal(found.base_score, expected.base_score)
    np.testing.assert_array_equal(found.rounds, expected.rounds)
    np.testing.assert_array_equal(found.trees[0].tree.missing_left, expected.trees[0].tree.missing_left)


def test_minus_infinity_is_no_threshold() -> None:
    """Nothing is below it, so that numbers go to what is left when the children have changed places."""
    (tree, _) = read_model(changed(*FIRST, "split_conditions", value=[-math.inf, -1.25, 2.0])).trees
    assert (tree.tree.left[0], tree.tree.right[0], tree.tree.threshold[0]) == (2, 1, math.inf)
    assert tree.tree.missing_left[0] == 0


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("learner",), None, "it has no 'learner'"),
        (("learner",), [1], "list"),
        (("learner", "gradient_booster", "name"), "other", "booster of type 'other'"),
        (("learner", "learner_model_param", "num_feature"), "1000000000000", "expected 0 to"),
        (("learner", "learner_model_param", "num_feature"), "many", "invalid literal"),
        (("learner", "learner_model_param", "num_class"), "999999999", "expected 0 to"),
        (("learner", "learner_model_param", "base_score"), "[1, 2]", "2 base scores of 1 outputs"),
        (("learner", "learner_model_param", "base_score"), "[", "Expecting value"),
        (("learner", "feature_names"), ["a"], "names of 1 features for 2 columns"),
        ((*BOOSTER, "tree_info"), [0, 1], "outputs 0 to 0"),
        ((*BOOSTER, "tree_info"), [0], "outputs 0 to 0"),
        ((*BOOSTER, "iteration_indptr"), [0, 3, 2], "rounds"),
        ((*FIRST, "left_children"), [1, 2, -1], "do not form a tree"),
        ((*FIRST, "left_children"), [0, -1, -1], "do not form a tree"),
        ((*FIRST, "left_children"), [7, -1, -1], "do not form a tree"),
        ((*FIRST, "left_children"), [], "differ in length, or are empty"),
        ((*FIRST, "right_children"), [-5, -1, -1], "do not form a tree"),
        ((*FIRST, "split_indices"), [2, 0, 0], "splits on column 2 of 2"),
        ((*FIRST, "split_indices"), [-1, 0, 0], "splits on column"),
        ((*FIRST, "split_indices"), ["a", 0, 0], "numbers are expected"),
        ((*FIRST, "split_conditions"), [math.nan, 0.0, 0.0], "a threshold is NaN"),
        ((*FIRST, "split_type"), [1, 0, 0], "0"),
        ((*FIRST, "tree_param", "size_leaf_vector"), "3", "leaf_weights"),
    ],
)
def test_contradictions(path: tuple[Any, ...], value: Any, message: str) -> None:
    with pytest.raises(CompileError, match=r"^the XGBoost model cannot be read: ") as found:
        read_model(changed(*path, value=value))
    assert message in str(found.value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"{L",
        b"[]",
        b"null",
        b"{}",
        b"[" * 100_000,
        b"\xff\xfe",
        as_ubjson(MODEL)[:-1],
        as_ubjson(MODEL) + b"Z",
        b"{" + _text("learner") + b"[$d#" + _length(1 << 60),
        b"{" + _text("learner") + b"[$Z#" + _length(1 << 60),
        b"{" + _text("learner") + b"[#" + _length(1 << 60),
        b"{" + _text("learner") + b"[#" + _length(-1),
        b"{" + _text("learner") + b"[$" * 100,
        b"{" + _text("learner") + b"[" * 100_000,
        b"{" + (_text("a") + b"{") * 10_000,
        b"{" + _length(1 << 62),
        b"{L" + b"\xff" * 8,
    ],
    ids=range(19),
)
def test_no_model_at_all(data: bytes) -> None:
    with pytest.raises(CompileError, match="the XGBoost model cannot be read"):
        read_model(data)


def test_damaged_files_end_in_one_error() -> None:
    """Bytes of a file changed at random: a model, or a clear error, at once."""
    rng = np.random.default_rng(0)
    whole = as_ubjson(MODEL)
    for _ in range(3000):
        data = bytearray(whole)
        for _ in range(rng.integers(1, 4)):
            data[rng.integers(len(data))] = rng.integers(256)
        with contextlib.suppress(CompileError):
            read_model(bytes(data))


def test_all_types_of_ubjson() -> None:
    data = (
        b"{U\x01ai\xffU\x01bI\x01\x00U\x01cD"
        + struct.pack(">d", 0.1)
        + b"U\x01dTU\x01eFU\x01fZNU\x01gCxU\x01h[i\x01i\x02]}"
    )
    assert ubjson.loads(data) == {"a": -1, "b": 256, "c": 0.1, "d": True, "e": False, "f": None, "g": "x", "h": [1, 2]}
    counted = b"{#i\x02U\x01ai\x01U\x01b[$U#i\x03\x01\x02\xff"
    found = ubjson.loads(counted)
    assert found["a"] == 1
    np.testing.assert_array_equal(found["b"], [1, 2, 255])
