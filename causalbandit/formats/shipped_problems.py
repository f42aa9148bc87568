"""The table of the problems that come with the package.

>>> shipped_problems().set_index("name").loc["asia", ["goal", "target"]].tolist()
['min', 'dysp']
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalbandit.formats.graph_json import load_problem
from causalbandit.formats.shipped_files import shipped_files

if TYPE_CHECKING:
    import pandas as pd


def shipped_problems() -> pd.DataFrame:
    """One row per problem that `load_problem` knows by name.

    Returns
    -------
    pandas.DataFrame
        Columns ``name``; ``nodes``, those nobody sees included; ``interventions``; ``goal`` ("max" or "min");
        ``target``; ``description`` and ``source``, as the files have them.
    """
    import pandas as pd

    rows = []
    for name, path in shipped_files().items():
        problem = load_problem(path)
        sizes = len(problem.graph.all_nodes), len(problem.interventions)
        rows.append((name, *sizes, problem.goal, problem.graph.target, problem.description, problem.source))
    columns = ["name", "nodes", "interventions", "goal", "target", "description", "source"]
    return pd.DataFrame(rows, columns=columns)
