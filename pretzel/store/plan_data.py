"""Physical plans as plain data and back: what a plan file holds besides arrays.

The dataclasses of `pretzel.plan` are the description: a field is written by its annotation, and left out where it has
its default. Shapes of programs, sub-plans, stages and digests are written once, in tables, and named by their numbers
there. A sub-plan runs only such as stand before it, so that none runs itself.
Reading makes nothing but these dataclasses, enumerations, and NumPy arrays of labels and attributes; it checks the type
of everything and runs no code of the file.
"""

from __future__ import annotations

import base64
import enum
import re
import sys
import types
import typing
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Union, cast, get_args, get_origin

import numpy as np

from pretzel.errors import CorruptStoreError, SaveError
from pretzel.input_spec import MOST_UNREAD
from pretzel.packed import Packed
from pretzel.plan import Estimator, PhysicalPlan
from pretzel.program import ProgramShape, Stage, SubPlan, subplans_of
from pretzel.schema import DTypeRule, Kind, Positions, as_positions
from pretzel.store.digest import DIGEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_DTYPE = re.compile(r"[<>|=][biufSUmM]\d{1,9}(\[\d{0,9}[a-zA-Z]{1,2}\])?")  # as `numpy.dtype.str` writes them
_WASTE = 1 << 24  # bytes of labels, most of which may be padding
_PLAIN = (bool, int, float, str)
_PARTS = {"shapes": ProgramShape, "subplans": SubPlan, "stages": Stage}  # whatever is in many programs has a table
_NAMES = {"npt": cast("Any", type("npt", (), {"NDArray": list})), "DTypeRule": DTypeRule, "Kind": Kind}


def most_columns(nbytes: Iterable[int]) -> int:
    """Columns that their number alone may stand for in a file of arrays of so many bytes: a file pays for more."""
    return max(MOST_UNREAD, sum(nbytes))


@dataclass(frozen=True, slots=True)
class Links:
    """What a description refers to.

    Parameters
    ----------
    rename : callable
        Between the name of an object in the store of this process and its digest in the file.
    estimators : list, optional
        Those that opaque steps call, in the order in which they are met. None: there is no place for them.
    share : callable, optional
        The one object of this process that is equal to a part of the plan.
    most : int
        Columns that their number alone may stand for: see `most_columns`.
    digests : list of bytes
        By number: as the file has them while writing, as this process has them while reading.
    columns : dict
        Columns that were read as a list, under themselves.
    parts : dict of type to list
        Shapes, sub-plans and stages by number, as `digests`.
    """

    rename: Callable[[bytes], bytes]
    estimators: list[Any] | None = None
    share: Callable[[Any], Any] = lambda part: part
    most: int = MOST_UNREAD
    digests: list[bytes] = field(default_factory=list)
    columns: dict[Positions, Positions] = field(default_factory=dict)
    parts: dict[type, list[Any]] = field(default_factory=lambda: {cls: [] for cls in _PARTS.values()})
    _numbers: dict[Any, int] = field(default_factory=dict)

    def number_of(self, part: Any, table: list[Any], content: Callable[[], Any]) -> int:
        """The number of a part in its table, where it is put, written by ``content``, unless it is there."""
        number = self._numbers.get(part)
        if number is None:
            written = content()
            number = self._numbers[part] = len(table)
            table.append(written)
        return number


def to_data(plan: PhysicalPlan, links: Links) -> Any:
    """Write a plan as what JSON can hold.

    Parameters
    ----------
    plan : PhysicalPlan
    links : Links
        Estimators are added to its list.

    Raises
    ------
    SaveError
        A label or attribute is an object that has no plain form, or there is no place for an estimator.
    """
    written = _form(PhysicalPlan).write(plan, links)
    parts = {name: links.parts[cls] for name, cls in _PARTS.items() if links.parts[cls] or cls is not SubPlan}
    return {"tables": {"digests": b"".join(links.digests).hex(), **parts}, **written}


def from_data(data: Any, links: Links) -> PhysicalPlan:
    """Read what `to_data` has written.

    Parameters
    ----------
    data : object
    links : Links

    Raises
    ------
    CorruptStoreError
        The data is no plan.
    """
    try:
        fields = dict(_checked(data, dict))
        _read_tables(fields.pop("tables"), links)
        plan: PhysicalPlan = _form(PhysicalPlan).read(fields, links)
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError, RecursionError) as error:
        raise CorruptStoreError(f"no description of a plan: {error}") from error
    return plan


def _read_tables(tables: Any, links: Links) -> None:
    digests = bytes.fromhex(_checked(tables, dict)["digests"])
    links.digests[:] = [links.rename(digests[at : at + DIGEST]) for at in range(0, len(digests), DIGEST)]
    for name, cls in _PARTS.items():
        read, table = _fields_of(cls).read, links.parts[cls]
        table.clear()
        for each in _checked(tables[name] if cls is not SubPlan else tables.get(name, []), list):
            table.append(links.share(read(each, links)))


@dataclass(frozen=True, slots=True)
class _Form:
    """How values of one type are written and read."""

    write: Callable[[Any, Links], Any]
    read: Callable[[Any, Links], Any]


@cache
def _form(hint: Any) -> _Form:
    if hint is str:  # one object for all plans that hold this text
        return _Form(lambda value, _: str(value), lambda data, _: sys.intern(_checked(data, str)))
    if hint in _PLAIN:
        return _Form(lambda value, _: hint(value), lambda data, _: _checked(data, hint))
    if hint is type(None):
        return _Form(lambda value, _: None, lambda data, _: _checked(data, type(None)))
    if hint is bytes:
        return _Form(_write_digests, _read_digests)
    if hint is Packed:
        return _Form(
            lambda value, _: base64.b64encode(value.content).decode(), lambda data, links: links.share(_packed(data))
        )
    if hint is Estimator:
        return _Form(_write_estimator, _read_estimator)
    if hint == Positions:
        return _Form(_write_columns, _read_columns)
    if hint is Any:
        return _Form(lambda value, _: write_value(value), lambda data, _: read_value(data))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return _Form(lambda value, _: value.value, lambda data, _: hint(data))
    if hint in _PARTS.values():
        return _numbered(hint)
    if isinstance(hint, type) and is_dataclass(hint):
        return _fields_of(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is list:  # what `npt.NDArray` stands for here
        return _form(Any)
    if origin is tuple:
        return _sequence(_form(arguments[0]))
    if origin is dict:
        return _mapping(_form(arguments[1]))
    if origin in (Union, types.UnionType):
        return _union(arguments)
    raise TypeError(f"no plain form of {hint}")


def _numbered(cls: Any) -> _Form:
    """A part that has a table, by its number."""

    def write(value: Any, links: Links) -> int:
        if cls is Stage:
            for subplan in subplans_of(value.calls):  # the innermost first, so that none of them writes another
                _form(SubPlan).write(subplan, links)
        return links.number_of(value, links.parts[cls], lambda: _fields_of(cls).write(value, links))

    return _Form(write, lambda data, links: _entry(data, links.parts[cls]))


def _entry(number: Any, table: list[Any]) -> Any:
    if type(number) is not int or not 0 <= number < len(table):
        raise ValueError(f"{number!r:.50} is none of {len(table)}")
    return table[number]


@cache
def _fields_of(cls: Any) -> _Form:
    @cache
    def members() -> list[tuple[str, _Form, Any]]:  # asked for late, because a class may hold itself
        hints = typing.get_type_hints(cls, localns=_NAMES, include_extras=True)
        return [(each.name, _form(hints[each.name]), _default(each)) for each in fields(cls) if each.init]

    def write(value: Any, links: Links) -> dict[str, Any]:
        found = {}
        for name, form, default in members():
            content = getattr(value, name)
            if default is MISSING or (content is not default and not _equal(content, default)):
                found[name] = form.write(content, links)
        return found

    def read(data: Any, links: Links) -> Any:
        _checked(data, dict)
        values = {name: form.read(data[name], links) for name, form, _ in members() if name in data}
        if len(values) != len(data):
            raise ValueError(f"{cls.__name__} has no field {next(name for name in data if name not in values)!r:.100}")
        return cls(**values)

    return _Form(write, read)


def _default(field: Any) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _equal(value: Any, default: Any) -> bool:
    return isinstance(value, bool | int | str | tuple | dict | enum.Enum | DTypeRule) and bool(value == default)


def _write_columns(value: Positions, links: Links) -> Any:
    return len(value) if isinstance(value, range) and len(value) <= links.most else [*map(int, value)]


def _read_columns(data: Any, links: Links) -> Positions:
    """Positions of columns: how many of the first, or a list, of which all parts of a plan have one tuple."""
    if type(data) is int:
        if not 0 <= data <= links.most:
            raise ValueError(f"{data} columns in a small file")
        return range(data)
    found = tuple(_checked(data, list))
    if not {*map(type, found)} <= {int}:
        raise TypeError("expected whole numbers")
    columns = as_positions(found)
    return links.columns.setdefault(columns, columns)


def _sequence(item: _Form) -> _Form:
    def read(data: Any, links: Links) -> tuple[Any, ...]:
        return tuple([item.read(each, links) for each in _checked(data, list)])

    return _Form(lambda value, links: [item.write(each, links) for each in value], read)


def _mapping(item: _Form) -> _Form:
    def read(data: Any, links: Links) -> dict[str, Any]:
        return {sys.intern(name): item.read(each, links) for name, each in _checked(data, dict).items()}

    return _Form(lambda value, links: {name: item.write(each, links) for name, each in value.items()}, read)


def _union(hints: tuple[Any, ...]) -> _Form:
    """One of several types; which, is told by the type of what is written: at most one is no plain scalar."""
    plain = tuple(hint for hint in hints if hint in (*_PLAIN, type(None)))
    other = next((_form(hint) for hint in hints if hint not in plain), None)

    def write(value: Any, links: Links) -> Any:
        return value if other is None or isinstance(value, plain) else other.write(value, links)

    def read(data: Any, links: Links) -> Any:
        if type(data) in plain:
            return sys.intern(data) if type(data) is str else data
        if other is None:
            raise TypeError(f"expected {' or '.join(hint.__name__ for hint in plain)}, got {type(data).__name__}")
        return other.read(data, links)

    return _Form(write, read)


def _checked(data: Any, cls: type) -> Any:
    if cls is float and type(data) is int:
        return float(data)
    if type(data) is not cls:
        raise TypeError(f"expected {cls.__name__}, got {type(data).__name__}")
    return data


def _write_digests(value: bytes, links: Links) -> Any:
    digests = [value[at : at + DIGEST] for at in range(0, len(value), DIGEST)]
    numbers = [links.number_of(each, links.digests, partial(links.rename, each)) for each in digests]
    return numbers[0] if len(numbers) == 1 else numbers


def _read_digests(data: Any, links: Links) -> bytes:
    if type(data) is list:
        return b"".join([_entry(each, links.digests) for each in data])
    return cast("bytes", _entry(data, links.digests))


def _write_estimator(value: Any, links: Links) -> int:
    if links.estimators is None:
        raise SaveError(f"a step that runs as the estimator itself cannot be written: {type(value).__name__}")
    found = next((i for i, each in enumerate(links.estimators) if each is value), len(links.estimators))
    links.estimators[found:] = links.estimators[found:] or [value]
    return found


def _read_estimator(data: Any, links: Links) -> Any:
    return _entry(data, links.estimators or [])


def _packed(data: Any) -> Packed:
    return Packed.of(base64.b64decode(_checked(data, str), validate=True))


# -- labels and attributes -------------------------------------------------------------------------------------------


def write_value(value: Any) -> Any:
    """Write a label or an attribute: a scalar, an array, or a list of these.

    Raises
    ------
    SaveError
        The value is another object.
    """
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        return {"float": repr(value)}
    if type(value) is bytes:
        return {"bytes": value.hex()}
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biufmMSU":
        if value.dtype.kind == "U":
            contents: Any = value.tolist() if value.ndim == 1 else value.ravel().tolist()
        else:
            contents = base64.b64encode(value.tobytes()).decode()
        kind = "array" if isinstance(value, np.ndarray) else "scalar"
        return {kind: [value.dtype.str, list(value.shape), contents]}
    if isinstance(value, np.ndarray) and value.dtype.kind == "O":
        return {"objects": [list(value.shape), [write_value(each) for each in value.ravel()]]}
    if type(value) in (list, tuple):
        return {type(value).__name__: [write_value(each) for each in value]}
    raise SaveError(f"a label or attribute of type {type(value).__name__} has no plain form: {value!r:.100}")


def read_value(data: Any) -> Any:
    """Read what `write_value` has written."""
    if data is None or type(data) in (bool, int, str):
        return data
    ((kind, content),) = _checked(data, dict).items()
    if kind == "float":
        return float(_checked(content, str))
    if kind == "bytes":
        return bytes.fromhex(_checked(content, str))
    if kind in ("list", "tuple"):
        values = [read_value(each) for each in _checked(content, list)]
        return values if kind == "list" else tuple(values)
    if kind == "objects":
        shape, values = content
        array = np.empty(len(values), dtype=object)
        array[:] = [read_value(each) for each in _checked(values, list)]
        return array.reshape(_shape(shape))
    if kind not in ("array", "scalar"):
        raise ValueError(f"no value of kind {kind!r:.50}")
    text, shape, contents = content
    if _DTYPE.fullmatch(_checked(text, str)) is None:
        raise ValueError(f"no array of dtype {text!r:.50}")
    dtype = np.dtype(text)
    if dtype.kind == "U":
        if dtype.itemsize * len(_checked(contents, list)) > max(_WASTE, 100 * sum(map(len, contents))):
            raise ValueError(f"{len(contents)} short texts of dtype {text}")
        if any(type(each) is not str or len(each) * 4 > dtype.itemsize for each in _checked(contents, list)):
            raise ValueError(f"no texts of dtype {text!r:.50}")
        array = np.array(contents, dtype=dtype)
    else:
        array = np.frombuffer(base64.b64decode(contents, validate=True), dtype=dtype).copy()
    array = array.reshape(_shape(shape))
    return array if kind == "array" else array[()]


def _shape(data: Any) -> tuple[int, ...]:
    if any(type(each) is not int or each < 0 for each in _checked(data, list)):
        raise ValueError(f"no shape: {data!r:.100}")
    return tuple(data)
