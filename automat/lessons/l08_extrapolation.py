"""Random against cluster splits: interpolation and extrapolation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automat.lessons._base import Chart, Control, Lesson, Plot, Question, State, Step, Text, Trace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automat.lessons.data import Materials


def fold_errors(data: Materials, groups: NDArray[np.intp]) -> list[float]:
    """Error of extra trees on every group of rows, trained on all the others."""
    from sklearn.ensemble import ExtraTreesRegressor

    found = []
    for group in np.unique(groups):
        test = groups == group
        model = ExtraTreesRegressor(80, max_features=0.3, random_state=0).fit(data.X[~test], data.y[~test])
        found.append(float(np.abs(model.predict(data.X[test]) - data.y[test]).mean()))
    return found


def clusters(data: Materials, count: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """A cluster for every row, by k-means on standardised features, and a map of the rows in two dimensions."""
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    X: Any = StandardScaler().fit_transform(data.X)
    flat: NDArray[np.float64] = PCA(2, random_state=0).fit_transform(X)
    return KMeans(count, n_init=5, random_state=0).fit_predict(X).astype(np.intp), flat


def map_chart(
    flat: NDArray[np.float64], by_chance: NDArray[np.intp], by_cluster: NDArray[np.intp],
    chance_errors: list[float], cluster_errors: list[float],
) -> Chart:  # fmt: skip
    """Which rows are left out, on the map; the switch goes from chance to clusters."""
    flat = flat.round(2)  # finer than a dot, and the page stays small
    states = []
    for fold in range(len(chance_errors)):
        for groups, found, en, ko in (
            (by_chance, chance_errors, "by chance", "무작위"),
            (by_cluster, cluster_errors, "a whole cluster", "군집 전체"),
        ):
            test = groups == fold
            states.append(
                State(
                    tuple(
                        Trace(name, flat[part, 0].tolist(), flat[part, 1].tolist(), kind="points", colour=colour)
                        for name, part, colour in (
                            (Text("training rows", "훈련 행"), ~test, 5),
                            (Text("test rows", "테스트 행"), test, 1),
                        )
                    ),
                    Text(
                        f"Fold {fold}, left out {en}: {int(test.sum())} test rows, error {found[fold]:.3f} eV/atom.",
                        f"폴드 {fold}, {ko}로 떼어 냄: 테스트 행 {int(test.sum())}개, 오차 {found[fold]:.3f} eV/atom.",
                    ),
                )
            )
    folds = [str(fold) for fold in range(len(chance_errors))]
    return Chart(
        Text("What is left out, on a map of the features", "특성 지도에서 본, 떼어 낸 행"),
        Text("first principal component", "첫째 주성분"),
        Text("second principal component", "둘째 주성분"),
        states,
        (
            Control(Text("fold", "폴드"), folds),
            Control(
                Text("leave out whole clusters", "군집을 통째로 떼어 내기"),
                (Text("off", "끔"), Text("on", "켬")),
                "switch",
            ),
        ),
    )


LESSON = Lesson(
    number=8,
    name="extrapolation",
    title=Text("Random against cluster splits: interpolation and extrapolation", "무작위 분할과 군집 분할: 내삽과 외삽"),
    summary=Text(
        "You will be able to say which question a split asks, and which split asks yours.",
        "분할이 어떤 질문을 던지는지, 자신의 질문에 맞는 분할이 무엇인지 말할 수 있게 됩니다.",
    ),
    minutes=15,
    imports="from automat.lessons.data import Materials, materials",
    steps=(
        Step(
            title=Text("Two ways to leave rows out", "행을 떼어 내는 두 가지 방법"),
            text=Text(
                """
                Formation energies from composition, with extra trees. Once the test rows are drawn **by chance**: nearly each has close
                relatives among the training rows (interpolation). Once a **whole cluster** of similar compositions is left out: the
                model is asked about a kind of material it has never seen (extrapolation; B. Meredig et al., *Mol. Syst. Des. Eng.* 3,
                819, 2018, doi:10.1039/C8ME00012C).
                """,
                """
                조성과 엑스트라 트리로 생성 에너지를 예측합니다. 한 번은 테스트 행을 **무작위로** 뽑습니다. 거의 모든 테스트 행에 가까운 친척이
                훈련 행에 있습니다(내삽). 또 한 번은 비슷한 조성의 **군집을 통째로** 떼어 냅니다. 모델이 한 번도 보지 못한 종류의
                재료를 묻는 것입니다(외삽; B. Meredig et al., *Mol. Syst. Des. Eng.* 3, 819, 2018, doi:10.1039/C8ME00012C).
                """,
            ),
            question=Question(
                Text("How does the mean error change when whole clusters are left out?",
                     "군집을 통째로 떼어 내면 평균 오차는 어떻게 될까요?"),
                (Text("it stays within a tenth", "10% 안에서 그대로"), Text("it grows", "커진다"), Text("it shrinks", "작아진다")),
                "1 if ratio > 1.1 else 2 if ratio < 0.9 else 0",
            ),
            functions=(fold_errors, clusters),
            code="""
                data = materials("mp_formation", rows=900 if grid == "full" else 300)
                n_folds = 5
                by_cluster, flat = clusters(data, n_folds)
                by_chance = np.random.default_rng(0).permutation(len(data)) % n_folds
                chance_errors, cluster_errors = fold_errors(data, by_chance), fold_errors(data, by_cluster)
                interpolation, extrapolation = float(np.mean(chance_errors)), float(np.mean(cluster_errors))
                ratio, worst, best = extrapolation / interpolation, max(cluster_errors), min(cluster_errors)
                chance_range = max(chance_errors) - min(chance_errors)
                cluster_range = worst - best
                print("by chance: ", np.round(chance_errors, 3), f"mean {interpolation:.3f} eV/atom")
                print("by cluster:", np.round(cluster_errors, 3), f"mean {extrapolation:.3f} eV/atom")
            """,
            plot=Plot(map_chart, ("flat", "by_chance", "by_cluster", "chance_errors", "cluster_errors")),
            conclusion=Text(
                """
                {interpolation:.3f} eV/atom by chance, {extrapolation:.3f} by cluster: {ratio:.1f} times as much, with the same model and the
                same data. By chance the folds differ by {chance_range:.3f}, by cluster by {cluster_range:.3f}: from {best:.3f} to
                {worst:.3f}. Neither figure is wrong: they answer different questions. Whoever screens variations of known
                compounds may trust the first; whoever looks for a new class of materials should expect the second.
                `automat run --split cluster` asks it, and `--split ladder` asks step by step.
                """,
                """
                무작위로는 {interpolation:.3f} eV/atom, 군집으로는 {extrapolation:.3f}입니다. 같은 모델, 같은 데이터인데 {ratio:.1f}배입니다. 무작위에서는
                폴드 사이의 차이가 {chance_range:.3f}이지만 군집에서는 {best:.3f}부터 {worst:.3f}까지 {cluster_range:.3f}나 됩니다. 어느 쪽도 틀린
                값이 아니라, 서로 다른 질문에 대한 답입니다. 알려진 화합물의 변형을 훑는다면 앞의 값을, 새로운 종류의 재료를 찾는다면
                뒤의 값을 예상해야 합니다. `automat run --split cluster`가 이 질문을 던지고, `--split ladder`는 단계별로 던집니다.
                """,
            ),
            claims=("ratio > 1.1", "cluster_range > chance_range"),
        ),
    ),
)  # fmt: skip
