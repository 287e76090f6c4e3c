"""LightGBM's text format, read without the library, and what files from outside may hold."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

import pretzel
from pretzel.errors import ModelFileError
from pretzel.oven.frontends.lightgbm.model_text import read_model_text

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=2
objective=binary sigmoid:1
feature_names=a=b c_d ü
feature_infos=[0:1] 0:1:2 none
tree_sizes=1 2

Tree=0
num_leaves=3
num_cat=1
split_feature=0 1
split_gain=1 1
threshold=0.5 0
decision_type=2 1
left_child=1 -1
right_child=-2 -3
leaf_value=0.25 -1 2
cat_boundaries=0 1
cat_threshold=5
is_linear=0
shrinkage=1

Tree=1
num_leaves=1
num_cat=0
split_feature=
threshold=
decision_type=
left_child=
right_child=
leaf_value=0.5
is_linear=0
shrinkage=0.1

end of trees

feature_importances:
a=b=1

parameters:
[boosting: gbdt]
[categorical_feature: 1]
end of parameters

pandas_categorical:null
"""
ROWS = np.array([[0.0, 0.0, 9.0], [0.5, 1.0, 9.0], [0.0, 2.9, 9.0], [0.6, 0.0, 9.0], [np.nan, 0.0, np.nan]])
RAW = [0.75, 2.5, 0.75, -0.5, 0.75]


def test_a_text_is_read() -> None:
    model = read_model_text(TEXT)
    assert model.feature_names == ("a=b", "c_d", "ü")
    assert (model.objective, model.options, model.categorical) == ("binary", {"sigmoid": "1"}, (1,))
    np.testing.assert_array_equal(pretzel.compile(model).raw_score(ROWS), RAW)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("version=v4", "version=v3"),
        lambda text: text.replace("objective=binary sigmoid:1\n", ""),
        lambda text: text.replace("tree_sizes=1 2\n", ""),
        lambda text: text[: text.index("parameters:")],
        lambda text: text[: text.index("end of trees")],
        lambda text: text.replace("is_linear=0\n", ""),
        lambda text: text.replace("end of trees\n\n", ""),
    ],
)
def test_what_older_and_edited_texts_look_like(change: object) -> None:
    assert callable(change)
    np.testing.assert_array_equal(pretzel.compile(read_model_text(change(TEXT))).raw_score(ROWS), RAW)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("tree\n", "forest\n", "does not begin with the line 'tree'"),
        ("version=v4", "version=v9", "version is v9"),
        ("max_feature_idx=2", "max_feature_idx=1", "3 names"),
        ("max_feature_idx=2", "max_feature_idx=99999999999", "3 names"),
        ("num_tree_per_iteration=1", "num_tree_per_iteration=1000000000", "2 trees for 1000000000"),
        ("num_tree_per_iteration=1", "num_tree_per_iteration=0", "2 trees for 0"),
        ("tree_sizes=1 2", "tree_sizes=1 2 3", "ends after 2 trees"),
        ("left_child=1 -1", "left_child=1", "tree 0: 3 leaves, and splits of 2, 2, 2, 1, 2"),
        ("left_child=1 -1", "left_child=7 -1", "neither a split nor a leaf"),
        ("split_feature=0 1", "split_feature=0 3", "splits on columns 0 to 3 of 3"),
        ("threshold=0.5 0", "threshold=nan 0", "a threshold is NaN"),
        ("threshold=0.5 0", "threshold=0.5 1", "no category set"),
        ("cat_boundaries=0 1", "cat_boundaries=0 2", "cat_boundaries"),
        ("cat_threshold=5", "cat_threshold=4294967296", "beyond 32 bits"),
        ("decision_type=2 1", "decision_type=2 99", "unknown decision_type"),
        ("leaf_value=0.5", "", "tree 1: no 'leaf_value'"),
        ("leaf_value=0.25 -1 2", "leaf_value=0.25 x 2", "could not convert"),
        ("[categorical_feature: 1]", "[categorical_feature: 5]", "column 5 of 3"),
        ("pandas_categorical:null", "pandas_categorical:[1]", "no list of lists"),
        ("pandas_categorical:null", "pandas_categorical:" + "[" * 100_000, "damaged"),
        ("left_child=1 -1", "left_child=0 -1", "do not form a tree"),
    ],
)
def test_damaged_texts_are_one_error(old: str, new: str, message: str) -> None:
    assert old in TEXT
    with pytest.raises(pretzel.errors.CompileError, match=re.escape(message)):
        pretzel.compile(read_model_text(TEXT.replace(old, new)))


def test_texts_that_are_cut_or_changed_anywhere() -> None:
    """Each is read, or refused with one error; none is a hang."""
    rng = random.Random(0)
    refused = 0
    for _ in range(400):
        at = rng.randrange(len(TEXT))
        changed = rng.choice([TEXT[:at], TEXT[:at] + rng.choice("0 9-=\n:x,") + TEXT[at + rng.randint(0, 3) :]])
        try:
            plan = pretzel.compile(read_model_text(changed))
            plan.raw_score(np.zeros((2, plan.n_features_in_)))
        except pretzel.errors.CompileError:
            refused += 1
    assert 80 < refused < 400


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "model.txt"
    path.write_text(TEXT, encoding="utf-8")
    for given in (path, str(path)):
        np.testing.assert_array_equal(pretzel.compile(given).raw_score(ROWS), RAW)
    plan = pretzel.compile(path)
    assert plan.predict_one({"a=b": 0.0, "c_d": 2.9, "ü": 9.0}) == pytest.approx(1 / (1 + np.exp(-0.75)))
    with pytest.raises(TypeError, match="num_iteration would be answered by the source, of which the plan has none"):
        plan.predict(ROWS, num_iteration=1)
    plan.save(tmp_path / "model.pretzel")
    np.testing.assert_array_equal(pretzel.load(tmp_path / "model.pretzel").predict(ROWS), plan.predict(ROWS))
    path.write_text("nothing of the kind", encoding="utf-8")
    with pytest.raises(ModelFileError, match="no model in a format"):
        pretzel.compile(path)
    path.write_bytes(b"tree\nversion=v4\n\xff\xff")
    with pytest.raises(ModelFileError):
        pretzel.compile(path)
    with pytest.raises(ModelFileError, match="there is no file"):
        pretzel.compile(tmp_path / "none.txt")
