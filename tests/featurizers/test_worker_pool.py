import os
import subprocess
import sys
from pathlib import Path

ENDS_WHILE_A_WORKER_STARTS = """
import signal
import time

from automat_featurizers.worker_pool import WorkerPool


def stubborn():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(60)


def nothing():
    pass


if __name__ == "__main__":
    pool = WorkerPool(2, nothing)
    pool.schedule(stubborn)
    hanging = pool.schedule(time.sleep, args=(60,), timeout=1.0)
    try:
        hanging.result()
    except TimeoutError:
        print("stopped")
    pool.stop()
    pool.join()
"""


def test_a_worker_that_starts_as_the_pool_ends_prints_nothing(tmp_path: Path) -> None:
    script = tmp_path / "ends.py"
    script.write_text(ENDS_WHILE_A_WORKER_STARTS)
    (tmp_path / "sitecustomize.py").write_text("import time; time.sleep(0.5)")  # processes start slowly
    done = subprocess.run(
        [sys.executable, script],
        env=os.environ | {"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "stopped\n"
    assert done.stderr == ""
