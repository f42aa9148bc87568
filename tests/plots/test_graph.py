"""The figure of a graph: every edge points down, nothing overlaps, target and actionable nodes are marked."""

import itertools

import networkx as nx
import pytest
from cases import together
from conftest import SHIPPED
from matplotlib.colors import to_hex

import causalbandit as cb
from causalbandit.plots.graph import ACTIONABLE, TARGET, plot_graph
from causalbandit.plots.layout import layered_layout

pytestmark = pytest.mark.usefixtures("without_display")


def layout_of(graph):
    widths = {node: 0.2 + 0.1 * len(node) for node in graph.all_nodes}
    parents = {node: graph.parents(node) for node in graph.all_nodes}
    core = {*graph.ancestors, *graph.hidden}
    return layered_layout(graph.all_nodes, parents, widths, core=core), widths


@together("name", SHIPPED)
def test_edges_point_down_and_nodes_do_not_overlap(shipped, name):
    graph = shipped[name].graph
    layout, widths = layout_of(graph)
    assert set(layout.places) == set(graph.all_nodes)
    assert len(layout.routes) == graph.n_edges
    for (parent, node), points in layout.routes.items():
        assert points[0] == layout.places[parent]
        assert points[-1] == layout.places[node]
        assert all(above[1] > below[1] for above, below in itertools.pairwise(points))
    for one, two in itertools.combinations(graph.all_nodes, 2):
        (x1, y1), (x2, y2) = layout.places[one], layout.places[two]
        assert y1 != y2 or abs(x1 - x2) > (widths[one] + widths[two]) / 2
    for node, (x, y) in layout.places.items():
        assert widths[node] / 2 - 1e-9 <= x <= layout.width - widths[node] / 2 + 1e-9
        assert 0 <= y <= layout.height


def test_two_chains_are_drawn_without_crossing():
    dag = nx.DiGraph([("a1", "b2"), ("a2", "b1"), ("b1", "c2"), ("b2", "c1"), ("c1", "y"), ("c2", "y")])
    layout, _ = layout_of(cb.CausalGraph(dag, "y"))
    x = {node: place[0] for node, place in layout.places.items()}
    assert (x["a1"] < x["a2"]) == (x["b2"] < x["b1"]) == (x["c1"] < x["c2"])


def test_a_chain_is_drawn_straight():
    layout, _ = layout_of(cb.CausalGraph(nx.path_graph(["a", "long name", "y"], nx.DiGraph), "y"))
    assert len({round(x, 9) for x, _ in layout.places.values()}) == 1


def boxes(ax):
    from matplotlib.patches import FancyBboxPatch

    return [patch for patch in ax.patches if isinstance(patch, FancyBboxPatch)]


@together("name", ["asia", "bow", "front-door", "clinical"])
def test_target_and_actionable_nodes_are_marked(shipped, name):
    problem = shipped[name]
    ax = problem.plot()
    colours = [to_hex(box.get_facecolor()) for box in boxes(ax)]
    fixed = {node for intervention in problem.interventions for node in intervention}
    assert colours.count(TARGET) == 1
    assert colours.count(ACTIONABLE) == len(fixed)
    words = {text.get_text() for text in ax.get_legend().get_texts()}
    assert any(word.startswith("target") for word in words)
    assert "acted on by some intervention" in words


def test_a_large_graph_is_drawn_without_the_nodes_that_do_not_matter(shipped):
    problem = shipped["andes"]
    axes = problem.plot()
    assert len(boxes(axes)) == len(problem.graph.ancestors)
    edges = [(parent, node) for node in problem.graph.nodes for parent in problem.graph.parents(node)]
    whole = plot_graph(problem.graph.nodes, edges, problem.graph.target, ancestors_only=False)
    assert len(boxes(whole)) == len(problem.graph.nodes)
    assert "126 nodes" in axes.get_title()


def test_a_given_axes_is_used_and_the_text_shrinks_to_fit(shipped):
    import matplotlib.pyplot as plt

    _, ax = plt.subplots(figsize=(4, 3))
    assert shipped["win95pts"].plot(ax) is ax
    assert max(text.get_fontsize() for text in ax.texts) < 5


def test_one_node_alone_can_be_drawn():
    dag = nx.DiGraph()
    dag.add_node("y")
    graph = cb.CausalGraph(dag, "y")
    assert len(boxes(cb.Problem(graph, cb.InterventionSet(graph, [{}])).plot())) == 1


def arrows(ax):
    from matplotlib.patches import FancyArrowPatch

    return [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]


def test_hidden_nodes_and_common_causes_are_drawn_dashed():
    nodes, edges = ["u", "x", "z", "y"], [("u", "x"), ("x", "z"), ("z", "y"), ("u", "y")]
    plain = plot_graph(nodes, edges, "y")
    assert {patch.get_linestyle() for patch in [*boxes(plain), *arrows(plain)]} == {"-"}
    ax = plot_graph(nodes, edges, "y", fixed=["x"], hidden=["u"], bidirected=[("x", "y"), ("x", "z")])
    assert [box.get_linestyle() for box in boxes(ax)] == ["--", "-", "-", "-"]
    dashed = [arrow for arrow in arrows(ax) if arrow.get_linestyle() == "--"]
    assert len(arrows(ax)) == len(edges) + 2
    assert len(dashed) == 4  # two edges out of the hidden node, two arcs
    words = {text.get_text() for text in ax.get_legend().get_texts()}
    assert {"hidden", "hidden common cause"} <= words
    assert not {"hidden", "hidden common cause"} & {text.get_text() for text in plain.get_legend().get_texts()}


def test_arcs_stay_inside_the_drawing():
    nodes = ["a", "b", "c", "y"]
    ax = plot_graph(nodes, [("a", "y"), ("b", "y"), ("c", "y")], "y", bidirected=[("a", "c"), ("y", "c"), ("a", "y")])
    ax.figure.draw_without_rendering()
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    for arrow in arrows(ax):
        points = ax.transData.inverted().transform(arrow.get_tightbbox().get_points())
        assert left <= points[:, 0].min() <= points[:, 0].max() <= right
        assert low <= points[:, 1].min() <= points[:, 1].max() <= high


def test_an_arc_to_a_node_that_is_left_out_is_left_out():
    ax = plot_graph(["x", "y", "w"], [("x", "y")], "y", bidirected=[("x", "w")], ancestors_only=True)
    assert len(arrows(ax)) == 1


def test_a_problem_shows_what_is_hidden():
    dag = nx.DiGraph([("u", "x"), ("u", "y"), ("x", "z"), ("z", "y")])
    graph = cb.CausalGraph(dag, "y", hidden=["u"], confounded=[("z", "y")])
    ax = cb.Problem(graph, cb.InterventionSet(graph, [{}, {"x": 1}])).plot()
    words = {text.get_text() for text in ax.get_legend().get_texts()}
    assert {"hidden", "hidden common cause"} <= words
    assert [box.get_linestyle() for box in boxes(ax)].count("--") == 1
    assert [arrow.get_linestyle() for arrow in arrows(ax)].count("--") == 3
