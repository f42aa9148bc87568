"""The page of a campaign: what is on it, what comes from outside, and how a browser shows it."""

import re
import shutil
import subprocess

import networkx as nx
import pytest

import causalbandit as cb
from causalbandit.confirmation import confirm
from causalbandit.markup import pieces
from causalbandit.markup.chart_svg import Interval, intervals_svg, path_svg
from causalbandit.report import report_page, write_report

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
HOSTILE = "<script>alert('x')</script>&\"'"


@pytest.fixture(scope="module")
def asia():
    return cb.load_problem("graphs/asia.json")


@pytest.fixture(scope="module")
def campaign(asia):
    decision = cb.search(asia, 400, "top-two", rng=0)
    return decision, confirm(asia, [decision.best], budget=400, rng=1)


def test_a_page_tells_the_answer_and_what_it_rests_on(campaign):
    decision, proof = campaign
    page = report_page(decision, proof, provenance={"seed": 0})
    assert pieces.escaped(proof.sentence()) in page
    for title in ("The graph", "The proof", "What the search found", "The course", "The plan", "What this rests on"):
        assert f"<h2>{title}" in page
    assert "<dt>seed</dt><dd>0</dd>" in page
    assert page == report_page(decision, proof, provenance={"seed": 0})
    assert len(page.encode()) < 300_000


def test_a_decision_and_a_confirmation_have_pages_of_their_own(campaign, tmp_path):
    decision, proof = campaign
    write_report(tmp_path / "one.html", decision)
    assert "Best guess of the search" in (tmp_path / "one.html").read_text(encoding="utf-8")
    assert "What the search found" not in report_page(proof)
    mixed = report_page(cb.search(decision.problem, 200, "two-phase", rng=0))
    assert "The mixture of interventions has the value" in mixed
    assert "What the search found" in report_page(cb.search(decision.problem, 200, "successive-rejects", rng=0))


def test_a_page_asks_nobody_for_anything(campaign):
    page = report_page(*campaign)
    assert "<script" not in page
    links = re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?([^"')\s>]+)""", page)
    assert all(link.startswith(("data:", "#")) for link in links), links


def test_what_comes_from_outside_is_escaped():
    graph = cb.CausalGraph(nx.DiGraph([(HOSTILE, "y"), ("x", "y")]), "y")
    model = cb.CausalModel(graph, {HOSTILE: [0.5], "x": [0.5], "y": [0.1, 0.2, 0.3, 0.9]})
    arms = cb.InterventionSet(graph, [{}, {HOSTILE: 1}])
    problem = cb.Problem(graph, arms, model, name=HOSTILE, description=HOSTILE + "\x1b[31m", source=HOSTILE)
    decision = cb.search(problem, 100, "top-two", rng=0)
    page = report_page(decision, confirm(problem, [{HOSTILE: 1}], budget=50, rng=0), provenance={HOSTILE: HOSTILE})
    assert "<script" not in page
    assert "\x1b" not in page
    assert "&lt;script&gt;" in page


def test_a_large_graph_gets_a_sentence(shipped):
    page = report_page(cb.search(shipped["andes"], 50, "uniform-plug-in", rng=0))
    assert "too many to draw here" in page
    assert len(page.encode()) < 300_000


def test_charts_have_round_scales_and_rows_without_an_interval():
    nan = float("nan")
    chart = intervals_svg([Interval("a", 0.1, -0.05, 0.3), Interval("b", nan, nan, nan)], axis="d", zero=True)
    assert chart.count("<circle") == 1
    assert re.findall(r">(-?[\d.]+)</text>", chart)[:3] == ["-0.1", "0", "0.1"]
    assert "No estimate" in intervals_svg([Interval("b", nan, nan, nan)], axis="d")
    assert path_svg([("a", [1.0], [nan])], across="x", upwards="y") == ""


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
@pytest.mark.parametrize(("width", "scheme"), [(1000, "light"), (390, "dark")])
def test_a_browser_shows_the_page_without_a_complaint(campaign, tmp_path, width, scheme):
    write_report(tmp_path / "page.html", *campaign)
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
    flags += ["--disable-background-networking", "--disable-component-update", "--enable-logging=stderr", "--v=0"]
    flags += [f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},900", "--virtual-time-budget=2000"]
    if scheme == "dark":
        flags.append("--blink-settings=preferredColorScheme=0")
    shown = subprocess.run(
        [BROWSER, *flags, f"--screenshot={tmp_path / 'page.png'}", (tmp_path / "page.html").as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "CONSOLE" not in shown.stderr
    assert (tmp_path / "page.png").stat().st_size > 5_000
