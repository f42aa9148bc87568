"""What a search may spend: a sum of money at the interventions' prices, and limits on what one batch may hold.

>>> import networkx as nx
>>> from causalbandit import CausalGraph, InterventionSet
>>> graph = CausalGraph(nx.DiGraph([("ad", "purchase")]), target="purchase")
>>> arms = InterventionSet(graph, [{}, {"ad": 1}], costs={"(observe)": 1, "ad=1": 10})
>>> spending = Spending.of(arms, None, 100, Limits(setup=5))
>>> sizes = spending.even()  # each at 1 + 10, after two set-ups
>>> sizes.tolist(), spending.cost(sizes)
([8, 8], 98.0)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from causalbandit.arrays import Flags, Floats, Integers, Places
from causalbandit.checks import instance, listed, number, shaped, whole_number
from causalbandit.errors import InvalidArgument, InvalidType
from causalbandit.interventions import InterventionSet

MOST_EXPERIMENTS = 10**18
"""Largest budget, and most of one kind where no limit was given: counts are 64-bit integers, up to 9.2·10¹⁸."""
SLACK = 1e-9
"""Sums of money that exceed what is left by this share of the cheapest price are equal to it but for rounding."""
ROUNDING = 1e-12
"""Numbers of experiments this near to a whole one, as a share, are that."""
PASSES = 60
"""Rounds in which money that limits leave over is shared out anew; each uses up a limit or ends."""


@dataclass(frozen=True)
class Limits:
    """What a search must keep to beside its budget.

    Attributes
    ----------
    setup : float or sequence of float
        Price of setting up an intervention, ≥ 0, in the unit of the interventions' costs: paid once in every batch
        that uses it. One for all, or one for each of the A interventions.
    most_kinds : int, optional
        Largest number of different interventions in one batch. Larger batches are run as several.
    most_each : int, optional
        Largest number of experiments under any one intervention, in the whole search.
    """

    setup: float | tuple[float, ...] = 0.0
    most_kinds: int | None = None
    most_each: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.setup, Sequence | np.ndarray):
            given = listed(self.setup, "setup", "a number, or a list with one for every intervention")
            object.__setattr__(self, "setup", tuple(number(price, "setup", least=0) for price in given))
        else:
            number(self.setup, "setup", least=0, fix="It is a price; 0 asks for none.")
        if self.most_kinds is not None:
            whole_number(self.most_kinds, "most_kinds", least=1, of="different interventions in a batch")
        if self.most_each is not None:
            whole_number(self.most_each, "most_each", least=1, of="experiments under one intervention")

    @property
    def asked(self) -> bool:
        """Whether there is any."""
        return self != Limits()

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, eq=False)
class Spending:
    """What may still be spent, at which prices, on how many experiments of which kind.

    Attributes
    ----------
    unit : {"money", "experiments"}
        What the budget counts. With "experiments" every price is 1.
    total, money : float
        The whole budget, and what is left of it.
    prices : numpy.ndarray of float, shape [A]
        k: price of an experiment under each intervention.
    setup : numpy.ndarray of float, shape [A]
        Price of using an intervention in a batch, beside that of its experiments.
    most : numpy.ndarray of int64, shape [A]
        Experiments under each intervention that are still allowed.
    kinds : int
        Different interventions that one batch may hold, at most.
    limits : Limits
        The limits as they were given.
    """

    unit: Literal["money", "experiments"]
    total: float
    money: float
    prices: Floats
    setup: Floats
    most: Integers
    kinds: int
    limits: Limits

    @classmethod
    def of(
        cls, interventions: InterventionSet, budget: Any, budget_money: Any, limits: Limits | None
    ) -> Spending | None:
        """What a budget and limits allow; None for a number of experiments without limits.

        Raises
        ------
        ValueError
            For both kinds of budget or none, a sum below the cheapest experiment, prices of set-ups that are no sum of
            money or not one for each intervention.
        """
        if budget is None and budget_money is None:
            raise InvalidType("budget", "was None; expected a whole number of experiments, or a sum of money instead.")
        if budget is not None and budget_money is not None:
            raise InvalidArgument("budget_money", "was given beside a number of experiments; expected one of the two.")
        limits = Limits() if limits is None else instance(limits, "limits", Limits, "Limits(setup=20, most_kinds=3)")
        n = len(interventions)
        setup = np.zeros(n)
        one_or_each = np.asarray(limits.setup, dtype=np.float64)
        setup[:] = shaped(one_or_each, "setup", (n,), "one price per intervention") if one_or_each.ndim else one_or_each
        if budget_money is None:
            if not limits.asked:
                return None
            if setup.any():
                raise InvalidArgument("setup", "is a price, and the budget counts experiments; give a sum of money.")
            money, prices = float(whole_number(budget, "budget", least=1, of="experiments")), np.ones(n)
        else:
            money, prices = number(budget_money, "budget_money", above=0), interventions.costs
        most = np.full(n, MOST_EXPERIMENTS if limits.most_each is None else limits.most_each, dtype=np.int64)
        kinds = n if limits.most_kinds is None else min(limits.most_kinds, n)
        unit: Literal["money", "experiments"] = "experiments" if budget_money is None else "money"
        made = cls(unit, money, money, prices, setup, most, kinds, limits)
        if not made.affordable.any():
            cheapest = int((prices + setup).argmin())
            with_setup = ", its set-up included" if setup[cheapest] else ""
            price = f"{(prices + setup)[cheapest]:,.6g}{with_setup}"
            label = interventions.subset([cheapest]).labels[0]
            raise InvalidArgument("budget_money", f"was {money:,.6g}; the cheapest experiment, {label}, costs {price}.")
        return made

    def sentences(self) -> tuple[str, ...]:
        """The limits in words, none when there are none."""
        limits, said = self.limits, []
        if self.setup.any():
            low, high = float(self.setup.min()), float(self.setup.max())
            price = f"{low:,.6g}" if low == high else f"{low:,.6g} to {high:,.6g}"
            said.append(f"a set-up of {price} in every batch for each intervention that it uses")
        if limits.most_kinds is not None:
            said.append(f"at most {limits.most_kinds:,} different interventions in a batch")
        if limits.most_each is not None:
            said.append(f"at most {limits.most_each:,} experiments under one intervention")
        return tuple(said)

    def to_dict(self) -> dict[str, Any]:
        """The budget and its limits in plain numbers and texts, ready for JSON."""
        return {"unit": self.unit, "budget": self.total} | self.limits.to_dict()

    @cached_property
    def plain(self) -> bool:
        """Whether it is the same as a number of experiments: one price for all, no limit."""
        same = bool(self.prices.min() == self.prices.max())
        return same and not self.capped and not self.few_kinds

    @property
    def few_kinds(self) -> bool:
        """Whether a batch should not hold all interventions: it may not, or set-ups make that dear."""
        return self.kinds < len(self.prices) or bool(self.setup.any())

    @property
    def capped(self) -> bool:
        """Whether the number of experiments of one kind is limited."""
        return self.limits.most_each is not None

    @property
    def spent(self) -> float:
        """What was spent by now."""
        return self.total - self.money

    @property
    def affordable(self) -> Flags:
        """Which interventions one more experiment is allowed of, in a batch of its own; shape [A]."""
        return (self.most > 0) & (self.prices + self.setup <= self.money + self._slack)

    @property
    def most_experiments(self) -> int:
        """No plan has more experiments than this."""
        money = self.money - self.setup[self.affordable].min(initial=self.money) + self._slack
        number_of = 0
        for place in np.argsort(self.prices, kind="stable"):
            bought = min(int(money / self.prices[place]), int(self.most[place]))
            number_of, money = min(number_of + bought, MOST_EXPERIMENTS), money - bought * self.prices[place]
            if money < self.prices[place]:
                break
        return number_of

    @property
    def safe_experiments(self) -> int:
        """So many experiments are allowed however they are spread over interventions and batches."""
        return int(min((self.money + self._slack) / (self.prices + self.setup).max(), self.most.min()))

    def cost(self, sizes: Integers) -> float:
        """What a batch of ``sizes`` [A] costs with its set-ups."""
        return float(sizes @ self.prices + self.setup[sizes > 0].sum())

    def after(self, sizes: Integers) -> Spending:
        """What is left after a batch of ``sizes`` [A]."""
        return replace(self, money=self.money - self.cost(sizes), most=self.most - sizes)

    def among(self, places: Places) -> Spending:
        """The same budget for the interventions at ``places`` alone."""
        kinds = min(self.kinds, len(places))
        return replace(self, prices=self.prices[places], setup=self.setup[places], most=self.most[places], kinds=kinds)

    def keeps(self, sizes: Integers) -> bool:
        """Whether ``sizes`` [A] are paid for and allowed, if perhaps in several batches."""
        return self.cost(sizes) <= self.money + self._slack and bool((sizes <= self.most).all())

    def even(
        self, among: Flags | None = None, money: float | None = None, rng: np.random.Generator | None = None
    ) -> Integers:
        """Equal numbers of experiments under the interventions ``among`` [A], for ``money`` at most; shape [A].

        With ``rng`` what an equal number leaves over goes to one more experiment each under interventions at random;
        when the money is not enough for one each, to as many as it is enough for.
        """
        money = self.money if money is None else min(money, self.money)
        wanted = (self.most > 0) if among is None else (among & (self.most > 0))
        sizes = self._level(wanted, money)
        if rng is None:
            return sizes
        if not sizes.any():
            order = rng.permutation(np.flatnonzero(wanted))
            chosen = order[_bought(self.prices[order] + self.setup[order], money + self._slack)]
            wanted = np.zeros(len(sizes), dtype=bool)
            wanted[chosen] = True
            sizes = self._level(wanted, money)
        order = rng.permutation(np.flatnonzero((sizes > 0) & (sizes < self.most)))
        sizes[order[_bought(self.prices[order], money - self.cost(sizes) + self._slack)]] += 1
        return sizes

    def sizes(self, shares: Floats, money: float | None, rng: np.random.Generator) -> Integers:
        """Experiments for ``money`` (None: all) shared out as ``shares`` [A] of it; costs at most that; shape [A].

        Interventions whose share pays neither set-up nor an experiment are left out, the smallest shares first. What
        limits leave over goes to the others, and what whole numbers leave over to one more experiment each, in a random
        order that follows the fractions.
        """
        money = self.money if money is None else min(money, self.money)
        used = (shares > 0) & (self.most > 0) & (self.prices + self.setup <= money + self._slack)
        sizes = np.zeros(len(shares), dtype=np.int64)
        while True:
            n_used = np.count_nonzero(used)
            if not n_used:
                return sizes
            net = money - float(self.setup[used].sum())
            part = np.where(used, shares, 0.0)
            wanted = self._shared_out(part / part.sum(), max(net, 0.0))
            poor = np.flatnonzero(used & (self.setup > 0) & (wanted < 1))
            if n_used == 1 or not len(poor):
                break
            dropped = poor[np.argsort(shares[poor], kind="stable")][: max(1, min(len(poor) // 2, n_used - 1))]
            used[dropped] = False
        sizes[:] = np.minimum(np.floor(wanted * (1 + ROUNDING)), self.most)
        fraction = np.where(used & (sizes < self.most), wanted - sizes, 0.0)
        order = np.flatnonzero(fraction > SLACK)
        order = order[np.argsort(rng.exponential(size=len(order)) / fraction[order])]
        sizes[order[_bought(self.prices[order], net - float(sizes @ self.prices) + self._slack)]] += 1
        return sizes

    @cached_property
    def _slack(self) -> float:
        return SLACK * float(self.prices.min()) + 10 * ROUNDING * self.total

    def _level(self, among: Flags, money: float) -> Integers:
        """The same number of experiments for all ``among``, fewer where a limit says so, for ``money`` at most."""
        prices, most = self.prices[among], self.most[among]
        net = money - float(self.setup[among].sum()) + self._slack
        sizes = np.zeros(len(among), dtype=np.int64)
        if not len(prices) or net < prices.sum():
            return sizes
        # Up to a limit cost grows at the sum of prices of those below theirs: walk up the limits in order.
        order = np.argsort(most, kind="stable")
        level, growth = 0, float(prices.sum())
        for place in order:
            step = min(int(net / growth), int(most[place]) - level) if growth > 0 else 0
            net, level = net - step * growth, level + step
            if level < most[place]:
                break
            growth -= float(prices[place])
        sizes[among] = np.minimum(level, most)
        return sizes

    def _shared_out(self, shares: Floats, money: float) -> Floats:
        """Numbers of experiments, no whole ones, that ``money`` buys by ``shares``; what limits refuse goes round."""
        wanted = np.minimum(shares * (money / self.prices), self.most)
        for _ in range(PASSES if self.capped else 0):
            left = money - float(wanted @ self.prices)
            open_ = (shares > 0) & (wanted < self.most)
            if left <= self._slack or not open_.any():
                break
            more = np.where(open_, shares, 0.0)
            wanted = np.minimum(wanted + more / more.sum() * (left / self.prices), self.most)
        return wanted


def _bought(prices: Floats, money: float) -> Flags:
    """Which of things in a row are bought, each if it can still be paid; shape of ``prices``."""
    bought = np.zeros(len(prices), dtype=bool)
    while True:
        rest = np.flatnonzero(~bought & (prices <= money))
        if not len(rest):
            return bought
        taken = rest[np.cumsum(prices[rest]) <= money]
        bought[taken] = True
        money -= float(prices[taken].sum())
