"""``inverse_transform`` to a logical graph: its requests are what ``transform`` of the estimator returns."""

from __future__ import annotations

from dataclasses import replace as replace_fields
from typing import Any

from pretzel.errors import CompileError
from pretzel.input_spec import InputKind, InputSpec
from pretzel.oven.frontends.demands import MOST_COLUMNS, items_spec
from pretzel.oven.frontends.importer import Imported, Importer
from pretzel.oven.frontends.outputs import label_columns, output_width
from pretzel.oven.frontends.registry import Unsupported, children, fitted_columns, has_trait, is_composition
from pretzel.oven.ir.columns import LEAVES, Raw
from pretzel.oven.ir.graph import Node, Output, toposort
from pretzel.oven.ir.opaque import new_token, opaque
from pretzel.schema import INVERSE


class Inverter(Importer):
    """Imports the inverse of one fitted estimator.

    An inverse that is not native as a whole is left to the source, as are requests of sparse rows, and of frames where
    the source makes no array of them: then it returns something else.
    """

    def run(self) -> Imported:
        """Import ``inverse_transform``, if the estimator has it, and it is native.

        What contradicts itself in it is no reason to reject an estimator that transforms: the source answers.
        """
        try:
            return super().run()
        except (CompileError, OverflowError, Unsupported):
            return self._imported({}, 0)

    def _run(self) -> Imported:
        if not callable(getattr(self._root, INVERSE, None)):
            return self._imported({}, 0)
        first = _first(self._root)
        width = output_width(first)
        if not width and has_trait(first, "keeps_columns"):
            width = fitted_columns(first)[0] or 0
        raw = Raw((), range(width if width <= MOST_COLUMNS else 0))
        output = self.inverse(self._root, raw)
        is_native = any(isinstance(node, LEAVES) for node in toposort([output.node]))
        if not is_native and not self._requests:
            return self._imported({}, 0)
        output = self._settled(INVERSE, raw, output)
        if not has_trait(first, "checks_inverse"):
            output = replace_fields(output, arrays_only=True)
        return self._imported({INVERSE: output}, width)

    def _imported(self, methods: dict[str, Output], width: int) -> Imported:
        name = type(self._root).__name__
        kind = InputKind.TABLE if width else InputKind.ANY
        columns = tuple(range(width))
        spec = InputSpec(kind, width, None, columns, False, name, text_arrays=False, text_lists=False, by_position=True)
        spec = replace_fields(spec, vectors=bool(label_columns(_first(self._root))))
        spec = items_spec(toposort(output.node for output in methods.values()), name) or spec
        sets = frozenset(self.excluded), frozenset(self.interpolated), self._called
        return Imported(spec, methods, self.origins, False, None, *sets, self.refusals)

    def _sparse_methods(self, imported: Imported) -> dict[str, Output | str]:
        if has_trait(_first(self._root), "densifies_inverse"):
            return {}
        return dict.fromkeys(imported.methods, f"{imported.input.estimator} takes no sparse rows")

    def inverse(self, estimator: Any, x: Node, *, name: str = "") -> Output:
        """What ``inverse_transform`` of ``estimator`` makes of ``x``; opaque for dtypes of requests that need it."""
        try:
            return super().inverse(estimator, x, name=name)
        except (Unsupported, OverflowError) as error:
            if not self._requests:
                raise
            width = fitted_columns(estimator)[0] or 0
            with self._inside(estimator, name):
                node = self.note(opaque(estimator, INVERSE, self._argument(x), str(error), new_token(), width))
            return Output(Raw((node,), range(width)))


def _first(estimator: Any) -> Any:
    """The innermost estimator whose inverse is given the request: of a pipeline, that of the last step."""
    while is_composition(estimator) and (found := [each for each in children(estimator) if each.method is None]):
        estimator = found[-1].estimator
    return estimator
