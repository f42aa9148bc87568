"""Whole numbers of experiments: the right total, and without bias."""

import itertools

import numpy as np
import pytest

from causalbandit.strategies.batch_sizes import even_sizes, rounded_shares, sizes_from_shares


def test_whole_sizes_have_the_right_total_and_are_unbiased():
    rng = np.random.default_rng(0)
    shares = np.array([0.5, 0.25, 0.2, 0.05, 0.0])
    drawn = np.array([sizes_from_shares(7, shares, rng) for _ in range(4000)])
    assert (drawn.sum(axis=1) == 7).all()
    assert (np.abs(drawn - 7 * shares) < 1).all()
    assert (drawn[:, 4] == 0).all()
    # Each size is one of two neighbours: standard error at most 0.5/√4000; |z| > 5 is one in a million.
    assert np.abs(drawn.mean(axis=0) - 7 * shares).max() < 5 * 0.5 / np.sqrt(4000)
    even = np.array([even_sizes(8, 5, rng) for _ in range(500)])
    assert (even.sum(axis=1) == 8).all()
    assert set(itertools.chain.from_iterable(even.tolist())) == {1, 2}


def test_rounded_shares_hide_the_last_digits_and_sum_to_one():
    weights = np.array([1 / 3, 2 / 3 - 4e-8, 4e-8])
    assert rounded_shares(weights).tolist() == rounded_shares(weights + np.array([1e-9, -1e-9, 0])).tolist()
    assert rounded_shares(weights).sum() == pytest.approx(1, abs=1e-15)
    assert rounded_shares(weights)[2] == 0
