"""Train, validation, test, and why tuning on the test set lies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automat.lessons._base import Chart, Control, Lesson, Plot, Question, State, Step, Text, Trace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automat.lessons.data import Materials


def candidates(count: int, columns: int) -> list[dict[str, Any]]:
    """Settings drawn by chance: which features a nearest-neighbour model looks at, and at how many neighbours."""
    chance = np.random.default_rng(0)
    return [
        {"features": chance.choice(columns, size=10, replace=False), "neighbours": int(chance.integers(1, 16))}
        for _ in range(count)
    ]


def residuals(setting: dict[str, Any], data: Materials, known: NDArray[np.intp]) -> NDArray[np.float64]:
    """Absolute error on every row, fitted on the known rows."""
    from sklearn.neighbors import KNeighborsRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), KNeighborsRegressor(setting["neighbours"]))
    X = data.X[:, setting["features"]]
    found: NDArray[np.float64] = np.abs(model.fit(X[known], data.y[known]).predict(X) - data.y)
    return found


def tune(data: Materials, settings: list[dict[str, Any]], repeats: int) -> NDArray[np.float64]:
    """Mean absolute errors of every setting on validation, test and fresh rows, shape (repeats, settings, 3)."""
    found = np.zeros((repeats, len(settings), 3))
    for repeat in range(repeats):
        rows = np.random.default_rng(repeat).permutation(len(data))
        train, validation, test, fresh = np.split(rows, [100, 140, 180])
        for place, setting in enumerate(settings):
            errors = residuals(setting, data, train)
            found[repeat, place] = [errors[part].mean() for part in (validation, test, fresh)]
    return found


def chosen_by(found: NDArray[np.float64], part: int, tried: int) -> NDArray[np.float64]:
    """Errors of the setting that is best on a part (0 validation, 1 test) of the first tried, shape (repeats, 3)."""
    best = found[:, :tried, part].argmin(axis=1)
    rows: NDArray[np.float64] = found[np.arange(len(found)), best]
    return rows


def lie_chart(found: NDArray[np.float64]) -> Chart:
    """What the tuned-on-test model says of itself, and what is so, as more settings are tried."""
    most = found.shape[1]
    tries = [count for count in (1, 2, 3, 5, 10, 20, 40, 80, 160) if count <= most]
    on_test = [chosen_by(found, 1, count).mean(axis=0) for count in tries]
    honest = [chosen_by(found, 0, count).mean(axis=0) for count in tries]
    lines = (
        Trace(Text("chosen on the test rows: says", "테스트 행으로 고름: 스스로 밝힌 오차"), tries, [float(row[1]) for row in on_test], colour=1),
        Trace(Text("chosen on the test rows: is", "테스트 행으로 고름: 실제 오차"), tries, [float(row[2]) for row in on_test], colour=1, kind="dashes"),
        Trace(Text("chosen on validation: says", "검증 행으로 고름: 테스트 행이 밝힌 오차"), tries, [float(row[1]) for row in honest], colour=0),
        Trace(Text("chosen on validation: is", "검증 행으로 고름: 실제 오차"), tries, [float(row[2]) for row in honest], colour=0, kind="dashes"),
    )  # fmt: skip
    states = []
    low = min(min(trace.y) for trace in lines)
    high = max(max(trace.y) for trace in lines)
    for place, count in enumerate(tries):
        says, so = float(on_test[place][1]), float(on_test[place][2])
        fair, fair_so = float(honest[place][1]), float(honest[place][2])
        mark = Trace(Text("tried", "시도한 수"), [count, count], [low, high], kind="dashes", colour=6)
        states.append(
            State(
                (*lines, mark),
                Text(
                    f"{count} settings tried. Chosen on test: says {says:.4f}, is {so:.4f}. "
                    f"Chosen on validation: says {fair:.4f}, is {fair_so:.4f}.",
                    f"설정 {count}가지를 시도함. 테스트로 고르면 {says:.4f}라고 하지만 실제는 {so:.4f}. "
                    f"검증으로 고르면 {fair:.4f}라고 하고 실제는 {fair_so:.4f}.",
                ),
            )
        )
    return Chart(
        Text("The more one tries, the larger the lie", "많이 시도할수록 거짓말이 커진다"),
        Text("settings tried", "시도한 설정의 수"),
        Text("mean absolute error, log10(GPa)", "평균 절대 오차, log10(GPa)"),
        states,
        (Control(Text("settings tried", "시도한 설정의 수"), [str(count) for count in tries]),),
        log_x=True,
        start=len(states) - 1,
    )


LESSON = Lesson(
    number=3,
    name="tuning",
    title=Text("Train, validation, test: why tuning on the test set lies", "훈련, 검증, 테스트: 테스트 세트로 튜닝하면 왜 거짓말이 되는가"),
    summary=Text(
        "You will have tuned on the test rows yourself, and measured how much too good the result looked.",
        "테스트 행으로 직접 튜닝해 보고, 결과가 얼마나 부풀려졌는지 재 보게 됩니다.",
    ),
    minutes=20,
    imports="from automat.lessons.data import Materials, materials",
    steps=(
        Step(
            title=Text("Four parts", "네 부분"),
            text=Text(
                """
                Bulk moduli from composition. The rows are parted in four: **train** (fit), **validation** (choose),
                **test** (report) and, because there are plenty left, **fresh** rows, which stand for the future: nobody
                looks at them before the end.
                """,
                """
                조성에서 체적 탄성률을 예측합니다. 행을 넷으로 나눕니다. **훈련**(학습), **검증**(선택), **테스트**(보고), 그리고 남은
                많은 행은 **새 행**으로 둡니다. 새 행은 미래를 대신하며, 끝날 때까지 아무도 보지 않습니다.
                """,
            ),
            functions=(candidates, residuals),
            code="""
                data = materials("mp_bulk_modulus", rows=1200 if grid == "full" else 400)
                settings = candidates(160 if grid == "full" else 40, data.X.shape[1])
                n_settings, n_fresh = len(settings), len(data) - 180
                print(f"{len(data)} materials: 100 train, 40 validation, 40 test, {n_fresh} fresh; {n_settings} settings")
            """,
        ),
        Step(
            title=Text("Tune on the test rows, and be proud", "테스트 행으로 튜닝하고 자랑하기"),
            text=Text(
                """
                Every setting looks at ten features drawn by chance. We try them all and keep the one with the lowest error
                on the test rows, and report that error. Then we ask the same model about the fresh rows.
                """,
                """
                설정마다 우연히 뽑은 특성 열 개만 봅니다. 모두 시도해서 테스트 행의 오차가 가장 작은 것을 남기고 그 오차를 보고합니다.
                그런 다음 같은 모델에게 새 행을 물어봅니다.
                """,
            ),
            question=Question(
                Text("What does the model do on the fresh rows?", "새 행에서 이 모델은 어떨까요?"),
                (Text("as well as reported", "보고한 만큼 잘한다"), Text("better", "더 잘한다"), Text("worse", "더 못한다")),
                "2 if so > 1.02 * says else 1 if so < 0.98 * says else 0",
            ),
            functions=(tune, chosen_by),
            code="""
                repeats = 40 if grid == "full" else 20
                found = tune(data, settings, repeats)
                _, says, so = chosen_by(found, 1, n_settings).mean(axis=0)
                seen, fair, fair_so = chosen_by(found, 0, n_settings).mean(axis=0)
                lie, gap = so - says, fair_so - fair
                print(f"chosen on test rows:  reports {says:.4f}, fresh rows {so:.4f}: {lie:+.4f}")
                print(f"chosen on validation: reports {fair:.4f}, fresh rows {fair_so:.4f}: {gap:+.4f}")
            """,
            plot=Plot(lie_chart, ("found",)),
            conclusion=Text(
                """
                Tuned on the test rows, the model reports {says:.4f} and is {so:.4f}: {lie:.4f} too good. Of {n_settings}
                settings, the one that wins on 40 rows is partly good and partly **lucky on those 40**; luck does not
                come along to fresh rows. Chosen on validation rows, it reports {fair:.4f} on the test rows and is {fair_so:.4f}.
                The validation rows are the ones that flatter now ({seen:.4f}), and nobody reports them. Slide from one setting,
                where nothing is chosen and nothing is wrong, to {n_settings}: the lie grows with every look at the test rows.
                """,
                """
                테스트 행으로 튜닝한 모델은 {says:.4f}라고 보고하지만 실제로는 {so:.4f}입니다. {lie:.4f}만큼 부풀려졌습니다. 설정
                {n_settings}가지 가운데 40개 행에서 이긴 설정은 일부는 실력이고 일부는 **그 40개에서의 운**입니다. 운은 새 행까지
                따라오지 않습니다. 검증 행으로 고르면 테스트 행에서 {fair:.4f}라고 보고하고 실제는 {fair_so:.4f}입니다. 이제 부풀려지는 것은
                검증 점수({seen:.4f})이고, 그것은 보고하지 않습니다. 고르는 일이 없어 잘못도 없는 설정 하나에서 {n_settings}가지까지
                슬라이더를 움직여 보세요. 테스트 행을 볼 때마다 거짓말이 커집니다.
                """,
            ),
            claims=("says < fair", "lie > abs(gap)", "lie > 0", "seen < fair_so"),
        ),
        Step(
            title=Text("What automat does", "automat의 방식"),
            text=Text(
                """
                automat tunes every model **inside the training fold**: an inner holdout chooses, and the test rows are predicted
                once, at the end. The same folds go to every model, so that no one has more luck than another.
                """,
                """
                automat은 모든 모델을 **훈련 폴드 안에서** 튜닝합니다. 안쪽에서 떼어 낸 행으로 고르고, 테스트 행은 마지막에 한 번만
                예측합니다. 모든 모델이 같은 폴드를 쓰므로 누구만 운이 더 좋을 수 없습니다.
                """,
            ),
        ),
    ),
)  # fmt: skip
