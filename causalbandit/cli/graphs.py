"""``graphs``: the problems that come with the package."""

from __future__ import annotations

import textwrap

import click

from causalbandit.cli.options import deliver, json_option
from causalbandit.formats.result_file import stamp
from causalbandit.text import WIDTH, plain_rows


@click.command()
@json_option
def graphs() -> None:
    """List the problems that come with the package; their names stand wherever GRAPH is asked for."""
    from causalbandit.formats.shipped_problems import shipped_problems

    table = shipped_problems()
    content = stamp("problems") | {"problems": plain_rows(table)}
    table["asked"] = table["goal"] + " " + table["target"]
    first, second = (max(map(len, ["name", *table[column]])) for column in ("name", "asked"))
    room = WIDTH - first - second - len("  nodes  arms    ")
    said = [f"{'name':{first}}  nodes  arms  {'goal':{second}}"]
    for row in table.itertuples():
        about = textwrap.shorten(str(row.description), room, placeholder=" …")
        said.append(f"{row.name:{first}}  {row.nodes:5}  {row.interventions:4}  {row.asked:{second}}  {about}")
    said.append(
        "\narms: the interventions that are compared. causalbandit show NAME tells all of a\n"
        "problem; causalbandit search NAME --budget T searches it."
    )
    deliver(said, lambda: content)
