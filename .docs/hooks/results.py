"""One page per table of tests/benchmarks/results, taken over when the site is built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

RESULTS = Path(__file__).parents[2] / "tests" / "benchmarks" / "results"


def tables() -> dict[str, str]:
    """The text of every table, under a heading, by the name of its file."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(RESULTS.glob("*.md"))}
    return {
        name: text if text.startswith("# ") else f"# {name.replace('_', ' ').capitalize()}\n\n{text}"
        for name, text in texts.items()
    }


def on_config(config: Any) -> Any:
    """List the tables in the navigation, under the page that explains them."""
    section = next(entry["Benchmarks"] for entry in config.nav if "Benchmarks" in entry)
    section.append({"All tables": [f"benchmarks/{name}.md" for name in tables()]})
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the tables, and the figures that stand beside them."""
    for name, text in tables().items():
        files.append(File.generated(config, f"benchmarks/{name}.md", content=text))
    for figure in sorted(RESULTS.glob("*.png")):
        files.append(File.generated(config, f"benchmarks/{figure.name}", content=figure.read_bytes()))
    return files
