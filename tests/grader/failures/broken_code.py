"""What a notebook may hold besides Python: magics, commands, displays, missing modules."""

from __future__ import annotations

import toy
from broken import NO_SQUARE, Case, before, edited, file, right, square

RIGHT = toy.RIGHT["square"]
WRITE = "%%writefile helper.py\ndef power(x):\n    return x**2\n"
USE = "import helper\ndef square(x):\n    return helper.power(x)"
HELPER = b"def power(x):\n    return x**2\n"


def first(source: str, **answers: str) -> bytes:
    """A right notebook with a cell above all others."""
    return file([toy.code(source), *right(**answers)])


MAGICS = [
    before("matplotlib inline", "%matplotlib inline"),
    before("matplotlib widget", "%matplotlib widget\n%config InlineBackend.figure_format = 'svg'"),
    before("extensions", "%load_ext autoreload", "%autoreload 2", "%load_ext no_such_extension"),
    before("pip", "!pip install pandas", "%pip install torch", "!{sys.executable} -m pip list"),
    before("conda", "%conda install numpy"),
    before("output of a command", "files = !ls", "n = len(files)", "path = %pwd"),
    before("bash", "%%bash", "rm -rf ~", "echo $HOME"),
    before("html", "%%html", "<b>no Python</b>"),
    before("javascript", "%%javascript", "alert(1)"),
    before("R in a cell", "%%R", "x <- 3"),
    before("questions", "?print", "print?", "len??", "?np.*load*"),
    before("unknown magics", "%no_such_magic 1 2 3", "%%no_such_cell_magic"),
    before("who", "%who", "%whos", "%history -n 3", "%env X=1", "%cd /", "%ls", "%reset -f"),
    square("magic in the answer", "%matplotlib inline", RIGHT, score=3.0),
    square("pip in the answer", "!pip install numpy", RIGHT, score=3.0),
    square("question in the answer", RIGHT, "square?", score=3.0),
    square("timed cell", "%%time", RIGHT, score=3.0),
    square("timed cell with a set-up", "%%timeit -n 10 -r3 two = 2", RIGHT, score=3.0),
    square("captured cell", "%%capture out", RIGHT, "print(1)", score=3.0),
    square("timed line", RIGHT, "%timeit -n 5 square(3.0)", "%time y = square(2)", score=3.0),
    square("result of a timed line", RIGHT, "t = %timeit -o square(3.0)", score=3.0),
    square("result of a capture", "%%capture out", RIGHT, "out.show(); print(out)", score=3.0),
    Case(
        "pylab",
        first("%pylab inline\nx = array([1.0])", square="def square(x): return array(x)**2"),
    ),
    Case("written helper", first(WRITE, square=USE)),
    Case(
        "written and appended",
        first(WRITE, square="%%writefile -a helper.py\nx = 1"),
        scores=NO_SQUARE,
    ),
    Case("run helper", first(WRITE, square="%run helper.py\nsquare = power")),
    Case("run helper, name only", first(WRITE, square="%run -i helper\nsquare = power")),
    Case("helper beside the notebook", file(right(square=USE)), files={"helper.py": HELPER}),
    Case(
        "run a helper beside it",
        first("%run helper.py", square="square = power"),
        files={"helper.py": HELPER},
    ),
    Case(
        "data beside the notebook",
        first("two = float(open('two.txt').read())", square="def square(x):\n    return x**two"),
        files={"two.txt": b"2.0"},
    ),
    Case(
        "helper was not handed in",
        file(right(square=USE)),
        scores=NO_SQUARE,
        says="files handed in beside the notebook; helper is none of them",
    ),
    Case(
        "run of what is not there",
        file(right(square="%run nowhere.py\n" + RIGHT)),
        scores=NO_SQUARE,
        says="Only files handed in beside the notebook are there",
    ),
]
JUPYTER = [
    before(
        "display",
        "display(1, [2])",
        "from IPython.display import display, HTML, Image, Math",
        "display(HTML('<b>x</b>'), Math('x'))",
        "HTML('x')",
        "_ = 1",
    ),
    before("clear_output", "from IPython.display import clear_output", "clear_output(wait=True)"),
    before(
        "get_ipython",
        "get_ipython().run_line_magic('matplotlib', 'inline')",
        "get_ipython().system('ls')",
        "get_ipython().ast_node_interactivity = 'all'",
        "from IPython import get_ipython",
        "get_ipython().events.register('post_execute', print)",
        "assert 'x' not in get_ipython().config",
    ),
    before(
        "interact",
        "from ipywidgets import interact, FloatSlider, Output",
        "interact(lambda x: x, x=(0, 10))",
        "@interact(y=FloatSlider())",
        "def g(y): return y",
        "with Output(): print(1)",
    ),
    before(
        "tqdm",
        "from tqdm.notebook import tqdm, trange",
        "from tqdm.auto import tqdm as t",
        "for _ in tqdm(range(3)): pass",
        "for _ in t(range(3)): pass",
    ),
    before(
        "figures",
        "import matplotlib.pyplot as plt",
        "plt.plot([1, 2]); plt.show()",
        "plt.pause(0.01); plt.show(block=True); plt.ion(); plt.close('all')",
    ),
    before(
        "windows",
        "import matplotlib",
        "matplotlib.use('TkAgg')",
        "import matplotlib.pyplot as plt",
        "plt.switch_backend('Qt5Agg')",
        "plt.figure().show()",
    ),
    before(
        "shown with warnings as errors",
        "import warnings, matplotlib.pyplot as plt",
        "warnings.simplefilter('error')",
        "plt.plot([1]); plt.show(); plt.pause(3600)",
    ),
    before("many figures", "import matplotlib.pyplot as plt", "for _ in range(30): plt.figure()"),
    before(
        "animation",
        "import matplotlib.pyplot as plt",
        "from matplotlib.animation import FuncAnimation",
        "fig, ax = plt.subplots()",
        "line, = ax.plot([0, 1])",
        "a = FuncAnimation(fig, lambda i: line.set_ydata([i, 1]), frames=2)",
        "plt.show()",
    ),
    before(
        "figure to a file",
        "import matplotlib.pyplot as plt",
        "plt.plot([1])",
        "plt.savefig('figure.png')",
    ),
    before("drive of Colab", "from google.colab import drive", "drive.mount('/content/drive')"),
    before(
        "checks called by hand",
        "from autograder.checks import check, grade",
        "check('E5.1', globals())",
        "grade('E9.9', {}, seed=3)",
    ),
    square(
        "interactive answer",
        "from ipywidgets import interact",
        RIGHT,
        "interact(square, x=(0, 3))",
        score=3.0,
    ),
    square(
        "plotting answer",
        "import matplotlib.pyplot as plt",
        "def square(x):",
        "    plt.plot([1]); plt.show()",
        "    return x**2",
        score=3.0,
    ),
    square(
        "input in the answer",
        "def square(x):",
        "    return float(input('x?'))**2",
        says="Nobody is there to type",
    ),
    square("input in the cell", "n = input('How many?')", RIGHT, says="Nobody is there to type"),
    square(
        "Colab in the answer",
        "from google.colab import files",
        RIGHT,
        says="That exists in Colab only",
    ),
    square("exit", RIGHT, "exit()", score=3.0),
    square("quit without brackets", RIGHT, "quit", score=3.0),
    before("sys.exit", "import sys", "sys.exit('done')"),
    before("assertion", "assert False, 'not yet'"),
    before("working folder", "import os", "os.makedirs('data'); os.chdir('data')"),
    before("top-level return", "return 3"),
    before("top-level await", "await something()"),
]
MODULES = [
    square("PyTorch", "import torch", RIGHT, says="torch is none of them"),
    square("scikit-learn", "from sklearn.linear_model import Ridge", RIGHT, says="sklearn is none"),
    square(
        "imported in the function",
        "def square(x):",
        "    import tensorflow",
        "    return x**2",
        says="tensorflow is none of them",
    ),
    Case(
        "missing module among the imports",
        edited(lambda cells: cells[1].update(source="import torch\nimport numpy as np")),
        scores={"E5.1": 0.0, "E5.2": 3.0, "E5.3": 0.0},
        says="That is so because code cell 1 stopped in line 1 with ModuleNotFoundError",
    ),
    square(
        "data that is not there",
        "data = open('data.csv').read()",
        RIGHT,
        says="Only files handed in beside the notebook are there",
    ),
    square(
        "data read by NumPy",
        "import numpy",
        "def square(x):",
        "    return numpy.loadtxt('x.csv')",
        says="FileNotFoundError",
    ),
    square(
        "attribute that is gone",
        "import numpy",
        "def square(x):",
        "    return numpy.float(x)**2",
        says="numpy",
    ),
]
CASES = [*MAGICS, *JUPYTER, *MODULES]
