"""Label noise and shuffled labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automat.lessons._base import Chart, Control, Lesson, Plot, Question, State, Step, Text, Trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from automat.lessons.data import Materials


def forest(leaf: int) -> Any:
    """A random forest whose trees end at so many rows: 1 memorises, more averages."""
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(60, min_samples_leaf=leaf, bootstrap=leaf > 1, max_features=0.3, random_state=0)


def with_noise(
    data: Materials, shares: Sequence[float], splits: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Errors on (noisy) training rows and on clean test rows, for leaves of 1 and 10, shape (shares, 2, 2).

    A share of the training labels is shuffled among themselves. The second result is what guessing the mean costs.
    """
    from sklearn.model_selection import train_test_split

    found = np.zeros((splits, len(shares), 2, 2))
    guess = np.zeros(splits)
    for split in range(splits):
        X_train, X_test, y_train, y_test = train_test_split(data.X, data.y, test_size=0.4, random_state=split)
        chance = np.random.default_rng(split)
        order = chance.permutation(len(y_train))
        guess[split] = np.abs(y_train.mean() - y_test).mean()
        for place, share in enumerate(shares):
            noisy = y_train.copy()
            shuffled = order[: round(share * len(order))]
            noisy[shuffled] = y_train[chance.permutation(shuffled)]
            for which, leaf in enumerate((1, 10)):
                model = forest(leaf).fit(X_train, noisy)
                found[split, place, which, 0] = np.abs(model.predict(X_train) - noisy).mean()
                found[split, place, which, 1] = np.abs(model.predict(X_test) - y_test).mean()
    return found.mean(axis=0), guess


def noise_chart(shares: Sequence[float], found: NDArray[np.float64], dummy: float) -> Chart:
    """Errors against the share of shuffled labels, for the forest that memorises and the one that averages."""
    percent = [100 * share for share in shares]
    states = []
    for place, share in enumerate(percent):
        for which, (en, ko) in enumerate((("memorises", "외우는 숲"), ("averages", "평균하는 숲"))):
            train, test = found[place, which]
            states.append(
                State(
                    (
                        Trace(Text("training rows", "훈련 행"), percent, found[:, which, 0].tolist(), colour=1),
                        Trace(Text("test rows", "테스트 행"), percent, found[:, which, 1].tolist(), colour=0),
                        Trace(
                            Text("guessing the mean", "평균만 답함"), [0, 100], [dummy, dummy], kind="dashes", colour=6
                        ),
                        Trace(
                            Text("chosen", "선택한 값"),
                            [share, share],
                            [0.0, float(found.max())],
                            kind="dashes",
                            colour=3,
                        ),
                    ),
                    Text(
                        f"{share:.0f}% of the labels shuffled, forest that {en}: training {train:.3f}, test {test:.3f}; "
                        f"guessing the mean {dummy:.3f} eV.",
                        f"라벨의 {share:.0f}%를 섞음, {ko}: 훈련 {train:.3f}, 테스트 {test:.3f}; 평균만 답하면 {dummy:.3f} eV.",
                    ),
                )
            )
    return Chart(
        Text("Error against the share of shuffled labels", "섞인 라벨의 비율에 따른 오차"),
        Text("shuffled training labels, %", "섞인 훈련 라벨, %"),
        Text("mean absolute error, eV", "평균 절대 오차, eV"),
        states,
        (
            Control(Text("shuffled", "섞인 비율"), [f"{share:.0f}%" for share in percent]),
            Control(
                Text("leaves of 10 rows: it averages", "잎마다 10개 행: 평균한다"),
                (Text("off", "끔"), Text("on", "켬")),
                kind="switch",
            ),
        ),
    )


LESSON = Lesson(
    number=5,
    name="noise",
    title=Text("Label noise and shuffled labels", "라벨 잡음과 섞인 라벨"),
    summary=Text(
        "You will have taught a model pure nonsense to perfection, and know how to find out that it is nonsense.",
        "모델에게 순전한 엉터리를 완벽하게 가르쳐 보고, 그것이 엉터리임을 알아내는 방법을 알게 됩니다.",
    ),
    minutes=15,
    imports="from automat.lessons.data import Materials, materials",
    steps=(
        Step(
            title=Text("Labels are measured, and measured wrong", "라벨은 측정값이고, 측정은 틀리기도 한다"),
            text=Text(
                """
                Band gaps again. We spoil a share of the **training** labels by shuffling them among the materials; the test labels
                stay true. At 100% there is nothing left to be learned: which composition has which gap is pure chance.
                C. Zhang and others asked this of image networks (arXiv:1611.03530); here it is asked of materials.
                """,
                """
                다시 밴드갭입니다. **훈련** 라벨의 일부를 재료끼리 뒤섞어 망가뜨리고 테스트 라벨은 그대로 둡니다. 100%를 섞으면 배울 것이
                남지 않습니다. 어떤 조성이 어떤 밴드갭을 갖는지는 순전히 우연입니다. C. Zhang 등은 이미지 신경망에 이 질문을
                던졌고(arXiv:1611.03530), 여기서는 재료에 던집니다.
                """,
            ),
            functions=(forest,),
            code="""
                data = materials("mp_band_gap", rows=600 if grid == "full" else 200)
                shares = [0, 0.1, 0.25, 0.5, 0.75, 1] if grid == "full" else [0, 0.5, 1]
                print(f"{len(data)} materials, labels spoilt: {[f'{share:.0%}' for share in shares]}")
            """,
        ),
        Step(
            title=Text("All labels shuffled", "모든 라벨을 섞으면"),
            text=Text(
                "A forest of fully grown trees, each of which sees every training row, learns from spoilt labels.",
                "모든 훈련 행을 보고 끝까지 자란 나무들의 숲이 망가진 라벨로 학습합니다.",
            ),
            question=Question(
                Text("All training labels are nonsense. How large is the error on those very training rows?",
                     "훈련 라벨이 모두 엉터리입니다. 바로 그 훈련 행에서의 오차는 얼마나 클까요?"),
                (Text("about zero", "거의 0"), Text("about that of guessing the mean", "평균만 답할 때와 비슷"), Text("larger still", "그보다 더 큼")),
                "0 if nonsense_train < 0.1 * dummy else 1 if nonsense_train < 1.05 * dummy else 2",
            ),
            functions=(with_noise,),
            code="""
                found, cost = with_noise(data, shares, splits=5 if grid == "full" else 2)
                dummy = float(cost.mean())
                clean_train, clean_test = found[0, 0]
                nonsense_train, nonsense_test = found[-1, 0]
                averaged_train, averaged_test = found[-1, 1]
                half = shares.index(0.5)
                half_memorised, half_averaged = found[half, 0, 1], found[half, 1, 1]
                print(f"guessing the mean costs {dummy:.3f} eV")
                for share, row in zip(shares, found):
                    print(f"{share:4.0%} shuffled: memorises {row[0, 0]:.3f} train {row[0, 1]:.3f} test | "
                          f"averages {row[1, 0]:.3f} train {row[1, 1]:.3f} test")
            """,
            plot=Plot(noise_chart, ("shares", "found", "dummy")),
            conclusion=Text(
                """
                {nonsense_train:.3f} eV: it has learned pure nonsense by heart, just as it learned the truth ({clean_train:.3f} eV).
                The training error cannot tell the two apart. The test error can: {clean_test:.3f} eV with true labels,
                {nonsense_test:.3f} eV with shuffled ones, no better than the {dummy:.3f} eV of guessing the mean. Switch to the forest
                that averages: with nonsense its training error is {averaged_train:.3f} eV, so it cannot pretend as well, and with
                half of the labels spoilt it errs by {half_averaged:.3f} eV on test rows against {half_memorised:.3f} eV.
                """,
                """
                {nonsense_train:.3f} eV입니다. 참된 라벨({clean_train:.3f} eV)을 외웠듯이 엉터리도 통째로 외웠습니다. 훈련 오차로는 둘을
                구별할 수 없습니다. 테스트 오차로는 구별됩니다. 참된 라벨이면 {clean_test:.3f} eV, 섞은 라벨이면 {nonsense_test:.3f} eV로,
                평균만 답할 때의 {dummy:.3f} eV보다 나을 것이 없습니다. 평균하는 숲으로 바꿔 보세요. 엉터리 라벨에서 훈련 오차가
                {averaged_train:.3f} eV이므로 그럴듯한 척하기가 어렵고, 라벨의 절반이 망가졌을 때 테스트 오차는 {half_memorised:.3f} eV가
                아니라 {half_averaged:.3f} eV입니다.
                """,
            ),
            claims=("nonsense_train < 0.05 * dummy", "clean_train < 0.05 * dummy", "nonsense_test > 0.95 * dummy",
                    "clean_test < 0.8 * nonsense_test", "averaged_train > 5 * nonsense_train", "half_averaged < half_memorised"),
        ),
        Step(
            title=Text("A test for your own work", "자신의 연구에 써 볼 시험"),
            text=Text(
                """
                Shuffle the labels and run the whole of your pipeline. If a score remains that is better than the mean's,
                information leaks from the test rows into the training. A later lesson has such leaks to look at.
                """,
                """
                라벨을 섞고 파이프라인 전체를 돌려 보세요. 그래도 평균만 답할 때보다 나은 점수가 남는다면, 테스트 행의 정보가 훈련으로
                새고 있는 것입니다. 뒤의 강의에서 그런 누출을 살펴봅니다.
                """,
            ),
        ),
    ),
)  # fmt: skip
