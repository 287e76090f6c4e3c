"""DataFrames where neither pyarrow nor polars can be imported: pandas does not need them."""

from __future__ import annotations

import subprocess
import sys
import textwrap

PROGRAM = """
    import sys

    class Hidden:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in ("pyarrow", "polars"):
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    sys.meta_path.insert(0, Hidden())

    import math
    import warnings

    import numpy as np
    import pandas as pd
    from sklearn.compose import make_column_transformer
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.neighbors import KNeighborsRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

    import pretzel

    frame = pd.DataFrame({
        "age": [42.0, 17.0, math.nan, 30.0] * 5,
        "city": ["Bonn", "Köln", "", "日本"] * 5,
        "rank": pd.Series(["a", "b", None, "a"] * 5, dtype="category"),
        "n": pd.array([1, 2, None, 4] * 5, dtype="Int64"),
        "flag": [True, False, True, True] * 5,
    })
    y = np.arange(20.0)
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["age", "n", "flag"]),
        (OneHotEncoder(handle_unknown="ignore"), ["city"]),
        (OrdinalEncoder(encoded_missing_value=-1), ["rank"]),
    )
    models = {
        "native": make_pipeline(columns, LinearRegression()),
        "opaque": make_pipeline(columns, KNeighborsRegressor(3, p=3)),
        "numbers": make_pipeline(make_column_transformer(("passthrough", ["flag"])), LinearRegression()),
    }
    assert "pyarrow" not in sys.modules
    for name, model in models.items():
        source = model.fit(frame, y)
        plan = pretzel.compile(source)
        runtime = pretzel.Runtime()
        runtime.register("m", plan)
        requests = [frame, frame[frame.columns[::-1]], frame.assign(more=1), frame[::2], frame[:1], frame.iloc[3:2:-1]]
        for dtype in ("str", "string", "category", object):
            requests.append(frame.assign(city=frame["city"].astype(dtype)))
        for request in requests:
            expected = source.predict(request)
            np.testing.assert_allclose(plan.predict(request), expected, rtol=1e-9)
            np.testing.assert_allclose(runtime["m"].predict(request), expected, rtol=1e-9)
        for i, row in enumerate(frame.to_dict("records")):
            row = {key: None if value is pd.NA else value for key, value in row.items()}
            if name != "opaque":
                np.testing.assert_allclose(plan.predict_one(row), source.predict(frame)[i], rtol=1e-9)
        try:
            plan.predict(frame[["n"]])
        except pretzel.errors.InputKeyError as error:
            assert "missing columns" in str(error), error
        else:
            raise AssertionError("a column is missing")
    texts = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(frame["city"] + " x y", y > 9)
    plan = pretzel.compile(texts)
    for dtype in ("str", "string", object):
        documents = frame["city"].astype(dtype)
        np.testing.assert_allclose(plan.predict_proba(documents), texts.predict_proba(documents), rtol=1e-9)
    texts_only = OneHotEncoder(handle_unknown="ignore").fit(frame[["city"]])
    for dtype in ("str", "string", "category", object):
        request = frame[["city"]].astype(dtype)
        expected = texts_only.transform(request)
        assert (pretzel.compile(texts_only).transform(request) != expected).nnz == 0
    scaled = StandardScaler().fit(frame[["age", "n"]].astype(float))
    request = frame[["age", "n"]]
    np.testing.assert_allclose(pretzel.compile(scaled).transform(request), scaled.transform(request))
    assert "pyarrow" not in sys.modules and "polars" not in sys.modules
    print("right")
"""


def test_pandas_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(PROGRAM)], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "right", done.stderr[-3000:]
