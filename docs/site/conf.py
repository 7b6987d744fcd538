"""How Sphinx builds the web site from the pages that `docs/site/assemble.py` has laid out."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for the extension `api`

project = "Variational inference, from the KL divergence to the VAE"
author = "The authors of the course"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx.ext.mathjax",
    "api",
]
exclude_patterns = ["jupyter_execute"]  # else its copies are found as pages, too
suppress_warnings = ["mystnb.mime_priority"]

nb_execution_mode = "off"  # outputs come from the solved notebooks, which the tests compare
nb_ipywidgets_js: dict[str, dict[str, str]] = {}  # else each page asks a host for scripts
nb_code_prompt_show = "Show the solution"
nb_code_prompt_hide = "Hide the solution"
myst_enable_extensions = ["amsmath", "dollarmath"]
myst_heading_anchors = 4
mathjax_path = "tex-svg.js"  # MathJax 3.2.2, in this folder

viewcode_follow_imported_members = False  # a name has its place where it is documented

html_theme = "sphinx_book_theme"
html_title = "Variational inference"
html_static_path = ["_static"]
html_css_files = ["course.css"]
html_js_files = ["accessible.js"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "show_toc_level": 2,
    "use_download_button": False,
    "use_fullscreen_button": False,
    "navigation_with_keys": False,
    "navbar_persistent": [],  # the search field of the sidebar is enough
}
