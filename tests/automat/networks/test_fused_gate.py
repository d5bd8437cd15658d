from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from automat_featurizers.atom_features import cgcnn_atom_features
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from automat.networks import fused_gate, trainer
from automat.networks._layers import BatchNorm, gate
from automat.networks.cgcnn import CGCNN
from automat.networks.primitives import batch_graphs

if TYPE_CHECKING:
    from automat_featurizers.graphs import CrystalGraphs

WIDTH = 8
"""Features of an atom."""

Ends = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""Neighbours, centres and lengths of edges."""


def paths_of(edges: Ends, atoms: int, lengths: int) -> fused_gate.Paths:
    return fused_gate.Paths.of(*edges, atoms, lengths)


def norm_of(dtype: torch.dtype, *, training: bool = True, width: int = WIDTH) -> BatchNorm:
    """A batch norm that does something."""
    norm = BatchNorm(2 * width).to(dtype)
    with torch.no_grad():
        norm.weight.copy_(torch.linspace(0.5, 2, 2 * width))
        norm.bias.copy_(torch.linspace(-1, 1, 2 * width))
        norm.running_mean.copy_(torch.linspace(-0.3, 0.4, 2 * width))  # type: ignore[union-attr]
        norm.running_var.copy_(torch.linspace(0.6, 1.7, 2 * width))  # type: ignore[union-attr]
    return norm.train(training)


def composed(ends: torch.Tensor, lengths: torch.Tensor, norm: BatchNorm, edges: Ends) -> torch.Tensor:
    centre, neighbour = ends.chunk(2, dim=1)
    neighbours, centres, length_of = edges
    messages = gate_by_autograd(norm(centre[centres] + neighbour[neighbours] + lengths[length_of]))
    return messages.new_zeros((len(ends), messages.shape[1])).index_add(0, centres, messages)


def gate_by_autograd(gates: torch.Tensor) -> torch.Tensor:
    opening, core = gates.chunk(2, dim=1)
    return torch.sigmoid(opening) * functional.softplus(core)


def both(
    edges: Ends, atoms: int, rows: int, dtype: torch.dtype, *, training: bool
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """The fused and the composed form's sums, gradients and statistics."""
    made: list[list[torch.Tensor]] = []
    for fused in (True, False):
        chance = torch.Generator().manual_seed(0)
        ends = torch.randn(atoms, 4 * WIDTH, generator=chance, dtype=torch.float64).to(dtype).requires_grad_()
        lengths = torch.randn(rows, 2 * WIDTH, generator=chance, dtype=torch.float64).to(dtype).requires_grad_()
        weights = torch.randn(atoms, WIDTH, generator=chance, dtype=torch.float64).to(dtype)
        norm = norm_of(dtype, training=training)
        if fused:
            sums = fused_gate.sum_gated(ends, lengths, norm, paths_of(edges, atoms, rows))
        else:
            sums = composed(ends, lengths, norm, edges)
        (sums * weights).sum().backward()  # type: ignore[no-untyped-call]
        gradients = [leaf.grad for leaf in (ends, lengths, norm.weight, norm.bias) if leaf.grad is not None]
        statistics = [each for each in (norm.running_mean, norm.running_var) if each is not None]
        assert (len(gradients), len(statistics)) == (4, 2)
        made.append([sums.detach(), *gradients, *statistics])
    return made[0], made[1]


def edges_of(graphs: CrystalGraphs) -> tuple[Ends, int, int]:
    batch = batch_graphs(graphs, backend="torch")
    shift = np.repeat(graphs.row_ptr[:-1], np.diff(graphs.edge_ptr))
    ends = torch.from_numpy(graphs.source + shift), torch.from_numpy(graphs.destination + shift)
    lengths, length_of = fused_gate.different(batch.distances)
    return (*ends, length_of), len(graphs.atomic_numbers), len(lengths)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [pytest.param(torch.float64, 1e-11, id="double"), pytest.param(torch.float32, 1e-5, id="single")],
)
def test_the_fused_form_is_the_composed_one(
    formation_graphs: CrystalGraphs, dtype: torch.dtype, tolerance: float, training: bool
) -> None:
    edges, atoms, rows = edges_of(formation_graphs)
    assert len(edges[0]) > 5 * rows > 5000
    for ours, theirs in zip(*both(edges, atoms, rows, dtype, training=training), strict=True):
        scale = float(theirs.abs().max())
        assert scale > 0.1
        torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance * scale)


def test_in_single_precision_it_is_nearer_to_double_than_the_composed_one(formation_graphs: CrystalGraphs) -> None:
    exact = both(*edges_of(formation_graphs), torch.float64, training=True)[1]
    fused, plain = both(*edges_of(formation_graphs), torch.float32, training=True)
    for true, ours, theirs in zip(exact, fused, plain, strict=True):
        assert (ours - true).abs().max() < 1e-6 * true.abs().max()
        assert (ours - true).abs().max() < 2 * (theirs - true).abs().max()


@st.composite
def any_edges(draw: st.DrawFn) -> tuple[Ends, int, int]:
    """Two edges or more, in any order; atoms and lengths may have none."""
    atoms, rows = draw(st.integers(1, 6)), draw(st.integers(1, 5))
    edge = st.tuples(st.integers(0, atoms - 1), st.integers(0, atoms - 1), st.integers(0, rows - 1))
    table = torch.tensor(draw(st.lists(edge, min_size=2, max_size=40)))
    return (table[:, 0].contiguous(), table[:, 1].contiguous(), table[:, 2].contiguous()), atoms, rows


@settings(max_examples=40)
@given(case=any_edges(), training=st.booleans())
def test_the_fused_form_is_the_composed_one_on_any_edges(case: tuple[Ends, int, int], training: bool) -> None:
    for ours, theirs in zip(*both(*case, torch.float64, training=training), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("training", [True, False])
def test_gradients_are_those_of_finite_differences(few_graphs: CrystalGraphs, training: bool) -> None:
    edges, atoms, rows = edges_of(few_graphs.take([1, 4]))
    chance = torch.Generator().manual_seed(0)
    ends = torch.randn(atoms, 8, generator=chance, dtype=torch.float64, requires_grad=True)
    lengths = torch.randn(rows, 4, generator=chance, dtype=torch.float64, requires_grad=True)
    norm = norm_of(torch.float64, training=training, width=2)
    paths = paths_of(edges, atoms, rows)

    def sums(ends: torch.Tensor, lengths: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
        return fused_gate.sum_gated(ends, lengths, norm, paths)

    assert torch.autograd.gradcheck(sums, (ends, lengths, norm.weight, norm.bias))


def messages_of(gates: torch.Tensor) -> torch.Tensor:
    """The message of each row of gates, shape (n, 2 F), an edge each of atoms of their own."""
    rows = torch.arange(len(gates))
    norm = BatchNorm(gates.shape[1], eps=0.0).to(gates.dtype).eval()
    ends = gates.new_zeros((len(gates), 2 * gates.shape[1]))
    return fused_gate.sum_gated(ends, gates, norm, paths_of((rows, rows, rows), len(gates), len(gates))).detach()


def test_messages_are_right_to_single_precision_wherever_they_are_not_zero() -> None:
    values = torch.cat([torch.linspace(-80, 80, 3001), torch.linspace(-1, 1, 3001), torch.tensor([-1e-7, 0.0, 1e-7])])
    values = torch.cat([values, torch.zeros(-len(values) % WIDTH)])
    other = values[torch.randperm(len(values), generator=torch.Generator().manual_seed(0))]
    for opening, core in (
        (values, torch.full_like(values, 0.7)),
        (torch.full_like(values, 0.7), values),
        (values, other),
    ):
        gates = torch.cat([opening.view(-1, WIDTH), core.view(-1, WIDTH)], dim=1)
        true = np.exp(-np.logaddexp(0, -opening.double().numpy())) * np.logaddexp(0, core.double().numpy())
        told = np.abs(messages_of(gates).double().numpy().ravel() / true - 1)[true > 1e-37]
        assert len(told) > 0.7 * len(values)
        assert told.max() < 1e-6


def test_far_out_gates_neither_overflow_nor_vanish() -> None:
    gates = torch.tensor([[1e4, 1e4], [-1e4, 1e4], [1e4, -1e4], [-1e4, -1e4]])
    made = messages_of(gates)[:, 0]
    assert made[0] == 1e4
    assert made[1:].abs().max() < 1e-30


@pytest.mark.parametrize("column", [0, 1])
def test_what_is_not_a_number_stays_so(column: int) -> None:
    gates = torch.ones(2, 2)
    gates[0, column] = torch.nan
    assert messages_of(gates)[:, 0].isnan().tolist() == [True, False]


@pytest.mark.parametrize("momentum", [0.1, 0.3, None])
def test_running_statistics_are_torchs(few_graphs: CrystalGraphs, momentum: float | None) -> None:
    edges, atoms, rows = edges_of(few_graphs)
    ours, theirs = BatchNorm(2 * WIDTH, momentum=momentum).double(), BatchNorm(2 * WIDTH, momentum=momentum).double()
    for seed in range(3):
        chance = torch.Generator().manual_seed(seed)
        ends = torch.randn(atoms, 4 * WIDTH, generator=chance, dtype=torch.float64)
        lengths = torch.randn(rows, 2 * WIDTH, generator=chance, dtype=torch.float64)
        fused_gate.sum_gated(ends, lengths, ours, paths_of(edges, atoms, rows))
        composed(ends, lengths, theirs, edges)
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    for name, value in ours.state_dict().items():
        torch.testing.assert_close(value, theirs.state_dict()[name], msg=name)


def test_statistics_bear_a_mean_far_from_zero(few_graphs: CrystalGraphs) -> None:
    edges, atoms, rows = edges_of(few_graphs)
    norm = BatchNorm(2 * WIDTH, momentum=1.0)
    lengths = torch.randn(rows, 2 * WIDTH, generator=torch.Generator().manual_seed(0))
    fused_gate.sum_gated(torch.full((atoms, 4 * WIDTH), 500.0), lengths, norm, paths_of(edges, atoms, rows))
    assert norm.running_mean is not None
    assert norm.running_var is not None
    # A sum of squares would have lost all digits at a mean of 1000.
    torch.testing.assert_close(norm.running_mean, 1000 + lengths[edges[2]].mean(dim=0), rtol=1e-6, atol=0)
    torch.testing.assert_close(norm.running_var, lengths[edges[2]].var(dim=0), rtol=1e-3, atol=0)


@given(values=st.lists(st.floats(0, 8, width=32) | st.sampled_from([0.0, 2.5, 2.500000238418579]), max_size=60))
def test_different_values_are_found_in_the_order_in_which_they_come(values: list[float]) -> None:
    found, places = fused_gate.different(torch.tensor(values, dtype=torch.float32))
    assert found.tolist() == list(dict.fromkeys(values))
    assert found[places].tolist() == values


@pytest.mark.parametrize("backend", ["torch", "dgl"])
def test_networks_do_the_same_with_and_without_it(
    formation_graphs: CrystalGraphs, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if backend == "dgl":
        pytest.importorskip("dgl")
    outputs, gradients = [], []
    for fused in (True, False):
        if not fused:
            monkeypatch.setattr(fused_gate, "serves", lambda *_: False)
            monkeypatch.setattr(fused_gate, "sum_gated", None)
        with trainer.seeded(1):
            network = CGCNN(torch.tensor(cgcnn_atom_features()))
        outputs.append(network(batch_graphs(formation_graphs, range(32), backend)))
        outputs[-1].square().mean().backward()
        gradients.append([weights.grad for weights in network.parameters()])
    assert outputs[0].std() > 1e-3
    torch.testing.assert_close(*outputs, rtol=1e-5, atol=1e-5)
    for ours, plain in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-5, atol=1e-5)


def test_half_precision_takes_the_composed_form(
    formation_graphs: CrystalGraphs, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = CGCNN(torch.tensor(cgcnn_atom_features())).eval()
    batch = batch_graphs(formation_graphs, range(8), "torch")
    with torch.inference_mode():
        single = network(batch)
        monkeypatch.setattr(fused_gate, "sum_gated", None)
        with torch.autocast("cpu", torch.bfloat16):
            half = network(batch)
    torch.testing.assert_close(half.float(), single, rtol=0.05, atol=0.05)


def test_one_edge_has_no_variance_and_is_left_to_the_composed_form() -> None:
    norm = norm_of(torch.float32)
    ends, lengths = torch.zeros(1, 4 * WIDTH), torch.ones(1, 2 * WIDTH)
    assert not fused_gate.serves(ends, lengths, 1, norm)
    assert fused_gate.serves(ends, lengths, 1, norm.eval())
    assert fused_gate.serves(ends, lengths, 2, norm.train())


def test_the_derivative_is_taken_once() -> None:
    rows = torch.tensor([0, 1])
    ends = torch.randn(2, 4 * WIDTH, requires_grad=True)
    norm = norm_of(torch.float32)
    sums = fused_gate.sum_gated(ends, torch.zeros(2, 2 * WIDTH), norm, paths_of((rows, rows, rows), 2, 2))
    (gradient,) = torch.autograd.grad(sums.square().sum(), ends, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()  # type: ignore[no-untyped-call]


def test_gate_is_what_the_fused_form_sums() -> None:
    gates = torch.randn(5, 2 * WIDTH, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(messages_of(gates), gate(gates), rtol=1e-6, atol=1e-7)
