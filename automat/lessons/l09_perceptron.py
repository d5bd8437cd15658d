"""From the perceptron's rule, by hand, to automat's multilayer perceptron."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from automat.lessons._base import Chart, Control, Lesson, Plot, Question, State, Step, Text, Trace

if TYPE_CHECKING:
    from numpy.typing import NDArray


def perceptron(X: NDArray[np.float64], y: NDArray[np.float64], passes: int) -> list[tuple[NDArray[np.float64], int]]:
    """Rosenblatt's rule for y of -1 and 1: weights (the last is the threshold) and mistakes after every pass."""
    ones = np.column_stack([X, np.ones(len(X))])
    w = np.zeros(ones.shape[1])
    history = []
    for _ in range(passes):
        for x, label in zip(ones, y, strict=True):
            if label * (w @ x) <= 0:  # wrong, or undecided
                w = w + label * x
        history.append((w.copy(), int((y * (ones @ w) <= 0).sum())))
    return history


def network(
    X: NDArray[np.float64], y: NDArray[np.float64], layers: int, epochs: int
) -> tuple[float, NDArray[np.float64]]:
    """Accuracy of automat's MLP on the rows it trains on, and its class at every point of a raster."""
    from automat.networks.mlp import MLPClassifier

    made = MLPClassifier(
        layers=layers, width=32, dropout=0.0, norm=False, epochs=epochs, batch_size=16, learning_rate=1e-2,
        weight_decay=0.0, training={"holdout": 0.0},
    )  # fmt: skip
    made.fit(X, y)
    side = np.linspace(-2.5, 2.5, 26)
    raster = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    return float((made.predict(X) == y).mean()), made.predict(raster).reshape(26, 26).astype(float)


def line_chart(X: NDArray[np.float64], y: NDArray[np.float64], history: list[tuple[NDArray[np.float64], int]]) -> Chart:
    """The flowers, and the line that the perceptron draws after every pass."""
    states = []
    low, high = X.min(axis=0) - 0.2, X.max(axis=0) + 0.2
    for done, (w, mistakes) in enumerate(history, 1):
        across = np.linspace(low[0], high[0], 200)
        down = -(w[0] * across + w[2]) / (w[1] if abs(w[1]) > 1e-12 else 1e-12)  # noqa: PLR2004 - no division by zero
        seen = (down >= low[1]) & (down <= high[1])
        states.append(
            State(
                (
                    *(
                        Trace(name, X[part, 0].tolist(), X[part, 1].tolist(), kind="points", colour=colour)
                        for name, part, colour in (
                            (Text("one class", "한 품종"), y > 0, 0),
                            (Text("the other", "다른 품종"), y < 0, 1),
                        )
                    ),
                    Trace(
                        Text("perceptron", "퍼셉트론"),
                        across[seen].tolist(),
                        down[seen].tolist(),
                        kind="dashes",
                        colour=6,
                    ),
                ),
                Text(f"After pass {done}: {mistakes} mistakes.", f"{done}번 훑은 뒤: 틀린 꽃 {mistakes}송이."),
            )
        )
    return Chart(
        Text("The perceptron's line after every pass", "훑을 때마다 바뀌는 퍼셉트론의 직선"),
        Text("petal length, cm", "꽃잎 길이, cm"),
        Text("petal width, cm", "꽃잎 너비, cm"),
        states,
        (Control(Text("passes", "훑은 횟수"), [str(done) for done in range(1, len(history) + 1)]),),
    )


def xor_chart(
    X: NDArray[np.float64], y: NDArray[np.float64], depths: list[int], found: list[tuple[float, NDArray[np.float64]]]
) -> Chart:
    """What networks of more and more hidden layers make of the four corners."""
    side = np.linspace(-2.5, 2.5, 26)
    states = []
    for depth, (accuracy, raster) in zip(depths, found, strict=True):
        rows, columns = np.nonzero(raster > 0)
        states.append(
            State(
                (
                    Trace(
                        Text("the network says one", "신경망의 답이 1"),
                        side[columns].tolist(),
                        side[rows].tolist(),
                        kind="points",
                        colour=5,
                    ),
                    Trace(
                        Text("class zero", "클래스 0"),
                        X[y == 0, 0].tolist(),
                        X[y == 0, 1].tolist(),
                        kind="points",
                        colour=1,
                    ),
                    Trace(
                        Text("class one", "클래스 1"),
                        X[y == 1, 0].tolist(),
                        X[y == 1, 1].tolist(),
                        kind="points",
                        colour=0,
                    ),
                ),
                Text(f"{depth} hidden layers: {accuracy:.0%} right.", f"은닉층 {depth}개: {accuracy:.0%} 맞힘."),
            )
        )
    return Chart(
        Text("Exclusive or: no line parts these", "배타적 논리합: 직선으로는 나눌 수 없다"),
        Text("first input", "첫째 입력"),
        Text("second input", "둘째 입력"),
        states,
        (Control(Text("hidden layers", "은닉층의 수"), [str(depth) for depth in depths]),),
        equal=True,
    )


LESSON = Lesson(
    number=9,
    name="perceptron",
    title=Text("From the perceptron to the multilayer perceptron", "퍼셉트론에서 다층 퍼셉트론으로"),
    summary=Text(
        "You will have written the oldest learning rule in four lines, met its limit, and seen what a hidden layer is for.",
        "가장 오래된 학습 규칙을 네 줄로 써 보고, 그 한계에 부딪힌 뒤, 은닉층이 왜 필요한지 보게 됩니다.",
    ),
    minutes=15,
    steps=(
        Step(
            title=Text("The rule by hand", "손으로 쓰는 규칙"),
            text=Text(
                """
                F. Rosenblatt's perceptron (*Psychological Review* 65, 386, 1958, doi:10.1037/h0042519) adds up its inputs with weights and
                says one class above zero, the other below. It learns from mistakes only: where it errs, it adds the input to
                its weights, or takes it away. Here it gets the petals of two species.
                """,
                """
                F. Rosenblatt의 퍼셉트론(*Psychological Review* 65, 386, 1958, doi:10.1037/h0042519)은 입력에 가중치를 곱해 더하고, 0보다 크면 한
                클래스, 작으면 다른 클래스라고 답합니다. 틀렸을 때에만 배웁니다. 틀리면 그 입력을 가중치에 더하거나 뺍니다. 여기서는 두 품종의
                꽃잎을 봅니다.
                """,
            ),
            question=Question(
                Text("Setosa and versicolor can be parted by a line. Does the rule reach zero mistakes?",
                     "setosa와 versicolor는 직선으로 나눌 수 있습니다. 이 규칙은 실수 0에 이를까요?"),
                (Text("yes, after a few passes", "예, 몇 번만 훑으면"), Text("no, it goes on for ever", "아니요, 끝없이 계속된다")),
                "0 if easy_mistakes == 0 else 1",
            ),
            functions=(perceptron,),
            code="""
                iris = datasets.load("iris")
                petals = iris.table.to_numpy(float)[:, 2:]
                two = iris.target < 2
                X, y = petals[two], np.where(iris.target[two] == 0, 1.0, -1.0)
                easy = perceptron(X, y, passes=12)
                easy_mistakes = easy[-1][1]
                first = next(done for done, (_, mistakes) in enumerate(easy, 1) if mistakes == 0)
                hard_rows = iris.target > 0
                passes = 500 if grid == "full" else 100
                hard = perceptron(petals[hard_rows], np.where(iris.target[hard_rows] == 1, 1.0, -1.0), passes)
                hard_fewest = min(mistakes for _, mistakes in hard)
                print("mistakes after every pass:", [mistakes for _, mistakes in easy])
            """,
            plot=Plot(line_chart, ("X", "y", "easy")),
            conclusion=Text(
                """
                Zero mistakes from pass {first} on: where a line exists, the rule finds one. For versicolor and virginica there is none:
                in {passes} passes it never makes fewer than {hard_fewest} mistakes, and never comes to rest.
                """,
                """
                {first}번째부터 실수가 없습니다. 나누는 직선이 있으면 이 규칙은 찾아냅니다. versicolor와 virginica 사이에는 그런 직선이 없습니다.
                {passes}번을 훑어도 실수가 {hard_fewest}개보다 적어지지 않으며, 결코 멈추지 않습니다.
                """,
            ),
            claims=("easy_mistakes == 0", "hard_fewest > 0"),
        ),
        Step(
            title=Text("What one line cannot do", "직선 하나로 할 수 없는 일"),
            text=Text(
                """
                Exclusive or: class one where the two inputs have different signs. automat's multilayer perceptron with no hidden layer
                is a perceptron that has learned manners; with hidden layers it first bends the plane.
                """,
                """
                배타적 논리합은 두 입력의 부호가 다를 때 클래스 1입니다. 은닉층이 없는 automat의 다층 퍼셉트론은 예의를 배운 퍼셉트론일
                뿐이고, 은닉층이 있으면 먼저 평면을 구부립니다.
                """,
            ),
            question=Question(
                Text("What share can be right without a hidden layer?", "은닉층 없이 얼마나 맞힐 수 있을까요?"),
                (Text("about a half, hardly better than guessing", "절반쯤, 찍는 것과 비슷"), Text("about three quarters or more", "4분의 3쯤이나 그 이상"), Text("all", "모두")),
                "2 if flat == 1 else 1 if flat > 0.7 else 0",
            ),
            functions=(network,),
            code="""
                chance = np.random.default_rng(0)
                corners = np.array([[1, 1], [-1, -1], [1, -1], [-1, 1]]).repeat(40, axis=0)
                cloud = corners + chance.normal(0, 0.25, corners.shape)
                label = (corners[:, 0] != corners[:, 1]).astype(float)
                depths = [0, 1, 2]
                found = [network(cloud, label, depth, epochs=80 if grid == "full" else 40) for depth in depths]
                flat, bent = found[0][0], found[1][0]
                print({depth: f"{accuracy:.0%}" for depth, (accuracy, _) in zip(depths, found)})
            """,
            plot=Plot(xor_chart, ("cloud", "label", "depths", "found")),
            conclusion=Text(
                """
                {flat:.0%} without a hidden layer, {bent:.0%} with one. M. Minsky and S. Papert made this case famous (*Perceptrons*, 1969).
                A hidden layer of 32 units is 32 perceptrons, whose answers the next one can put together. More capacity again: all
                that was said of overfitting holds for it, too.
                """,
                """
                은닉층이 없으면 {flat:.0%}, 하나 있으면 {bent:.0%}입니다. M. Minsky와 S. Papert가 이 경우를 널리 알렸습니다(*Perceptrons*, 1969).
                유닛이 32개인 은닉층은 퍼셉트론 32개이고, 다음 층이 그 답을 모읍니다. 용량이 늘어난 것이므로 과적합에 대한 이야기도
                그대로 들어맞습니다.
                """,
            ),
            claims=("flat < 0.85", "bent > 0.95"),
        ),
    ),
)  # fmt: skip
