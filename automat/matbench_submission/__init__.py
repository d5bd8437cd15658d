"""A run's entrant as a Matbench submission (``results.json.gz``), and such a file back as tables.

The layout is that of the matbench package 0.6 (Dunn et al. 2020, doi:10.1038/s41524-020-00406-3), whose own reader
takes what is written here: for each task and fold the test predictions by id, the parameters, and four scores, and over
all of it a digest.
"""

from automat.matbench_submission.layout import SCORES, scores
from automat.matbench_submission.reading import Submission, TaskResult, read_submission
from automat.matbench_submission.writing import write_submission

__all__ = ["SCORES", "Submission", "TaskResult", "read_submission", "scores", "write_submission"]
