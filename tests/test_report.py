"""The page of a campaign: what is on it, what comes from outside, and how a browser shows it."""

import itertools
import re
import shutil
import subprocess

import networkx as nx
import pytest

import causalbandit as cb
from causalbandit import drawings
from causalbandit.confirmation import confirm
from causalbandit.markup import pieces
from causalbandit.markup.chart_svg import Interval, intervals_svg, path_svg
from causalbandit.markup.graph_svg import graph_svg
from causalbandit.report import report_page, write_report
from causalbandit.wrong_graphs import confounded_mediator

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
HOSTILE = "<script>alert('x')</script>&\"'"


@pytest.fixture(scope="module")
def asia():
    return cb.load_problem("graphs/asia.json")


@pytest.fixture(scope="module")
def campaign(asia):
    decision = cb.search(asia, 400, cb.TopTwo(rounds=6), rng=0)
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


def test_intervals_on_the_page_and_in_a_notebook_are_those_of_the_decision(asia, monkeypatch):
    """With tables that were told in advance, too: they are not estimated."""
    decision = cb.search(
        asia, 300, cb.TopTwo(rounds=6), rng=0, known=[node for node in asia.graph.nodes if node != "dysp"]
    )
    bands = decision.effects().set_index("intervention")
    page = report_page(decision)
    for label in decision.to_frame()["intervention"].head(25):
        cells = "".join(f"<td>{end:.4f}</td>" for end in bands.loc[label, ["lower", "upper"]])
        assert re.search(rf">{re.escape(label)}</td>.*{cells}", page)
    drawn = []
    monkeypatch.setattr(drawings, "intervals_svg", lambda rows, **options: drawn.extend(rows) or "")
    decision._repr_html_()
    assert len(drawn) == 20
    for each in drawn:
        assert (each.lower, each.upper) == tuple(bands.loc[each.label, ["lower", "upper"]])


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
    decision = cb.search(problem, 100, cb.TopTwo(rounds=6), rng=0)
    page = report_page(decision, confirm(problem, [{HOSTILE: 1}], budget=50, rng=0), provenance={HOSTILE: HOSTILE})
    assert "<script" not in page
    assert "\x1b" not in page
    assert "&lt;script&gt;" in page


def drawn(page):
    """The drawing of the graph on a page."""
    return re.search(r'<svg role="img" aria-label="Causal graph.*?</svg>', page, re.DOTALL).group()


@pytest.mark.parametrize("strength", [1.0, 0.0])
def test_contradictions_are_marked_on_the_graph(strength):
    wrong = confounded_mediator(strength)
    decision = cb.search(wrong.problem, 2_000, cb.TopTwo(rounds=6), world=wrong.world, rng=0)
    page = report_page(decision)
    graph = drawn(page)
    assert page == report_page(decision)
    assert "<script" not in page
    if strength == 0:
        assert "contradict" not in graph
        assert "<title>" not in graph
        assert "doubted" not in graph
        assert "Red:" not in page
        return
    first = decision.graph_check.told[0]
    assert {first.node, first.other} == {"m", "y"}
    edge, arc = re.findall(rf'<g class="doubted"><title>[^<]*{re.escape(pieces.escaped(first.sentence))}.*?</g>', graph)
    assert 'marker-end="url(#doubted-tip)"' in edge
    assert 'stroke="var(--bad)" stroke-width="1.6" stroke-dasharray' in arc
    assert len(decision.graph_check.contradictions) > 1
    for each in decision.graph_check.contradictions[:5]:
        assert pieces.escaped(each.sentence) in graph
    assert "Red: where the data contradict the graph" in page
    assert graph in decision._repr_html_()


def test_rows_from_before_mark_the_graph_of_a_search_without_a_check_of_its_own():
    wrong = confounded_mediator(1.0)
    history = {"(observe)": wrong.world.model.sample({}, 400, rng=0), "m=1": wrong.world.model.sample({"m": 1}, 400, 1)}
    history = {label: frame.drop(columns="u", errors="ignore") for label, frame in history.items()}
    decision = cb.search(
        wrong.problem, 200, cb.TopTwo(rounds=6), world=wrong.world, history=history, check="off", rng=0
    )
    assert decision.graph_check is None
    found = decision.history.alone.check.told[0]
    graph = drawn(report_page(decision))
    assert graph.count(f"<title>{pieces.escaped(found.sentence)}") == 2


def test_marks_of_a_graph_escape_what_they_say_and_stay_on_the_drawing():
    nodes = [f"n{number}" for number in range(8)]
    edges = list(itertools.pairwise(nodes))
    said = [f"{HOSTILE} {number}" for number in range(7)]
    graph = graph_svg(nodes, edges, "n7", doubted={("n0", "n7"): said, ("n3",): ["n3?"], ("n5", "n4"): ["turned?"]})
    assert "<script" not in graph
    assert graph.count("… and 2 more") == 3  # the arc and the rings of its two nodes
    assert graph.count("<title>n3?</title>") == 1  # a ring alone
    assert graph.count("<title>turned?</title>") == 2  # the edge and the arc
    left, _, width, _ = map(float, re.search(r'viewBox="([^"]*)"', graph).group(1).split())
    xa, ya, handle, _, xb, yb = map(float, re.search(r'd="M(\S+) (\S+) Q(\S+) (\S+) (\S+) (\S+)"', graph).groups())
    assert abs(yb - ya) > 400
    assert left < (xa + 2 * handle + xb) / 4 < left + width  # the middle of the arc


def test_a_notebook_shows_the_graph_and_the_intervals(campaign):
    decision, proof = campaign
    for result, mark in ((decision, decision.best), (proof, proof.arms[1])):
        html = result._repr_html_()
        assert html == result._repr_html_()
        assert html.count("<svg") == 2
        node, value = next(iter(mark.items()))
        assert f">{node} = {value}</text>" in html
        assert "<table" in html
        assert "<script" not in html
    frame = decision.to_frame().head(20)
    chart = decision._repr_html_().rsplit("<svg", 1)[1]
    assert chart.count("<circle") == frame["estimate"].notna().sum()
    assert pieces.escaped(proof.sentence()) in proof._repr_html_()


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
