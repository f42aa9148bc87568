"""Inputs that cannot be used, with what is said of each: the tables in tests/data/bad_commands.json and bad_calls.json.

``python tests/bad_inputs.py`` from the repository's root writes down what is said now, to be read before it is kept:
every message names what was given, what was expected and, where there is one, the usual fix.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd

import causalbandit as cb

DATA = Path(__file__).parent / "data"

SHOP: dict[str, Any] = {
    "graph": {"target": "buy", "interventions": [{}, {"ad": 1}, {"ad": 0}]},
    "nodes": [{"id": "ad", "cpt": [0.5]}, {"id": "buy", "parents": ["ad"], "cpt": [0.1, 0.4]}],
    "edges": [{"source": "ad", "target": "buy"}],
}


def graph_files() -> dict[str, Any]:
    """Graph files by name: shop.json is right, every other one has one fault."""

    def changed(**at: Any) -> dict[str, Any]:
        copy: dict[str, Any] = json.loads(json.dumps(SHOP))
        copy["graph"].update(at.get("graph", {}))
        copy["graph"]["interventions"].extend(at.get("interventions", []))
        copy["edges"].extend(at.get("edges", []))
        for place, entries in at.get("nodes", {}).items():
            copy["nodes"][place].update(entries)
        return copy

    without_target = json.loads(json.dumps(SHOP))
    del without_target["graph"]["target"]
    return {
        "shop": SHOP,
        "cycle": changed(edges=[{"source": "buy", "target": "ad"}]),
        "notarget": without_target,
        "othertarget": changed(graph={"target": "bye"}),
        "longtable": changed(nodes={1: {"cpt": [0.1, 0.2, 0.3]}}),
        "over": changed(nodes={0: {"cpt": [1.5]}}),
        "text": changed(nodes={0: {"cpt": ["x"]}}),
        "badvalue": changed(interventions=[{"ad": 2}]),
        "badnode": changed(interventions=[{"add": 1}]),
        "targetfixed": changed(interventions=[{"buy": 1}]),
        "twice": changed(interventions=[{"ad": 1}]),
        "edge": changed(edges=[{"source": "x", "target": "buy"}]),
        "goal": changed(graph={"goal": "maximum"}),
        "format": changed(graph={"format": 99}),
        "notables": {**SHOP, "nodes": [{"id": "ad"}, {"id": "buy", "parents": ["ad"]}]},
    }


TEXTS: dict[str, str] = {
    "cut.json": json.dumps(SHOP)[:60],
    "empty.json": "",
    "list.json": "[]",
    "log.csv": "arm,y,p\n" + "".join(f"{'ab'[i % 2]},{i % 3 % 2},0.5\n" for i in range(40)),
    "badp.csv": "arm,y,p\na,1,0.5\nb,0,1.5\n",
    "zerop.csv": "arm,y,p\na,1,0\nb,0,0.5\n",
    "word.csv": "arm,y,p\na,1,0.5\nb,maybe,0.5\n",
    "hole.csv": "arm,y,p\na,1,0.5\nb,,0.5\n",
    "ragged.csv": "arm,y,p\na,1,0.5,7\nb,0,0.5\n",
    "half.csv": "arm,y,p,t\na,1,0.5,2\n\nb,0.5,0.5,1\n",
    "header.csv": "arm,y,p\n",
    "nothing.csv": "",
    "double.csv": "arm,y,y\na,1,0.5\n",
    "huge.csv": "arm,y,p\na,1e308,0.5\nb,-1e308,0.5\n",
    "dates.csv": "arm,y,p,when\na,1,0.5,03/04/2024\nb,0,0.5,04/04/2024\n",
    "one.csv": "arm,y,p\na,1,0.5\na,0,0.5\n",
    "rows.csv": "ad,buy\n" + "1,1\n0,0\n" * 5,
    "rowsbad.csv": "ad,buy\n1,2\n",
    "rowsmiss.csv": "ad\n1\n",
    "rowswide.csv": "ad,buy\n1,1,0\n",
    "rowslabel.csv": "ad,buy,arm\n1,1,ad=3\n",
    "rowsfixed.csv": "ad,buy,arm\n1,1,ad=1\n\n0,1,ad=0\n1,1,ad=0\n",
    "prices0.json": '{"ad=1": 0}',
    "prices-.json": '{"ad=1": -1}',
    "pricesx.json": '{"bd=1": 2}',
    "prices.csv": "intervention,price\nad=1,2\n",
    "notes.txt": "hello",
    "toldbad.csv": "id,ad,buy\n1,0,7\n",
    "toldid.csv": "id,ad,buy\n1,0,1\n2x,0,1\n",
    "toldname.csv": "intervention,ad,buy\nad=7,0,1\n",
    "toldfixed.csv": "intervention,ad,buy\nad=1,1,1\nad=1,0,1\n",
    "toldwho.csv": "id,ad,buy\n999,0,1\n",
    "toldnoid.csv": "ad,buy\n0,1\n",
    "damaged.study": "not a database at all " * 50,
}


def put_files(folder: Path) -> None:
    """Everything that the bad commands name: files by the dozen, and a study with 20 experiments under way."""
    for name, document in graph_files().items():
        (folder / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    for name, text in TEXTS.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "binary.json").write_bytes(b"\xff\xfe\x00\x01")
    with cb.Study.create(folder / "s.study", cb.load_problem(folder / "shop.json"), 20, "uniform", rng=1) as study:
        study.ask()


def plain(said: str) -> str:
    """A message on one line, from "Error:" on: how wide the terminal is does not matter."""
    return " ".join(said[said.find("Error:") :].split())


def bad_commands() -> list[dict[str, Any]]:
    """The table of commands: the words, the exit status, the whole message."""
    entries: list[dict[str, Any]] = json.loads((DATA / "bad_commands.json").read_text(encoding="utf-8"))
    return entries


def bad_calls() -> list[dict[str, Any]]:
    """The table of calls: the expression, the name of the error, the whole message."""
    entries: list[dict[str, Any]] = json.loads((DATA / "bad_calls.json").read_text(encoding="utf-8"))
    return entries


def names() -> dict[str, Any]:
    """What the expressions of bad_calls.json may name."""
    dag = nx.DiGraph([("ad", "buy")])
    graph = cb.CausalGraph(dag, "buy")
    arms = cb.InterventionSet(graph, [{}, {"ad": 1}, {"ad": 0}])
    model = cb.CausalModel(graph, {"ad": [0.5], "buy": [0.1, 0.4]})

    def design(**settings: Any) -> cb.MixtureAdaptiveDesign:
        return cb.MixtureAdaptiveDesign(cb.BetaBernoulliThompson(2), **settings)

    return {
        **{"cb": cb, "nx": nx, "np": np, "pd": pd, "math": math, "dag": dag, "graph": graph, "arms": arms},
        **{"model": model, "shop": cb.Problem(graph, arms, model), "bare": cb.Problem(graph, arms), "design": design},
        "thompson": cb.BetaBernoulliThompson(2),
        "log": pd.DataFrame({"arm": ["a", "b"] * 20, "y": [0, 1, 1, 0] * 10, "p": 0.5}),
    }


def said_now() -> None:
    """Write both tables with what is said now."""
    from conftest import command_line

    commands, calls, known = bad_commands(), bad_calls(), names()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        put_files(Path(folder))
        for entry in commands:
            done = command_line(*entry["command"].split(" "))
            entry |= {"status": done.exit_code, "message": plain(done.stderr)}
        for entry in calls:
            try:
                eval(entry["call"], dict(known))
                entry |= {"error": None, "message": None}
            except Exception as error:
                entry |= {"error": type(error).__name__, "message": str(error)}
    for name, table in (("bad_commands", commands), ("bad_calls", calls)):
        (DATA / f"{name}.json").write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    os.environ.setdefault("MPLBACKEND", "Agg")
    said_now()
