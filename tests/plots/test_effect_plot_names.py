"""Arms keep the names that they have, letter for letter, in every figure of effects."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

import causalbandit as cb
from causalbandit.plots.effects import estimates_over_time, estimator_panel, power_over_time
from causalbandit.text import escaped

NAMES = ["a$", "b$", "$x_$", "$5\\$"]
"""Prices, a formula that cannot be parsed, and a backslash before a dollar sign."""


pytestmark = pytest.mark.usefixtures("without_display")


def shown(figure: Figure) -> set[str]:
    """What the figure's texts say once matplotlib has read them; a formula is an error."""
    figure.canvas.draw()
    said = set()
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        if text.get_text().startswith("$\\mathdefault"):
            continue  # numbers on a logarithmic axis are formulas indeed
        read, is_formula = text._preprocess_math(text.get_text())  # type: ignore[attr-defined]
        assert not is_formula, text.get_text()
        said.add(read)
    return said


def test_dollar_signs_in_names_are_shown_in_every_figure_of_a_design() -> None:
    design = cb.MixtureAdaptiveDesign(cb.UCB(4), arms=NAMES, control=NAMES[0], rng=0)
    noise = np.random.default_rng(0)
    design.run(lambda arm: float(noise.random() < 0.5), 60, stop_early=False)
    for draw in (design.plot, design.plot_path, design.plot_totals, design.plot_assignments, design.plot_probabilities):
        said = shown(draw().figure)  # type: ignore[arg-type, operator]
        for name in NAMES[1:]:
            assert any(name in text for text in said), (draw, name, said)
    assert f"{NAMES[1]}\ndrawn" in shown(design.plot_scores().figure)  # type: ignore[arg-type]
    assert f"{NAMES[1]} − {NAMES[0]}" in shown(design.plot().figure)  # type: ignore[arg-type]


def test_dollar_signs_are_shown_in_paths_power_and_panels() -> None:
    rows = {"round": [1, 2] * 2, "arm": ["a$", "a$", "b$", "b$"], "estimate": 0.5, "lower": 0.1, "upper": 0.9}
    path = pd.DataFrame({**rows, "power": 0.5})
    for ax in (estimates_over_time(path), power_over_time(path)):
        assert {"a$", "b$"} <= shown(ax.figure)  # type: ignore[arg-type]
    numbers = dict.fromkeys(("rmse", "bias", "width", "coverage"), 0.5)
    table = pd.DataFrame([{"setting": "$s$", "rounds": 10, "estimator": "$e$", "target": "$t$", **numbers}])
    assert {"$s$", "$e$", "$t$"} <= shown(estimator_panel(table, {"$t$": "-"}))


def test_text_without_dollar_signs_stays_as_it_is() -> None:
    assert escaped("old_page ^ {1} \\ %") == "old_page ^ {1} \\ %"
