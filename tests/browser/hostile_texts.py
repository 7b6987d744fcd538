"""What a student could write to have something run in the instructor's browser."""

from __future__ import annotations

from typing import Any

PWNED = "window.pwned=(window.pwned||0)+1"
TEXTS = (
    f"<script>{PWNED}</script>",
    f"<img src=x onerror={PWNED}>",
    f"<svg onload={PWNED}><g/></svg>",
    f'<a id=bait href="javascript:{PWNED}">bait</a>',
    f"[bait](javascript:{PWNED})",
    f"[bait](JaVaScRiPt:{PWNED})",
    f"[bait](&#106;avascript:{PWNED})",
    f"[bait]( <javascript:{PWNED}> )",
    f"[bait][1]\n\n[1]: javascript:{PWNED}",
    f"[bait]\n\n[bait]:\njavascript:{PWNED}",
    f"<javascript:{PWNED}>",
    f"[bait](data:text/html,<script>opener.{PWNED}</script>)",
    f'![x](x" onerror="{PWNED})',
    f'![x](attachment:../../x"onerror="{PWNED})',
    "![x](attachment:missing.png)",
    "![x](http://127.0.0.1:9/beacon.png)",
    f'https://example.org/"onmouseover="{PWNED}"x',
    f'# x" onmouseover="{PWNED}\n\n## <img src=x onerror={PWNED}>',
    f"```mermaid\n<img src=x onerror={PWNED}>\n```",
    f'```"><img src=x onerror={PWNED}>\ncode\n```',
    f"    <img src=x onerror={PWNED}>",
    f"<details open ontoggle={PWNED}><summary>x</summary></details>",
    f"<iframe srcdoc='<script>parent.{PWNED}</script>'></iframe>",
    f"<!--><img src=x onerror={PWNED}>-->",
    f"<?xml ?><img src=x onerror={PWNED}>",
    f"<![CDATA[<img src=x onerror={PWNED}>]]>",
    f"<\nimg src=x onerror={PWNED}>",
    f"\\<img src=x onerror={PWNED}>",
    f"&lt;img src=x onerror={PWNED}&gt;",
    f"$\\href{{javascript:{PWNED}}}{{bait}}$",
    f"$$\\require{{html}}\\style{{x:expression({PWNED})}}{{x}}$$",
    f"$<img src=x onerror={PWNED}>$",
    f"\\begin{{equation}}<img src=x onerror={PWNED}>\\end{{equation}}",
    f"| a |\n|---|\n| <img src=x onerror={PWNED}> |",
    f"<form action='javascript:{PWNED}'><button>bait</button></form>",
    f"<meta http-equiv=refresh content='0;url=javascript:{PWNED}'>",
    f"<base href='http://127.0.0.1:9/'><object data='javascript:{PWNED}'></object>",
    "<style>@import 'http://127.0.0.1:9/x.css';</style>",
    "<link rel=stylesheet href=http://127.0.0.1:9/y.css>",
    f"<math><mtext><script>{PWNED}</script></mtext></math>",
    f"- <img\n  src=x\n  onerror={PWNED}>",
    "x" * 12_000 + f"<script>{PWNED}</script>",
)
BUNDLES: tuple[dict[str, Any], ...] = (
    {"text/html": f"<script>{PWNED}</script>"},
    {"text/html": f"<img alt='x' src=x onerror={PWNED}>"},
    {"application/javascript": PWNED},
    {"image/svg+xml": f"<svg xmlns='http://www.w3.org/2000/svg' onload='{PWNED}'/>"},
    {"image/png": f'x" onerror="{PWNED}'},
    {"image/png": "PHNjcmlwdD4="},
    {"text/markdown": f"<script>{PWNED}</script>"},
    {"text/latex": f"<script>{PWNED}</script>"},
    {"text/plain": f"<script>{PWNED}</script>"},
    {"application/vnd.jupyter.widget-view+json": {"model_id": f"<script>{PWNED}</script>"}},
    {"application/pdf": "JVBERi0="},
)


def text_cells() -> list[dict[str, Any]]:
    """A Markdown cell per text, with metadata and attachments that are hostile, too."""
    attachment = {f'x"onerror="{PWNED}': {"image/svg+xml": f"<svg onload='{PWNED}'/>"}}
    return [
        {
            "cell_type": "markdown",
            "source": text,
            "metadata": {"tags": [f'"><img src=x onerror={PWNED}>']},
            "attachments": attachment,
        }
        for text in TEXTS
    ]


def code_cells() -> list[dict[str, Any]]:
    """Code cells with outputs of all kinds."""
    stream = {
        "output_type": "stream",
        "name": "stdout",
        "text": f"\x1b[31m<script>{PWNED}</script>",
    }
    error = {
        "output_type": "error",
        "ename": f"<script>{PWNED}</script>",
        "evalue": f"<img src=x onerror={PWNED}>",
        "traceback": [f"<script>{PWNED}</script>"],
    }
    displays = [
        {
            "output_type": "display_data",
            "data": data,
            "metadata": {
                "image/png": {"width": f'1" onerror="{PWNED}', "alt": f'"onerror="{PWNED}'}
            },
        }
        for data in BUNDLES
    ]
    return [
        {
            "cell_type": "code",
            "source": f"%%html\n<script>{PWNED}</script>",
            "metadata": {"tags": [f'"><img src=x onerror={PWNED}>']},
            "execution_count": f"<script>{PWNED}</script>",
            "outputs": [output],
        }
        for output in (stream, error, *displays)
    ]
