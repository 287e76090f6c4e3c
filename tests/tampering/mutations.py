"""What can be done to a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from tests.tampering.places import Gone

if TYPE_CHECKING:
    import random
    from collections.abc import Callable


class Junk:
    """An object that is nothing an estimator can use."""

    def __repr__(self) -> str:
        return "Junk()"


def mutations(value: Any, rng: random.Random) -> dict[str, Callable[[Any], Any]]:
    """What can be done to a value, by name."""
    common: dict[str, Callable[[Any], Any]] = {
        "None": lambda _: None,
        "junk": lambda _: Junk(),
        "gone": lambda _: Gone(),
        "text": lambda _: "junk",
        "empty list": lambda _: [],
    }
    if isinstance(value, np.ndarray):
        return {**common, **_of_arrays(value, rng)}
    if isinstance(value, bool | np.bool_):
        return {**common, "not": lambda v: not v, "two": lambda _: 2}
    if isinstance(value, int | float | np.integer | np.floating):
        numbers = (0, 1, -1, 2, 3.5, 1000, 2**31, 2**63, -(2**40), float("nan"), float("inf"), value + 1, value - 1)
        picked = rng.choice(numbers)
        return {**common, f"={picked}": lambda _: picked, f"= {picked}": lambda _: picked, "= array": lambda v: [v]}
    if isinstance(value, list | tuple):
        kind = type(value) if type(value) in (list, tuple) else tuple
        return {
            **common,
            "shorter": lambda v: kind(v[:-1]),
            "longer": lambda v: kind([*v, *v[-1:]]),
            "reversed": lambda v: kind(v[::-1]),
            "nothing": lambda _: kind(),
        }
    if isinstance(value, dict):
        return {
            **common,
            "shorter": lambda v: dict(list(v.items())[:-1]),
            "swapped": lambda v: dict(zip(v, list(v.values())[::-1], strict=True)),
            "nothing": lambda _: {},
            "one value": lambda v: dict.fromkeys(v, next(iter(v.values()), None)),
            "shifted": lambda v: {k: x + 1 if isinstance(x, int) else x for k, x in v.items()},
        }
    if sparse.issparse(value):
        return {**common, "dense": lambda v: v.toarray(), "shorter": lambda v: v[:, :-1]}
    return common


def _of_arrays(value: Any, rng: random.Random) -> dict[str, Callable[[Any], Any]]:
    def at(new: Any) -> Callable[[Any], Any]:
        position = rng.randrange(max(value.size, 1))

        def mutate(v: Any) -> Any:
            v = v.copy()
            if v.size:
                v.ravel()[position] = new
            return v

        return mutate

    found: dict[str, Callable[[Any], Any]] = {
        "shorter": lambda v: v[:-1].copy(),
        "much shorter": lambda v: v[:1].copy(),
        "longer": lambda v: np.concatenate([v, v[-1:]]),
        "much longer": lambda v: np.concatenate([v] * 40),
        "empty": lambda v: v[:0].copy(),
        "reversed": lambda v: v[::-1].copy(),
        "flat": lambda v: v.reshape(-1).copy(),
        "deeper": lambda v: v[None].copy(),
        "column": lambda v: v[..., None].copy(),
        "transposed": lambda v: v.T.copy(),
        "narrower": lambda v: v[..., :-1].copy(),
        "wider": lambda v: np.concatenate([v, v[..., -1:]], axis=-1),
        "scalar": lambda v: v.ravel()[0],
        "list": lambda v: v.tolist(),
        "object": lambda v: v.astype(object),
        "strings": lambda v: v.astype(str),
        "fortran": lambda v: np.asfortranarray(v),
        "strided": lambda v: np.repeat(v, 2, axis=0)[::2],
        "big endian": lambda v: v.astype(v.dtype.newbyteorder(">")),
    }
    if value.ndim == 0:
        found = {}
    if value.dtype.kind in "iu":
        for new in (0, 1, -1, -2, 5, 100, 10**6, 2**31 - 1, -(2**31)):
            found[f"one {new}"] = at(new)
        found["floats"] = lambda v: v.astype(np.float64)
        found["zeros"] = np.zeros_like
        found["plus one"] = lambda v: v + 1
        found["int8"] = lambda v: v.astype(np.int8)
    elif value.dtype.kind == "f":
        for new in (np.nan, np.inf, -np.inf, 0.0, -1.0, 1e308, -1e308, 1e-320):
            found[f"one {new}"] = at(new)
        found["float32"] = lambda v: v.astype(np.float32)
        found["float16"] = lambda v: v.astype(np.float16)
        found["longdouble"] = lambda v: v.astype(np.longdouble)
        found["ints"] = lambda v: np.nan_to_num(v).astype(np.int64)
        found["negated"] = lambda v: -v
        found["complex"] = lambda v: v.astype(np.complex128)
        found["all nan"] = lambda v: np.full_like(v, np.nan)
        found["zeros"] = np.zeros_like
    elif value.dtype.kind == "b":
        found["not"] = np.logical_not
        found["ints"] = lambda v: v.astype(np.int64)
    elif value.dtype.kind in "OU":
        found["one text"] = at("zz")
        if value.dtype.kind == "O":
            found["one None"], found["one number"], found["one junk"] = at(None), at(3.5), at(Junk())
            found["one nan"] = at(float("nan"))
    return found
