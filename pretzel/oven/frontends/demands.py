"""What estimators ask of the tables that they receive, and what a request must be."""

from __future__ import annotations

import operator
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pretzel.input_spec import MOST_UNREAD, InputKind, InputSpec
from pretzel.oven.frontends.registry import (
    Unsupported,
    adapter_for,
    children,
    coding_of,
    fitted_columns,
    has_trait,
    is_composition,
    selected_names,
)
from pretzel.oven.ir.columns import LEAVES, ItemLeaf, Raw, RowLeaf
from pretzel.oven.ir.graph import Node, Output, toposort
from pretzel.oven.ir.graph import replace as replace_node
from pretzel.program import LABEL_FORMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pretzel.schema import Positions

Columns = tuple[int, ...] | None

MOST_COLUMNS = 1 << 26
"""Columns of a request at most; a number beyond is no width but a broken attribute."""


def receivers(estimator: Any) -> list[Any]:
    """The innermost estimators that receive the input of ``estimator`` as it came, before anything has checked it."""
    found = children(estimator)
    given = [child for child in found if child.reads is None and child.estimator is not None]
    if not given or has_trait(estimator, "checks_table"):
        return [estimator]
    result = []
    for child in given:
        result += receivers(child.estimator)
        if has_trait(child.estimator, "keeps_container"):  # what comes next receives the same columns
            result += [each for reader in found if reader.reads == child.name for each in receivers(reader.estimator)]
    return result


def _first(estimator: Any, columns: Columns = None) -> list[tuple[Any, Columns]]:
    """The innermost estimators that receive the request or columns of it, and which; None: all of them.

    Those behind a selection of columns by name do, too.
    """
    parts = children(estimator)
    given = [child for child in parts if child.reads is None and child.estimator is not None]
    found = []
    for child in given:
        readers = [each for each in parts if each.reads == child.name and each.estimator is not None]
        if readers and selected_names(child.estimator):
            given += readers
            continue
        inside = child.columns if columns is None or child.columns is None else _picked(columns, child.columns)
        found += _first(child.estimator, columns if inside is None else inside)
    return found if given else [(estimator, columns)]


def _picked(columns: tuple[int, ...], places: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(columns[place] for place in places)


def _passes_on(estimator: Any) -> bool:
    """Whether an estimator that receives the request gives it to a further step as it came."""
    given = [child for child in children(estimator) if child.reads is None and child.estimator is not None]
    return has_trait(estimator, "passes_request_on") or any(_passes_on(child.estimator) for child in given)


def _all(estimator: Any) -> list[Any]:
    """The estimator and all that are inside."""
    parts = [child.estimator for child in children(estimator) if child.estimator is not None]
    return [estimator, *(each for part in parts for each in _all(part))]


def demands(estimator: Any) -> InputSpec:
    """What an estimator asks of a table, with the estimators inside that receive it as it came; width 0: anything.

    Opaque estimators check their input themselves.
    """
    every = receivers(estimator)
    inside = [each for each in every if not has_trait(each, "counts_rows")]
    if every and not inside:
        return InputSpec(InputKind.TABLE, 0, estimator=type(every[0]).__name__)
    widths = (fitted_columns(each)[0] for each in (estimator, *inside))
    vectors = bool(inside) and all(has_trait(each, "takes_vectors") for each in inside)
    selections = [selected_names(each) for each in inside]  # others may read further columns
    selected = tuple(dict.fromkeys(name for names in selections for name in names)) if all(selections) else ()
    n_features_in_ = next((each for each in widths if each is not None), len(selected) or int(vectors))
    width = operator.index(n_features_in_)
    if not 0 <= width <= MOST_COLUMNS:
        raise ValueError(f"n_features_in_ is {width}, expected 0 to {MOST_COLUMNS}")
    names = next(
        (found for each in (*_naming(inside), estimator) if (found := fitted_columns(each)[1]) is not None),
        selected or None,
    )
    if width and names is not None and len(names) != width:
        raise ValueError(f"feature_names_in_ has {len(names)} names for {width} columns")
    checked = [each for each in inside if _is_known(each) and has_trait(each, "checks_input")]
    finding = [each for each in checked if has_trait(each, "finds_columns")]
    parts = [_parts(each, width, names) for each in finding]
    any_order = bool(parts) and all(parts) and len(finding) == len(checked)
    exact = any_order and all(has_trait(each, "rejects_other_columns") for each in finding)
    # What a function passes on, it reads.
    whole = any(has_trait(each, "keeps_container") for each in inside) or (names is None and width > MOST_UNREAD)
    required = None if whole else {i for columns in parts for part in columns for i in part}
    first = _first(estimator)
    asking = [has_trait(each, "asks_for_floats") for each, _ in first] + [False] * _passes_on(estimator)
    apart = [each for each in first if not has_trait(each[0], "takes_sparse_nan")]
    return InputSpec(
        InputKind.TABLE,
        width,
        None if names is None else tuple(sys.intern(str(each)) for each in names),
        tuple(sorted(required)) if any_order and required is not None else range(width),
        any_order,
        type(inside[0]).__name__ if inside else type(estimator).__name__,
        long_indices=all(has_trait(each, "takes_long_indices") for each in _all(estimator)),
        sparse_nan=not apart or (False if all(has_trait(each, "rejects_sparse_nan") for each, _ in apart) else None),
        nan_columns=_together(columns for _, columns in apart),
        sparse_frames=not any_order and not any(_reads_sparse_columns(each) for each in inside),
        floats=all(asking) or (None if any(asking) else False),
        by_name=names is not None and any(map(_is_named, checked)),
        unchecked=any(has_trait(each, "keeps_container") for each, _ in first),
        text_arrays=_takes_texts(estimator, "array")[0],
        text_lists=_takes_texts(estimator, "list")[0],
        vectors=vectors,
        coding=coding_of(inside[0]) if len(inside) == 1 else None,
        no_others=exact,
        by_position=all(has_trait(each, "by_position") for each in inside),
        as_booster=all(has_trait(each, "as_booster") for each in inside),
        rounds_arrays=all(has_trait(each, "rounds_arrays") for each in inside) and not _passes_on(estimator),
    )


def _together(parts: Iterable[Columns]) -> tuple[int, ...]:
    """The columns of all parts; empty where a part is all columns, and where there is none."""
    found: set[int] = set()
    for columns in parts:
        if columns is None:
            return ()
        found.update(columns)
    return tuple(sorted(found))


def _naming(inside: list[Any]) -> list[Any]:
    """The estimators that decide which names a table has.

    Where some compare names, they alone do: LightGBM writes spaces as underscores, and names the columns of an array.
    """
    comparing = [each for each in inside if has_trait(each, "records_names") and not has_trait(each, "by_position")]
    return comparing or inside


def _is_named(estimator: Any) -> bool:
    """Whether an estimator selects columns by name."""
    return has_trait(estimator, "needs_names") or any(child.named for child in children(estimator))


def _parts(estimator: Any, width: int, names: Any) -> list[Positions]:
    """The columns that an estimator finds in a table, by part: all, unless it selects some, or is made of parts."""
    if names is not None and (selected := set(selected_names(estimator))):
        return [tuple(i for i, name in enumerate(names) if name in selected)]
    if not is_composition(estimator):
        return [range(width)]
    return [child.columns for child in children(estimator) if child.columns is not None]


def _takes_texts(estimator: Any, form: str) -> tuple[bool, str]:
    """Whether all that receive texts of numbers take them, and the form in which they are passed on, empty if not.

    Texts are an ``"array"`` of NumPy's own texts, a ``"list"``, or among ``"objects"``, which all parse.
    """
    found = children(estimator)
    if all(child.reads is not None for child in found):  # the estimator itself receives the request
        takes = form == "objects" or has_trait(estimator, f"takes_text_{form}s")
        passes = has_trait(estimator, "passes_texts_on")
        takes = takes and (not passes or all(_takes_texts(child.estimator, form)[0] for child in found))
        keeps = has_trait(estimator, "keeps_container")
        return takes, "" if not passes else "array" if form == "list" and not keeps else form
    if form == "list" and any(child.columns is not None for child in found):
        form = "objects"  # a `ColumnTransformer` makes them of a list
    taken, read = True, {child.reads for child in found}
    forms: dict[str, str] = {}
    for child in found:
        given = form if child.reads is None else forms.get(child.reads, "")
        forms[child.name] = given
        if given and child.estimator is not None:
            takes, forms[child.name] = _takes_texts(child.estimator, given)
            taken = taken and takes
    last = [forms[child.name] for child in found if child.name not in read and child.method in (None, "transform")]
    passed = next((each for each in ("objects", "array", "list") if each in last), "")
    return taken, "array" if passed == "list" and len(last) > 1 else passed


def _reads_sparse_columns(estimator: Any) -> bool:
    """Whether a frame of sparse columns is no sparse rows for an estimator."""
    return has_trait(estimator, "reads_columns") or not has_trait(estimator, "takes_sparse_frames")


def _is_known(estimator: Any) -> bool:
    """Whether there is an adapter for the estimator's class."""
    try:
        adapter_for(estimator)
    except Unsupported:
        return False
    return True


def request_spec(estimator: Any, asked: InputSpec, methods: Mapping[str, Output]) -> InputSpec:
    """What a request must be: a table where columns are known, items or documents where a native step reads them.

    A step that keeps no names of columns gets it as it came, because it may select by them.
    """
    name = type(estimator).__name__
    nodes = list(toposort(output.node for output in methods.values()))
    is_read = any(isinstance(node, LEAVES) and not isinstance(node, RowLeaf) and not node.inputs for node in nodes)
    may_name = asked.names is None and not any(has_trait(each, "records_names") for each in receivers(estimator))
    if asked.width and (is_read or not may_name):
        return replace(asked, estimator=name)
    if items := items_spec(nodes, name):
        return items
    if is_read:
        return InputSpec(InputKind.TEXT, 1, None, (0,), False, name)
    inside = [each for each in receivers(estimator) if not has_trait(each, "counts_rows")]
    if inside and all(has_trait(each, "takes_documents") for each in inside):
        return InputSpec(InputKind.TEXT, 1, None, (0,), False, name)
    takes_items = not all(has_trait(each, "takes_tables") for each in inside)
    return InputSpec(InputKind.ANY, 0, asked.names, (), False, name, takes_items)


def items_spec(nodes: list[Node], name: str) -> InputSpec | None:
    """What a request must be where a step reads items; None where none does."""
    forms = {node.form for node in nodes if isinstance(node, ItemLeaf)}
    labels = not forms.isdisjoint(LABEL_FORMS)
    return InputSpec(InputKind.ITEMS, 1, None, (0,), False, name, items=True, labels=labels) if forms else None


def widened(x: Node, width: int) -> Node:
    """The value of an opaque step with the width that the step was fitted on that takes it."""
    if not isinstance(x, Raw) or not x.inputs or x.selected or not width:
        return x
    return replace_node(x, inputs=(replace_node(x.inputs[0], width=width),), columns=range(width))


def read_by(x: Node, reader: Any) -> Node:
    """The value of an opaque step with what its reader asks of it: width, and names of columns.

    The reader is right where the names of the step's output features say something else.
    """
    asked = demands(reader)
    x = widened(x, asked.width)
    if not isinstance(x, Raw) or not x.inputs or x.selected or not asked.width:
        return x
    named = replace_node(
        x.inputs[0],
        names=None if asked.by_position else asked.names,
        required=asked.required,
        any_order=asked.any_order,
        reader=asked.estimator,
        text_arrays=asked.text_arrays,
    )
    return replace_node(x, inputs=(named,))
