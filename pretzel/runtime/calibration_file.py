"""The calibration of this machine: coefficients of the cost model, kept in a file for all processes."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from pretzel._native import isa, set_cost_coefficients
from pretzel.errors import PretzelError
from pretzel.runtime.log import logger

FORMAT = 2  # 1 had numbers without names

_decided = False  # the coefficients of this process were set, or the file was looked for


@dataclass(frozen=True)
class Calibration:
    """Coefficients of the cost model on one machine.

    Parameters
    ----------
    coefficients : dict of str to float
        By term ("kernel.regime.term", see ``pretzel/_native/cost/cost.h``): seconds by nominal seconds. Empty: those
        that Pretzel ships.
    unmeasured : float
        Coefficient of the terms that were not measured.
    isa : str
        Instruction-set level of the measurement.
    """

    coefficients: dict[str, float]
    unmeasured: float
    isa: str

    def use(self) -> None:
        """Estimate with these coefficients in models that are loaded from now on.

        Raises
        ------
        ValueError
            A coefficient is negative or not finite; nothing has changed.
        """
        global _decided
        set_cost_coefficients(self.coefficients or None, self.unmeasured)
        _decided = True

    def save(self, path: str | os.PathLike[str] | None = None) -> Path:
        """Write to a file, by default that of `cache_file`."""
        path = cache_file() if path is None else Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{os.getpid()}")
        temporary.write_text(json.dumps({"format": FORMAT, **asdict(self)}, indent=1))
        temporary.replace(path)
        return path

    @classmethod
    def load(cls, path: str | os.PathLike[str] | None = None) -> Calibration:
        """Read a file that `save` has written.

        Raises
        ------
        FileNotFoundError
        PretzelError
            The file has another format, or is no calibration.
        """
        path = cache_file() if path is None else Path(path)
        try:
            data = json.loads(path.read_text())
            version = data.get("format", 1)
            if version != FORMAT:
                raise PretzelError(f"{path} has format {version}, not {FORMAT}; run `python -m pretzel.calibration`")
            coefficients = {str(term): float(value) for term, value in data["coefficients"].items()}
            return cls(coefficients, float(data["unmeasured"]), str(data["isa"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PretzelError(f"{path} is no calibration: {error!r}") from error


def cache_file() -> Path:
    """The file of this machine's calibration: ``$PRETZEL_CALIBRATION``, or one in the user's cache folder."""
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


def load_calibration() -> None:
    """Use the calibration of this machine, if there is one; reads its file once per process.

    Called where estimates are first needed: by the first `Runtime`, batch engine or `Plan.estimate`. Building a plan
    reads no file.
    """
    global _decided
    if _decided:
        return
    try:
        Calibration.load().use()
    except (OSError, RuntimeError):  # most machines have no such file, some users have no home
        pass
    except (PretzelError, ValueError) as error:
        logger.warning("the calibration is not used: %s", error)
    finally:  # set last, so that concurrent threads read the file too, instead of going on without it
        _decided = True
