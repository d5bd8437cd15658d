"""Leaks: toggle duplicates, and a choice of features made on all data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from automat.lessons._base import Chart, Control, Lesson, Plot, Question, State, Step, Text, Trace

if TYPE_CHECKING:
    from automat.lessons.data import Materials


def duplicate_leak(data: Materials, share: float, splits: int) -> tuple[float, float]:
    """Error of one nearest neighbour on test rows, without and with copies of a share of them in training."""
    from sklearn.neighbors import KNeighborsRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    found = []
    for split in range(splits):
        train, test = np.split(np.random.default_rng(split).permutation(len(data)), [3 * len(data) // 4])
        copied = test[: round(share * len(test))]
        for rows in (train, np.concatenate([train, copied])):
            model = make_pipeline(StandardScaler(), KNeighborsRegressor(1)).fit(data.X[rows], data.y[rows])
            found.append(np.abs(model.predict(data.X[test]) - data.y[test]).mean())
    return float(np.mean(found[::2])), float(np.mean(found[1::2]))


def selection_leak(rows: int, columns: int, kept: int, splits: int) -> dict[str, float]:
    """R2 on test rows of noise, where there is nothing to learn, by where the features were chosen."""
    from sklearn.feature_selection import SelectKBest, f_regression
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline

    scores: dict[str, list[float]] = {"all rows": [], "training rows": []}
    for split in range(splits):
        chance = np.random.default_rng(split)
        X, y = chance.normal(size=(rows, columns)), chance.normal(size=rows)
        train, test = np.split(chance.permutation(rows), [3 * rows // 4])
        chosen = SelectKBest(f_regression, k=kept).fit(X, y).get_support()  # it has seen the test rows
        model = Ridge(1.0).fit(X[train][:, chosen], y[train])
        scores["all rows"].append(model.score(X[test][:, chosen], y[test]))
        honest = make_pipeline(SelectKBest(f_regression, k=kept), Ridge(1.0)).fit(X[train], y[train])
        scores["training rows"].append(honest.score(X[test], y[test]))
    return {name: float(np.mean(each)) for name, each in scores.items()}


def duplicates_chart(shares: list[float], clean: float, leaky: list[float]) -> Chart:
    """Error as copies of test rows come into the training rows."""
    percent = [100 * share for share in shares]
    states = []
    for share, error in zip(percent, leaky, strict=True):
        bars = [Text("no copies", "사본 없음"), Text("with copies", "사본 있음")]
        states.append(
            State(
                (Trace(Text("test rows", "테스트 행"), bars, [clean, error], kind="bars", colour=0),),
                Text(
                    f"{share:.0f}% of the test rows also in training: {error:.3f} eV/atom instead of {clean:.3f}.",
                    f"테스트 행의 {share:.0f}%가 훈련에도 있음: {clean:.3f} 대신 {error:.3f} eV/atom.",
                ),
            )
        )
    return Chart(
        Text("A duplicate is a leak", "중복은 누출이다"),
        Text("training set", "훈련 세트"),
        Text("mean absolute error, eV/atom", "평균 절대 오차, eV/atom"),
        states,
        (Control(Text("test rows that are also in training", "훈련에도 있는 테스트 행"), [f"{share:.0f}%" for share in percent]),),
    )  # fmt: skip


def selection_chart(widths: list[int], found: list[dict[str, float]]) -> Chart:
    """R2 on noise by number of features; the switch moves the choice of features to all rows."""
    names = {
        "training rows": Text("chosen on training rows", "훈련 행에서 고름"),
        "all rows": Text("chosen on all rows", "모든 행에서 고름"),
    }
    states = []
    for width, scores in zip(widths, found, strict=True):
        for place, (name, title) in enumerate(names.items()):
            line = [each[name] for each in found]
            none = Trace(
                Text("nothing to learn", "배울 것 없음"), [widths[0], widths[-1]], [0.0, 0.0], kind="dashes", colour=6
            )
            mark = Trace(Text("chosen", "선택한 값"), [width], [scores[name]], kind="points", colour=3)
            states.append(
                State(
                    (Trace(title, widths, line, colour=place), none, mark),
                    Text(
                        f"{width} columns of noise, 10 {title.en}: R2 on the test rows {scores[name]:.2f}.",
                        f"잡음 {width}열, {title.ko} 10열: 테스트 행의 R2 {scores[name]:.2f}.",
                    ),
                )
            )
    return Chart(
        Text("A feature chosen on all data is a leak", "모든 데이터에서 고른 특성은 누출이다"),
        Text("columns of noise", "잡음 열의 수"),
        Text("R2 on test rows", "테스트 행의 R2"),
        states,
        (
            Control(Text("columns", "열의 수"), [str(width) for width in widths]),
            Control(
                Text("choose features on all rows", "모든 행에서 특성 고르기"),
                (Text("off", "끔"), Text("on", "켬")),
                kind="switch",
            ),
        ),
        log_x=True,
    )


LESSON = Lesson(
    number=7,
    name="leaks",
    title=Text("Leaks: how test rows slip into training", "누출: 테스트 행이 훈련에 스며드는 길"),
    summary=Text(
        "You will have made two common leaks yourself, and know how each shows.",
        "흔한 누출 두 가지를 직접 만들어 보고, 각각 어떻게 드러나는지 알게 됩니다.",
    ),
    minutes=15,
    imports="from automat.lessons.data import Materials, materials",
    steps=(
        Step(
            title=Text("Duplicates", "중복"),
            text=Text(
                """
                The same compound often stands in a database more than once: another relaxation, another polymorph. Where a random
                split puts one copy into the training rows and one into the test rows, the test is an open book. We copy a share of
                the test rows into the training rows and watch one nearest neighbour predict formation energies.
                """,
                """
                데이터베이스에는 같은 화합물이 두 번 이상 들어 있곤 합니다. 다시 이완한 구조이거나 다른 다형체입니다. 무작위 분할이 한쪽을
                훈련에, 다른 쪽을 테스트에 넣으면 책을 펴 놓고 치는 시험이 됩니다. 테스트 행의 일부를 훈련 행에 복사해 넣고, 최근접 이웃
                하나로 생성 에너지를 예측해 봅니다.
                """,
            ),
            question=Question(
                Text("Half of the test rows are copied into the training rows. How much lower does the error look?",
                     "테스트 행의 절반이 훈련에 복사됩니다. 오차는 얼마나 작아 보일까요?"),
                (Text("hardly at all", "거의 그대로"), Text("about a half lower", "절반쯤 작게"), Text("nearly zero", "거의 0으로")),
                "0 if half_error > 0.8 * clean else 1 if half_error > 0.2 * clean else 2",
            ),
            functions=(duplicate_leak,),
            code="""
                data = materials("mp_formation", rows=1500 if grid == "full" else 300)
                splits = 10 if grid == "full" else 3
                shares = [0.0, 0.1, 0.25, 0.5, 0.75, 1.0]
                pairs = [duplicate_leak(data, share, splits) for share in shares]
                clean, leaky = pairs[0][0], [after for _, after in pairs]
                half_error = leaky[shares.index(0.5)]
                n_rows, same = len(data), len(data.formulas) - len(set(data.formulas))
                for share, error in zip(shares, leaky):
                    print(f"{share:4.0%} copied: {error:.3f} eV/atom")
            """,
            plot=Plot(duplicates_chart, ("shares", "clean", "leaky")),
            conclusion=Text(
                """
                {half_error:.3f} eV/atom instead of {clean:.3f}: the copied half is known by heart, and the model has not become better at
                all for any other material. It happens unasked too: among the {n_rows} materials here {same} share their formula with
                an earlier one. `automat audit` finds such rows, and a `formula` split keeps them together.
                """,
                """
                {clean:.3f} 대신 {half_error:.3f} eV/atom입니다. 복사된 절반은 외운 것이고, 다른 재료에 대해서는 조금도 나아지지 않았습니다.
                일부러 하지 않아도 생깁니다. 여기 있는 재료 {n_rows}개 가운데 {same}개는 앞의 재료와 화학식이 같습니다. `automat audit`은
                이런 행을 찾아내고, `formula` 분할은 이들을 한데 묶어 둡니다.
                """,
            ),
            claims=("half_error < 0.8 * clean", "leaky[-1] < 0.1 * clean", "all(np.diff(leaky) <= 1e-9)"),
        ),
        Step(
            title=Text("Features chosen on all data", "모든 데이터에서 고른 특성"),
            text=Text(
                """
                Now pure noise: random columns and a random target. No honest model can do better than R2 = 0. From many columns, the ten
                that go best with the target are chosen; then a ridge regression is trained on the training rows. Where the choice looked at
                all rows, it has seen the answers of the test (C. Ambroise and G. J. McLachlan, *PNAS* 99, 6562, 2002,
                doi:10.1073/pnas.102102699).
                """,
                """
                이제 순수한 잡음입니다. 열도 목표도 난수입니다. 정직한 모델이라면 R2 = 0을 넘을 수 없습니다. 많은 열 가운데 목표와 가장 잘 맞는
                열 개를 고른 다음, 훈련 행으로 릿지 회귀를 학습합니다. 모든 행을 보고 골랐다면 시험의 답을 이미 본 것입니다
                (C. Ambroise, G. J. McLachlan, *PNAS* 99, 6562, 2002, doi:10.1073/pnas.102102699).
                """,
            ),
            question=Question(
                Text("Noise, and features chosen on all rows. What is R2 on the test rows, with the most columns?",
                     "잡음에서 모든 행을 보고 특성을 골랐습니다. 열이 가장 많을 때 테스트 행의 R2는?"),
                (Text("below zero or zero", "0 이하"), Text("slightly above, up to 0.1", "0.1까지, 조금 높다"), Text("clearly above", "뚜렷이 높다")),
                "0 if leaked <= 0 else 1 if leaked < 0.1 else 2",
            ),
            functions=(selection_leak,),
            code="""
                widths = [10, 100, 1000, 3000] if grid == "full" else [10, 100, 1000]
                noise = [selection_leak(rows=100, columns=width, kept=10, splits=30 if grid == "full" else 8) for width in widths]
                widest, leaked, honest = widths[-1], noise[-1]["all rows"], noise[-1]["training rows"]
                for width, scores in zip(widths, noise):
                    print(f"{width:4d} columns: chosen on all rows {scores['all rows']:+.2f}, on training rows {scores['training rows']:+.2f}")
            """,
            plot=Plot(selection_chart, ("widths", "noise")),
            conclusion=Text(
                """
                R2 = {leaked:.2f}, from noise. Chosen on the training rows alone it is {honest:.2f}, as it must be. Nothing of the model was
                fitted on test rows, only the choice of columns, and that is enough. Whatever learns from data (choosing, scaling, filling
                gaps, reducing dimensions) belongs inside the training fold. In automat a featurizer's `fit` sees the training fold only.
                """,
                """
                잡음에서 R2 = {leaked:.2f}가 나왔습니다. 훈련 행에서만 고르면 당연히 {honest:.2f}입니다. 모델은 테스트 행을 전혀 보지 않았고
                열을 고를 때만 보았는데도 그것으로 충분합니다. 데이터에서 배우는 것(고르기, 스케일 맞추기, 빈칸 채우기, 차원 줄이기)은 모두
                훈련 폴드 안에 있어야 합니다. automat에서 특성기의 `fit`은 훈련 폴드만 봅니다.
                """,
            ),
            claims=("leaked > 0.1", "honest < 0.05"),
        ),
    ),
)  # fmt: skip
