"""Settings of the documentation: Sphinx, numpydoc, and a gallery of examples/."""

from __future__ import annotations

import os
import re
from importlib.metadata import version as version_of

from sphinx_gallery.sorting import ExplicitOrder

project = "sktune"
author = "The sktune developers"
copyright = "2026, The sktune developers"
release = version_of("sktune")
version = release

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "myst_parser",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "auto_examples/*.ipynb"]

# -- The API's pages -----------------------------------------------------------

autosummary_generate = True
autodoc_typehints = "none"  # the docstrings say the types
numpydoc_class_members_toctree = False
numpydoc_show_class_members = False  # the template has them

# -- References ----------------------------------------------------------------

nitpicky = True
default_role = "autolink"  # a link if it names an object, else a parameter's name
OTHER_PROJECTS = {
    "numpy": "https://numpy.org/doc/stable",
    "python": "https://docs.python.org/3",
    "scipy": "https://docs.scipy.org/doc/scipy",
    "sklearn": "https://scikit-learn.org/stable",
}
# Keras has no inventory of its names.
nitpick_ignore_regex = [("py:.*", r"keras(\..*)?")]
# The inventories of other projects are fetched where the build may use the network.
# Elsewhere names of theirs are not looked up.
if os.environ.get("SKTUNE_DOCS_INTERSPHINX"):
    intersphinx_mapping = {name: (url, None) for name, url in OTHER_PROJECTS.items()}
else:
    nitpick_ignore_regex += [
        ("py:.*", rf"({'|'.join(OTHER_PROJECTS)})(\..*)?"),
        ("py:.*", r"[A-Z]\w*(Error|Interrupt|Warning)"),  # Python's own
    ]

# -- Examples ------------------------------------------------------------------

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"plot_",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "plot_gallery": "True",
    "show_memory": False,
    "within_subsection_order": ExplicitOrder(
        [
            "plot_replace_grid_search.py",
            "plot_pipeline.py",
            "plot_conditional_space.py",
            "plot_keras_network.py",
            "plot_keras_pipeline.py",
            "plot_keras_images.py",
            "plot_keras_sequences.py",
            "*",
        ]
    ),
}

# -- Pages ---------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = "sktune"
html_theme_options = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
}
html_show_sourcelink = False


def drop_roles(app, what, name, obj, options, lines):
    """Show as text what inherited docstrings refer to in scikit-learn's own pages.

    Docstrings of ours use neither role: they are read in a terminal, too.
    """
    for number, line in enumerate(lines):
        line = re.sub(r":ref:`([^`<]+?)(?: <[^>]*>)?`", r"\1", line)
        lines[number] = re.sub(r":term:`([^`<]+?)(?: <[^>]*>)?`", r"``\1``", line)


def setup(app):
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", drop_roles)
