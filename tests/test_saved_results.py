"""Results are read again as they were written, and what is no result is refused by name."""

import io
import json
from pathlib import Path

import pandas as pd
import pytest
from cases import together

import causalbandit as cb
from causalbandit.formats.result_file import KINDS, VERSION, stamp


def saved(result):
    return cb.load_result(io.StringIO(json.dumps(result.to_dict(), allow_nan=False)))


def test_a_comparison_comes_back_equal(shop):
    curves = cb.evaluate_regret(
        shop, [cb.TopTwo(rounds=6), "two-phase"], [2, 60], 3, rng=0
    )  # 2 are too few for two-phase
    again = saved(curves)
    pd.testing.assert_frame_equal(again.to_frame(), curves.to_frame())
    assert again.summary() == curves.summary()
    pd.testing.assert_frame_equal(again.means(), curves.means())


def test_a_decision_and_its_proof_come_back_with_their_tables(shop):
    decision = cb.search(shop, 200, cb.TopTwo(rounds=6), rng=0)
    again = saved(decision)
    assert (again.kind, again["best"]) == ("decision", decision.best)
    assert again.to_frame()["estimate"].tolist() == decision.to_frame().sort_index()["estimate"].tolist()
    proof = cb.confirm(shop, [{"ad": 1}], {}, budget=100, rng=0)
    assert saved(proof).to_frame()["estimate"].tolist() == pytest.approx(proof.estimates()["estimate"].tolist())


def test_the_schema_describes_every_kind():
    schema = json.loads(Path(cb.__file__).with_name("formats").joinpath("result.schema.json").read_text())
    described = {each["properties"]["format"]["const"]: each for each in schema["oneOf"]}
    assert set(described) == {stamp(kind)["format"] for kind in KINDS}
    assert schema["properties"]["version"]["maximum"] == VERSION
    for kind, table in KINDS.items():
        if table is not None and kind != "effects":
            assert table in described[stamp(kind)["format"]]["required"], kind


@together(
    ("content", "message"),
    [
        ({"version": 1}, r"\$\.format is missing; expected a result"),
        ({"nodes": [], "graph": {}}, r"A graph file is read by load_problem"),
        ({"format": "causalbandit decision", "version": 2}, r"version 2 of the format.*reads up to 1; upgrade it"),
        ({"format": "causalbandit decision", "version": "1"}, r"\$\.version is '1'"),
        ({"format": "causalbandit decison", "version": 1}, r"Did you mean 'decision'\?"),
        ({"format": "causalbandit regret", "version": 1}, r"lacks a field"),
    ],
)
def test_what_is_no_result_is_refused(content, message):
    with pytest.raises(cb.Error, match=message):
        cb.load_result(io.StringIO(json.dumps(content)))
