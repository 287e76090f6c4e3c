"""Tables in files (CSV, Parquet, Arrow), read and written in batches of rows; each batch is a frame of pandas.

What is read is what ``pandas.read_csv``, ``read_parquet`` and ``read_feather`` make of the file, because estimators
are fitted on that.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import secrets
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from pretzel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FORMATS = {".csv": "csv", ".parquet": "parquet", ".pq": "parquet", ".arrow": "arrow", ".feather": "arrow"}
"""Format of a table by the ending of its file."""

_WORDS = frozenset({"", "#N/A", "#N/A N/A", "#NA", "<NA>", "N/A", "NA", "NULL", "None", "n/a", "null"})
_NUMBERS = frozenset({"-1.#IND", "-1.#QNAN", "1.#IND", "1.#QNAN", "-NaN", "-nan", "NaN", "nan"})
MISSING = _WORDS | _NUMBERS
"""Texts that ``pandas.read_csv`` takes for missing values, the empty one among them."""


def format_of(path: str) -> str:
    """The format of a file, by the ending of its name."""
    found = FORMATS.get(Path(path).suffix.lower())
    if found is None:
        raise click.UsageError(f"{path}: tables are files whose names end with {', '.join(FORMATS)}")
    return found


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns are read.

    Parameters
    ----------
    names : list of str
        In the order of the frame.
    texts : set of str
        Texts, also where all of them look like numbers.
    numbers : set of str
        Categories that are numbers, also where another row holds a text.
    values : mapping of str to set of str
        Those of `MISSING` that are values of a column nevertheless, because its model knows them.
    kept : list of str
        Columns that are written again, as they stand in the file.
    """

    names: list[str]
    texts: set[str] = field(default_factory=set)
    numbers: set[str] = field(default_factory=set)
    values: Mapping[str, frozenset[str]] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)


class Batch(NamedTuple):
    """Some rows of a table.

    Parameters
    ----------
    frame : DataFrame
        Columns that a model reads, as pandas makes them of the file.
    kept : DataFrame
        Columns that are kept: texts of CSV, and of other files values of their types in Arrow.
    progress : int
        In `TableFile.length`.
    """

    frame: Any
    kept: Any
    progress: int


@dataclass(frozen=True, slots=True)
class TableFile:
    """A table in a file.

    Parameters
    ----------
    path : str
    columns : list of str
        As pandas names them: of two columns ``f`` of CSV the second is ``f.1``.
    length : int
        Rows, or bytes where the number of rows is not known.
    written : list of str
        Their names in the file.
    """

    path: str
    columns: list[str]
    length: int
    written: list[str]

    def batches(self, columns: Columns, rows: int) -> Iterator[Batch]:
        """Batches of so many rows at most."""
        read = {"csv": _csv, "parquet": _parquet, "arrow": _arrow}[format_of(self.path)]
        asked = {*columns.names, *columns.kept}
        alike: dict[str, list[str]] = {}
        for name, written in zip(self.columns, self.written, strict=True):
            alike.setdefault(written, []).append(name)
        for written, names in alike.items():  # columns of CSV that are all asked for are told by their places
            if asked.intersection(names) and (len({*names}) < len(names) or not asked.issuperset(names)):
                raise InputError(f"{self.path} has {len(names)} columns {written!r}: give each its own name")
        with _reading(self.path):
            yield from read(self.path, columns, rows)


def read_ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    """The same batches, of which a thread reads the next one while the last one is used."""
    with ThreadPoolExecutor(1, "pretzel-read") as reader:
        following = reader.submit(next, batches, None)
        while (batch := following.result()) is not None:
            following = reader.submit(next, batches, None)
            yield batch


def open_table(path: str) -> TableFile:
    """Read the description of a table in its file."""
    with _reading(path):
        return _opened_table(path)


def _opened_table(path: str) -> TableFile:
    kind = format_of(path)
    if kind == "csv":
        import pandas as pd

        names = [*map(str, pd.read_csv(path, nrows=0).columns)]
        (header,) = pd.read_csv(path, nrows=1, header=None, dtype=str, na_filter=False).to_numpy().tolist()
        written = [of_file or name for name, of_file in zip(names, header, strict=True)]
        return TableFile(path, names, os.stat(path).st_size, written)
    if kind == "parquet":
        import pyarrow.parquet as pq

        metadata = pq.read_metadata(path)
        names = _columns(metadata.schema.to_arrow_schema())
        return TableFile(path, names, metadata.num_rows, names)
    with _opened(path) as file:
        count = sum(file.get_batch(i).num_rows for i in range(file.num_record_batches))
        names = _columns(file.schema)
        return TableFile(path, names, count, names)


def _columns(schema: Any) -> list[str]:
    """Columns without those that are the index of a frame of pandas."""
    index = (schema.pandas_metadata or {}).get("index_columns", ())
    return [name for name in schema.names if name not in index]


@contextlib.contextmanager
def _reading(path: str) -> Iterator[None]:
    """Say which file cannot be read."""
    try:
        yield
    except (ValueError, OSError, Warning) as error:  # of pyarrow and pandas, too
        if isinstance(error, OSError) and error.filename is not None:
            raise
        raise InputError(f"{path} cannot be read: {error}") from error


@contextlib.contextmanager
def _opened(path: str) -> Iterator[Any]:
    import pyarrow as pa

    with pa.memory_map(path) as memory:
        yield pa.ipc.open_file(memory)


def _csv(path: str, columns: Columns, rows: int) -> Iterator[Batch]:
    import pandas as pd

    # All columns are read, because a row with too many fields is an error only then; nothing is an index.
    with contextlib.ExitStack() as opened, open(path, "rb") as file, warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        at = 0
        texts = dict.fromkeys(columns.texts, str)
        every = pd.read_csv(path, index_col=False, nrows=0).columns
        missing: dict[str, Any] = {}
        if columns.values:
            each = {name: [*MISSING - columns.values.get(name, frozenset())] for name in every}
            missing = {"keep_default_na": False, "na_values": each}
        lines = _each_line(file) if len(every) == 1 and every[0] in texts else {}
        found = pd.read_csv(file, index_col=False, dtype=texts, chunksize=rows, **missing, **lines)
        kept = None
        if columns.kept:
            as_written = pd.read_csv(path, index_col=False, dtype=str, chunksize=rows, na_filter=False, **lines)
            kept = opened.enter_context(as_written)
        for frame in found:
            before, at = at, file.tell()
            for name in columns.numbers:
                frame[name] = _numbers_among_texts(frame[name])
            yield Batch(frame[columns.names], frame[[]] if kept is None else next(kept)[columns.kept], at - before)


def _each_line(file: Any) -> dict[str, Any]:
    """Options of pandas with which a text of blanks alone is a row, which else is a line that does not count."""
    before_header = 0
    while (line := file.readline()) and not line.strip():
        before_header += 1
    file.seek(0)
    return {"skip_blank_lines": False, "skiprows": before_header}


def _numbers_among_texts(column: Any) -> Any:
    """A column whose fields are read one by one, because a model knows no number that is written as a text."""
    import pandas as pd

    if column.dtype.kind != "O":
        return column
    values = column.astype(object).tolist()
    fields = [value if isinstance(value, str) else None for value in values]
    places = pd.to_numeric(pd.Series(fields, dtype=object), errors="coerce").notna().to_numpy().nonzero()[0].tolist()
    if places:
        alone = pd.read_csv(io.StringIO("\n".join(values[at] for at in places)), header=None)[0].tolist()
        for at, number in zip(places, alone, strict=True):
            values[at] = number
    truths = {"True": True, "TRUE": True, "true": True, "False": False, "FALSE": False, "false": False}
    values = [truths.get(value, value) if isinstance(value, str) else value for value in values]
    return pd.Series(values, index=column.index, dtype=object)


def _parquet(path: str, columns: Columns, rows: int) -> Iterator[Batch]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(rows, columns=[*dict.fromkeys([*columns.names, *columns.kept])]):
            yield _batch(batch, columns)


def _arrow(path: str, columns: Columns, rows: int) -> Iterator[Batch]:
    with _opened(path) as file:
        for i in range(file.num_record_batches):
            batch = file.get_batch(i)
            for start in range(0, batch.num_rows, rows):
                yield _batch(batch.slice(start, rows), columns)


def _batch(batch: Any, columns: Columns) -> Batch:
    import pandas as pd

    frame = batch.select(columns.names).to_pandas().reset_index(drop=True)[columns.names]
    kept = batch.select(columns.kept).to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True)
    return Batch(frame, kept, batch.num_rows)


class Writer:
    """Writes frames to one file, which appears when all of them are written.

    Parameters
    ----------
    path : str
        "-" for CSV on the standard output.
    """

    def __init__(self, path: str) -> None:
        self._kind = "csv" if path == "-" else format_of(path)
        self._path = Path(path)
        self._target = Path(os.path.realpath(path))  # a link stays one
        aside = f".{self._target.name[:100]}.{secrets.token_hex(8)}"
        self._aside = None if path == "-" else self._target.with_name(aside)
        self._file: Any = None
        self._sink: Any = None  # what takes tables of Arrow, from the first on
        self._is_begun = False

    def __enter__(self) -> Writer:
        if self._aside is None:
            self._file = sys.stdout.buffer
            return self
        if self._target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(self._path))
        try:
            self._file = open(self._aside, "xb")
        except OSError as error:
            raise OSError(error.errno, error.strerror, os.fspath(self._path)) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if self._aside is None:
            self._file.flush()
            return
        try:
            with self._file, contextlib.nullcontext() if kind is None else contextlib.suppress(Exception):
                if self._sink is not None:
                    self._sink.close()
            if kind is None:
                os.replace(self._aside, self._target)
        finally:
            self._aside.unlink(missing_ok=True)

    def write(self, frame: Any) -> None:
        """Append a frame; all have the columns of the first, and in Arrow and Parquet its types."""
        if self._kind == "csv":
            frame.to_csv(self._file, header=not self._is_begun, index=False)
            self._is_begun = True
            return
        import pyarrow as pa

        schema = None if self._sink is None else self._sink.schema
        try:
            batch = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            raise InputError(
                f"{self._path}: a column has another type than in the rows before ({error.args[-1]}): write .csv, or "
                "read more rows at once (--batch)"
            ) from error
        if self._sink is None:
            self._sink = self._new(batch.schema)
        self._sink.write(batch)

    def _new(self, schema: Any) -> Any:
        if self._kind == "parquet":
            import pyarrow.parquet as pq

            return pq.ParquetWriter(self._file, schema)
        import pyarrow as pa

        return _IpcFile(pa.ipc.new_file(self._file, schema), schema)


class _IpcFile:
    """An Arrow file that knows its schema, as a Parquet file does."""

    def __init__(self, file: Any, schema: Any) -> None:
        self.write, self.close, self.schema = file.write, file.close, schema


def read_all(table: TableFile, columns: Columns, most: int) -> Any:
    """The first rows of a table, as one frame."""
    import pandas as pd

    frames: list[Any] = []
    for batch in table.batches(columns, most):
        frames.append(batch.frame)
        if sum(map(len, frames)) >= most:
            break
    return pd.concat(frames, ignore_index=True)[:most] if frames else pd.DataFrame(columns=columns.names)
