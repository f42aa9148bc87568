"""Pages from the tutorials among the examples: each cell is run, and stands beside what it printed, drew and wrote.

A tutorial is a plain script. Its docstring is the title and the opening of the page; ``# %% [markdown]`` begins a
cell of text in comments, ``# %%`` a cell of code. Cells run one after the other in an empty folder; a figure that a
cell saves is shown under it, a page that it saves is linked.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import io
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

EXAMPLES = Path(__file__).parents[2] / "examples"
TUTORIALS = {
    "best_intervention": "Find the best intervention",
    "campaign": "A real campaign",
    "adaptive_log": "A log of someone else's",
    "own_strategy": "Compare strategies, write one",
}
"""Script and its entry in the navigation, in this order."""
CELL = re.compile(r"^# %%(.*)\n", re.MULTILINE)


def on_config(config: Any) -> Any:
    """List the tutorials in the navigation."""
    section = next(entry["Tutorials"] for entry in config.nav if "Tutorials" in entry)
    section += [{title: f"tutorials/{name}.md"} for name, title in TUTORIALS.items()]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add a page per tutorial, and what its cells drew and wrote."""
    for name in TUTORIALS:
        page, written = tutorial(EXAMPLES / f"{name}.py")
        files.append(File.generated(config, f"tutorials/{name}.md", content=page))
        for file, content in written.items():
            files.append(File.generated(config, f"tutorials/{name}/{file}", content=content))
    return files


@functools.cache
def tutorial(script: Path) -> tuple[str, dict[str, bytes]]:
    """The page of a script in Markdown, and the files that it shows or links, by name."""
    source = script.read_text(encoding="utf-8")
    title, _, opening = (ast.get_docstring(ast.parse(source)) or script.stem).partition("\n")
    page = [f"# {title.rstrip('.')}", opening.strip()]
    page.append(f"The script is `examples/{script.name}`; below stands what it printed when this page was built.")
    written: dict[str, bytes] = {}
    marks = [*CELL.finditer(source)]
    ends = [mark.start() for mark in marks[1:]] + [len(source)]
    names: dict[str, Any] = {"__name__": "__main__", "__file__": str(script)}
    with tempfile.TemporaryDirectory() as folder, running(script, folder):
        for mark, end in zip(marks, ends, strict=True):
            cell = source[mark.end() : end].strip("\n")
            if "markdown" in mark[1]:
                page.append("\n".join(line.removeprefix("#").removeprefix(" ") for line in cell.splitlines()))
                continue
            before = stamps(folder)
            lines = source.count("\n", 0, mark.end())  # so that an error names its line in the script
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile("\n" * lines + cell, str(script), "exec"), names)
            page.append(f"```python\n{cell}\n```")
            if printed.getvalue().strip():
                page.append(f"```text\n{printed.getvalue().rstrip()}\n```")
            for file in sorted(file for file, stamp in stamps(folder).items() if before.get(file) != stamp):
                if file.endswith((".png", ".html")):
                    written[file] = (Path(folder) / file).read_bytes()
                    figure = file.endswith(".png")
                    words = f"![{Path(file).stem}]" if figure else f"[The page that this wrote: {file}]"
                    page.append(f"{words}({script.stem}/{file})")
    return "\n\n".join(page) + "\n", written


def stamps(folder: str) -> dict[str, int]:
    """When each file of a folder was last written."""
    return {entry.name: entry.stat().st_mtime_ns for entry in os.scandir(folder) if entry.is_file()}


@contextlib.contextmanager
def running(script: Path, folder: str) -> Any:
    """Arguments, folder and drawing as for a script that is run without a display."""
    import matplotlib

    matplotlib.use("Agg")
    arguments, here = sys.argv, Path.cwd()
    sys.argv = [str(script)]
    os.chdir(folder)
    try:
        yield
    finally:
        sys.argv = arguments
        os.chdir(here)
