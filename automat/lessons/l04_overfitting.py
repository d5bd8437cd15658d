"""Overfitting: slide a model's capacity and watch the two curves part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automat.lessons._base import Chart, Control, Label, Lesson, Plot, Question, State, Step, Text, Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from automat.lessons.data import Materials

TRAIN = Text("training rows", "훈련 행")
TEST = Text("test rows", "테스트 행")
ERROR = Text("mean absolute error, eV", "평균 절대 오차, eV")
CHOSEN = Text("chosen", "선택한 값")


def tree(depth: int) -> Any:
    """A tree that asks at most so many questions in a row."""
    from sklearn.tree import DecisionTreeRegressor

    return DecisionTreeRegressor(max_depth=depth, random_state=0)


def neighbours(count: int) -> Any:
    """The mean of the nearest known materials, on standardised features."""
    from sklearn.neighbors import KNeighborsRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), KNeighborsRegressor(count))


def errors(
    make: Callable[[int], Any], settings: Sequence[int], data: Materials, splits: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean absolute error on training and test rows, one figure a setting, each a mean over splits."""
    from sklearn.metrics import mean_absolute_error
    from sklearn.model_selection import train_test_split

    found = np.zeros((2, len(settings), splits))
    for split in range(splits):
        X_train, X_test, y_train, y_test = train_test_split(data.X, data.y, test_size=0.5, random_state=split)
        for place, setting in enumerate(settings):
            model = make(setting).fit(X_train, y_train)
            found[0, place, split] = mean_absolute_error(y_train, model.predict(X_train))
            found[1, place, split] = mean_absolute_error(y_test, model.predict(X_test))
    return found[0].mean(axis=1), found[1].mean(axis=1)


def network_curves(data: Materials, epochs: int) -> tuple[list[float], list[float]]:
    """Error of automat's MLP after every epoch, on the half it trains on and on the half held out."""
    from automat.networks.mlp import MLPRegressor

    network = MLPRegressor(
        layers=2, width=128, epochs=epochs, batch_size=32, learning_rate=2e-3,
        training={"holdout": 0.5, "schedule": "constant"},
        dropout=0.0, norm=False, weight_decay=0.0,  # nothing that would hold it back
    )  # fmt: skip
    network.fit(data.X, data.y)
    told = network.details_["epochs"]
    return told["train"], told["validation"]


def tree_chart(settings: Sequence[int], train: NDArray[np.float64], test: NDArray[np.float64]) -> Chart:
    """Both errors against depth."""
    return _curves(
        Text("Decision tree: error against depth", "결정 트리: 깊이에 따른 오차"),
        Text("depth of the tree", "트리의 깊이"), settings, train, test,
    )  # fmt: skip


def neighbours_chart(settings: Sequence[int], train: NDArray[np.float64], test: NDArray[np.float64]) -> Chart:
    """Both errors against the number of neighbours."""
    return _curves(
        Text("Nearest neighbours: error against their number", "최근접 이웃: 이웃 수에 따른 오차"),
        Text("neighbours", "이웃 수"), settings, train, test, log_x=True,
    )  # fmt: skip


def epochs_chart(train: Sequence[float], test: Sequence[float]) -> Chart:
    """Both errors against epochs; the slider stops at one of about a dozen."""
    every = max(1, len(train) // 12)
    stops = list(range(every, len(train) + 1, every))
    return _curves(
        Text("Network: error against epochs", "신경망: 에포크에 따른 오차"),
        Text("epochs", "에포크"), range(1, len(train) + 1), train, test, stops=stops,
    )  # fmt: skip


def _curves(
    title: Text,
    x: Label,
    settings: Sequence[int],
    train: Sequence[float] | NDArray[np.float64],
    test: Sequence[float] | NDArray[np.float64],
    *,
    log_x: bool = False,
    stops: Sequence[int] | None = None,
) -> Chart:
    """Two curves, and a mark that the slider moves along them."""
    places = list(settings)
    highest = float(max(*train, *test))
    states = []
    shown = list(stops or places)
    for setting in shown:
        on_train, on_test = float(train[places.index(setting)]), float(test[places.index(setting)])
        gap = on_test - on_train
        traces = (
            Trace(TRAIN, places, list(train), colour=1, kind="line" if stops is None else "dashes"),
            Trace(TEST, places, list(test), colour=0, kind="line" if stops is None else "dashes"),
            Trace(CHOSEN, [setting, setting], [0.0, highest], kind="dashes", colour=6),
        )
        note = Text(
            f"{x.en if isinstance(x, Text) else x} {setting}: training {on_train:.3f} eV, test {on_test:.3f} eV, "
            f"{gap:.3f} eV apart.",
            f"{x.ko if isinstance(x, Text) else x} {setting}: 훈련 {on_train:.3f} eV, 테스트 {on_test:.3f} eV, "
            f"차이 {gap:.3f} eV.",
        )
        states.append(State(traces, note))
    return Chart(
        title, x, ERROR, states, (Control(x, [str(each) for each in shown]),), log_x=log_x,
        start=int(np.argmin([float(test[places.index(setting)]) for setting in shown])),
    )  # fmt: skip


LESSON = Lesson(
    number=4,
    name="overfitting",
    title=Text("Overfitting: when the two curves part", "과적합: 두 곡선이 갈라질 때"),
    summary=Text(
        "You will be able to read a validation curve: where a model is too simple, where it memorises, and where to stop.",
        "검증 곡선을 읽을 수 있게 됩니다. 모델이 어디에서 너무 단순하고, 어디에서 외우며, 어디에서 멈춰야 하는지 알게 됩니다.",
    ),
    minutes=20,
    imports="from automat.lessons.data import Materials, materials",
    steps=(
        Step(
            title=Text("The task", "과제"),
            text=Text(
                """
                Band gaps of crystals from their composition alone: 132 Magpie features (means, ranges and so on of
                element properties). Half of the rows train, half test, and everything is repeated over splits.
                **Capacity** is how closely a model can follow its training rows.
                """,
                """
                조성만으로 결정의 밴드갭을 예측합니다. 입력은 132개의 Magpie 특성(원소 물성의 평균, 범위 등)입니다.
                행의 절반으로 훈련하고 절반으로 테스트하며, 여러 분할에서 되풀이합니다. **용량(capacity)** 은 모델이
                훈련 행을 얼마나 바짝 따라갈 수 있는지를 뜻합니다.
                """,
            ),
            code="""
                data = materials("mp_band_gap", rows=600 if grid == "full" else 240)
                splits = 10 if grid == "full" else 3
                spread = float(np.abs(data.y - data.y.mean()).mean())
                print(f"{len(data)} materials, {data.X.shape[1]} features; guessing the mean costs {spread:.3f} eV")
            """,
        ),
        Step(
            title=Text("Depth of a tree", "트리의 깊이"),
            text=Text(
                "A decision tree asks one question at each level. With every level it can tell twice as many cases apart.",
                "결정 트리는 층마다 질문을 하나씩 던집니다. 한 층 깊어질 때마다 두 배 많은 경우를 구별할 수 있습니다.",
            ),
            question=Question(
                Text("The tree gets deeper and deeper. What happens to the error on the test rows?",
                     "트리가 점점 깊어집니다. 테스트 행의 오차는 어떻게 될까요?"),
                (
                    Text("it falls all the way, like the training error", "훈련 오차처럼 끝까지 줄어든다"),
                    Text("it falls, then stops falling while the training error goes on towards zero",
                         "줄어들다가 멈추고, 훈련 오차만 계속 0을 향해 간다"),
                    Text("it rises from the start", "처음부터 커진다"),
                ),
                "0 if best == len(depths) - 1 else 2 if best == 0 else 1",
            ),
            functions=(tree, errors),
            code="""
                depths = [1, 2, 3, 4, 5, 6, 8, 10, 15, 20]
                train, test = errors(tree, depths, data, splits)
                best = int(np.argmin(test))
                best_depth, best_test, best_train = depths[best], float(test[best]), float(train[best])
                deepest, last_train, last_test = depths[-1], float(train[-1]), float(test[-1])
                for depth, on_train, on_test in zip(depths, train, test):
                    print(f"depth {depth:2d}: training {on_train:.3f} eV, test {on_test:.3f} eV")
            """,
            plot=Plot(tree_chart, ("depths", "train", "test")),
            conclusion=Text(
                """
                On test rows depth {best_depth} is best, with {best_test:.3f} eV. At depth {deepest} the training error
                is {last_train:.3f} eV, as good as nothing, but the test error is {last_test:.3f} eV. To the left of the
                lowest point the tree is **too simple**: both errors are large. To the right it **overfits**: it learns
                its training rows by heart, accidents included. The gap between the curves is not itself the error; what
                counts is how low the test curve is.
                """,
                """
                테스트 행에서는 깊이 {best_depth}에서 {best_test:.3f} eV로 가장 좋습니다. 깊이 {deepest}에서는 훈련 오차가
                {last_train:.3f} eV로 거의 0이지만 테스트 오차는 {last_test:.3f} eV입니다. 가장 낮은 점의 왼쪽에서는 트리가
                **너무 단순**해서 두 오차가 모두 큽니다. 오른쪽에서는 **과적합**합니다. 우연히 섞인 것까지 훈련 행을 통째로
                외웁니다. 두 곡선의 간격이 곧 오차는 아닙니다. 중요한 것은 테스트 곡선이 얼마나 낮은가입니다.
                """,
            ),
            claims=("0 < best < len(depths) - 1", "last_train < 0.05 * best_test", "last_test > best_test",
                    "best_train < best_test", "(np.diff(train) <= 1e-9).all()"),
        ),
        Step(
            title=Text("Number of neighbours", "이웃의 수"),
            text=Text(
                "A nearest-neighbour model averages the known materials that are most alike. Here capacity runs backwards.",
                "최근접 이웃 모델은 가장 비슷한 재료들의 평균을 답합니다. 여기서는 용량의 방향이 반대입니다.",
            ),
            question=Question(
                Text("Which number of neighbours has the lowest error on the training rows?",
                     "훈련 행의 오차가 가장 작은 이웃 수는 얼마일까요?"),
                (Text("one", "하나"), Text("the number that is best on test rows", "테스트 행에서 가장 좋은 수"), Text("all rows", "모든 행")),
                "0 if train_lowest == 1 else 1 if train_lowest == best_count else 2",
            ),
            functions=(neighbours,),
            code="""
                counts = [count for count in (1, 2, 3, 5, 8, 12, 20, 40, 80, 160) if count < len(data) // 2]
                near_train, near_test = errors(neighbours, counts, data, splits)
                train_lowest, best_count = counts[int(np.argmin(near_train))], counts[int(np.argmin(near_test))]
                one_train, one_test, many, many_train, many_test, near_best = (
                    float(near_train[0]), float(near_test[0]), counts[-1], float(near_train[-1]), float(near_test[-1]),
                    float(near_test.min()),
                )
            """,
            plot=Plot(neighbours_chart, ("counts", "near_train", "near_test")),
            conclusion=Text(
                """
                One neighbour: {one_train:.3f} eV on training rows (each is its own neighbour) and {one_test:.3f} eV on
                test rows. {many} neighbours: {many_train:.3f} and {many_test:.3f} eV, nearly the same and both bad. In
                between, {best_count} neighbours reach {near_best:.3f} eV on test rows.
                """,
                """
                이웃이 하나이면 훈련 행에서 {one_train:.3f} eV(자기 자신이 이웃), 테스트 행에서 {one_test:.3f} eV입니다.
                이웃이 {many}개이면 각각 {many_train:.3f}, {many_test:.3f} eV로 거의 같고 둘 다 나쁩니다. 그 사이에서
                이웃 {best_count}개가 테스트 행에서 {near_best:.3f} eV에 이릅니다.
                """,
            ),
            claims=("1 < best_count < many", "one_train < 0.1 * one_test", "near_best < min(one_test, many_test)",
                    "many_test - many_train < one_test - one_train"),
        ),
        Step(
            title=Text("Epochs of a network", "신경망의 에포크"),
            text=Text(
                """
                An epoch is one pass over the training rows. automat's multilayer perceptron trains here with everything
                switched off that usually holds it back (dropout, batch norm, weight decay, a falling learning rate).
                """,
                """
                에포크는 훈련 행을 한 번 모두 훑는 것입니다. 여기서는 automat의 다층 퍼셉트론에서 과적합을 막는 장치(드롭아웃,
                배치 정규화, 가중치 감쇠, 점차 줄어드는 학습률)를 모두 끄고 훈련합니다.
                """,
            ),
            question=Question(
                Text("Where is the error on held-out rows lowest?", "따로 떼어 둔 행의 오차는 언제 가장 작을까요?"),
                (Text("at the last epoch", "마지막 에포크"), Text("before it", "그보다 앞")),
                "best_epoch < epochs",
            ),
            functions=(network_curves,),
            code="""
                epochs = 120 if grid == "full" else 60
                net_train, net_held = network_curves(data, epochs)
                best_epoch = int(np.argmin(net_held)) + 1
                held_best, held_last, train_last = min(net_held), net_held[-1], net_train[-1]
            """,
            plot=Plot(epochs_chart, ("net_train", "net_held")),
            conclusion=Text(
                """
                Lowest on held-out rows after epoch {best_epoch} of {epochs}: {held_best:.3f} eV. At the end it is
                {held_last:.3f} eV, while the training error has sunk to {train_last:.3f} eV. Stopping early, or keeping
                the weights of the best epoch, is what automat does; the rows that choose the epoch are taken out of the
                training fold, never out of the test rows.
                """,
                """
                떼어 둔 행의 오차는 {epochs} 에포크 가운데 {best_epoch} 에포크에서 {held_best:.3f} eV로 가장 작습니다.
                끝에서는 {held_last:.3f} eV이고, 훈련 오차는 {train_last:.3f} eV까지 내려갑니다. 일찍 멈추거나 가장 좋은
                에포크의 가중치를 남기는 것이 automat의 방식입니다. 에포크를 고르는 행은 훈련 폴드에서 떼어 내며,
                테스트 행은 절대 쓰지 않습니다.
                """,
            ),
            claims=("best_epoch < epochs", "held_last > held_best", "train_last < 0.5 * held_last"),
        ),
    ),
)  # fmt: skip
