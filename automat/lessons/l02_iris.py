"""Five classifiers on iris, and what 100% means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automat.lessons._base import Chart, Control, Lesson, Plot, Question, State, Step, Text, Trace

if TYPE_CHECKING:
    from numpy.typing import NDArray


def five_classifiers() -> dict[str, Any]:
    """Five families; what each may choose is left at its default."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.tree import DecisionTreeClassifier

    return {
        "1-nearest neighbour": KNeighborsClassifier(1),
        "decision tree": DecisionTreeClassifier(random_state=0),
        "random forest": RandomForestClassifier(100, random_state=0),
        "logistic regression": LogisticRegression(max_iter=1000),
        "naive Bayes": GaussianNB(),
    }


def train_and_test(
    X: NDArray[np.float64], y: NDArray[np.float64], seeds: range
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Accuracy on the training and on the test rows, by classifier, one figure a split."""
    from sklearn.model_selection import train_test_split

    train: dict[str, list[float]] = {}
    test: dict[str, list[float]] = {}
    for seed in seeds:
        X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=seed)
        for name, model in five_classifiers().items():
            model.fit(X_train, y_train)
            train.setdefault(name, []).append(float(model.score(X_train, y_train)))
            test.setdefault(name, []).append(float(model.score(X_test, y_test)))
    return train, test


def one_split_chart(train: dict[str, list[float]], test: dict[str, list[float]]) -> Chart:
    """Accuracy of every classifier, one split a position of the slider."""
    names = [NAMES[name] for name in train]
    states = []
    for seed in range(len(next(iter(train.values())))):
        on_train = [100 * scores[seed] for scores in train.values()]
        on_test = [100 * scores[seed] for scores in test.values()]
        best = max(on_test)
        winners = [name for name, score in zip(train, on_test, strict=True) if score == best]
        states.append(
            State(
                (
                    Trace(TRAIN, names, on_train, kind="bars", colour=1),
                    Trace(TEST, names, on_test, kind="bars", colour=0),
                ),
                Text(
                    f"Split {seed}: best on the test rows, with {best:.1f}%: {', '.join(winners)}.",
                    f"분할 {seed}: 테스트 행에서 가장 좋은 분류기 ({best:.1f}%): "
                    f"{', '.join(NAMES[name].ko for name in winners)}.",
                ),
            )
        )
    seeds = [str(seed) for seed in range(len(states))]
    return Chart(
        Text("Accuracy of five classifiers on one split of iris", "붓꽃 데이터의 한 분할에서 본 다섯 분류기의 정확도"),
        Text("classifier", "분류기"),
        Text("accuracy, %", "정확도, %"),
        states,
        (Control(Text("split", "분할"), seeds),),
    )


def spread_chart(test: dict[str, list[float]]) -> Chart:
    """Every split's test accuracy of every classifier."""
    chance = np.random.default_rng(0)
    names = list(test)
    traces = [
        Trace(
            NAMES[name],
            [
                100 * score + shake
                for score, shake in zip(test[name], chance.uniform(-0.3, 0.3, len(test[name])), strict=True)
            ],
            [place + float(shake) for shake in chance.uniform(-0.25, 0.25, len(test[name]))],
            kind="points",
            colour=place,
            tips=[f"{100 * score:.1f}%" for score in test[name]],
        )
        for place, name in enumerate(names)
    ]
    means = {name: 100 * float(np.mean(test[name])) for name in names}
    return Chart(
        Text("Test accuracy on every split (points are shaken a little so that all are seen)",
             "모든 분할의 테스트 정확도 (점이 겹치지 않도록 조금씩 흩어 놓음)"),
        Text("test accuracy, %", "테스트 정확도, %"),
        Text("classifier (see the legend)", "분류기 (범례 참조)"),
        [
            State(
                traces,
                Text(
                    "Means: " + ", ".join(f"{name} {mean:.1f}%" for name, mean in means.items()) + ".",
                    "평균: " + ", ".join(f"{NAMES[name].ko} {mean:.1f}%" for name, mean in means.items()) + ".",
                ),
            )
        ],
    )  # fmt: skip


TRAIN = Text("training rows", "훈련 행")
TEST = Text("test rows", "테스트 행")
NAMES = {
    "1-nearest neighbour": Text("1-nearest neighbour", "1-최근접 이웃"),
    "decision tree": Text("decision tree", "결정 트리"),
    "random forest": Text("random forest", "랜덤 포레스트"),
    "logistic regression": Text("logistic regression", "로지스틱 회귀"),
    "naive Bayes": Text("naive Bayes", "나이브 베이즈"),
}

LESSON = Lesson(
    number=2,
    name="iris",
    title=Text("Five classifiers on iris, and what 100% means", "붓꽃 분류기 다섯 가지, 그리고 100%의 의미"),
    summary=Text(
        "You will be able to say what a perfect score on known rows is worth, and how far one split can be trusted.",
        "이미 본 행에서 얻은 만점이 어떤 의미인지, 한 번의 분할을 얼마나 믿을 수 있는지 말할 수 있게 됩니다.",
    ),
    minutes=15,
    steps=(
        Step(
            title=Text("The data", "데이터"),
            text=Text(
                """
                R. A. Fisher's iris flowers (*Annals of Eugenics* 7, 179, 1936, doi:10.1111/j.1469-1809.1936.tb02137.x):
                four lengths in centimetres a flower, and its species. A **classifier** gets rows whose species it is
                told (**training rows**) and then names the species of rows it has not seen (**test rows**).
                """,
                """
                R. A. Fisher의 붓꽃 데이터입니다 (*Annals of Eugenics* 7, 179, 1936,
                doi:10.1111/j.1469-1809.1936.tb02137.x). 꽃마다 네 가지 길이(cm)와 품종이 적혀 있습니다.
                **분류기**는 품종을 아는 행(**훈련 행**)으로 배운 다음, 처음 보는 행(**테스트 행**)의 품종을 맞힙니다.
                """,
            ),
            code="""
                iris = datasets.load("iris")
                X = iris.table.to_numpy(float)
                y = iris.target
                rows, columns = X.shape
                largest = float(np.bincount(y.astype(int)).max() / rows)
                print(iris.table.describe().loc[["min", "mean", "max"]].round(2).to_string())
                print("classes:", ", ".join(iris.classes))
            """,
            conclusion=Text(
                """
                {rows} flowers, {columns} lengths each. Whoever always says the largest class is right for
                {largest:.0%} of them: a score means something only beside that.
                """,
                """
                꽃 {rows}송이, 길이 {columns}가지입니다. 늘 가장 많은 품종만 답해도 {largest:.0%}는 맞힙니다.
                점수는 이 값과 견주어 볼 때에만 의미가 있습니다.
                """,
            ),
        ),
        Step(
            title=Text("100% on the rows it knows", "이미 아는 행에서 100%"),
            text=Text(
                """
                Five classifiers, from five families, learn from 70% of the flowers. First they are asked about the
                very flowers they learned from.
                """,
                """
                서로 다른 다섯 계열의 분류기가 꽃의 70%로 학습합니다. 먼저, 학습에 쓴 바로 그 꽃을 다시 물어봅니다.
                """,
            ),
            question=Question(
                Text("How many of the five name every training flower correctly, on the first split?",
                     "첫 번째 분할에서 훈련 행을 모두 맞히는 분류기는 다섯 가운데 몇 개일까요?"),
                (Text("none", "없음"), "1", "2", "3", "4", Text("all five", "다섯 모두")),
                "perfect",
            ),
            functions=(five_classifiers, train_and_test),
            code="""
                seeds = range(20 if grid == "full" else 5)
                train, test = train_and_test(X, y, seeds)
                perfect = sum(scores[0] == 1 for scores in train.values())
                for name in train:
                    print(f"{name:20s} training {train[name][0]:7.1%}   test {test[name][0]:7.1%}")
                neighbour_test = float(np.mean(test["1-nearest neighbour"]))
                best_first = max(scores[0] for scores in test.values())
            """,
            plot=Plot(one_split_chart, ("train", "test")),
            conclusion=Text(
                """
                {perfect} of 5 are perfect on the training rows. For the 1-nearest neighbour that is no achievement:
                the nearest known flower to a known flower is itself. It has **memorised**. On flowers it has not
                seen it is right for {neighbour_test:.1%} on average over splits. 100% on training rows says nothing
                about new flowers. Move the slider: another split, other figures, and often another winner.
                """,
                """
                다섯 가운데 {perfect}개가 훈련 행을 모두 맞힙니다. 1-최근접 이웃에게 이것은 성과가 아닙니다.
                아는 꽃에 가장 가까운 꽃은 그 꽃 자신이기 때문입니다. 즉 **외운** 것입니다. 처음 보는 꽃에서는 분할 평균
                {neighbour_test:.1%}를 맞힙니다. 훈련 행에서 100%라는 점수는 새로운 꽃에 대해 아무것도 말해 주지 않습니다.
                슬라이더를 움직여 보세요. 분할이 바뀌면 수치가 바뀌고, 1등도 자주 바뀝니다.
                """,
            ),
            claims=("min(train['1-nearest neighbour']) == 1", "neighbour_test < 1", "perfect >= 1",
                    "len({max(test, key=lambda name: test[name][seed]) for seed in seeds}) > 1"),
        ),
        Step(
            title=Text("Is the winner really better?", "1등은 정말 더 나은가?"),
            text=Text(
                "Now every split at once. A split is chance: which flowers happened to be asked.",
                "이제 모든 분할을 한꺼번에 봅니다. 분할은 우연입니다. 어떤 꽃이 문제로 나왔는지에 달려 있습니다.",
            ),
            question=Question(
                Text("Which is larger: the difference between the best and the worst classifier's mean, or the "
                     "difference between the best and the worst split of one and the same classifier?",
                     "어느 쪽이 더 클까요? 분류기들의 평균 가운데 가장 좋은 것과 나쁜 것의 차이, 아니면 같은 분류기가 "
                     "가장 잘한 분할과 못한 분할의 차이?"),
                (Text("between classifiers", "분류기 사이의 차이"), Text("between splits of one", "한 분류기의 분할 사이의 차이")),
                "within > between",
            ),
            code="""
                means = {name: float(np.mean(scores)) for name, scores in test.items()}
                between = max(means.values()) - min(means.values())
                within = float(np.median([max(scores) - min(scores) for scores in test.values()]))
                once = sum(max(scores) == 1 for scores in test.values())
                one_flower = 1 / round(0.3 * rows)
                print(f"between classifiers' means {between:.1%}, between splits of one (median) {within:.1%}")
            """,
            plot=Plot(spread_chart, ("test",)),
            conclusion=Text(
                """
                Between classifiers: {between:.1%}. Between splits of the same classifier: {within:.1%}. One test flower
                is {one_flower:.1%}. And {once} of the 5 reach 100% on the **test** rows of some split: perfect scores
                happen by luck when the test is small. So automat scores every model on the same folds, several of them,
                shows the spread, and calls models tied that the folds do not tell apart.
                """,
                """
                분류기 사이의 차이는 {between:.1%}, 같은 분류기의 분할 사이의 차이는 {within:.1%}입니다. 테스트 꽃 한 송이가
                {one_flower:.1%}입니다. 게다가 다섯 가운데 {once}개는 어떤 분할의 **테스트** 행에서 100%를 얻습니다.
                테스트가 작으면 만점도 운으로 나옵니다. 그래서 automat은 모든 모델을 같은 여러 폴드에서 평가하고,
                퍼진 정도를 함께 보여 주며, 폴드로 구별할 수 없는 모델은 동점으로 처리합니다.
                """,
            ),
            claims=("within > between", "once >= 1"),
        ),
    ),
)  # fmt: skip
