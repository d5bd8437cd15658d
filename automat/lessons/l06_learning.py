"""Learning curves: what more data buys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automat.lessons._base import Chart, Control, Lesson, Plot, Question, State, Step, Text, Trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from automat.lessons.data import Materials


def learners() -> dict[str, Any]:
    """A stiff model and a supple one."""
    from sklearn.ensemble import ExtraTreesRegressor
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return {
        "line of 3 features": make_pipeline(StandardScaler(), Ridge(1.0)),
        "extra trees": ExtraTreesRegressor(60, max_features=0.3, random_state=0),
    }


def learning_curve(data: Materials, sizes: Sequence[int], splits: int) -> dict[str, NDArray[np.float64]]:
    """Errors on training and test rows by learner, shape (sizes, 2); the test rows of a split stay the same."""
    found = {name: np.zeros((splits, len(sizes), 2)) for name in learners()}
    few = [place for place, name in enumerate(data.columns) if name.split("MagpieData ")[-1] in {
        "mean Electronegativity", "mean MeltingT", "mean CovalentRadius"}]  # fmt: skip
    for split in range(splits):
        rows = np.random.default_rng(split).permutation(len(data))
        test, pool = np.split(rows, [len(data) // 4])
        for place, size in enumerate(sizes):
            for name, model in learners().items():
                X = data.X[:, few] if name.startswith("line") else data.X
                train = pool[:size]
                model.fit(X[train], data.y[train])
                found[name][split, place] = [
                    np.abs(model.predict(X[part]) - data.y[part]).mean() for part in (train, test)
                ]
    return {name: each.mean(axis=0) for name, each in found.items()}


def power_law(sizes: Sequence[int], errors: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and intercept of log error against log size, by least squares."""
    slope, intercept = np.polyfit(np.log(sizes), np.log(errors), 1)
    return float(slope), float(intercept)


def curve_chart(sizes: Sequence[int], found: dict[str, NDArray[np.float64]], law: tuple[float, float]) -> Chart:
    """Errors against training rows; the slider asks the power law about more."""
    factors = (1, 2, 4, 8)
    far = [float(sizes[-1] * factor) for factor in factors]
    stiff, supple = found["line of 3 features"], found["extra trees"]
    states = []
    for place, factor in enumerate(factors):
        reach = [float(size) for size in sizes] + far[1 : place + 1]
        told = [float(np.exp(law[1]) * size ** law[0]) for size in reach]
        states.append(
            State(
                (
                    Trace(Text("line, test", "직선, 테스트"), list(sizes), stiff[:, 1].tolist(), colour=6),
                    Trace(
                        Text("line, training", "직선, 훈련"), list(sizes), stiff[:, 0].tolist(), colour=6, kind="dashes"
                    ),
                    Trace(
                        Text("extra trees, test", "엑스트라 트리, 테스트"), list(sizes), supple[:, 1].tolist(), colour=0
                    ),
                    Trace(
                        Text("power law, extra trees", "멱법칙, 엑스트라 트리"), reach, told, colour=1, kind="dashes"
                    ),
                ),
                Text(
                    f"With {factor} times the rows ({far[place]:.0f}) the power law says {told[-1]:.3f} log10(GPa). "
                    + ("It is fitted to these points." if factor == 1 else "That is a forecast, not a measurement."),
                    f"행이 {factor}배({far[place]:.0f}개)이면 멱법칙은 {told[-1]:.3f} log10(GPa)라고 합니다. "
                    + ("이 점들에 맞춘 값입니다." if factor == 1 else "측정이 아니라 예측입니다."),
                ),
            )
        )
    return Chart(
        Text("Error against the number of training rows", "훈련 행의 수에 따른 오차"),
        Text("training rows", "훈련 행의 수"),
        Text("mean absolute error, log10(GPa)", "평균 절대 오차, log10(GPa)"),
        states,
        (Control(Text("look ahead", "내다보기"), [f"{factor} x" for factor in factors]),),
        log_x=True,
    )


LESSON = Lesson(
    number=6,
    name="learning",
    title=Text("Learning curves: what more data buys", "학습 곡선: 데이터가 더 있으면 무엇이 나아지는가"),
    summary=Text(
        "You will be able to say whether a model needs more data or more capacity, and what doubling the data is worth.",
        "모델에 필요한 것이 데이터인지 용량인지, 데이터를 두 배로 늘리면 얼마나 이득인지 말할 수 있게 됩니다.",
    ),
    minutes=15,
    imports="from automat.lessons.data import Materials, materials",
    steps=(
        Step(
            title=Text("Two learners", "두 학습기"),
            text=Text(
                """
                Shear moduli from composition. One model is **stiff**: a straight line through three averages (electronegativity,
                melting point, radius). One is **supple**: extremely randomised trees over all 132 features.
                """,
                """
                조성에서 전단 탄성률을 예측합니다. 하나는 **뻣뻣한** 모델로, 세 평균(전기음성도, 녹는점, 반지름)에 대한 직선입니다. 다른
                하나는 **유연한** 모델로, 132개 특성을 모두 쓰는 엑스트라 트리입니다.
                """,
            ),
            functions=(learners,),
            code="""
                data = materials("mp_shear_modulus", rows=1181 if grid == "full" else 400)
                most = len(data) - len(data) // 4
                sizes = [size for size in (20, 40, 80, 160, 280, 560, 880) if size <= most]
                dummy = float(np.abs(data.y - data.y.mean()).mean())
                print(f"{len(data)} materials; guessing the mean costs {dummy:.3f} log10(GPa); training rows: {sizes}")
            """,
        ),
        Step(
            title=Text("More and more rows", "행을 점점 늘리면"),
            text=Text(
                "Both train on 20 rows, then on more; the test rows stay the same.",
                "둘 다 처음에는 20개 행으로, 이어서 더 많은 행으로 훈련합니다. 테스트 행은 그대로입니다.",
            ),
            question=Question(
                Text("Which of the two gains more from the step to the largest training set?",
                     "훈련 행을 가장 많이 늘렸을 때 더 크게 좋아지는 쪽은?"),
                (Text("the line", "직선"), Text("the trees", "트리"), Text("both alike", "둘 다 비슷하게")),
                "2 if abs(stiff_gain - supple_gain) < 0.02 else 1 if supple_gain > stiff_gain else 0",
            ),
            functions=(learning_curve, power_law),
            code="""
                found = learning_curve(data, sizes, splits=10 if grid == "full" else 4)
                stiff, supple = found["line of 3 features"], found["extra trees"]
                middle = len(sizes) // 2
                stiff_gain = float(1 - stiff[-1, 1] / stiff[middle, 1])
                supple_gain = float(1 - supple[-1, 1] / supple[middle, 1])
                law = power_law(sizes, supple[:, 1])
                exponent, doubling = law[0], float(1 - 2 ** law[0])
                smallest, largest, from_rows = sizes[0], sizes[-1], sizes[middle]
                stiff_train, stiff_test, supple_test = float(stiff[-1, 0]), float(stiff[-1, 1]), float(supple[-1, 1])
                stiff_gap, first_gap = stiff_test - stiff_train, float(stiff[0, 1] - stiff[0, 0])
                for place, size in enumerate(sizes):
                    print(f"{size:4d} rows: line {stiff[place, 1]:.3f}, trees {supple[place, 1]:.3f}")
            """,
            plot=Plot(curve_chart, ("sizes", "found", "law")),
            conclusion=Text(
                """
                From {from_rows} to {largest} rows the trees' error falls by {supple_gain:.0%}, the line's by {stiff_gain:.0%}. The line
                has met its end: training {stiff_train:.3f} and test {stiff_test:.3f} lie {stiff_gap:.3f} apart ({first_gap:.3f} with
                {smallest} rows), and more rows change nothing: it is **too simple**. The trees, at {supple_test:.3f}, still fall about
                as a power of the number of rows, N to the {exponent:.2f}: every doubling takes off about {doubling:.0%}. So before
                computing more materials, plot this: it says what they will buy. The slider shows the forecast, which holds only
                as long as the new rows are like the old ones.
                """,
                """
                {from_rows}개에서 {largest}개 행으로 늘리면 트리의 오차는 {supple_gain:.0%}, 직선의 오차는 {stiff_gain:.0%} 줄어듭니다. 직선은
                끝에 다다랐습니다. 훈련 {stiff_train:.3f}과 테스트 {stiff_test:.3f}의 차이는 {stiff_gap:.3f}뿐이고({smallest}개 행에서는
                {first_gap:.3f}), 행을 더 주어도 달라지지 않습니다. **너무 단순**한 것입니다. 트리는 {supple_test:.3f}이며 아직도 대략 행의 수
                N의 {exponent:.2f} 제곱으로 줄어듭니다. 행이 두 배가 될 때마다 약 {doubling:.0%}씩 줄어드는 셈입니다. 재료를 더 계산하기 전에
                이 곡선을 그려 보세요. 무엇을 얻게 될지 알려 줍니다. 슬라이더는 그 예측을 보여 주며, 새 행이 기존 행과 비슷할 때에만 맞습니다.
                """,
            ),
            claims=("supple_gain > stiff_gain", "stiff_gap < first_gap", "exponent < 0", "supple_test < stiff_test"),
        ),
    ),
)  # fmt: skip
