"""What leaves a study for people: the page, and the table of all told rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

from causalbandit.confirmation_results import Confirmation
from causalbandit.counts import Counts
from causalbandit.decision import Decision
from causalbandit.driver import concluded
from causalbandit.finished_batches import FinishedBatch
from causalbandit.interventions import InterventionSet
from causalbandit.report import report_page
from causalbandit.strategies.strategy import Choice
from causalbandit.study.preview import Preview
from causalbandit.study.proof import Proof
from causalbandit.study.replay import Replay
from causalbandit.study.sheets import NOT_SEEN
from causalbandit.study.status import StudyStatus
from causalbandit.study.store import Result
from causalbandit.study.telling import difference
from causalbandit.study.terms import Terms

if TYPE_CHECKING:
    import pandas as pd


def study_page(
    found: Decision | Confirmation, confirmation: Confirmation | None, status: StudyStatus, terms: Terms, name: str
) -> str:
    """The HTML of a study with the file name ``name``."""
    rows = f"{status.told + status.extra:,} told, {status.excluded:,} of them left out, {status.amended:,} amended"
    provenance = {"seed": terms.seed.entropy, "study": name, "rows": rows}
    lines = status.summary().splitlines()
    said = [lines[0], *(line for line in lines[1:] if line.startswith("Confirmation"))]
    second = None if isinstance(found, Confirmation) else confirmation
    return report_page(found, second, provenance=provenance, state=" ".join(f"{line}." for line in said))


def decision_so_far(terms: Terms, replay: Replay, preview: Preview) -> Decision:
    """The best guess from what is told, in the form of a decision, for the page of a study that runs."""
    batches = [*replay.batches]
    known = reduce(add, (batch.counts for batch in batches), Counts.zeros(terms.problem.interventions))
    if preview.counts.total > known.total:
        batches.append(FinishedBatch("running", difference(preview.counts, known)))
    note = f"The study is not finished: {preview.probability:.2f} is the probability that this guess is the best."
    choice = Choice(preview.best_index, preview.effects, notes=(note,))
    decision = concluded(
        *(terms.problem, terms.strategy, terms.budget, choice, batches), history=terms.history, spending=terms.spending
    )
    return replace(decision, graph_check=preview.graph_check)


def rows_frame(interventions: InterventionSet, results: Iterable[Result], proof: Proof | None) -> pd.DataFrame:
    """One row per told experiment, those of the search first; see `Study.rows`."""
    import pandas as pd

    nodes, labels = interventions.graph.nodes, interventions.labels

    def record(result: Result, stage: str, label: str, propensity: float | None) -> dict[str, Any]:
        batch = None if result.batch is None else result.batch + 1
        head = {"id": result.id, "stage": stage, "batch": batch, "intervention": label, "propensity": propensity}
        return head | _seen(nodes, result.observed) | {"counted": not result.excluded} | dict(result.extra)

    records = [record(result, "search", labels[result.place], None) for result in results]
    if proof is not None:
        arms = proof.arms.labels
        records += [record(result, "confirmation", arms[result.place], chance) for result, chance in proof.results()]
    columns = ["id", "stage", "batch", "intervention", "propensity", *nodes, "counted"]
    frame = pd.DataFrame(records, columns=None if records else columns)
    return frame.astype(dict.fromkeys(("batch", *nodes), "Int64") | {"propensity": "float64"})


def replaced_frame(nodes: Sequence[str], replaced: Iterable[tuple[int, bytes, str, float, float]]) -> pd.DataFrame:
    """One row per told row that another replaced; see `Study.replaced`."""
    import pandas as pd

    records = []
    for number, observed, extra, told, at in replaced:
        when = {"told_at": pd.Timestamp(told, unit="s", tz="UTC"), "replaced_at": pd.Timestamp(at, unit="s", tz="UTC")}
        records.append({"id": number} | _seen(nodes, observed) | when | json.loads(extra))
    frame = pd.DataFrame(records, columns=None if records else ["id", *nodes, "told_at", "replaced_at"])
    return frame.astype(dict.fromkeys(nodes, "Int64"))


def _seen(nodes: Sequence[str], observed: bytes) -> dict[str, Any]:
    return {node: None if value == NOT_SEEN else value for node, value in zip(nodes, observed, strict=True)}
