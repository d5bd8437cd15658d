"""The order of a run's cells: every entrant has its first fold early."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from automat import plan
from automat.core import Model
from automat.executors.claims import Queue
from automat.models import registry

if TYPE_CHECKING:
    from automat.core import Cost, Dataset

ORDER: tuple[Cost, ...] = ("cheap", "moderate", "expensive", "network")


def entrant(name: str, cost: Cost) -> Model:
    return Model(name=name, cost=cost, build=lambda _params, _seed: None, handles_missing=True)


@pytest.fixture
def planned(diabetes: Dataset) -> plan.Plan:
    entrants = [entrant(f"{cost}{number}", cost) for number in range(3) for cost in reversed(ORDER)]
    return plan.make(diabetes, models=entrants, preset="default")


def test_every_entrant_has_its_first_fold_before_any_has_its_second(planned: plan.Plan) -> None:
    first = planned.cells[: len(planned.models)]
    assert {cell.model for cell in first} == {model.name for model in planned.models}
    assert {cell.fold for cell in first} == {0}
    assert [cell.fold for cell in planned.cells] == sorted(cell.fold for cell in planned.cells)


def test_the_first_fold_begins_with_the_cheapest_and_the_others_with_the_dearest(planned: plan.Plan) -> None:
    costs = {model.name: ORDER.index(model.cost) for model in planned.models}
    for fold in range(5):
        found = [costs[cell.model] for cell in planned.cells if cell.fold == fold]
        assert found == sorted(found, reverse=fold > 0)


def test_all_entrants_of_automat_are_in_the_first_round(diabetes: Dataset) -> None:
    planned = plan.make(diabetes, preset="quick")
    entered = {name for name in registry() if name not in planned.left_out}
    assert {cell.model for cell in planned.cells[: len(entered)]} == entered


def test_a_queue_gives_cells_out_in_that_order(planned: plan.Plan) -> None:
    queue = Queue(planned.cells)
    given = []
    while (cell := queue.next()) is not None:
        given.append(cell)
    assert tuple(given) == planned.cells
