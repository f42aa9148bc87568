"""One page of reference per row of the table in `help(causalbandit)`, with the public names of that row.

A public name that the table leaves out stands behind the name before it in ``causalbandit.__all__``. In the text of any
page, a public name in backticks becomes a link to its entry.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from mkdocs.structure.files import File, Files

import causalbandit

NAME = re.compile(r"`(\w+)`")
MENTION = re.compile(r"<code>((?:cb\.|causalbandit\.)?([A-Za-z]\w*)((?:\.\w+)*)(?:\([^<]*\))?)</code>")
LINKED = re.compile(r"(<a\b.*?</a>|<pre\b.*?</pre>|<h\d\b.*?</h\d>)", re.DOTALL)


@functools.cache
def groups() -> dict[str, list[str]]:
    """Public names by the row of the table that names them."""
    table = causalbandit.__doc__.split("=\n", 1)[1].rsplit("\n===", 1)[0]
    found: dict[str, list[str]] = {}
    group = ""
    for line in table.splitlines():
        label = line[:19].strip()
        group = label or group
        known = {name for names in found.values() for name in names}
        found.setdefault(group, []).extend(
            name
            for name in dict.fromkeys(NAME.findall(line[19:]))
            if name in causalbandit.__all__ and name not in known
        )
    home = {name: group for group, names in found.items() for name in names}
    before = ""
    for name in causalbandit.__all__:
        if name not in home:
            home[name] = home[before]
            found[home[name]].insert(found[home[name]].index(before) + 1, name)
        before = name
    assert sorted(home) == sorted(causalbandit.__all__), "a public name has no page"
    return found


def slug(group: str) -> str:
    """File name of a group's page."""
    return re.sub(r"\W+", "-", group).strip("-")


def on_config(config: Any) -> Any:
    """List the groups in the navigation, before the command line."""
    section = next(entry["API reference"] for entry in config.nav if "API reference" in entry)
    section[1:1] = [{group.capitalize(): f"reference/{slug(group)}.md"} for group in groups()]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the page of each group."""
    for group, names in groups().items():
        entries = "\n\n".join(f"::: causalbandit.{name}" for name in names)
        text = f"# {group.capitalize()}\n\n{entries}\n"
        files.append(File.generated(config, f"reference/{slug(group)}.md", content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """List the groups where a page asks for them."""
    listed = (
        f"- [{group}]({slug(group)}.md): {', '.join(f'`{name}`' for name in names)}"
        for group, names in groups().items()
    )
    return markdown.replace("<!-- groups -->", "\n".join(listed))


def on_page_content(content: str, **_: Any) -> str:
    """Link public names in running text."""
    parts = LINKED.split(content)
    parts[::2] = [MENTION.sub(link, part) for part in parts[::2]]
    return "".join(parts)


def link(match: re.Match[str]) -> str:
    """The mention as a link, if it is a public name or a member of one."""
    if match[2] not in causalbandit.__all__:
        return match[0]
    return f'<autoref optional identifier="causalbandit.{match[2]}{match[3]}">{match[0]}</autoref>'
