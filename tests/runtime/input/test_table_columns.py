"""Which columns of a table a model reads."""

from __future__ import annotations

import pytest

from pretzel.input_spec import InputKind, InputSpec
from pretzel.runtime.input.table_columns import columns_read

NAMED = InputSpec(InputKind.TABLE, 3, ("b", "a", "extra"), required=(0, 1))
UNNAMED, TEXT = InputSpec(InputKind.TABLE, 2), InputSpec(InputKind.TEXT, 1)


@pytest.mark.parametrize(
    ("spec", "available", "chosen", "kept", "read"),
    [
        (NAMED, "abc", "", "", "ba"),
        (NAMED, "abc", "", "a", "ba"),
        (NAMED, "acd", "", "d", "ac"),
        (NAMED, "abc", "c", "", "c"),
        (UNNAMED, "abc", "", "b", "ac"),
        (UNNAMED, "abc", "cb", "", "cb"),
        (TEXT, "abc", "", "b", "ac"),
        (TEXT, "abc", "c", "", "c"),
    ],
    ids=["named", "kept-too", "lacks", "chosen", "unnamed", "unnamed-chosen", "documents", "documents-chosen"],
)
def test_columns_of_the_fit_or_those_that_are_chosen(spec, available, chosen, kept, read):
    assert columns_read(spec, [*available], [*chosen], [*kept]) == [*read]


def test_columns_that_are_not_required_are_read_where_they_are_there():
    assert columns_read(NAMED, ["extra", "a", "b"]) == ["b", "a", "extra"]
