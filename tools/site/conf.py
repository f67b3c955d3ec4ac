"""Sphinx's settings for the pages; `python -m tools.site` makes the sources.

No page asks another host for anything: formulas become MathML, which browsers
draw by themselves, and the theme's fonts and icons lie beside the pages.
"""

import os

from docutils.nodes import SkipNode
from docutils.utils.math.latex2mathml import tex2mathml

project = "Face recognition and neural style transfer, hands on"
html_title = project
extensions = ["myst_nb"]
exclude_patterns = ["notebooks/*.txt"]
nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "amsmath"]
suppress_warnings = ["misc.highlighting_failure"]  # pip's ! in the Setup cell

html_theme = "sphinx_book_theme"
html_static_path = ["style.css"]
html_css_files = ["style.css"]
html_show_sourcelink = False
html_copy_source = True
html_context = {"default_mode": "auto"}  # dark where the reader's system is
html_theme_options = {
    "repository_url": f"https://github.com/{os.environ['COURSE_REPOSITORY']}",
    "repository_branch": "gh-pages",
    "path_to_docs": "",
    "launch_buttons": {"colab_url": "https://colab.research.google.com"},
    "use_fullscreen_button": False,
    "show_toc_level": 2,
    "home_page_in_toc": True,
    "secondary_sidebar_items": ["page-toc.html"],
    "footer_content_items": [],
}


def setup(app):
    """Let formulas be MathML, without a script and without a network."""
    app.add_html_math_renderer(
        "mathml", (inline_formula, None), (displayed_formula, None)
    )


html_math_renderer = "mathml"


def inline_formula(translator, node):
    """Write one formula of a sentence."""
    translator.body.append(tex2mathml(node.astext(), as_block=False))
    raise SkipNode


def displayed_formula(translator, node):
    """Write a formula on lines of its own."""
    formula = tex2mathml(node.astext(), as_block=True)
    translator.body.append(f'<div class="formula">{formula}</div>')
    raise SkipNode
