"""Texts that a TableVectorizer of skrub makes dates of, in many formats and odd forms, against the library."""

from __future__ import annotations

import copy
import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import pretzel
from pretzel.errors import InputTypeError, InputValueError
from pretzel.oven.frontends.registry import Unsupported
from pretzel.oven.frontends.skrub.dates import parts_of_format
from pretzel.oven.ir.columns import CellLeaf
from pretzel.oven.ir.date_texts import DateTexts
from pretzel.serving.warm_up import row_of

if TYPE_CHECKING:
    from pathlib import Path

skrub = pytest.importorskip("skrub")
pytestmark = pytest.mark.filterwarnings("ignore")

LIBRARIES = pytest.mark.parametrize("library", ["pandas", "polars"])
MOMENTS = pd.Series(pd.date_range("1999-12-13T01:02:03.045", periods=40, freq="98765s", tz="UTC"))
FORMATS = {
    "%Y-%m-%d": (
        "2024-2-29",
        "2023-02-29",
        "2024-02-30",
        "24-02-29",
        "2024-02-29 ",
        " 2024-02-29",
        "2024-02-29T00",
        "2024/02/29",
        "12024-02-29",
        "2024- 2- 9",
        "9999-12-31",
        "2024-13-01",
        "2024-00-01",
        "2024-1-32",
        "20240229",
        "nan",
        "NaT",
    ),
    "%m/%d/%Y %H:%M": (
        "2/9/2024 3:4",
        "02/09/2024  03:04",
        "02/09/2024 24:00",
        "02/09/2024 03:60",
        "02/09/2024",
        "2/29/2023 01:00",
        "02/09/2024\u00e9 03:04",
        "02/09/2024 03:04:05",
        "1/01/2024 0:00",
        "13/1/2024 00:00",
    ),
    "%d.%m.%Y %H:%M:%S": ("1.2.2024 1:2:3", "01.02.2024 01:02", "01.02.2024 01:02:59", "31.4.2024 00:00:00"),
    "%Y-%m-%dT%H:%M:%S.%f": (
        "2024-02-29T01:02:03.5",
        "2024-02-29T01:02:03.123456",
        "2024-02-29t01:02:03.5",
        "2024-02-29T01:02:03",
    ),
    "%Y-%m-%d %H:%M:%S%z": (
        "2024-02-29 23:59:59+02:00",
        "2024-02-29 23:59:59-0130",
        "2024-02-29 23:59:59",
        "2024-02-29 5:1:2+0000",
    ),
    "%d/%m/%y": ("29/02/24", "1/2/24", "29/02/68", "29/02/69", "01/02/70", "29/02/2024", "a9/02/24"),
    "%Y%m%d": ("20240229", "2024229", "202419", "2024 2 9", "20240230", "-20240229"),
    "%d %B %Y": ("1 march 2024", "01 MAY 2024", "1 Mar 2024", "1  March 2024", "1 Marsh 2024"),
    "%d-%b-%Y %I:%M %p": (
        "01-Feb-2024 12:05 AM",
        "1-feb-2024 12:05 pm",
        "01-Feb-2024 13:05 PM",
        "01-Feb-2024 1:05 PM",
        "01-Feb-2024 1:05 XM",
    ),
}
"""Formats, and texts that a request has beside good ones."""

DOUBTFUL = ("today", "NOW", "\u0662\u0660\u0662\u0664-02-29", "2024-02-29\t", 20240229, datetime.date(2024, 2, 29))


def fitted(form: str, library: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, list[str]]:
    """A vectorizer in front of a scaler that changes no number, and the texts of the fit."""
    texts = MOMENTS.dt.strftime(form).tolist()
    monkeypatch.setattr("skrub._to_datetime._guess_datetime_format", lambda column: form)
    encoder = skrub.DatetimeEncoder(resolution="microsecond", add_weekday=True)
    steps = skrub.TableVectorizer(datetime=encoder), StandardScaler(with_mean=False, with_std=False)
    return make_pipeline(*steps).fit(frame_of([*texts, None], library)), texts


def frame_of(values: list[Any], library: str) -> Any:
    return pd.DataFrame({"when": values}) if library == "pandas" else pl.DataFrame({"when": values})


@LIBRARIES
@pytest.mark.parametrize("form", FORMATS)
def test_texts_are_read_as_the_library_reads_them(
    form: str, library: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    model, texts = fitted(form, library, monkeypatch)
    plan = pretzel.compile(model, strict=True)
    asked = [*texts[:5], *FORMATS[form], "", " ", "x", "N/A", None]
    frame = frame_of(asked, library)
    want = np.asarray(model.transform(frame))
    np.testing.assert_array_equal(plan.transform(frame), want)
    plan.save(tmp_path / "texts.pretzel")
    saved = pretzel.load(tmp_path / "texts.pretzel")  # behind which is no library
    read = 0
    for value, expected in zip(asked, want, strict=True):
        try:
            found = saved.transform_one({"when": value})
        except InputTypeError:
            continue
        read += 1
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(saved.transform([(value,)])[0], expected)
    assert read >= len(asked) - 2


@LIBRARIES
def test_rows_in_every_form(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, texts = fitted("%Y-%m-%d %H:%M:%S%z", library, monkeypatch)
    plan = pretzel.compile(model, strict=True)
    frame = frame_of([*texts, None], library)
    want = np.asarray(model.transform(frame))
    arrow = frame.to_arrow() if library == "polars" else pl.from_pandas(frame).to_arrow()
    for asked in (frame, arrow, [{"when": text} for text in [*texts, None]], [(text,) for text in [*texts, None]]):
        np.testing.assert_array_equal(plan.transform(asked), want)
    for missing in (None, float("nan"), pd.NaT, pd.NA):
        assert np.isnan(plan.transform_one({"when": missing})).all()


def test_the_library_answers_for_what_is_doubtful(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    model, texts = fitted("%Y-%m-%d", "pandas", monkeypatch)
    plan = pretzel.compile(model, strict=True)
    plan.save(tmp_path / "texts.pretzel")
    saved = pretzel.load(tmp_path / "texts.pretzel")
    for value in DOUBTFUL:
        frame = pd.DataFrame({"when": pd.Series([texts[0], value], dtype=object)})
        if value != "NOW":
            np.testing.assert_allclose(plan.transform(frame), model.transform(frame), rtol=1e-6)
        with pytest.raises(InputTypeError, match=r"tablevectorizer\.when"):
            saved.transform_one({"when": value})
    dates = pd.DataFrame({"when": MOMENTS.dt.tz_localize(None)})
    np.testing.assert_array_equal(plan.transform(dates), model.transform(dates))


@pytest.mark.parametrize(
    "form", ["%Y-%j", "%A %d %B %Y", "%d %B", "%Y-%m-%d %Z", "%Y-%m-%d%%", "%Y\t%m-%d", "%H:%M %p %Y-%m-%d"]
)
def test_other_formats_are_opaque(form: str) -> None:
    step = skrub.ToDatetime(format=form)
    step.format_, step.output_time_zone_ = form, None
    with pytest.raises(Unsupported, match="dates that are texts in the format"):
        parts_of_format(step, "pandas")


@LIBRARIES
def test_the_reference_reads_texts_alike(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for form, odd in FORMATS.items():
        model, texts = fitted(form, library, monkeypatch)
        (step,) = [each for each in model[0].all_processing_steps_["when"] if type(each).__name__ == "ToDatetime"]
        node = DateTexts((CellLeaf((), (0,)),), parts_of_format(step, library), library, "us")
        left = [text for text in odd if text[0] == "-" or (library == "polars" and form == "%d/%m/%y")]
        asked = [*texts[:3], *(text for text in odd if text not in left)]  # the kernel stops at the others
        day, ns, _ = node.reference(np.array([[text] for text in asked], dtype=object)).T
        made = step.transform(frame_of(asked, library)["when"])
        made = made.dt.tz_localize(None) if library == "pandas" else made.dt.replace_time_zone(None)
        want = made.to_numpy().astype("datetime64[us]")
        moments = np.nan_to_num(day).astype("M8[D]") + (np.nan_to_num(ns) // 1000).astype("m8[us]")
        found = np.where(np.isnan(day), np.datetime64("NaT"), moments)
        np.testing.assert_array_equal(found, want)


@LIBRARIES
@pytest.mark.parametrize("form", FORMATS)
def test_requests_are_described_as_texts(form: str, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, _ = fitted(form, library, monkeypatch)
    plan = pretzel.compile(model, strict=True)
    (column,) = plan.input_schema.columns
    assert (column.kind, column.dtype, column.nullable, column.format) == ("date", "str", True, form)
    assert f"date, as a text {form}; may be missing" in str(plan.input_schema)
    found = plan.input_schema.to_json_schema()["properties"]["when"]
    assert (found["type"], found["description"]) == (["string", "null"], f"a date in the format {form}")
    assert found.get("format") == ("date" if form == "%Y-%m-%d" else None)
    assert not np.isnan(plan.transform_one({"when": found["examples"][0]})).any()
    assert row_of(plan.input_schema) == {"when": found["examples"][0]}
    described = plan.input_schema.to_pydantic().model_json_schema()["properties"]["when"]
    assert {**found, "type": "string"}.items() <= described["anyOf"][0].items()
    assert str(plan.input_schema.to_arrow().field("when").type) == "string"
    assert plan.input_schema.to_open_inference()["inputs"][0]["datatype"] == "BYTES"


def test_a_model_that_rejects_missing_dates_names_the_column(tmp_path: Path) -> None:
    texts = MOMENTS.dt.strftime("%Y-%m-%d").tolist()
    frame = pd.DataFrame({"size": np.arange(40.0), "when": texts})
    pretzel.compile(make_pipeline(skrub.TableVectorizer(), Ridge()).fit(frame, range(40))).save(tmp_path / "texts")
    plan = pretzel.load(tmp_path / "texts")
    assert plan.input_schema.columns[1].nullable is False
    for value in (None, "2024-02-30", "29.2.2024"):
        with pytest.raises(InputValueError, match="row 0, column 'when' holds no text of a date in the form of the"):
            plan.predict_one({"size": 1.0, "when": value})
    for value in ("today", 5):
        with pytest.raises(InputTypeError, match=r"row 0, column 'when' .* expected the text of a date in the form"):
            plan.predict_one({"size": 1.0, "when": value})


def test_verify_checks_the_rows_that_the_program_reads() -> None:
    """The odd texts that `verify` adds are left to the library, and no more than these."""
    table = pd.DataFrame({"when": MOMENTS.dt.strftime("%Y-%m-%d %H:%M:%S"), "size": np.arange(40.0)})
    model = make_pipeline(skrub.TableVectorizer(), StandardScaler(), Ridge()).fit(table, np.arange(40) // 20)
    plan = pretzel.compile(model)
    assert pretzel.verify(plan, model, table).ok
    other = copy.deepcopy(model)
    other[-1].coef_ = other[-1].coef_ * np.float32(1.01)
    report = pretzel.verify(plan, other, table)
    assert [each.kind for each in report.methods["predict"].divergences] == ["parameters"]
