"""Sphinx's settings for the pages; `python -m tools.site` makes the sources.

No page asks another host for anything: formulas become MathML, which browsers
draw by themselves, and the theme's fonts and icons lie beside the pages.
"""

from docutils.nodes import SkipNode, math_block
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
    "repository_branch": "gh-pages",
    "path_to_docs": "",
    "launch_buttons": {"colab_url": "https://colab.research.google.com"},
    "use_fullscreen_button": False,
    "navbar_persistent": [],  # else a second search field, in a bar of its own
    "show_toc_level": 2,
    "home_page_in_toc": True,
    "secondary_sidebar_items": ["page-toc.html"],
    "footer_content_items": [],
}


html_math_renderer = "mathml"


def setup(app):
    """Let formulas be MathML, without a script and without a network."""
    visitors = (write_formula, None), (write_formula, None)
    app.add_html_math_renderer("mathml", *visitors)


def write_formula(translator, node):
    """Write a formula of a sentence, or one on lines of its own."""
    displayed = isinstance(node, math_block)
    formula = tex2mathml(node.astext(), as_block=displayed)
    if displayed:
        formula = f'<div class="formula">{formula}</div>'
    translator.body.append(formula)
    raise SkipNode
