"""What a wheel answers where nothing but NumPy is installed; run by the interpreter of such an environment.

cibuildwheel runs it for every wheel, `test_wheel.py` for that of ``make install``.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import runpy
import sys
import tempfile
from pathlib import Path

KNOWN = {"numpy", "pretzel-serving", "pip", "setuptools", "wheel"}
CORPUS = Path(__file__).resolve().parents[1] / "store" / "corpus_files.py"

STUMP = """tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=1
objective=regression
feature_names=age pay
feature_infos=[0:9] [0:9]
tree_sizes=0

Tree=0
num_leaves=2
num_cat=0
split_feature=1
split_gain=1
threshold=2.5
decision_type=2
left_child=-1
right_child=-2
leaf_value=1.5 -4
leaf_weight=1 1
leaf_count=1 1
internal_value=0
internal_weight=2
internal_count=2
is_linear=0
shrinkage=1

end of trees
"""
"""A model file of LightGBM, which needs neither LightGBM nor scikit-learn."""


def ask_saved_plans() -> int:
    """Compare the answers of saved plans to the bit; sparse ones are SciPy's, and need it."""
    known = runpy.run_path(str(CORPUS))
    asked = 0
    for path in sorted(known["CORPUS"].glob("*/*.pretzel")):
        plan = known["pretzel"].load(path)
        for request in json.loads(path.with_suffix(".json").read_text()):
            for method in plan.methods:
                try:
                    found = known["plain"](getattr(plan, method)(known["asked"](request)))
                except ModuleNotFoundError as error:
                    if error.name != "scipy":
                        raise
                else:
                    assert json.loads(json.dumps(found)) == request["answers"][method], f"{path}: {method}"
                    asked += 1
    return asked


def main() -> None:
    """Compile a model, load plans from files, and predict, with no compiler to be found."""
    os.environ["PATH"] = ""
    found = {each.metadata["Name"].lower().replace("_", "-") for each in importlib.metadata.distributions()}
    assert {"numpy", "pretzel-serving"} <= found <= KNOWN, found

    import pretzel

    assert "site-packages" in Path(pretzel.__file__).parts, pretzel.__file__
    assert pretzel.__version__ == importlib.metadata.version("pretzel-serving")
    if hasattr(sys, "_is_gil_enabled") and "free-threading" in sys.version:
        assert not sys._is_gil_enabled()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stump.txt"
        path.write_text(STUMP)
        plan = pretzel.compile(path)
    assert not plan.opaque_steps
    assert [plan.predict_one({"age": 1, "pay": pay}) for pay in (2, 3)] == [1.5, -4.0]
    assert plan.predict([[1.0, 2.0], [1.0, 3.0]]).tolist() == [1.5, -4.0]
    print(ask_saved_plans())


if __name__ == "__main__":
    main()
