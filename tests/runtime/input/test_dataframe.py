"""Data frames of pandas: read as their blocks lie, or in the public ways, with one answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import pretzel
from pretzel._native import frame_array
from pretzel.errors import InputKeyError, InputTypeError
from tests.answers import assert_close

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = 9000  # more than are read from lists at a time


def frame(rows: int = ROWS) -> pd.DataFrame:
    """Texts with and without gaps, ASCII and not, numbers of several types, in blocks of one and of more columns."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "city": rng.choice(["Bonn", "Köln", "", "Ulm an der Donau"], rows),
            "age": rng.integers(0, 99, rows),
            "note": rng.choice(["good, good", "ÄPFEL und Birnen", "bad", "so so"], rows),
            "pay": rng.normal(size=rows),
            "debt": rng.normal(size=rows).astype(np.float32),
            "plain": rng.choice(["some text", "other words", "Some"], rows),
            "gap": rng.choice(np.array(["x", "y", None], dtype=object), rows),
            "member": rng.random(rows) < 0.5,
        }
    )
    return table.astype({"city": "str", "note": "str", "plain": "str", "gap": "str"})


@pytest.fixture(scope="module")
def estimator() -> Any:
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["city", "gap", "age"]),
        (CountVectorizer(), "note"),
        (CountVectorizer(), "plain"),
        (StandardScaler(), ["pay", "debt", "age", "member"]),
        sparse_threshold=0.0,
    )
    return columns.fit(frame(200))


@pytest.fixture(scope="module")
def plan(estimator: Any) -> pretzel.Plan:
    return pretzel.compile(estimator, strict=True)


FORMS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "as it is": lambda table: table,
    "copied": lambda table: table.copy(),
    "every third row": lambda table: table.iloc[::3],
    "backwards": lambda table: table[::-1],
    "not from the first row": lambda table: table.iloc[2:],
    "one row": lambda table: table.iloc[[3]],
    "other order": lambda table: table[list(reversed(table.columns))],
    "more columns": lambda table: table.assign(more=1),
    "objects": lambda table: table.astype({"city": object, "note": object, "gap": object}),
    "categories": lambda table: table.astype({"city": "category"}),
    "chunks": lambda table: pd.concat([table.iloc[:5], table.iloc[5:]]),
    "names as objects": lambda table: table.set_axis(pd.Index(list(table.columns), dtype=object), axis=1),
    "arrow": lambda table: table.astype({"note": pd.ArrowDtype(pytest.importorskip("pyarrow").string())}),
    "nullable": lambda table: table.astype({"age": "Int64"}),
}


@pytest.mark.parametrize("rows", [5, ROWS])
@pytest.mark.parametrize("form", FORMS)
def test_the_answer_is_that_of_the_estimator(plan: pretzel.Plan, estimator: Any, form: str, rows: int) -> None:
    table = FORMS[form](frame(rows))
    expected = estimator.transform(frame(rows).loc[table.index])
    assert_close(plan.transform(table), expected)
    with pretzel.Runtime() as runtime:
        answer = runtime.register("model", plan).submit(table, method="transform").result()
    np.testing.assert_array_equal(answer, plan.transform(table))


def test_what_lies_as_usual_is_not_looked_for_in_the_public_ways(
    plan: pretzel.Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reject(*_: Any) -> None:
        raise AssertionError("read in the public ways")

    pytest.importorskip("pyarrow", reason="without it, texts lie in arrays of objects")
    table = frame(100)
    monkeypatch.setattr("pretzel.runtime.input.table_reader._of_pandas", reject)
    plan.transform(table)
    with pytest.raises(AssertionError):
        plan.transform(table.astype({"city": "category"}))


def test_subclasses_are_read_in_the_public_ways(plan: pretzel.Plan) -> None:
    class Special(pd.DataFrame):
        pass

    np.testing.assert_array_equal(plan.transform(Special(frame(5))), plan.transform(frame(5)))


def test_a_missing_document_is_rejected_with_its_place(plan: pretzel.Plan) -> None:
    table = frame(100)
    table.loc[71, "plain"] = None
    with pytest.raises(InputTypeError, match="row 71, column 'plain'"):
        plan.transform(table)


@pytest.mark.parametrize("column", ["pay", "note"])
def test_wrong_types_are_rejected(plan: pretzel.Plan, column: str) -> None:
    wrong = "text" if column == "pay" else 1.5
    with pytest.raises(InputTypeError, match=f"column '{column}'"):
        plan.transform(frame(100).assign(**{column: wrong}))


def test_names_of_the_same_length_are_not_enough(plan: pretzel.Plan) -> None:
    with pytest.raises(InputKeyError, match="'city'"):
        plan.transform(frame(5).rename(columns={"city": "cita"}))


def test_arrays_that_are_not_there() -> None:
    assert frame_array(object(), 0) is None
    assert frame_array(frame(5), 8) is None
    assert frame_array(frame(5), -1) is None
