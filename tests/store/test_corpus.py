"""Plans that any release has written open in this one, without scikit-learn, and answer as they did, bit by bit."""

from __future__ import annotations

import json
import subprocess
import sys

from pretzel.runtime.saved import layouts
from pretzel.store.plan_file import open_plan_file
from tests.store.corpus_files import CORPUS, NEWEST

WRITE = f"python -m tests.store.write_corpus writes tests/store/corpus/{NEWEST}; files of releases before stay"


def test_every_file_answers_as_it_did():
    script = f"import runpy; runpy.run_path({str(CORPUS.parent / 'corpus_files.py')!r}, run_name='__main__')"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) == len([*CORPUS.glob("*/*.pretzel")]) > 20


UNSAVED = ("branch", "loop")
"""Kernels of classifiers of hiclass alone, whose ``predict_proba`` keeps them from being saved without Python."""


def test_this_release_is_there():
    """Whoever changes the format or the layout of a kernel writes the files of this release anew."""
    path = CORPUS / NEWEST / "layouts.json"
    assert path.exists(), WRITE
    saved = {kernel: layout for kernel, layout in layouts().items() if kernel not in UNSAVED}
    assert json.loads(path.read_text()) == saved, WRITE


def test_some_files_are_lowered_again():
    files = [*(CORPUS / f"{NEWEST}-other-parameters").glob("*.pretzel")]
    assert len(files) == 3
    for path in files:
        assert not open_plan_file(path).description["kernels"].items() & layouts().items()


def test_the_files_are_small():
    assert sum(path.stat().st_size for path in CORPUS.glob("*/*")) < 600_000
