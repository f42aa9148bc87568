"""The parts of a page: sections, tables, lists of facts, and the sheet of styles that they share.

Whatever comes from outside (names, labels, descriptions) is escaped here and nowhere else. The same input gives the
same text, letter for letter.
"""

from __future__ import annotations

import html
import math
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

LIGHT = """--ink: #1c2733; --soft: #5b6875; --line: #d8dfe6; --paper: #ffffff; --card: #f5f8fa;
  --accent: #0072b2; --target: #d55e00; --good: #007a59; --bad: #b3261e; --mark: #e6f1f8;"""
"""Colours on white."""

DARK = """--ink: #e6edf3; --soft: #9aa7b4; --line: #313b46; --paper: #12171d; --card: #1a2129;
  --accent: #56b4e9; --target: #f0965c; --good: #4cc9a0; --bad: #ff8a80; --mark: #1d3344;"""
"""The same on black."""

ROOT = f"""
:root {{ color-scheme: light dark; {LIGHT} }}
@media (prefers-color-scheme: dark) {{ :root {{ {DARK} }} }}"""
"""Light or dark, as the reader's machine is set."""

STYLE = (
    ROOT
    + """
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); line-height: 1.5;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; text-wrap: balance; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2.5rem 0 .75rem; padding-top: 1rem; border-top: 1px solid var(--line); }
p { margin: .5rem 0; overflow-wrap: anywhere; } .soft { color: var(--soft); font-size: .92rem; }
.verdict { font-size: 1.15rem; background: var(--mark); border-left: 4px solid var(--accent); padding: .9rem 1.1rem;
  border-radius: 0 8px 8px 0; margin: 1.25rem 0; }
.warning { border-left: 4px solid var(--bad); background: var(--card); padding: .6rem 1rem;
  border-radius: 0 8px 8px 0; }
dl { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: .3rem 1.25rem; margin: .5rem 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; } }
.wide { overflow-x: auto; margin: .75rem 0; } svg { display: block; max-width: 100%; height: auto; }
.wide > svg { max-width: none; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; min-width: 100%; }
th, td { padding: .35rem .75rem .35rem 0; text-align: right; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th { color: var(--soft); font-weight: 500; border-bottom-width: 2px; }
th.text, td.text { text-align: left; white-space: normal; overflow-wrap: anywhere; min-width: 9rem; }
tr.best td { background: var(--mark); font-weight: 600; }
ul { padding-left: 1.2rem; margin: .5rem 0; } li { margin: .3rem 0; overflow-wrap: anywhere; }
text { fill: var(--ink); font: 12px system-ui, sans-serif; } text.soft { fill: var(--soft); font-size: 11px; }
"""
)
"""Colours for light and dark, one column on a telephone; figures and tables scroll by themselves when they are wide."""

FRAGMENT = f"""
.causalbandit {{ color-scheme: light; {LIGHT} background: var(--paper); color: var(--ink); padding: .25rem; }}
.causalbandit .wide {{ overflow-x: auto; }} .causalbandit svg {{ display: block; max-width: none; }}
.causalbandit text {{ fill: var(--ink); font: 12px system-ui, sans-serif; }}
.causalbandit text.soft {{ fill: var(--soft); font-size: 11px; }}
"""
"""For figures in somebody else's document, such as a notebook: always on white, whatever surrounds them."""


def escaped(text: object) -> str:
    """``text`` for use in HTML and SVG; control characters become their pictures."""
    shown = "".join(
        chr(0x2400 + ord(letter)) if ord(letter) < 32 and letter not in "\n\t" else letter
        for letter in str(text)
        if unicodedata.category(letter) != "Cf" or letter == "\u200d"
    )
    return html.escape(shown)


def page(title: str, *parts: str) -> str:
    """A whole document: one file, without scripts, that asks nobody for anything."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        'img-src data:">\n'
        f'<link rel="icon" href="data:,">\n<title>{escaped(title)}</title>\n<style>{STYLE}</style>\n'
        "</head>\n<body>\n<main>\n" + "\n".join(part for part in parts if part) + "\n</main>\n</body>\n</html>\n"
    )


def fragment(*parts: str) -> str:
    """Figures for somebody else's document, with their colours."""
    inside = "\n".join(part for part in parts if part)
    return f'<div class="causalbandit"><style>{FRAGMENT}</style>\n{inside}\n</div>'


def figure(parts: Iterable[str], said: str, width: float, height: float, left: float = 0.0, top: float = 0.0) -> str:
    """The parts of a drawing as SVG, ``width`` by ``height`` pixels from the corner ``left``, ``top``.

    ``said`` is what those hear who do not see it.
    """
    return (
        f'<div class="wide"><svg role="img" aria-label="{escaped(said)}" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="{left:.0f} {top:.0f} {width:.0f} {height:.0f}" xmlns="http://www.w3.org/2000/svg">\n'
        + "\n".join(parts)
        + "\n</svg></div>"
    )


def heading(title: str, below: str = "") -> str:
    """The page's title, with a line below it."""
    return f"<h1>{escaped(title)}</h1>" + (f'\n<p class="soft">{escaped(below)}</p>' if below else "")


def section(title: str, *parts: str) -> str:
    """A section with a heading; nothing when it has no content."""
    inside = "\n".join(part for part in parts if part)
    return f"<section>\n<h2>{escaped(title)}</h2>\n{inside}\n</section>" if inside else ""


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph; ``kind`` is "soft", "verdict" or "warning"."""
    return f"<p{_class(kind)}>{escaped(text)}</p>" if text else ""


def facts(pairs: Mapping[str, object]) -> str:
    """A list of names and values."""
    inside = "\n".join(f"<dt>{escaped(name)}</dt><dd>{escaped(value)}</dd>" for name, value in pairs.items())
    return f"<dl>\n{inside}\n</dl>" if pairs else ""


def bullets(items: Iterable[str]) -> str:
    """A list of sentences."""
    inside = "\n".join(f"<li>{escaped(item)}</li>" for item in items)
    return f"<ul>\n{inside}\n</ul>" if inside else ""


def table(frame: pd.DataFrame, *, best: Collection[int] = ()) -> str:
    """A frame as a table; ``best`` are the places of rows to mark."""
    kinds = {column: frame[column].dtype.kind for column in frame}
    look = {column: _class("" if kind in "fi" else "text") for column, kind in kinds.items()}
    show: dict[str, Callable[[Any], str]] = {
        "f": lambda value: "–" if math.isnan(value) else f"{value:.4f}",
        "i": lambda value: f"{value:,}",
        "b": lambda value: "yes" if value else "no",
    }

    def cell(column: Any, value: Any) -> str:
        return f"<td{look[column]}>{escaped(show.get(kinds[column], str)(value))}</td>"

    head = "".join(f'<th scope="col"{look[column]}>{escaped(str(column).replace("_", " "))}</th>' for column in frame)
    rows = []
    for place, values in enumerate(frame.itertuples(index=False, name=None)):
        cells = "".join(cell(column, value) for column, value in zip(frame.columns, values, strict=True))
        rows.append(f"<tr{_class('best' if place in best else '')}>{cells}</tr>")
    inside = f"<thead><tr>{head}</tr></thead>\n<tbody>\n" + "\n".join(rows) + "\n</tbody>"
    return f'<div class="wide"><table>{inside}</table></div>'


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
