"""The passes of one compilation, in order."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from pretzel.errors import OpaqueStepError
from pretzel.oven.edges import keep_edges, steps_to_call
from pretzel.oven.float32 import in_float32, inexact_before_float64
from pretzel.oven.frontends.importer import Imported, Importer
from pretzel.oven.frontends.inverter import Inverter
from pretzel.oven.frontends.outputs import feature_names_out
from pretzel.oven.frontends.value_reader import SEVERAL
from pretzel.oven.ir.columns import SparseLeaf
from pretzel.oven.ir.graph import toposort
from pretzel.oven.ir.opaque import Opaque
from pretzel.oven.ir.verify import check_always, check_executable, check_parameters
from pretzel.oven.lower import Form, Lowering
from pretzel.oven.noise import steps_with_noise
from pretzel.oven.optimizer import optimize
from pretzel.oven.report import report
from pretzel.oven.request_columns import request_columns
from pretzel.oven.stored_graph import store_graph
from pretzel.packed import Packed
from pretzel.plan import PhysicalPlan
from pretzel.schema import EXTRAS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from collections.abc import Set as AbstractSet

    from pretzel.options import Options
    from pretzel.oven.ir.graph import Node, Output
    from pretzel.oven.optimizer import Change
    from pretzel.plan import MethodPlan
    from pretzel.store.object_store import Lease, ObjectStore

    Make = Callable[[frozenset[str], frozenset[str]], Importer]  # of an estimator, for requests of some dtypes

ATTRIBUTES = (
    "classes_",
    "n_features_in_",
    "feature_names_in_",
    "n_outputs_",
    "n_classes_",
)
"""Fitted attributes that callers of an estimator read; a plan has those its source has."""


@dataclass(frozen=True, slots=True)
class Variant:
    """The methods that compute otherwise for requests of some dtype, after the rules and before them.

    ``variants`` are what they compute where the values of their opaque steps have another dtype.
    """

    methods: dict[str, Output]
    unoptimized: dict[str, Output]
    variants: dict[str, Variant] = field(default_factory=dict)

    def form(self, name: str) -> Form:
        """What one method computes."""
        return Form(self.methods[name], self.unoptimized[name], _forms(self.variants, name))


def _forms(variants: Mapping[str, Variant], name: str) -> dict[str, Form]:
    """What one method computes for requests of certain dtypes, by their names."""
    return {dtype: variant.form(name) for dtype, variant in variants.items() if name in variant.methods}


@dataclass(frozen=True, slots=True)
class Graphs:
    """What an estimator becomes before it is lowered.

    Parameters
    ----------
    imported : Imported
    optimized : dict of str to Output
    trace : list of Change
    variants : dict of str to Variant
        What is computed for requests of a dtype, by its name.
    """

    imported: Imported
    optimized: dict[str, Output]
    trace: list[Change]
    sparse: dict[str, Output | str]
    variants: dict[str, Variant] = field(default_factory=dict)

    @property
    def outputs(self) -> dict[str, Node]:
        """The nodes that a plan is lowered from, as `pretzel.oven.stored_graph.store_graph` takes them."""
        found = {name: output.node for name, output in self.optimized.items()}
        found |= {f"{name}/sparse": each.node for name, each in self.sparse.items() if not isinstance(each, str)}
        for dtype, variant in self.variants.items():
            found |= {f"{name}/{dtype}": output.node for name, output in variant.methods.items()}
        return found


class Compiler:
    """Compiles estimators into one store with one set of options."""

    def __init__(self, options: Options, store: ObjectStore) -> None:
        self.options = options
        self.store = store

    def run(self, estimator: Any) -> tuple[PhysicalPlan, Lease]:
        """Import, optimize, lower."""
        start = time.perf_counter()
        graphs, inverse = self.graphs(estimator), self.graphs(estimator, Inverter)
        imported = graphs.imported
        methods, lowering = self.lower(graphs)
        lease = lowering.lease
        back, lowered_back = self.lower(inverse, lease)
        requests = self.store.input_spec(inverse.imported.input)
        methods |= {name: replace(method, input=requests) for name, method in back.items()}
        lease.complete()
        columns = request_columns(imported.input, [output.node for output in imported.methods.values()])
        attributes = {name: getattr(estimator, name) for name in ATTRIBUTES if hasattr(estimator, name)}
        names = feature_names_out(estimator)
        plan = PhysicalPlan(
            self.store.input_spec(imported.input),
            methods,
            attributes,
            lease.digests,
            report((graphs, inverse), self.options, time.perf_counter() - start),
            store_graph(graphs.outputs | inverse.outputs, lowering.calls | lowered_back.calls, self.store),
            None if names is None else self.store.packed(Packed({"names": names})),
            self.store.packed(columns),
        )
        return plan, lease

    def graphs(self, estimator: Any, kind: type[Importer] = Importer) -> Graphs:
        """Import and optimize: the methods that take the same requests, or the inverse."""
        make = partial(kind, estimator, check_parameters)
        importer, imported = self._imported(make)
        if self.options.none == "exact":
            imported.input = replace(imported.input, missing=(None,) * imported.input.width)
        check_always(output.node for output in imported.methods.values())
        if self.options.strict:
            imported.methods = _without_opaque_extras(imported.methods)
            _reject_opaque(imported)
        imported.methods |= in_float32(imported.methods, imported.origins, "float64")
        unmoved = imported.methods
        imported.methods = keep_edges(unmoved, imported.origins)
        optimized, trace = optimize(imported.methods, self.options, imported.origins)
        others = {name: output.otherwise for name, output in optimized.items() if output.otherwise is not None}
        others |= in_float32(others, imported.origins, "float64")
        for name, output in optimize(others, self.options, imported.origins)[0].items():
            optimized[name] = replace(optimized[name], otherwise=output)
        sparse = importer.sparse_methods(imported)
        graphs = {name: output for name, output in sparse.items() if not isinstance(output, str)}
        if self.options.strict:
            graphs = {name: output for name, output in graphs.items() if not _opaque_nodes(output)}
        graphs |= in_float32(graphs, imported.origins, "float64")
        check_always(output.node for output in graphs.values())
        rewritten, _ = optimize(graphs, self.options, imported.origins)
        rejections = {name: reason for name, reason in sparse.items() if isinstance(reason, str)}
        found = Graphs(imported, optimized, trace, {**rejections, **rewritten})
        self._add_variants(make, found, unmoved)
        return found

    def _imported(self, make: Make) -> tuple[Importer, Imported]:
        """The graphs of all methods, in which bins between values of the training data follow exact steps.

        So does what computes in float64 with float32 that steps make whatever the request has.
        """
        called: set[str] = set()
        while True:
            importer = make(frozenset(), frozenset(called))
            imported = importer.run()
            more = steps_to_call(imported.methods, imported.origins, imported.interpolated)
            more |= steps_with_noise(imported.methods, imported.origins)
            more = (more | inexact_before_float64(imported.methods, imported.origins)) - called
            if not more:
                return importer, imported
            called |= more

    def _add_variants(self, make: Make, graphs: Graphs, unmoved: dict[str, Output]) -> None:
        """Graphs for requests of dtypes that scikit-learn computes in, or promotes from, in another way."""
        imported = graphs.imported
        found: dict[tuple[str, ...], dict[str, Output]] = {}
        excluded = imported.excluded & {"float32"}
        methods, rounded = self._methods_for(make, {"float32"}, imported, None if excluded else unmoved)
        found["float32",] = methods | rounded  # also those whose edges alone differ
        narrow = imported.excluded - {"float32"}
        for group in (narrow & {"object"}, narrow - {"object"}):  # a step may be native for numbers of these alone
            if group:
                refusing = [leaf for leaf, (names, _) in imported.refusals.items() if not group.isdisjoint(names)]
                several = sum(not isinstance(leaf, SparseLeaf) for leaf in refusing) > 1
                asked = group | {SEVERAL} if several else group
                found[tuple(sorted(group))] = self._methods_for(make, asked, imported)[0]
        for dtypes, methods in found.items():
            float32 = "float32" in dtypes
            variant = self._variant(methods, imported.methods, imported.origins, float32=float32)
            if variant is not None and not float32:  # its opaque steps make float32 of some of these dtypes
                rounded = in_float32(variant.unoptimized, imported.origins)
                behind = self._variant(rounded, variant.unoptimized, imported.origins, float32=True)
                variant = variant if behind is None else replace(variant, variants={"float32": behind})
            if variant is not None:
                graphs.variants.update(dict.fromkeys(dtypes, variant))

    def _variant(
        self, methods: dict[str, Output], usual: dict[str, Output], origins: dict[Node, str], *, float32: bool
    ) -> Variant | None:
        """The methods that differ from the usual ones; None: there are none."""
        moved = keep_edges(methods, origins, float32=float32)
        changed = {name: output for name, output in moved.items() if output != usual[name]}
        return Variant(optimize(changed, self.options, origins)[0], changed) if changed else None

    def _methods_for(
        self, make: Make, dtypes: AbstractSet[str], imported: Imported, usual: dict[str, Output] | None = None
    ) -> tuple[dict[str, Output], dict[str, Output]]:
        """The methods for requests of some dtypes, ``usual`` if they serve, and those that compute in float32."""
        called = set(imported.called)
        methods = usual
        while True:
            if methods is None:
                other = make(frozenset(dtypes), frozenset(called)).run()
                for node, origin in other.origins.items():
                    imported.origins.setdefault(node, origin)
                imported.refusals.update(other.refusals | imported.refusals)
                methods = {name: output for name, output in other.methods.items() if name in imported.methods}
                methods |= in_float32(methods, imported.origins, "float64")
            rounded = in_float32(methods, imported.origins)
            more = steps_to_call(rounded, imported.origins, float32=True) - called
            if not more:
                return methods, rounded
            called |= more
            methods = None

    def lower(self, graphs: Graphs, lease: Lease | None = None) -> tuple[dict[str, MethodPlan], Lowering]:
        """Bind kernels and lay out programs in the store, held by ``lease`` or a new one."""
        check_executable(output.node for output in graphs.optimized.values())
        check_executable(output.node for output in graphs.sparse.values() if not isinstance(output, str))
        lease = self.store.lease() if lease is None else lease
        lowering = Lowering(self.store, lease, graphs.imported.origins, graphs.imported.refusals)
        keeps = graphs.imported.keeps_format
        methods = {}
        for name, output in graphs.optimized.items():
            methods[name] = lowering.method(
                output,
                graphs.sparse.get(name),
                graphs.imported.methods[name],
                _forms(graphs.variants, name),
                keeps_format=keeps,
                names_out=graphs.imported.names_out if name == "transform" else None,
            )
        return methods, lowering


def _without_opaque_extras(methods: dict[str, Output]) -> dict[str, Output]:
    """`EXTRAS` are no reason to reject an estimator that predicts or transforms natively."""
    extras = {name for name, output in methods.items() if name in EXTRAS and _opaque_nodes(output)}
    kept = {name: output for name, output in methods.items() if name not in extras}
    return kept or methods


def _opaque_nodes(output: Output) -> list[Opaque]:
    return [node for node in toposort([output.node]) if isinstance(node, Opaque)]


def _reject_opaque(imported: Imported) -> None:
    imported.methods = {
        name: replace(output, otherwise=None, arrays_only=False) for name, output in imported.methods.items()
    }
    found = {
        f"{imported.origins.get(node, '')} ({type(node.estimator).__name__}.{node.method}): {node.reason}"
        for node in toposort(output.node for output in imported.methods.values())
        if isinstance(node, Opaque)
    }
    if found:
        raise OpaqueStepError("strict=True, and these steps have no native form: " + "; ".join(sorted(found)))
