"""AutoML and PyCaret: beat this before you build your own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automat.lessons._base import Chart, Control, Lesson, Plot, Question, State, Step, Text, Trace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from automat.lessons.data import Materials


def entrants(learners: Sequence[str], trials: int) -> dict[str, Any]:
    """What a beginner builds by hand, and an AutoML system that compares, tunes and blends."""
    from sklearn.dummy import DummyRegressor
    from sklearn.tree import DecisionTreeRegressor

    from automat.models._pycaret import PyCaretRegressor

    return {
        "mean": DummyRegressor(),
        "tree": DecisionTreeRegressor(random_state=0),
        "PyCaret": PyCaretRegressor(learners=list(learners), search_trials=trials),
    }


def compare(models: Mapping[str, Any], data: Materials, folds: int) -> dict[str, dict[str, list[float]]]:
    """Errors on every fold, and the seconds that fitting took, by entrant; the folds are the same for all."""
    import time

    found: dict[str, dict[str, list[float]]] = {name: {"errors": [], "seconds": []} for name in models}
    parts = np.array_split(np.random.default_rng(0).permutation(len(data)), folds)
    for test in parts:
        train = np.setdiff1d(np.arange(len(data)), test)
        for name, model in models.items():
            started = time.perf_counter()
            model.fit(data.X[train], data.y[train])
            found[name]["seconds"].append(time.perf_counter() - started)
            found[name]["errors"].append(float(np.abs(model.predict(data.X[test]) - data.y[test]).mean()))
    return found


def cost_chart(found: Mapping[str, Mapping[str, Sequence[float]]]) -> Chart:
    """Error and cost of every entrant, fold by fold."""
    names = {"mean": Text("mean", "평균"), "tree": Text("one tree", "나무 한 그루"), "PyCaret": "PyCaret"}
    folds = len(found["mean"]["errors"])
    states = []
    for fold in range(folds):
        errors = {name: each["errors"][fold] for name, each in found.items()}
        states.append(
            State(
                (
                    Trace(
                        Text("test rows", "테스트 행"),
                        [names[name] for name in errors],
                        list(errors.values()),
                        kind="bars",
                    ),
                ),
                Text(
                    f"Fold {fold}: mean {errors['mean']:.3f}, one tree {errors['tree']:.3f}, PyCaret {errors['PyCaret']:.3f}.",
                    f"폴드 {fold}: 평균 {errors['mean']:.3f}, 나무 한 그루 {errors['tree']:.3f}, PyCaret {errors['PyCaret']:.3f}.",
                ),
            )
        )
    return Chart(
        Text("Error on the same test rows", "같은 테스트 행에서의 오차"),
        Text("entrant", "참가 모델"),
        Text("mean absolute error, log10(GPa)", "평균 절대 오차, log10(GPa)"),
        states,
        (Control(Text("fold", "폴드"), [str(fold) for fold in range(folds)]),),
    )


LESSON = Lesson(
    number=11,
    name="automl",
    title=Text("AutoML and PyCaret: beat this before you build your own", "AutoML과 PyCaret: 직접 만들기 전에 이것부터 이겨 보라"),
    summary=Text(
        "You will know what a few lines of AutoML reach, and what that costs: the bar for anything built by hand.",
        "AutoML 몇 줄이 어디까지 가는지, 그 비용은 얼마인지 알게 됩니다. 손으로 만든 모델이 넘어야 할 기준입니다.",
    ),
    minutes=15,
    imports="from automat.lessons.data import Materials, materials",
    steps=(
        Step(
            title=Text("Compare, tune, blend", "비교하고, 조정하고, 섞는다"),
            text=Text(
                """
                AutoML does what a careful beginner would: it compares learners by cross-validation, tunes the best one, and blends
                several. automat gives PyCaret (M. Ali, 2020) the training fold and nothing else. Here it may choose among a few
                learners only, against one decision tree, on bulk moduli.
                """,
                """
                AutoML은 꼼꼼한 초보자가 할 일을 대신합니다. 교차 검증으로 학습기를 비교하고, 가장 좋은 것을 조정하고, 여러 개를 섞습니다.
                automat은 PyCaret(M. Ali, 2020)에 훈련 폴드만 줍니다. 여기서는 체적 탄성률을 놓고, 학습기 몇 가지 안에서만 고르게 하여 결정
                트리 하나와 겨루게 합니다.
                """,
            ),
            question=Question(
                Text("By how much is AutoML's error lower than that of a single tree?", "AutoML의 오차는 나무 한 그루보다 얼마나 작을까요?"),
                (Text("not at all, or it is higher", "작지 않거나 오히려 크다"), Text("up to a tenth lower", "10% 이하로 작다"), Text("more than a tenth lower", "10% 넘게 작다")),
                "0 if gain <= 0 else 1 if gain <= 0.1 else 2",
            ),
            functions=(entrants, compare),
            code="""
                data = materials("mp_bulk_modulus", rows=300 if grid == "full" else 120)
                learners = ["knn", "et", "lightgbm"] if grid == "full" else ["knn", "et"]
                found = compare(entrants(learners, trials=2 if grid == "full" else 1), data, folds=2)
                error = {name: float(np.mean(each["errors"])) for name, each in found.items()}
                seconds = {name: float(np.mean(each["seconds"])) for name, each in found.items()}
                gain = 1 - error["PyCaret"] / error["tree"]
                mean_error, tree_error, auto_error = error["mean"], error["tree"], error["PyCaret"]
                n_learners = len(learners)
                for name in error:
                    print(f"{name:8s} {error[name]:.3f} log10(GPa)")
            """,
            plot=Plot(cost_chart, ("found",)),
            conclusion=Text(
                """
                Guessing the mean costs {mean_error:.3f}, one tree {tree_error:.3f}, AutoML with {n_learners} learners {auto_error:.3f}
                log10(GPa): {gain:.0%} less than the tree, without a decision of yours. So the first figure on your board should be
                AutoML's. A model built by hand earns its place where it beats that on the same folds, and is sure of it; and where
                it costs more time to fit, automat's board says so.
                """,
                """
                평균만 답하면 {mean_error:.3f}, 나무 한 그루는 {tree_error:.3f}, 학습기 {n_learners}가지를 쓴 AutoML은 {auto_error:.3f}
                log10(GPa)입니다. 여러분이 아무 결정도 내리지 않았는데 나무보다 {gain:.0%} 작습니다. 그러니 순위표의 첫 줄은 AutoML이어야
                합니다. 손으로 만든 모델은 같은 폴드에서 이것을 확실히 이길 때 제 몫을 합니다. 학습에 시간이 더 든다면 automat의 순위표가
                그것도 알려 줍니다.
                """,
            ),
            claims=("gain > 0", "auto_error < mean_error", "seconds['PyCaret'] > seconds['tree']"),
        ),
    ),
)  # fmt: skip
