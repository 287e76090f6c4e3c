"""The rewrite rules, in the order in which they are tried; each is in the file of its name.

A rule is a function ``rule(node, users) -> Node | None``: the node's new form, or None where it does not apply. It
does not traverse, mutate, or know other rules. Rules that change the order of a sum declare tolerance parity and
are left out under ``numerics="strict"``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pretzel.oven.ir.graph import Parity
from pretzel.oven.rules.drop_identity import drop_identity
from pretzel.oven.rules.drop_proven_checks import drop_proven_checks
from pretzel.oven.rules.fold_affine import fold_affine
from pretzel.oven.rules.fold_into_thresholds import fold_into_thresholds
from pretzel.oven.rules.fuse_finite_check_into_linear import fuse_finite_check_into_linear
from pretzel.oven.rules.fuse_tfidf_linear import fuse_tfidf_linear
from pretzel.oven.rules.impute_into_codes import impute_into_codes
from pretzel.oven.rules.join_trees_of_members import join_trees_of_members
from pretzel.oven.rules.keep_sparse import keep_sparse
from pretzel.oven.rules.merge_linear import merge_linear
from pretzel.oven.rules.onehot_linear_lookup import onehot_linear_lookup
from pretzel.oven.rules.pick_outputs import pick_outputs
from pretzel.oven.rules.prune_columns import prune_columns
from pretzel.oven.rules.push_linear_through_concat import push_linear_through_concat
from pretzel.oven.rules.stack_members import stack_members

if TYPE_CHECKING:
    from pretzel.oven.ir.graph import Node

RuleFunction = Callable[["Node", "Mapping[Node, list[Node]]"], "Node | None"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rewrite: its function, what it preserves, and why it stands where it does in the order."""

    function: RuleFunction
    parity: Parity
    reason: str

    @property
    def name(self) -> str:
        """Name of the rule and of its file."""
        return self.function.__name__


RULES: tuple[Rule, ...] = (
    Rule(drop_proven_checks, Parity.EXACT, "first of all: a check in between hides every other pattern"),
    Rule(drop_identity, Parity.EXACT, "with the checks: nothing that does nothing may stand in between either"),
    Rule(pick_outputs, Parity.EXACT, "before members are looked at: their probabilities become one column each"),
    Rule(join_trees_of_members, Parity.EXACT, "before alike members are stacked: sums of trees need no members at all"),
    Rule(stack_members, Parity.EXACT, "before anything is folded into members: it then is for all of them together"),
    Rule(impute_into_codes, Parity.EXACT, "before anything looks at codes: it only spares a step in front of them"),
    Rule(fold_into_thresholds, Parity.EXACT, "after the checks that can go are gone; nothing before it looks at trees"),
    Rule(fold_affine, Parity.TOLERANCE, "before two linear computations are looked at: it brings them together"),
    Rule(merge_linear, Parity.TOLERANCE, "before the first of the two is split over the parts that it reads"),
    Rule(push_linear_through_concat, Parity.TOLERANCE, "once matrices are merged: the rest see one part each"),
    Rule(keep_sparse, Parity.TOLERANCE, "after the concatenation that made rows dense is gone"),
    Rule(onehot_linear_lookup, Parity.TOLERANCE, "when one-hot rows meet their weights without anything between"),
    Rule(prune_columns, Parity.TOLERANCE, "when each linear part has weights of its own, tables included"),
    Rule(fuse_tfidf_linear, Parity.TOLERANCE, "once each linear model reads the sparse rows of one vectorizer"),
    Rule(fuse_finite_check_into_linear, Parity.EXACT, "last of all: no other rule knows what it makes"),
)
