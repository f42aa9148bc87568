"""``fit``: tables from rows that were collected before."""

from __future__ import annotations

import contextlib
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from causalbandit.cli.errors import BadInput, bad_input, running
from causalbandit.cli.options import check_outputs, json_option, json_text, load, write, writing
from causalbandit.cli.terminal import echo
from causalbandit.errors import rows_told
from causalbandit.inference.log_readers import csv_header, csv_line, too_many_fields

if TYPE_CHECKING:
    import pandas as pd

    from causalbandit.history_rows import History
    from causalbandit.problem import Problem

Command = TypeVar("Command", bound=Callable[..., Any])

INTERVENTION_COLUMN = click.option(
    "--intervention-column",
    metavar="COLUMN",
    help="The column that tells what was fixed: a label such as ad=1, or (observe).  [default: nothing was fixed]",
)


def history_options(command: Command) -> Command:
    """Decorator: ``--history FILE`` with rows from before, and ``--intervention-column``."""
    option = click.option(
        "--history",
        metavar="FILE",
        help="Rows from before (.csv or .parquet): they count as far as they agree with the experiments.",
    )
    return option(INTERVENTION_COLUMN(command))


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
@INTERVENTION_COLUMN
@json_option
def fit(graph: str, rows: str, out: str | None, intervention_column: str | None, json_file: str | None) -> None:
    """Fit the tables of GRAPH to the rows in HISTORY (.csv or .parquet): 0, 1 or nothing, a column per node.

    Prints what they already tell: the ranking with intervals, rows of tables that were hardly visited, and where the
    rows contradict the graph.
    """
    from causalbandit.formats.graph_json import save_problem
    from causalbandit.history import fit as fit_history

    problem = load(graph)
    check_outputs([graph, rows], table=out, json=json_file)
    with bad_input(rows):
        found = fit_history(problem, history_of(problem, rows, intervention_column))
    if out is not None and found.problem.model is None:
        raise BadInput(
            "--out: the graph has hidden causes, whose tables no rows can tell; see what is printed without it."
        )
    with writing(found.summary()), running("Writing the graph file"):
        if json_file is not None:
            write(json_file, json_text(found.to_dict()))
        if out is not None:
            save_problem(found.problem, out)
            echo(f"Wrote {out}", err=True)


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
    import pandas as pd

    if _is_parquet(path):
        return pd.read_parquet(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # a first row that is too long shifts the columns
            frame = pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""], index_col=False)
        twice = [name for name, times in Counter(csv_header(path)).items() if times > 1]
        if twice:
            raise ValueError(f"the header names {twice[0]!r} more than once; expected each column once.")
        return frame
    except pd.errors.EmptyDataError:
        raise ValueError("the file is empty; expected a header and one row per unit.") from None
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise ValueError(f"the file {too_many_fields(error)}") from None
    except UnicodeDecodeError:
        raise ValueError("the file is not UTF-8; save it as CSV in UTF-8.") from None
