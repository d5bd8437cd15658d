"""Capstone: a model of one's own through the gate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automat.lessons._base import Chart, Control, Lesson, Plot, Question, State, Step, Text, Trace

if TYPE_CHECKING:
    from collections.abc import Mapping


def gate_against(model: str, baselines: list[str], folds: int) -> dict[str, Any]:
    """What the gate finds of a model's file against each baseline, on the same folds of iris."""
    import tempfile

    from automat import api

    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as runs:
        for baseline in baselines:
            found[baseline] = api.gate(
                model,
                "iris",
                against=baseline,
                metric="accuracy",
                preset="quick",
                trials=1,
                folds=folds,
                jobs=1,
                runs=runs,
            )
    return found


def write_model(source: str) -> str:
    """The file of a model; its path."""
    import tempfile
    from pathlib import Path

    path = Path(tempfile.mkdtemp()) / "my_model.py"
    path.write_text(source, encoding="utf-8")
    return str(path)


def folds_chart(found: Mapping[str, Any]) -> Chart:
    """Accuracy on every fold, of the model and of the baseline that the slider chooses."""
    states = []
    for baseline, judged in found.items():
        folds = [str(fold) for fold in range(len(judged.mine.scores))]
        verdict_en, verdict_ko = ("passes", "통과") if judged.beats else ("does not pass", "통과하지 못함")
        states.append(
            State(
                (
                    Trace(
                        Text("my model", "내 모델"), folds, [100 * score for score in judged.mine.scores], kind="bars"
                    ),
                    Trace(baseline, folds, [100 * score for score in judged.baseline.scores], kind="bars", colour=1),
                ),
                Text(
                    f"Against {baseline}: gain {100 * judged.gain:+.1f} points, one-sided p = {judged.p_value:.2g}: {verdict_en}.",
                    f"상대 {baseline}: 이득 {100 * judged.gain:+.1f}점, 단측 p = {judged.p_value:.2g}: {verdict_ko}.",
                ),
            )
        )
    return Chart(
        Text("Accuracy on the same folds", "같은 폴드에서 본 정확도"),
        Text("fold", "폴드"),
        Text("accuracy, %", "정확도, %"),
        states,
        (Control(Text("baseline", "비교 대상"), list(found)),),
    )


LESSON = Lesson(
    number=12,
    name="gate",
    title=Text("Capstone: your own model through the gate", "종합 과제: 내 모델을 관문에 통과시키기"),
    summary=Text(
        "You will have written a model of your own and let automat judge whether it is really better.",
        "자신의 모델을 쓰고, 그것이 정말 더 나은지 automat에게 판정을 맡겨 보게 됩니다.",
    ),
    minutes=25,
    steps=(
        Step(
            title=Text("A model in eight lines", "여덟 줄짜리 모델"),
            text=Text(
                """
                A model is a file with a `Model`: a name, what it takes, and how it is built. Anything with scikit-learn's `fit` and
                `predict` (and `predict_proba` for classes) will do.
                """,
                """
                모델은 `Model`이 하나 들어 있는 파일입니다. 이름, 입력, 만드는 방법만 있으면 됩니다. scikit-learn의 `fit`과 `predict`(분류라면
                `predict_proba`도)가 있는 것이면 무엇이든 쓸 수 있습니다.
                """,
            ),
            functions=(write_model,),
            code='''
                source = """\\
                from automat import Model

                def build(params, seed):
                    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
                    return LinearDiscriminantAnalysis()

                MODEL = Model(name="my_model", input="features", tasks=("classification",),
                              build=build, build_classifier=build)
                """
                model = write_model(source)
                print(source)
            ''',
        ),
        Step(
            title=Text("The gate", "관문"),
            text=Text(
                """
                `automat gate my_model.py --dataset iris --against knn` trains both on the same folds. It exits with 0 only if the model is
                better **and** that is sure: a corrected t-test over folds (C. Nadeau and Y. Bengio, *Machine Learning* 52, 239, 2003,
                doi:10.1023/A:1024068626366). Here against two baselines: the dummy, which knows only the classes' shares, and k nearest
                neighbours.
                """,
                """
                `automat gate my_model.py --dataset iris --against knn`은 둘을 같은 폴드에서 훈련합니다. 모델이 더 낫고 **또한** 그것이 확실할
                때에만 0으로 끝납니다. 판정은 폴드에 대한 보정된 t-검정(C. Nadeau, Y. Bengio, *Machine Learning* 52, 239, 2003,
                doi:10.1023/A:1024068626366)입니다. 여기서는 두 상대와 겨룹니다. 클래스 비율만 아는 더미와 k-최근접 이웃입니다.
                """,
            ),
            question=Question(
                Text("Which baselines does the model beat, with 95% confidence?", "모델은 95% 신뢰도로 어느 상대를 이길까요?"),
                (Text("none", "없음"), Text("the dummy only", "더미만"), Text("the neighbours only", "최근접 이웃만"), Text("both", "둘 다")),
                "int(judged['dummy'].beats) + 2 * int(judged['knn'].beats)",
            ),
            functions=(gate_against,),
            code="""
                judged = gate_against(model, ["dummy", "knn"], folds=10 if grid == "full" else 5)
                dummy_gain, dummy_p = judged["dummy"].gain, judged["dummy"].p_value
                knn_gain, knn_low, knn_p = judged["knn"].gain, judged["knn"].low, judged["knn"].p_value
                mine, neighbours = judged["knn"].mine.mean, judged["knn"].baseline.mean
                n_folds = judged["knn"].folds
                for each in judged.values():
                    print(each.sentence)
            """,
            plot=Plot(folds_chart, ("judged",)),
            conclusion=Text(
                """
                Against the dummy: {dummy_gain:+.1%}, p = {dummy_p:.1g}. Against the neighbours: {mine:.1%} and {neighbours:.1%} over
                {n_folds} folds, a difference of {knn_gain:+.1%} with p = {knn_p:.2g}; its lower bound is {knn_low:+.1%}. A gate
                that let through whatever has the larger mean would be a coin toss where models are alike. Now it is your turn:
                change the eight lines, choose a dataset of materials, and try `--against best`.
                """,
                """
                더미와 겨루면 {dummy_gain:+.1%}, p = {dummy_p:.1g}입니다. 최근접 이웃과 겨루면 {n_folds}개 폴드 평균이 {mine:.1%}와
                {neighbours:.1%}로 차이는 {knn_gain:+.1%}, p = {knn_p:.2g}이고 하한은 {knn_low:+.1%}입니다. 평균이 큰 쪽을 그냥 통과시키는
                관문이라면, 비슷한 모델 사이에서는 동전 던지기와 다름없습니다. 이제 여러분 차례입니다. 여덟 줄을 고치고, 재료 데이터셋을 골라
                `--against best`에 도전해 보세요.
                """,
            ),
            claims=("judged['dummy'].beats", "dummy_p < 0.05", "(not judged['knn'].beats) == (knn_p >= 0.05)"),
        ),
    ),
)  # fmt: skip
