"""Make docs/demo.png, the picture in the README: a check in JupyterLab, and the feedback on it.

Run as `python docs/demo.py`, with Debian's chromium. Nothing is drawn: the lesson is opened, a
wrong answer is written and checked, the notebook is graded, and both windows are photographed.
"""

from __future__ import annotations

import base64
import io
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "browser"))  # the browser tests' own hands

from lab_page import Lesson, open_notebook  # noqa: E402
from lab_server import lab_server  # noqa: E402

PICTURE = Path(__file__).with_name("demo.png")
MOST_BYTES = 300_000
LESSON, EXERCISE, STUDENT = "01_elbo", "E1.1", "ada"
ANSWER = """\
def gaussian_kl(mu_q, sd_q, mu_p, sd_p):
    gap = mu_q - mu_p
    return np.log(sd_p / sd_q) + gap**2 / (2 * sd_p**2) - 0.5"""
CAPTIONS = (
    "A check says which mistake was made",
    "The feedback says where to go on",
)
WIDTH, HEIGHT, GAP, SCALE = 660, 660, 24, 1.5
COLOURS = 128
PAGE = """\
<!DOCTYPE html><style>
body {{ margin: 0; padding: 22px {gap}px 26px; background: #eef1f4; display: flex; gap: {gap}px;
  font: 600 19px system-ui, "DejaVu Sans", sans-serif; color: #1c1f23; }}
figure {{ margin: 0; }} figcaption {{ padding: 0 0 12px 4px; }}
img {{ display: block; box-sizing: border-box; width: {width}px; height: {height}px;
  object-fit: cover; object-position: left top; border: 1px solid #c9ced4; border-radius: 10px; }}
</style>{figures}"""
FIGURE = '<figure><figcaption>{}</figcaption><img src="data:image/png;base64,{}"></figure>'


def main() -> None:
    """Open, answer, check, grade, photograph; then write the picture."""
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        folder = Path(scratch)
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        size: Any = {"width": WIDTH, "height": HEIGHT}
        page = browser.new_page(viewport=size, device_scale_factor=SCALE)
        with lab_server(folder) as address:
            notebook = folder / "lessons" / LESSON / f"{LESSON}.ipynb"
            answer_all_but_one(notebook)
            checked = in_the_lesson(page, address)
        read = in_the_feedback(page, graded(notebook, folder))
        PICTURE.write_bytes(side_by_side(page, (checked, read)))
        browser.close()
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size // 1000} kB")


def answer_all_but_one(notebook: Path) -> None:
    """Fill in the answers of the solution notebook, and ours for one exercise."""
    solved = ROOT / "solutions" / LESSON / f"{LESSON}.ipynb"
    answers = {cell["id"]: cell["source"] for cell in _cells(json.loads(solved.read_text("utf-8")))}
    found = json.loads(notebook.read_text("utf-8"))
    for cell in _cells(found):
        cell["source"] = ANSWER if cell["id"] == _cell_id() else answers[cell["id"]]
    notebook.write_text(json.dumps(found), encoding="utf-8")


def _cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    """The cells that students fill in."""
    return [c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("solution")]


def _cell_id() -> str:
    return EXERCISE.replace(".", "-")


def in_the_lesson(page: Any, address: str) -> bytes:
    """The answer and, below it, what its check says."""
    lesson = open_notebook(page, address, LESSON)
    execute = "command => window.jupyterapp.commands.execute(command)"
    page.evaluate(execute, "application:toggle-left-area")
    lesson.run_first()
    lesson.said(_cell_id())
    lesson.save()
    _scroll(lesson)
    page.mouse.move(0, 0)
    return bytes(page.locator(".jp-NotebookPanel").screenshot())


def _scroll(lesson: Lesson) -> None:
    """Put the answer to the top of the window, the check below it being the active cell."""
    lesson.cell(f"{_cell_id()}-check")
    lesson.page.evaluate(
        """id => window.jupyterapp.shell.currentWidget.content.widgets
            .find(w => w.model.id === id).node.scrollIntoView()""",
        _cell_id(),
    )
    lesson.page.wait_for_timeout(500)


def graded(notebook: Path, folder: Path) -> Path:
    """The feedback page on a notebook that was handed in."""
    place = folder / "handins" / STUDENT / LESSON
    place.mkdir(parents=True)
    shutil.copy(notebook, place)
    command = [sys.executable, "-m", "autograder", "grade", str(folder / "handins")]
    command += ["--out", str(folder / "out")]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return folder / "out" / "feedback" / STUDENT / f"{LESSON}.html"


def in_the_feedback(page: Any, path: Path) -> bytes:
    """The top of the page."""
    page.goto(path.as_uri())
    return bytes(page.screenshot())


def side_by_side(page: Any, windows: tuple[bytes, ...]) -> bytes:
    """The windows with their captions, in few colours and few bytes."""
    texts = [base64.b64encode(window).decode() for window in windows]
    figures = "".join(map(FIGURE.format, CAPTIONS, texts))
    width = len(windows) * (WIDTH + GAP) + GAP
    page.set_viewport_size({"width": width, "height": HEIGHT})
    page.set_content(PAGE.format(width=WIDTH, height=HEIGHT - 20, gap=GAP, figures=figures))
    picture = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
    small = io.BytesIO()
    few = picture.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(small, format="PNG", optimize=True)
    if len(small.getvalue()) > MOST_BYTES:
        raise ValueError(
            f"expected a picture of at most {MOST_BYTES} bytes, got {len(small.getvalue())}"
        )
    return small.getvalue()


if __name__ == "__main__":
    main()
