"""Named numbers as sparse rows; rows may have any number of them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pretzel.oven.ir._text import unpack
from pretzel.oven.ir.graph import Array, Node, Value
from pretzel.oven.ir.hashing import column_of_hash, murmur3
from pretzel.oven.ir.value_properties import ValueProperties, whole
from pretzel.schema import Schema, fixed, sparse

if TYPE_CHECKING:
    from collections.abc import Callable


class DictFeatures(Node):
    """The values of the features of a vocabulary.

    Parameters
    ----------
    names, name_offsets : uint8 and int32 arrays
        The vocabulary in the order of its columns, packed (`pretzel.oven.ir._text.pack`).
    adds_up : bool
        Values of one feature are added up; otherwise a row that has a feature twice is rejected, because in sparse rows
        each step of the source adds them up at another moment, if at all.
    """

    names: Array
    name_offsets: Array
    adds_up: bool

    op: ClassVar[str] = "dict_features/1"
    kernel: ClassVar[str] = "dict_features"

    def schema(self) -> Schema:
        return sparse(len(self.name_offsets) - 1)

    def params(self) -> dict[str, Array]:
        adds_up = np.array(self.adds_up, dtype=np.uint8)
        return {"names": self.names, "name_offsets": self.name_offsets, "adds_up": adds_up}

    def reference(self, *inputs: Value) -> Value:
        names = [name.encode("utf-8", "surrogatepass") for name in unpack(self.names, self.name_offsets)]
        columns = {name: column for column, name in enumerate(names)}
        return _rows(inputs[0], lambda name: columns.get(name, -1), lambda _, value: value, len(columns))

    def describe(self) -> str:
        return f"{len(self.name_offsets) - 1} features"


class LabelSets(Node):
    """A 1 in the column of each label that a row holds, however often; one that is no class stops the run.

    Parameters
    ----------
    names, name_offsets : uint8 and int32 arrays
        The classes in the order of their columns, as bytes (`pretzel._native.label_key`) one after the other.
    """

    names: Array
    name_offsets: Array

    op: ClassVar[str] = "label_sets/1"
    kernel: ClassVar[str] = "label_sets"
    needs_rows: ClassVar[bool] = False

    def schema(self) -> Schema:
        return sparse(len(self.name_offsets) - 1, dtype=fixed("int64"))

    def params(self) -> dict[str, Array]:
        return {"names": self.names, "name_offsets": self.name_offsets}

    def reference(self, *inputs: Value) -> Value:
        columns = {name: column for column, name in enumerate(_names(self.names, self.name_offsets))}
        sets = np.empty(inputs[0].shape, dtype=object)
        sets[:, 0] = [dict.fromkeys(name for name, _ in labels).items() for labels in inputs[0][:, 0]]
        return _rows(sets, lambda name: columns.get(name, -1), lambda _, __: 1.0, len(columns))

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        return whole(0, 1)

    def describe(self) -> str:
        return f"{len(self.name_offsets) - 1} classes"


class HashedFeatures(Node):
    """Sums of the values of all features, or with ``signed`` of plus or minus these, in the columns of their hashes."""

    n_features: int
    signed: bool

    op: ClassVar[str] = "hashed_features/1"
    kernel: ClassVar[str] = "hashed_features"

    def schema(self) -> Schema:
        return sparse(self.n_features)

    def params(self) -> dict[str, Array]:
        return {
            "n_columns": np.array(self.n_features, dtype=np.int32),
            "signed": np.array(self.signed, dtype=np.uint8),
        }

    def reference(self, *inputs: Value) -> Value:
        def signed(name: bytes, value: float) -> float:
            return -value if self.signed and murmur3(name) < 0 else value

        return _rows(inputs[0], lambda name: column_of_hash(murmur3(name), self.n_features), signed, self.n_features)

    def describe(self) -> str:
        return f"{self.n_features} columns"


def _names(packed: Array, offsets: Array) -> list[bytes]:
    found = packed.tobytes()
    return [found[start:end] for start, end in pairwise(offsets.tolist())]


def _rows(
    cells: Value, column_of: Callable[[bytes], int], value_of: Callable[[bytes, float], float], width: int
) -> Value:
    """CSR with the features of each row in ascending columns, those of one column added up in their order."""
    from scipy.sparse import csr_array

    index: list[int] = []
    data: list[float] = []
    starts = [0]
    for features in cells[:, 0]:
        row: dict[int, float] = {}
        for name, value in features:
            column = column_of(name)
            if column >= 0:
                own = value_of(name, value)
                row[column] = row[column] + own if column in row else own
        index.extend(sorted(row))
        data.extend(row[column] for column in sorted(row))
        starts.append(len(index))
    return csr_array((np.array(data, dtype=np.float64), index, starts), shape=(len(cells), width))
