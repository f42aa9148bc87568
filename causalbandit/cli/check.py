"""``check``: does the data contradict the graph?"""

from __future__ import annotations

import click

from causalbandit.cli.errors import BadInput
from causalbandit.cli.history import intervention_column_option, rows_in
from causalbandit.cli.options import check_outputs, deliver, json_option, load, plot_option


@click.command()
@click.argument("graph", metavar="GRAPH")
@click.argument("data", metavar="DATA")
@intervention_column_option
@click.option(
    "--intervention-columns",
    metavar="NODE=COLUMN,...",
    help="For some nodes, the column that holds the value at which each was fixed, empty where it was left alone.",
)
@click.option("--batch", metavar="COLUMN", help="The column that numbers the batches in their order.")
@click.option("--planned", is_flag=True, help="All numbers of experiments were fixed before the first one.")
@click.option("--delta", metavar="D", type=float, default=0.01, show_default=True, help="Rate of false alarms.")
@click.option("--repaired", metavar="JSON", help="Write the problem with the repaired graph into JSON.")
@json_option
@plot_option("the evidence against each claim")
def check(
    graph: str,
    data: str,
    intervention_column: str | None,
    intervention_columns: str | None,
    batch: str | None,
    planned: bool,
    delta: float,
    repaired: str | None,
) -> None:
    """Look for contradictions between GRAPH and the experiments in DATA (.csv or .parquet), a 0/1 column per node.

    Prints each contradiction in a sentence, what the graph assumes, and what these data cannot show.
    """
    from causalbandit.errors import Error
    from causalbandit.formats.graph_json import problem_text
    from causalbandit.graph_check import check_graph

    problem = load(graph)
    check_outputs([graph, data], repaired=repaired)
    if intervention_column is not None and intervention_columns is not None:
        raise BadInput("--intervention-columns: --intervention-column was given, too; expected one of them.")
    columns = None if intervention_columns is None else _pairs(intervention_columns)
    with rows_in(data) as frame:
        asked = intervention_column or columns
        found = check_graph(problem, frame, interventions=asked, batch=batch, planned=planned, delta=delta)
    said = [found.summary()]
    if repaired is not None:
        try:
            mended = found.repaired()
        except Error as error:
            repaired = None
            said.append(f"\n{error}")
        else:
            said += [f"\n{amendment.sentence}" for amendment in found.amendments]
    deliver(said, found.to_dict, (repaired, lambda: problem_text(mended)), draw=found.plot)


def _pairs(text: str) -> dict[str, str]:
    """``m=did m,z=did z`` as a mapping from node to column."""
    pairs = {}
    for item in text.split(","):
        node, equals, column = (part.strip() for part in item.partition("="))
        if not (node and equals and column):
            raise BadInput(f"--intervention-columns: {item!r} is no pair; expected NODE=COLUMN, separated by commas.")
        pairs[node] = column
    return pairs
