"""What CONTRIBUTING shows runs, and the version is told alike everywhere."""

import contextlib
import io
import re
import tomllib

from conftest import ROOT

import causalbandit as cb


def test_the_strategy_that_is_shown_finds_the_best_of_a_small_problem(shipped):
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "CONTRIBUTING.md", "exec"), {"__name__": "shown"})
    bow = shipped["bow"]
    best = bow.interventions[int(bow.model.effects(bow.interventions).argmax())]
    assert printed.getvalue().strip() == str(dict(best))


def test_the_version_is_the_same_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == cb.__version__
    assert f"\nversion: {cb.__version__}\n" in (ROOT / "CITATION.cff").read_text()
    assert len({url.split("/")[2] for url in project["urls"].values()}) == 1
