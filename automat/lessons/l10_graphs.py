"""Graphs: the crystal graph convolutional network step by step, by hand, on one crystal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automat.lessons._base import Chart, Control, Lesson, Plot, Question, State, Step, Text, Trace

if TYPE_CHECKING:
    from numpy.typing import NDArray


def expand(distance: float, centres: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """A distance as a row of Gaussians: how near it is to every centre."""
    row: NDArray[np.float64] = np.exp(-(((distance - centres) / width) ** 2))
    return row


def softplus(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The smooth ramp ln(1 + e^x)."""
    return np.logaddexp(0, x)


def sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The gate: from 0, closed, to 1, open."""
    return 1 / (1 + np.exp(-x))


def normalise(x: NDArray[np.float64], norm: Any) -> NDArray[np.float64]:
    """Batch norm with what a layer has learned."""
    mean, variance = norm.running_mean.double().numpy(), norm.running_var.double().numpy()
    scale, shift = norm.weight.detach().double().numpy(), norm.bias.detach().double().numpy()
    scaled: NDArray[np.float64] = (x - mean) / np.sqrt(variance + norm.eps) * scale + shift
    return scaled


def convolve(layer: Any, atoms: NDArray[np.float64], graph: Any, centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """One convolution, edge by edge: v_i <- g(v_i + sum_j sigmoid(z_ij W_f + b_f) * g(z_ij W_s + b_s))."""
    W = layer.linear.weight.detach().double().numpy()
    b = layer.linear.bias.detach().double().numpy()
    summed = np.zeros_like(atoms)
    for i, j, distance in zip(graph.destination, graph.source, graph.distances, strict=True):
        z = np.concatenate([atoms[i], atoms[j], expand(distance, centres, 0.2)])  # centre | neighbour | edge
        gate, message = np.split(normalise(W @ z + b, layer.norm_edges), 2)
        summed[i] += sigmoid(gate) * softplus(message)
    return softplus(atoms + normalise(summed, layer.norm_atoms))


def make_network(graphs: Any) -> Any:
    """A small CGCNN of automat, whose batch norms have seen some crystals."""
    import torch
    from automat_featurizers import cgcnn_atom_features

    from automat.networks.cgcnn import CGCNN
    from automat.networks.primitives import batch_graphs

    torch.manual_seed(0)
    network = CGCNN(torch.tensor(cgcnn_atom_features()), width=4, hidden=8, convolutions=3)
    for _ in range(5):
        network(batch_graphs(graphs))
    return network.eval()


def by_the_network(network: Any, graph: Any) -> tuple[list[NDArray[np.float64]], float]:
    """What automat's own layers give for one crystal: its atoms before and after each convolution, and its output."""
    import torch

    from automat.networks.primitives import batch_graphs

    seen: list[NDArray[np.float64]] = []
    batch = batch_graphs(graph)
    with torch.inference_mode():
        seen.append(network.embedding(network.atom_columns)[batch.atomic_numbers].double().numpy())
        hooks = [
            layer.register_forward_hook(lambda _layer, _given, made: seen.append(made.double().numpy()))
            for layer in network.convolutions
        ]
        output = float(network(batch)[0, 0])
    for hook in hooks:
        hook.remove()
    return seen, output


def distances_chart(graph: Any) -> Chart:
    """Every edge's distance into each atom, and its Gaussians as the slider moves from edge to edge."""
    centres = np.arange(41) * 0.2
    least = 0.1
    lengths = sorted({round(float(distance), 4) for distance in graph.distances})
    lengths += [length for length in (1.0, 2.0, 4.0, 6.0) if length not in lengths]
    lengths.sort()
    states = []
    for length in lengths:
        row = expand(length, centres, 0.2)
        count = int(np.isclose(graph.distances, length, atol=1e-3).sum())
        states.append(
            State(
                (Trace(Text("Gaussians", "가우시안"), centres.tolist(), row.tolist(), kind="bars"),),
                Text(
                    f"{length:.3f} Å, on {count} edges of this crystal: {int((row > least).sum())} of {len(centres)} "
                    f"numbers are above {least}.",
                    f"{length:.3f} Å, 이 결정의 에지 {count}개: {len(centres)}개 가운데 "
                    f"{int((row > least).sum())}개의 값이 {least}보다 큽니다.",
                ),
            )
        )
    names = [f"{length:.3f} Å" for length in lengths]
    nearest = int(np.argmin([abs(length - float(graph.distances.min())) for length in lengths]))
    return Chart(
        Text("A distance becomes 41 numbers", "거리 하나가 41개의 수로 바뀐다"),
        Text("centre of the Gaussian, Å", "가우시안의 중심, Å"),
        Text("value", "값"),
        states,
        (Control(Text("distance", "거리"), names),),
        start=nearest,
    )


def atoms_chart(rows: list[NDArray[np.float64]], symbols: list[str]) -> Chart:
    """The atoms' features after every convolution."""
    states = []
    for layer, atoms in enumerate(rows):
        apart = float(np.abs(atoms - atoms.mean(axis=0)).max())
        states.append(
            State(
                (
                    Trace(
                        Text("feature", "특성값"),
                        [str(column) for column in range(atoms.shape[1])],
                        [f"{place}: {symbol}" for place, symbol in enumerate(symbols)],
                        kind="map",
                        z=[[round(float(value), 3) for value in row] for row in atoms],
                    ),
                ),
                Text(
                    f"After {layer} convolutions: the largest distance of an atom's feature from the mean over atoms "
                    f"is {apart:.3f}.",
                    f"컨볼루션 {layer}번 뒤: 원자 특성과 원자 평균의 가장 큰 차이는 {apart:.3f}입니다.",
                ),
            )
        )
    return Chart(
        Text("Every atom's features, layer by layer", "층마다 바뀌는 원자들의 특성"),
        Text("feature", "특성 번호"),
        Text("atom", "원자"),
        states,
        (Control(Text("convolutions", "컨볼루션 횟수"), [str(layer) for layer in range(len(rows))]),),
    )


LESSON = Lesson(
    number=10,
    name="graphs",
    title=Text("Graphs: a crystal convolution by hand", "그래프: 손으로 계산하는 결정 컨볼루션"),
    summary=Text(
        "You will be able to say what CGCNN computes, number by number, and check it against automat's own layer.",
        "CGCNN이 무엇을 계산하는지 수 하나하나까지 설명하고, automat의 실제 층과 맞춰 볼 수 있게 됩니다.",
    ),
    minutes=25,
    imports="from automat_featurizers import build_graphs",
    steps=(
        Step(
            title=Text("A crystal as a graph", "결정을 그래프로"),
            text=Text(
                """
                The crystal graph convolutional network (T. Xie and J. C. Grossman, *Phys. Rev. Lett.* 120, 145301, 2018,
                doi:10.1103/PhysRevLett.120.145301) sees atoms as nodes. From each atom's 12 nearest neighbours, periodic
                images included, an edge runs to it; the edge knows nothing but its length.
                """,
                """
                결정 그래프 컨볼루션 신경망(CGCNN; T. Xie, J. C. Grossman, *Phys. Rev. Lett.* 120, 145301, 2018,
                doi:10.1103/PhysRevLett.120.145301)은 원자를 노드로 봅니다. 각 원자로는 가장 가까운 이웃 12개(주기적 이미지
                포함)에서 에지가 들어옵니다. 에지가 아는 것은 길이뿐입니다.
                """,
            ),
            question=Question(
                Text("The chosen crystal has few atoms in its cell. How many edges has its graph?",
                     "선택한 결정은 단위 세포에 원자가 몇 개 없습니다. 그래프의 에지는 몇 개일까요?"),
                (Text("one for each pair of atoms", "원자 쌍마다 하나"), Text("12 for each atom", "원자마다 12개"), Text("infinitely many", "무한히 많음")),
                "1 if edges == 12 * n_atoms else 0",
            ),
            code="""
                crystals = datasets.load("mp_dielectric")
                sizes = np.diff(crystals.structures.row_ptr)
                row = int(np.flatnonzero(sizes == 3)[0])  # the first with three atoms
                graph = build_graphs(crystals.structures.take([row]))
                others = build_graphs(crystals.structures.take(np.arange(40 if grid == "full" else 12)))
                structure = crystals.structures[row]
                symbols = [site.specie.symbol for site in structure]
                formula, n_atoms, edges = crystals.formulas[row], len(symbols), len(graph.distances)
                shortest, longest = float(graph.distances.min()), float(graph.distances.max())
                different = len(set(np.round(graph.distances, 4)))
                print(structure)
            """,
            plot=Plot(distances_chart, ("graph",)),
            conclusion=Text(
                """
                {formula} has {n_atoms} atoms in its cell, so {edges} edges, from {shortest:.3f} to {longest:.3f} Å.
                Symmetry leaves only {different} different lengths. The network does not take the length as one number
                but as 41: how near it is to 0, 0.2, ... 8 Å. Each then has a weight of its own, so that short and long
                bonds can have quite different effects.
                """,
                """
                {formula}의 단위 세포에는 원자가 {n_atoms}개 있으므로 에지는 {edges}개이고, 길이는 {shortest:.3f} Å부터
                {longest:.3f} Å까지입니다. 대칭 때문에 서로 다른 길이는 {different}가지뿐입니다. 신경망은 길이를 수 하나가 아니라
                41개로 받습니다. 0, 0.2, ... 8 Å에 각각 얼마나 가까운지를 나타냅니다. 저마다 가중치가 따로 있어서
                짧은 결합과 긴 결합이 전혀 다른 효과를 낼 수 있습니다.
                """,
            ),
            claims=("edges == 12 * n_atoms", "different < edges"),
        ),
        Step(
            title=Text("One convolution by hand", "컨볼루션 한 번을 손으로"),
            text=Text(
                """
                For every edge, put side by side what is known of the central atom, of the neighbour, and of the distance.
                One linear map makes a **gate** (does this neighbour matter?) and a **message** (what does it say?) of it.
                An atom's new features are its old ones and the sum of its gated messages. Below, that is written as a loop
                over edges, in plain numpy, with the weights of a small network of automat.
                """,
                """
                에지마다 중심 원자, 이웃 원자, 거리에 대해 아는 것을 나란히 붙입니다. 선형 사상 하나가 여기서 **게이트**(이 이웃이
                중요한가?)와 **메시지**(무엇을 말하는가?)를 만듭니다. 원자의 새 특성은 옛 특성에 게이트를 거친 메시지의 합을 더한
                것입니다. 아래에서는 automat의 작은 신경망 가중치로, 이것을 에지에 대한 반복문으로 numpy만 써서 계산합니다.
                """,
            ),
            question=Question(
                Text("How far will the hand-made numbers be from those of automat's own layer?",
                     "손으로 계산한 값은 automat의 실제 층과 얼마나 다를까요?"),
                (Text("not at all, but for rounding", "반올림 말고는 차이가 없다"), Text("by about a percent", "1% 정도"),
                 Text("completely: the layer does more", "전혀 다르다. 실제 층은 더 많은 일을 한다")),
                "0 if difference < 1e-4 else 1 if difference < 0.05 else 2",
            ),
            functions=(expand, softplus, sigmoid, normalise, convolve, make_network, by_the_network),
            code="""
                network = make_network(others)
                rows, output = by_the_network(network, graph)
                centres = network.basis.centres.double().numpy()
                by_hand = convolve(network.convolutions[0], rows[0], graph, centres)
                difference = float(np.abs(by_hand - rows[1]).max())
                print("by hand:", by_hand[0].round(6))
                print("automat:", rows[1][0].round(6))
            """,
            plot=Plot(atoms_chart, ("rows", "symbols")),
            conclusion=Text(
                """
                The largest difference is {difference:.1e}: single against double precision, nothing else. automat arranges
                the sum differently, so that it takes a fraction of the time, but it is the same function. Slide through
                the layers: after three convolutions an atom has heard from neighbours of neighbours of neighbours.
                """,
                """
                가장 큰 차이는 {difference:.1e}입니다. 단정밀도와 배정밀도의 차이일 뿐입니다. automat은 훨씬 빨리 끝나도록 합을
                다르게 배열하지만 같은 함수입니다. 슬라이더로 층을 넘겨 보세요. 컨볼루션을 세 번 거친 원자는
                이웃의 이웃의 이웃에게서도 소식을 들은 셈입니다.
                """,
            ),
            claims=("difference < 1e-4",),
        ),
        Step(
            title=Text("From atoms to one number", "원자에서 하나의 수로"),
            text=Text(
                """
                A property belongs to the crystal, not to an atom. So the atoms' features are averaged (**pooling**), and two
                more layers make a number of them. Averaging has a consequence that one can test: take the same crystal
                with a cell twice as large.
                """,
                """
                물성은 원자가 아니라 결정의 것입니다. 그래서 원자 특성을 평균(**풀링**)하고, 층을 두 개 더 거쳐 하나의 수를 만듭니다.
                평균을 쓰면 시험해 볼 수 있는 결과가 하나 따라옵니다. 같은 결정을 두 배 큰 단위 세포로 적어 보는 것입니다.
                """,
            ),
            question=Question(
                Text("The same crystal, written with twice as many atoms. What does the network say?",
                     "같은 결정을 원자 수가 두 배인 세포로 적었습니다. 신경망의 답은?"),
                (Text("the same number", "같은 수"), Text("twice the number", "두 배의 수"), Text("something else", "그 밖의 수")),
                "0 if doubled_difference < 1e-4 else 1 if abs(doubled - 2 * output) < 1e-4 else 2",
            ),
            code="""
                from automat_featurizers import PackedStructures

                atoms = rows[0]
                for layer in network.convolutions:
                    atoms = convolve(layer, atoms, graph, centres)
                weights = {name: value.double().numpy() for name, value in network.state_dict().items()}
                crystal = softplus(atoms.mean(axis=0))
                crystal = softplus(weights["crystal.weight"] @ crystal + weights["crystal.bias"])
                hand_output = float((weights["output.weight"] @ crystal + weights["output.bias"])[0])
                twice = build_graphs(PackedStructures.pack([structure * (1, 1, 2)]))
                twice_atoms = len(twice.atomic_numbers)
                doubled = by_the_network(network, twice)[1]
                output_difference, doubled_difference = abs(hand_output - output), abs(doubled - output)
                print(f"by hand {hand_output:.6f}, automat {output:.6f}, automat on the doubled cell {doubled:.6f}")
            """,
            conclusion=Text(
                """
                By hand {hand_output:.6f}, by automat {output:.6f}. With {twice_atoms} atoms in the cell instead of {n_atoms}:
                {doubled:.6f}. The network is trained on energies **per atom** and the like, which must not depend on how the
                cell is written, and it cannot even see it. The numbers themselves mean nothing yet: this network has
                not been trained.
                """,
                """
                손으로 {hand_output:.6f}, automat으로 {output:.6f}입니다. 단위 세포의 원자를 {n_atoms}개 대신 {twice_atoms}개로 적으면
                {doubled:.6f}입니다. 신경망은 **원자당** 에너지처럼 세포를 어떻게 적는지에 좌우되면 안 되는 물성을 배우며, 구조상 그 차이를
                볼 수도 없습니다. 아직 훈련하지 않은 신경망이므로 이 수 자체에는 의미가 없습니다.
                """,
            ),
            claims=("output_difference < 1e-4", "doubled_difference < 1e-4"),
        ),
    ),
)  # fmt: skip
