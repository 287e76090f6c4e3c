"""Sphinx configuration: ``make docs`` builds the pages into ``build/docs``, and every warning is an error."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import coverage_table  # noqa: E402

import pretzel  # noqa: E402

os.environ.setdefault("OMP_NUM_THREADS", "1")

project = "Pretzel"
author = "the Pretzel developers"
copyright = author
version = release = pretzel.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["coverage_table.md", "gallery", "**/README.md"]
templates_path = ["_templates"]

myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

autosummary_generate = True
autodoc_typehints = "none"  # the docstrings have the types
numpydoc_show_class_members = False
default_role = "code"

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_gallery",
    "filename_pattern": r"/plot_",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "within_subsection_order": "ExampleTitleSortKey",
    "min_reported_time": 1e9,
    "show_memory": False,
}

html_theme = "pydata_sphinx_theme"
html_title = "Pretzel"
html_theme_options = {
    "show_prev_next": False,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
WITHOUT_SECTIONS = ("index", "first_steps", "how_it_works", "coverage", "troubleshooting", "comparison")
html_sidebars = {name: [] for name in WITHOUT_SECTIONS}
html_show_sourcelink = False


def setup(app: object) -> None:
    """Write the table of what is native before pages are read."""
    coverage_table.write(HERE / "coverage_table.md")
