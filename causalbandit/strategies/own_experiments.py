"""The experiments that a two-phase search runs for the rows' own sake: how many, and under which interventions.

Without prices every row gets λ = ⌊T·share/C⌋ experiments under the intervention that reaches it best. With prices every
row gets money instead, and spends it where it reaches most for its price.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalbandit.arrays import Floats, Integers, Places, quotients
from causalbandit.compressed_reach import RowMaxima
from causalbandit.propagation import propagate
from causalbandit.spending import Spending
from causalbandit.strategies.strategy import Task


@dataclass(frozen=True, eq=False)
class OwnExperiments:
    """What one part of a two-phase search may spend on every row: λ experiments, or with prices a sum of money [C].

    With prices ``number`` is how many the row with the least of them can pay.
    """

    number: int
    money: Floats | None = None

    @classmethod
    def of(cls, task: Task, budget: int, share: int, total: int) -> OwnExperiments:
        """The part ``share`` of ``total`` of a budget.

        A row's share of the money goes with the square root of its price, which is that of the cheapest intervention
        that opens it: for equal money in all, the sum of the rows' variances is then the least.
        """
        if task.purse is None:
            return cls(budget * share // (total * max(task.n_learned, 1)))
        root = np.sqrt(row_prices(task))
        money = task.purse.total * share / total * root / max(float(root.sum()), np.finfo(float).tiny)
        least = quotients(money, root**2, np.inf).min(initial=np.inf)
        return cls(int(least * (1 + 1e-12)) if np.isfinite(least) else 0, money)

    def plan(self, rows: Places, reach: Floats | RowMaxima, purse: Spending | None) -> tuple[Integers, Floats]:
        """The batch [A] for ``rows`` of the set, and the visits [rows] that every row expects of its own experiments.

        ``reach`` is what they are estimated to be reached by, [rows, A], or its maxima.
        """
        if self.money is None or purse is None:
            top = RowMaxima.of(reach)
            sizes = self.number * np.bincount(top.best[top.most > 0], minlength=top.n_interventions)
            return sizes, self.visits(rows, top, purse)
        assert not isinstance(reach, RowMaxima), "prices weigh every intervention"
        return _paid(reach, self.money[rows], purse)

    def visits(self, rows: Places, reach: Floats | RowMaxima, purse: Spending | None) -> Floats:
        """Visits that every row expects of its own experiments where no limit holds, [rows]."""
        if self.money is None or purse is None:
            return np.asarray(self.number * RowMaxima.of(reach).most)
        assert not isinstance(reach, RowMaxima), "prices weigh every intervention"
        return np.asarray(self.money[rows] * (reach / purse.prices).max(axis=1))


def row_prices(task: Task) -> Floats:
    """Price of the cheapest experiment that can visit a row, its set-up included, [C]; 0 where none is to be learned.

    A row can be visited when it is under tables that leave everything unknown possible.
    """
    purse = task.purse
    assert purse is not None

    def found() -> Floats:
        even = np.where(task.rows.known, task.known, 0.5)
        reach = propagate(task.interventions, even, reach=True, memory=task.memory).reach
        assert reach is not None
        prices = np.where(reach > 0, purse.prices + purse.setup, np.inf).min(axis=1)
        return np.where(task.learned & np.isfinite(prices), prices, 0.0)

    key = ("row_prices", task.known.tobytes(), purse.prices.tobytes(), purse.setup.tobytes())
    return task.interventions.derived.once(key, found)


def _paid(reach: Floats, money: Floats, purse: Spending) -> tuple[Integers, Floats]:
    """What ``money`` [rows] buys: for every row where it reaches most for the price, up to what limits allow."""
    n_interventions = reach.shape[1]
    value = reach / purse.prices
    alone = purse.prices + purse.setup <= money[:, None] * (1 + 1e-9)  # where a row can pay without the others
    nowhere = np.logical_not((alone & (reach > 0)).any(axis=1, keepdims=True))
    value = np.where(alone | nowhere, value, 0.0)
    blocked = purse.most <= 0
    sizes = np.zeros(n_interventions, dtype=np.int64)
    visits, left = np.zeros(len(money)), money.copy()
    while True:
        best = _few(np.where(blocked, 0.0, value), left, purse)
        each = np.arange(len(left))
        open_ = (left > 0) & (value[each, best] > 0) & ~blocked[best]
        if not open_.any():
            return sizes, visits
        paid = np.bincount(best[open_], weights=left[open_], minlength=n_interventions)
        net = np.maximum(paid - np.where(sizes > 0, 0.0, purse.setup), 0.0)
        bought = np.floor(net / purse.prices * (1 + 1e-12)).astype(np.int64)
        allowed = np.minimum(bought, purse.most - sizes)
        share = quotients(allowed * purse.prices, paid)
        visits[open_] += (share[best] * left * value[each, best])[open_]
        sizes += allowed
        over = bought > allowed
        if not over.any():
            return sizes, visits
        blocked |= over
        left = np.where(open_ & over[best], left * (1 - (allowed / np.maximum(bought, 1))[best]), 0.0)


def _few(value: Floats, money: Floats, purse: Spending) -> Places:
    """The best intervention for every row, [rows]; with set-ups rows share one where that is worth more.

    Interventions are given up, the one with the least money first, as long as the visits that its rows get elsewhere
    are more than those that its set-up would leave.
    """
    best: Places = value.argmax(axis=1)
    if not purse.setup.any():
        return best
    value, each = value.copy(), np.arange(len(best))
    kept = np.zeros(value.shape[1], dtype=bool)
    while True:
        paid = np.bincount(best, weights=money, minlength=value.shape[1])
        places = np.flatnonzero((paid > 0) & ~kept)
        if not len(places):
            return best
        place = int(places[paid[places].argmin()])
        rows = np.flatnonzero((best == place) & (money > 0))
        others = value[rows].copy()
        others[:, place] = 0.0
        others[:, (paid <= 0)] *= 0.5  # moving to one that is not used yet pays another set-up
        second = others.argmax(axis=1)
        own = float(money[rows] @ value[rows, place]) * max(1 - purse.setup[place] / paid[place], 0.0)
        if (others[np.arange(len(rows)), second] > 0).all() and float(money[rows] @ value[rows, second]) >= own:
            value[:, place] = 0.0
            best[rows] = second
        else:
            kept[place] = True
        best = np.where(value[each, best] > 0, best, value.argmax(axis=1))
