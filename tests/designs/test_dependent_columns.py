"""Which covariates to keep, against ranks and least squares by singular values."""

import numpy as np
from cases import together

from causalbandit.designs.dependent_columns import kept_columns, kept_slopes, left_out_notes


def redundant(rng, m, d, rank):
    """[m, d] of this rank, with columns of very different sizes."""
    return rng.normal(size=(m, rank)) @ rng.normal(size=(rank, d)) * 10.0 ** rng.integers(-4, 5, size=d)


@together(("m", "d", "rank"), [(5, 5, 5), (5, 5, 3), (9, 4, 2), (4, 6, 4), (3, 3, 0)])
def test_as_many_are_kept_as_the_rank_says_and_the_fit_is_that_of_all(m, d, rank):
    rng = np.random.default_rng(m * d + rank)
    columns, right = redundant(rng, m, d, rank), rng.normal(size=m)
    kept, basis = kept_columns(columns)
    assert kept.sum() == rank
    assert kept[:rank].all()  # the first ones, in general position
    np.testing.assert_allclose(basis.T @ basis, np.diag(kept), atol=1e-12)
    slopes = kept_slopes(columns, right)
    assert (slopes[~kept] == 0).all()
    scaled = columns / (np.abs(columns).max(axis=0) + 1e-300)
    fitted = scaled @ np.linalg.lstsq(scaled, right, rcond=1e-9)[0]
    np.testing.assert_allclose(columns @ slopes, fitted, atol=1e-8)


def test_many_matrices_at_once_are_as_one_by_one():
    rng = np.random.default_rng(0)
    columns, right = np.stack([redundant(rng, 6, 4, rank) for rank in (1, 2, 4)]), rng.normal(size=(3, 6))
    together = kept_slopes(columns, right)
    np.testing.assert_allclose(together, [kept_slopes(*pair) for pair in zip(columns, right, strict=True)], rtol=1e-9)


def test_a_column_hidden_behind_a_redundant_one_is_kept():
    triangle = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])  # diagonal 0 at the third, which is needed
    assert kept_columns(triangle)[0].tolist() == [True, False, True]


def test_notes_name_what_a_column_is_a_combination_of():
    rng = np.random.default_rng(1)
    a, b, c = rng.normal(size=(3, 30))
    columns = np.column_stack([a, 0 * a, b, 1e5 * (a - b), c])
    assert left_out_notes(columns, list("vwxyz")) == [
        "covariate w does not vary and was left out",
        "covariate y is a combination of v, x and was left out",
    ]
    nearly = np.column_stack([a, a + 1e-6 * b])
    assert left_out_notes(nearly, ["p", "q"]) == []
