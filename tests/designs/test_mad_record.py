"""The record of rounds: columns by name, order of observation, exact text."""

import math
from array import array

import numpy as np

from causalbandit.designs.mad_record import ARM, OBSERVED, OUTCOME, RoundRecord, doubles_from_text, doubles_to_text


def test_rows_are_found_by_name_and_observed_ones_come_in_their_own_order() -> None:
    record = RoundRecord(2, 1, predicted=True)
    record.append(0, 0.5, [0.5, 0.5], [7.0], [0.1, 0.2])
    record.append(1, 0.25, [0.75, 0.25], [8.0], [0.3, 0.4])
    record.append(1, 0.4, [0.6, 0.4], [9.0], [0.5, 0.6])
    record.set_outcome(2, 1.0, 1)
    record.set_outcome(0, 0.0, 2)
    assert (record.value(1, ARM), record.value(2, OBSERVED), record.value(1, OBSERVED)) == (1, 1, 0)
    assert math.isnan(record.value(1, OUTCOME))
    observed = record.observed()
    assert record.covariates(observed).ravel().tolist() == [9.0, 7.0]
    assert record.probabilities(observed).tolist() == [[0.6, 0.4], [0.5, 0.5]]
    predictions = record.predictions(observed)
    assert predictions is not None
    assert predictions.tolist() == [[0.5, 0.6], [0.1, 0.2]]


def test_text_holds_every_double() -> None:
    values = array("d", [0.1, -0.0, math.inf, math.nan, 5e-324])
    np.testing.assert_array_equal(doubles_from_text(doubles_to_text(values)), values)
