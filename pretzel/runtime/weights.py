"""Weights of costs: those that a calibration found, in a file from which all processes of the machine take them."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pretzel._native import isa, use_weights
from pretzel.errors import PretzelError
from pretzel.runtime.log import logger

_chosen = False  # this process has weights that somebody chose


@dataclass(frozen=True)
class Calibration:
    """What the terms of kernels weigh on one machine.

    Parameters
    ----------
    weights : dict of str to list
        For each kernel 3 x 6 numbers, at pace 1; see ``pretzel/_native/cost/cost.h``.
    isa : str
        Instruction-set level it was measured at.
    """

    weights: dict[str, list[list[float]]]
    isa: str

    def use(self) -> None:
        """Estimate so in models that are loaded from now on; others go on with what they have.

        Raises
        ------
        ValueError
            Some weights are not 3 x 6 finite numbers, none of them negative; nothing has changed.
        """
        global _chosen
        use_weights(self.weights)
        _chosen = True

    def save(self, path: str | os.PathLike[str] | None = None) -> Path:
        """Write to a file, by default that of `cache_file`."""
        path = cache_file() if path is None else Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f"{path.name}.{os.getpid()}")
        aside.write_text(json.dumps({"isa": self.isa, "weights": self.weights}, indent=1))
        aside.replace(path)
        return path

    @classmethod
    def load(cls, path: str | os.PathLike[str] | None = None) -> Calibration:
        """Read what `save` wrote.

        Raises
        ------
        FileNotFoundError
        PretzelError
            The file holds something else.
        """
        path = cache_file() if path is None else Path(path)
        try:
            data = json.loads(path.read_text())
            weights = {str(name): np.asarray(values, dtype=float).tolist() for name, values in data["weights"].items()}
            return cls(weights, str(data["isa"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PretzelError(f"{path} is no calibration: {error!r}") from error


def cache_file() -> Path:
    """Where a calibration is kept, and looked for: ``$PRETZEL_CALIBRATION``, or a file in the user's cache folder."""
    chosen = os.environ.get("PRETZEL_CALIBRATION")
    if chosen:
        return Path(chosen)
    if sys.platform == "darwin":
        folder = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        folder = Path(os.environ.get("LOCALAPPDATA", Path.home()))
    else:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return folder / "pretzel" / f"calibration-{isa()}.json"


def use_kept() -> None:
    """Use what was kept for this machine, unless this process has chosen already; before a model is loaded."""
    global _chosen
    if _chosen:
        return
    try:
        Calibration.load().use()
    except (OSError, RuntimeError):  # most have none, and some no home
        pass
    except (PretzelError, ValueError) as error:
        logger.warning("the calibration is not used: %s", error)
    finally:  # not before: threads that come meanwhile read the same file, and load no model with other weights
        _chosen = True
