"""Calls of models by their names, and of many models at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pretzel.runtime.catalog import Catalog
    from pretzel.runtime.engine import Answer
    from pretzel.runtime.multi_model import MultiModel
    from pretzel.runtime.stored_models import StoredModels


class NamedCalls:
    """Base of `pretzel.Runtime`."""

    _catalog: Catalog
    _multi_model: MultiModel
    _stored: StoredModels

    def predict(self, name: str, X: Any) -> Any:
        """``runtime[name].predict(X)``."""
        return self._catalog[name].predict(X)

    def predict_one(self, name: str, row: Any) -> Any:
        """``runtime[name].predict_one(row)``."""
        return self._catalog[name].predict_one(row)

    def submit(self, name: str, X: Any, *, method: str = "predict", deadline: float | None = None) -> Answer:
        """``runtime[name].submit(X, ...)``; see `Model.submit`."""
        return self._catalog[name].submit(X, method=method, deadline=deadline)

    def predict_many(
        self, pairs: Iterable[tuple[Any, Any]], method: str = "predict", *, on_error: str = "raise"
    ) -> list[Any]:
        """Answer one row for each of many models, in one call.

        Every answer is what the model's ``predict_one`` returns, to the last bit; models of one shape run one after
        the other in native code.

        Parameters
        ----------
        pairs : iterable of (model, row)
            A name, handle or `Plan`, and a row that it takes.
        method : str
            Of all these models: ``"predict"``, ``"predict_proba"``, ...
        on_error : {"raise", "return"}
            ``"raise"`` raises the exception of the first item that fails, with a note of its position. ``"return"``
            puts exceptions into the list, in place of the answers.

        Returns
        -------
        list
            Answers in the order of ``pairs``.
        """
        return self._multi_model.many(pairs, method, on_error)

    def predict_all(
        self, row: Any, models: Iterable[Any], method: str = "predict", *, on_error: str = "raise"
    ) -> list[Any]:
        """Answer one row by many models, in one call; computations that they share run once.

        Every answer is what the model's ``predict_one`` returns, to the last bit. Models that read rows alike are
        merged at the first call, which takes milliseconds; recently used merged programs are kept.

        Parameters
        ----------
        row : dict, tuple, 1-D array or str
        models : iterable
            Names, handles or plans.
        method : str
            Of all these models.
        on_error : {"raise", "return"}
            As in `predict_many`.

        Returns
        -------
        list
            Answers in the order of ``models``.
        """
        return self._multi_model.all(row, models, method, on_error)

    def versions(self, name: str) -> list[str]:
        """Labels of the versions of a model that is registered or looked up, and of all that a store on disk has of it.

        Those of the targets of an alias are not its own: it has none.
        """
        known = [each.label for handle, _, held in self._catalog.models() if handle.name == name for each in held]
        return [*dict.fromkeys([*known, *self._stored.versions(name)])]

    def sharing(self, models: Iterable[Any], method: str = "predict") -> tuple[int, int]:
        """Number of kernel calls that these models make one by one, and in `predict_all`."""
        return self._multi_model.sharing(models, method)
