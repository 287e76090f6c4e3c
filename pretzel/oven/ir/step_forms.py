"""What a step amounts to, in a form that rules understand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pretzel.oven.ir._cells import CellValue
    from pretzel.oven.ir.graph import Array


@dataclass(frozen=True, slots=True)
class Affine:
    """A step that multiplies and shifts each column: ``x * factor + offset``, up to rounding.

    Parameters
    ----------
    factor, offset : ndarray of float64, shape (width,)
    """

    factor: Array
    offset: Array


@dataclass(frozen=True, slots=True)
class Replacement:
    """A step that puts a constant in place of some cells and leaves all others, and all columns, as they are.

    Parameters
    ----------
    missing : tuple of str, float or None
        Cells that are replaced.
    fill : tuple of str, float or None
        The constant of each column.
    rejects_nan, rejects_na : bool
        Stops at NaN; stops at NA of pandas, and takes NaT for NaN.
    """

    missing: tuple[CellValue, ...]
    fill: tuple[CellValue, ...]
    rejects_nan: bool = False
    rejects_na: bool = False


@dataclass(frozen=True, slots=True)
class Boundaries:
    """Where the result of a discrete step changes.

    Parameters
    ----------
    columns : ndarray of int, shape (n,)
        Columns of its input.
    values : ndarray of float64, shape (n,)
    closed_left : bool
        A value equal to a boundary lies on its left side.
    """

    columns: Array
    values: Array
    closed_left: bool
