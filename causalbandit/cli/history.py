"""``fit``: tables from rows that were collected before."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from causalbandit.cli.errors import BadInput, bad_input
from causalbandit.cli.options import check_outputs, deliver, json_option, load, together
from causalbandit.errors import rows_told
from causalbandit.inference.log_readers import csv_header, csv_line, read_csv

if TYPE_CHECKING:
    import pandas as pd

    from causalbandit.history_rows import History
    from causalbandit.problem import Problem

intervention_column_option = click.option(
    "--intervention-column",
    metavar="COLUMN",
    help="The column that tells what was fixed: a label such as ad=1, or (observe).  [default: nothing was fixed]",
)

history_options = together(
    click.option(
        "--history",
        metavar="FILE",
        help="Rows from before (.csv or .parquet): they count as far as they agree with the experiments.",
    ),
    intervention_column_option,
)


def history_of(problem: Problem, path: str | None, column: str | None) -> History | None:
    """The rows in the file of ``--history``, if there is one."""
    from causalbandit.history_rows import History

    if path is None:
        if column is not None:
            raise BadInput("--intervention-column: needs --history, the file that has the column.")
        return None
    with rows_in(path) as frame:
        return History.from_data(problem, frame, column, named="history_interventions")


@click.command()
@click.argument("graph", metavar="GRAPH")
@click.argument("rows", metavar="HISTORY")
@click.option("-o", "--out", metavar="JSON", help="Write the problem with its fitted tables into JSON.")
@intervention_column_option
@json_option
def fit(graph: str, rows: str, out: str | None, intervention_column: str | None) -> None:
    """Fit the tables of GRAPH to the rows in HISTORY (.csv or .parquet): 0, 1 or nothing, a column per node.

    Prints what they already tell: the ranking with intervals, rows of tables that were hardly visited, and where the
    rows contradict the graph.
    """
    from causalbandit.formats.graph_json import problem_text
    from causalbandit.history import fit as fit_history

    problem = load(graph)
    check_outputs([graph, rows], table=out)
    with bad_input(rows):
        found = fit_history(problem, history_of(problem, rows, intervention_column))
    if out is not None and found.problem.model is None:
        raise BadInput(
            "--out: the graph has hidden causes, whose tables no rows can tell; see what is printed without it."
        )
    deliver([found.summary()], found.to_dict, (out, lambda: problem_text(found.problem)))


@contextlib.contextmanager
def rows_in(path: str) -> Iterator[pd.DataFrame]:
    """The table in a CSV or Parquet file, for work on it; `BadInput` with a fault of its rows and their lines."""
    line = None if _is_parquet(path) else partial(csv_line, path, ",")
    with bad_input(path), rows_told(line, "line"):
        yield read_rows(path)


def _is_parquet(path: str) -> bool:
    return Path(path).suffix.lower() == ".parquet"


def read_rows(path: str) -> pd.DataFrame:
    """The table in a CSV or Parquet file; texts stay texts."""
    if _is_parquet(path):
        import pandas as pd

        return pd.read_parquet(path)
    frame = read_csv(path, dtype=str, na_values=[""])
    twice = [name for name, times in Counter(csv_header(path)).items() if times > 1]
    if twice:
        raise ValueError(f"the header names {twice[0]!r} more than once; expected each column once.")
    return frame
