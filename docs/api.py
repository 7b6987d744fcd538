"""Write the reference pages docs/api/*.md: one for each module of vi_lib, and their index.

Run as `python docs/api.py` after a module has come or gone. What a page says of a function stands
in its docstring, which Sphinx fetches when it builds the site; here is only what each module is
for, in the order in which one would read the library.

The file is a Sphinx extension as well: with `docs` on `sys.path` and "api" among the `extensions`,
after "sphinx.ext.autodoc" and "sphinx.ext.napoleon", docstrings may be written as they read best in
an editor. Indented formulas and tables keep their lines, |x| is an absolute value, (M, *shape) a
shape and `name` code.
"""

from __future__ import annotations

import pkgutil
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import vi_lib

FOLDER = Path(__file__).with_name("api")

#: Chapter, then its modules: what one comes for.
CHAPTERS: dict[str, dict[str, str]] = {
    "Distributions": {
        "densities": "Log densities to write models with.",
        "transforms": "The change of variables from a parameter's support to the real line.",
        "sampling": "Draws as functions of parameters and noise, for the pathwise gradient.",
        "expfam": "Natural parameters, log normalisers, mean parameters, and the KL between them.",
        "gaussian_gamma": "The conjugate model on which the course checks its coordinate ascent.",
        "divergences": "KL divergences in both directions, Rényi's, and projections.",
    },
    "Variational families": {
        "families": "The approximations that `fit`, `advi` and `dadvi` optimise.",
        "full_rank": "The full-rank Gaussian with its gradients written out, for lesson 8.",
    },
    "Optimising the ELBO": {
        "estimators": "What to differentiate: all estimators of the gradient, one signature.",
        "optimizers": "How far to step.",
        "stopping": "When to stop.",
        "eta": "The trial runs with which ADVI picks the scale of its steps.",
        "fit": "The loop that puts estimator, step and stopping rule together.",
        "result": "What comes back from a fit, and whether to believe it.",
        "storage": "Results in files, without pickle.",
    },
    "Conjugate models": {
        "cavi": "Coordinate ascent where every update is in closed form.",
        "svi": "The same models on minibatches, by natural gradients.",
    },
    "Any model": {
        "bbvi": "Black-box variational inference, one function for each line of the derivation.",
        "pathwise": "The same with the gradient of the model: total and path derivative.",
        "layout": "How named, constrained parameters become one vector of real numbers.",
        "model": "A prior, a likelihood and data, under the names of their parameters.",
        "advi": "Automatic differentiation variational inference of such a model.",
        "dadvi": "The deterministic variant: fixed draws, Newton steps, errors for the means.",
        "predictive": "New data, held-out data, and importance weights that correct a fit.",
        "inference_data": "The way to ArviZ.",
        "ppl": "Models as programs, with guides, plates and enumeration.",
        "amortised": "Networks: Bayesian regression, the variational autoencoder, its gap.",
    },
    "Checking a fit": {
        "diagnostics": "Whether a fit is any good, by six different questions.",
        "oracles": "Targets whose posterior and evidence are known.",
        "clinic": "Broken fits to be told apart, for lesson 12.",
        "datasets": "The data of the lessons.",
    },
    "Figures": {
        "figure": "The common look, and the text that stands for a picture.",
        "plots": "Traces, contours, marginals, gradients.",
        "latent_plots": "The latent plane of an autoencoder.",
        "flipbook": "Frames behind a slider.",
    },
}

ROOT = """\
# vi_lib

What `from vi_lib import ...` offers directly, and the three errors that every module raises.

```{eval-rst}
.. automodule:: vi_lib
   :no-members:

.. autoexception:: ShapeError

.. autoexception:: SupportError

.. autoexception:: NonFiniteError
```
"""

INDEX = """\
# Reference

Every public function and class of the library, module by module: its formula, the shapes it takes
and returns, the errors it raises and where it comes from. Start with [vi_lib](vi_lib.md), the names
that the lessons import.
"""


def public_modules() -> list[str]:
    """All modules of vi_lib without a leading underscore, `ppl.guides` for one in a package."""
    found = (info.name for info in pkgutil.walk_packages(vi_lib.__path__, "vi_lib."))
    names = sorted(name.removeprefix("vi_lib.") for name in found)
    return [name for name in names if not any(part.startswith("_") for part in name.split("."))]


def automodule(name: str) -> str:
    """The directive by which Sphinx fetches the docstrings of a module; a package's own only."""
    members = "no-members" if hasattr(import_module(f"vi_lib.{name}"), "__path__") else "members"
    return f"```{{eval-rst}}\n.. automodule:: vi_lib.{name}\n   :{members}:\n```\n"


def page(name: str, purpose: str) -> str:
    """The page of a module; that of a package has a section for each of its modules."""
    parts = [f"# {name}\n\n{purpose}\n\n{automodule(name)}"]
    for inner in public_modules():
        if inner.startswith(f"{name}."):
            parts.append(f"## {inner}\n\n{automodule(inner)}")
    return "\n".join(parts)


def index() -> str:
    """The table of contents, a list for each chapter."""
    parts = [INDEX]
    for chapter, modules in CHAPTERS.items():
        lines = [f"- [{name}]({name}.md): {purpose}" for name, purpose in modules.items()]
        parts.append(f"## {chapter}\n\n" + "\n".join(lines) + "\n")
    names = ["vi_lib", *(name for modules in CHAPTERS.values() for name in modules)]
    parts.append("```{toctree}\n:hidden:\n\n" + "\n".join(names) + "\n```\n")
    return "\n".join(parts)


def pages() -> dict[str, str]:
    """File name to text, for all pages."""
    written = {"index.md": index(), "vi_lib.md": ROOT}
    for modules in CHAPTERS.values():
        written |= {f"{name}.md": page(name, purpose) for name, purpose in modules.items()}
    return written


#: Sphinx's settings for the reference pages.
SETTINGS = {
    "add_module_names": False,
    "autodoc_member_order": "bysource",
    "autodoc_preserve_defaults": True,  # np.tanh, not <function primitive ...>
    "autodoc_typehints_format": "short",
    # As a list: an attribute that is in the class's text and a property as well is then no clash.
    "napoleon_custom_sections": [("Attributes", "params_style")],
    "napoleon_numpy_docstring": False,
    "smartquotes_action": "D",  # dashes only: b' is a transpose and ... any number of axes
}
#: The headings of Google's style, below which indented lines are entries and not formulas.
SECTION = re.compile(r"(Args|Attributes|Raises|Returns|Yields):$")
PYTHON = re.compile(r" +(from|import|with|def) ")
CODE = re.compile(r"(?<![`:])`([^`]+)`(?![`_])(\w?)")
STAR = re.compile(r"(?<![\w*])(\*{1,2})(?!\w[\w ]*\*)(?=[\w,)])")


def typeset(line: str) -> str:
    """A line of running text with its signs as they are meant, outside of code."""
    line = CODE.sub(lambda m: f"``{m[1]}``" + (rf"\ {m[2]}" if m[2] else ""), line)
    parts = re.split(r"(``.*?``)", line)
    for i in range(0, len(parts), 2):
        text = STAR.sub(lambda match: match[1].replace("*", r"\*"), parts[i])
        parts[i] = text.replace("|", r"\|")
    return "".join(parts)


def as_restructured_text(lines: list[str]) -> list[str]:
    """A docstring's lines with indented formulas, tables and examples as literal blocks."""
    written: list[str] = []
    section, block = False, False
    for line in lines:
        indented = line.startswith(" ")
        if line and not indented:
            section, block = SECTION.match(line) is not None, False
        elif indented and not section and not block and (not written or not written[-1]):
            block = True
            while written and not written[-1]:
                written.pop()
            if written and written[-1].endswith("::"):
                written[-1] = written[-1][:-1]
            language = "python" if PYTHON.match(line) else "text"
            written += ["", f".. code-block:: {language}", ""]
        written.append(line if block else typeset(line))
    return written


def on_docstring(*event: Any) -> None:
    """Rewrite in place the lines that autodoc has found, the last argument."""
    event[-1][:] = as_restructured_text(event[-1])


def on_signature(*event: Any) -> tuple[str | None, str | None]:
    """A protocol's constructor takes nothing that a reader could give it."""
    signature, returned = event[-2:]
    protocol = event[1] == "class" and signature == "(*args, **kwargs)"
    return ("" if protocol else signature), returned


def on_member(*event: Any) -> bool | None:
    """Leave out the fields of a named tuple: the class's text says what they are."""
    return True if (event[3].__doc__ or "").startswith("Alias for field number") else None


def on_settings(app: Any, config: Any) -> None:
    """Apply the settings of the reference pages."""
    for name, value in SETTINGS.items():
        setattr(config, name, value)


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx; before napoleon, which waits at the usual priority of 500."""
    app.connect("config-inited", on_settings)
    app.connect("autodoc-skip-member", on_member)
    app.connect("autodoc-process-signature", on_signature)
    app.connect("autodoc-process-docstring", on_docstring, priority=400)
    return {"parallel_read_safe": True}


def main() -> None:
    """Write the pages, and remove those of modules that are gone."""
    FOLDER.mkdir(exist_ok=True)
    texts = pages()
    for path in FOLDER.glob("*.md"):
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
