"""Looking at materials data before modelling."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from automat.lessons._base import Chart, Control, Lesson, Plot, Question, State, Step, Text, Trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def elements_of(formulas: Sequence[str]) -> list[set[str]]:
    """The elements of every formula."""
    import re

    return [set(re.findall("[A-Z][a-z]?", formula)) for formula in formulas]


def histogram_chart(gaps: NDArray[np.float64]) -> Chart:
    """The distribution of the target, in more and more bins."""
    mean, median = float(gaps.mean()), float(np.median(gaps))
    states = []
    counts = (5, 10, 20, 40, 80)
    for bins in counts:
        height, edges = np.histogram(gaps, bins)
        centres = (edges[:-1] + edges[1:]) / 2
        top = float(height.max())
        states.append(
            State(
                (
                    Trace(Text("materials", "재료 수"), centres.tolist(), height.tolist(), kind="bars"),
                    Trace(Text("mean", "평균"), [mean, mean], [0.0, top], kind="dashes", colour=1),
                    Trace(Text("median", "중앙값"), [median, median], [0.0, top], kind="dashes", colour=2),
                ),
                Text(
                    f"{bins} bins of {edges[1] - edges[0]:.2f} eV; the fullest holds {int(top)} materials.",
                    f"{edges[1] - edges[0]:.2f} eV 너비의 구간 {bins}개. 가장 많은 구간에 재료 {int(top)}개.",
                ),
            )
        )
    return Chart(
        Text("Band gaps", "밴드갭의 분포"),
        Text("band gap, eV", "밴드갭, eV"),
        Text("materials", "재료 수"),
        states,
        (Control(Text("bins", "구간 수"), [str(bins) for bins in counts]),),
        start=2,
    )


def elements_chart(common: Sequence[tuple[str, int]], means: Sequence[float], overall: float) -> Chart:
    """The commonest elements, by how often they occur and by the gap of what holds them."""
    names = [name for name, _ in common]
    low, high = int(np.argmin(means)), int(np.argmax(means))
    return Chart(
        Text("Mean band gap of the compounds that hold an element", "원소를 포함한 화합물의 평균 밴드갭"),
        Text("element, the commonest first", "원소 (많은 순서)"),
        Text("mean band gap, eV", "평균 밴드갭, eV"),
        [
            State(
                (
                    Trace(Text("with the element", "그 원소를 포함"), names, list(means), kind="bars",
                          tips=[f"{name}: {mean:.2f} eV, {count}" for (name, count), mean in zip(common, means, strict=True)]),
                    Trace(Text("all", "전체"), [names[0], names[-1]], [overall, overall], kind="dashes", colour=6),
                ),
                Text(
                    f"Lowest with {names[low]}, {means[low]:.2f} eV; highest with {names[high]}, {means[high]:.2f} eV.",
                    f"가장 작은 것은 {names[low]} ({means[low]:.2f} eV), 가장 큰 것은 {names[high]} ({means[high]:.2f} eV).",
                ),
            )
        ],
    )  # fmt: skip


LESSON = Lesson(
    number=1,
    name="looking",
    title=Text("Looking at materials data", "재료 데이터 들여다보기"),
    summary=Text(
        "You will know what to look at before the first model: the target, the duplicates, the elements, the cost of a guess.",
        "첫 모델을 만들기 전에 무엇을 보아야 하는지 알게 됩니다. 목표값, 중복, 원소, 그리고 어림짐작의 오차입니다.",
    ),
    minutes=15,
    imports="from collections import Counter",
    steps=(
        Step(
            title=Text("The target", "목표값"),
            text=Text(
                """
                Band gaps of crystals computed in the Materials Project. Before any model: how many, in which unit, how are they
                spread? Whoever always answers with one number is wrong by the **spread** on average, and every model's error is to be
                read beside it.
                """,
                """
                Materials Project에서 계산한 결정의 밴드갭입니다. 모델보다 먼저 볼 것이 있습니다. 몇 개이고, 단위는 무엇이며, 어떻게 퍼져
                있는가? 늘 같은 수만 답하면 평균적으로 **퍼짐**만큼 틀립니다. 모든 모델의 오차는 이 값과 견주어 읽어야 합니다.
                """,
            ),
            question=Question(
                Text("Gaps cannot be negative. Which is larger, their mean or their median?",
                     "밴드갭은 음수가 될 수 없습니다. 평균과 중앙값 가운데 어느 쪽이 클까요?"),
                (Text("the mean", "평균"), Text("the median", "중앙값"), Text("equal to 1%", "1% 안에서 같다")),
                "2 if abs(mean / median - 1) < 0.01 else 0 if mean > median else 1",
            ),
            code="""
                data = datasets.load("mp_band_gap")
                gaps = data.target
                n_rows, mean, median = len(data), float(gaps.mean()), float(np.median(gaps))
                by_mean = float(np.abs(gaps - mean).mean())
                by_median = float(np.abs(gaps - median).mean())
                print(f"{n_rows} materials, {data.target_name} in {data.unit}")
                print(f"from {gaps.min():.2f} to {gaps.max():.2f}, mean {mean:.2f}, median {median:.2f}")
            """,
            plot=Plot(histogram_chart, ("gaps",)),
            conclusion=Text(
                """
                {n_rows} gaps with a mean of {mean:.2f} and a median of {median:.2f} eV: a long tail to the right pulls the mean. Always
                answering the mean costs {by_mean:.3f} eV, always the median {by_median:.3f}. The error of a
                model says something only beside that.
                """,
                """
                밴드갭 {n_rows}개의 평균은 {mean:.2f} eV, 중앙값은 {median:.2f} eV입니다. 오른쪽으로 긴 꼬리가 평균을 끌어당깁니다. 늘 평균만
                답하면 {by_mean:.3f} eV, 중앙값만 답하면 {by_median:.3f} eV 틀립니다. 모델의 오차는 이 값과 견줄 때에만
                의미가 있습니다.
                """,
            ),
            claims=("mean > median", "by_median <= by_mean"),
        ),
        Step(
            title=Text("Duplicates and elements", "중복과 원소"),
            text=Text(
                """
                Are the rows really different materials? And of what are they made? A model knows only what its rows show.
                """,
                """
                행은 정말 서로 다른 재료일까요? 무엇으로 이루어져 있을까요? 모델은 행이 보여 준 것만 압니다.
                """,
            ),
            question=Question(
                Text("How many of the rows share their formula with an earlier row?", "앞의 행과 화학식이 같은 행은 얼마나 될까요?"),
                (Text("none", "없음"), Text("up to 5%", "5% 이하"), Text("5 to 20%", "5~20%"), Text("more", "그 이상")),
                "0 if share == 0 else 1 if share <= 0.05 else 2 if share <= 0.2 else 3",
            ),
            functions=(elements_of,),
            code="""
                repeated = n_rows - len(set(data.formulas))
                share = repeated / n_rows
                held = elements_of(data.formulas)
                common = Counter(element for each in held for element in each).most_common(25 if grid == "full" else 12)
                means = [float(np.mean([gap for gap, each in zip(gaps, held) if name in each])) for name, _ in common]
                most, times = common[0]
                least_gap, least = min(zip(means, [name for name, _ in common]))
                largest_gap, largest = max(zip(means, [name for name, _ in common]))
                print(f"{repeated} of {n_rows} rows repeat a formula; the commonest element is {most}, in {times} rows")
            """,
            plot=Plot(elements_chart, ("common", "means", "mean")),
            conclusion=Text(
                """
                {repeated} rows, {share:.0%}, have a formula that occurred before: polymorphs, which a random split may part (see the lesson
                on leaks). {most} stands in {times} of {n_rows} rows. Compounds with {largest} have a mean gap of {largest_gap:.2f} eV,
                with {least} {least_gap:.2f} eV: so much can be told from one element alone, without any model.
                `automat data describe` prints all this of your own file.
                """,
                """
                {repeated}개({share:.0%})의 화학식은 앞에서 이미 나온 것입니다. 다형체이며, 무작위 분할이 이들을 갈라놓을 수 있습니다(누출 강의
                참조). {most}은(는) {n_rows}개 가운데 {times}개 행에 들어 있습니다. {largest} 화합물의 평균 밴드갭은 {largest_gap:.2f} eV,
                {least} 화합물은 {least_gap:.2f} eV입니다. 모델 없이 원소 하나만 보아도 이만큼 알 수 있습니다.
                `automat data describe`는 여러분의 파일에 대해 이 모두를 출력합니다.
                """,
            ),
            claims=("repeated > 0", "largest_gap > mean > least_gap"),
        ),
    ),
)  # fmt: skip
