"""What a queueing system is asked for: job scripts, faults of the file, and jobs that run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from automat import api
from automat.core import EngineError, InputError
from automat.executors import cluster_file

pytest.importorskip("dask_jobqueue")
SLURM = """
system = "slurm"
workers = 32

[job]
cores = 8
memory = "32 GB"
walltime = "04:00:00"
queue = "short"
account = "chem"
job_script_prologue = ["module load python", "source venv/bin/activate"]
job_extra_directives = ["--constraint=zen3"]
"""
PBS = """
system = "pbs"
encrypted = false

[job]
cores = 4
memory = "8 GB"
processes = 2
walltime = "01:00:00"
queue = "workq"
"""
SBATCH = """#!{python}
import subprocess, sys
script = open(sys.argv[-1]).read()
log = open({folder!r} + "/jobs", "a")
process = subprocess.Popen(["bash", "-c", script], stdout=open({folder!r} + "/out", "a"), stderr=subprocess.STDOUT)
print(process.pid, file=log)
print("Submitted batch job", process.pid)
"""
SCANCEL = """#!{python}
import psutil, sys
process = psutil.Process(int(sys.argv[1]))
for each in [process, *process.children(recursive=True)]:
    each.kill()
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "cluster.toml"
    path.write_text(text)
    return path


def test_a_job_script_of_slurm(tmp_path: Path) -> None:
    lines = cluster_file.read(write(tmp_path, SLURM)).job_script().splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    for line in (
        "#SBATCH -p short", "#SBATCH -A chem", "#SBATCH -n 1", "#SBATCH --cpus-per-task=8", "#SBATCH --mem=30G",
        "#SBATCH -t 04:00:00", "#SBATCH --constraint=zen3", "module load python", "source venv/bin/activate",
    ):  # fmt: skip
        assert line in lines
    worker = lines[-1]
    assert worker.startswith(f"{sys.executable} -m distributed.cli.dask_worker tls://<address of this run> ")
    assert " --nthreads 1 " in worker
    assert " --nworkers 8 " in worker
    assert " --protocol tls:// --tls-ca-file <ca_file of this run> --tls-cert <worker_cert of this run> " in worker


def test_a_job_script_of_pbs(tmp_path: Path) -> None:
    read = cluster_file.read(write(tmp_path, PBS))
    lines = read.job_script().splitlines()
    for line in ("#PBS -q workq", "#PBS -l select=1:ncpus=4:mem=7630MB", "#PBS -l walltime=01:00:00"):
        assert line in lines
    assert " --nthreads 2 " in lines[-1]
    assert "tcp://<address of this run>" in lines[-1]
    assert read.workers == 2


@pytest.mark.parametrize(
    ("system", "more"), [("sge", ""), ("lsf", ""), ("oar", ""), ("moab", ""), ("htcondor", 'disk = "1 GB"')]
)
def test_other_systems(tmp_path: Path, system: str, more: str) -> None:
    path = write(tmp_path, f'system = "{system}"\n[job]\ncores = 2\nmemory = "4 GB"\n{more}\n')
    assert "distributed.cli.dask_worker" in cluster_file.read(path).job_script()


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('system = "slurm"', 'system = "slurn"', r"unknown system in '.*': 'slurn'. Did you mean 'slurm'\?"),
        ('system = "slurm"', "", "lacks 'system', one of: slurm, pbs"),
        ("workers", "workrs", r"unknown key in '.*': 'workrs'. Did you mean 'workers'\? Allowed: encrypted"),
        ("queue", "quue", r"unknown key in \[job\] of '.*': 'quue'. Did you mean 'queue'\?"),
        ("queue", "resource_spec", r"unknown key in \[job\] of '.*': 'resource_spec'"),
        ("cores = 8", 'cores = "8"', "'cores' in '.*' must be a whole number, but is '8'"),
        ("cores = 8", "cores = true", "'cores' in '.*' must be a whole number, but is True"),
        ("cores = 8", "cores = 0", "'cores' in '.*' must be at least 1, but is 0"),
        ("cores = 8", "", r"lacks 'cores' below \[job\]"),
        ("workers = 32", "workers = 0", "'workers' in '.*' must be at least 1, but is 0"),
        ('"--constraint=zen3"', "3", "'job_extra_directives' in '.*' must be a list of texts"),
        ('memory = "32 GB"', 'memory = "plenty"', "cluster.toml': .*plenty"),
        ("[job]", "[job", "is not TOML"),
    ],
)  # fmt: skip
def test_faults_are_named(tmp_path: Path, before: str, after: str, message: str) -> None:
    assert before in SLURM
    with pytest.raises(InputError, match=message):
        cluster_file.read(write(tmp_path, SLURM.replace(before, after))).job_script()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        cluster_file.read(tmp_path / "none.toml")


def test_a_system_that_is_not_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    read = cluster_file.read(write(tmp_path, SLURM))
    with pytest.raises(InputError, match="sbatch, which submits jobs to slurm, is not on the path"), read.started():
        pass


def test_the_dry_run_of_the_command(command: Callable[..., str], tmp_path: Path) -> None:
    write(tmp_path, SLURM)
    asked = ("run", "--dataset", "iris", "--dry-run")
    assert "#SBATCH -p short" in command(*asked, "--cluster", "cluster.toml")
    assert "--cluster names none" in command(*asked, code=2)


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A queueing system of one machine: jobs start at once, below the process that submits them."""
    folder = tmp_path / "slurm"
    folder.mkdir()
    for name, text in (("sbatch", SBATCH), ("scancel", SCANCEL)):
        (folder / name).write_text(text.format(python=sys.executable, folder=str(folder)))
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def is_alive(pid: int) -> bool:
    return bool(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)


def file_for(folder: Path, **more: str) -> Path:
    lines = "".join(f"{name} = {value}\n" for name, value in more.items())
    return write(
        folder,
        f'system = "slurm"\nworkers = 2\nshared_directory = "{folder}"\n[job]\ncores = 1\nmemory = "1 GB"\n'
        f'local_directory = "{folder}"\nworker_extra_args = ["--host", "127.0.0.1"]\n{lines}'
        '[scheduler]\nhost = "127.0.0.1"\n',
    )


@pytest.mark.slow
def test_cells_run_in_jobs(bench: Any, slurm: Path, tmp_path: Path) -> None:
    result = api.run(**bench.arguments("dummy", "linear", cluster=file_for(tmp_path)))
    assert (result.computed, result.failed) == (4, 0)
    jobs = [int(line) for line in (slurm / "jobs").read_text().split()]
    assert len(jobs) == 2
    assert not any(is_alive(job) for job in jobs)
    assert not list(tmp_path.glob(".automat-*"))  # the certificates of the run


def test_jobs_that_are_refused_end_the_run(bench: Any, slurm: Path, tmp_path: Path) -> None:
    (slurm / "sbatch").write_text("#!/bin/sh\necho 'invalid partition' >&2\nexit 1\n")
    with pytest.raises(EngineError, match="invalid partition"):
        api.run(**bench.arguments("dummy", cluster=file_for(tmp_path)))


QUEUE = """#!/bin/sh
cd {folder}
until mkdir turn 2> /dev/null; do sleep 0.05; done
trap "rmdir turn" EXIT
number=$(($(wc -l < jobs) + 1))
if grep -qx "$number" refuse; then echo "QOSMaxSubmitJobPerUserLimit" >&2; echo refused >> jobs; exit 1; fi
echo "$number" >> jobs
echo "Submitted batch job $number"
"""


@pytest.fixture
def waiting(slurm: Path, tmp_path: Path, wait_until: Callable[..., None]) -> Iterator[Waiting]:
    """Jobs that wait in the queue for ever, two processes each, until the test says that workers came from them."""
    for name in ("jobs", "refuse", "cancelled"):
        (slurm / name).touch()
    (slurm / "sbatch").write_text(QUEUE.format(folder=slurm))
    (slurm / "scancel").write_text(f'#!/bin/sh\necho "$1" >> {slurm}/cancelled\n')
    path = file_for(tmp_path)
    path.write_text(path.read_text().replace("cores = 1", "cores = 2").replace("workers = 2", "workers = 6"))
    with cluster_file.read(path).started() as queued:
        yield Waiting(queued, slurm, wait_until)


@dataclass
class Waiting:
    """A queue."""

    queued: cluster_file.Queued
    folder: Path
    wait_until: Callable[..., None]

    def lines(self, name: str) -> list[str]:
        return (self.folder / name).read_text().split()

    def ask(self, submitted: int) -> None:
        """Let six workers be asked for, until so many jobs were submitted in all."""

        def is_so() -> bool:
            self.scale()
            settled = len(self.lines("jobs")) == submitted and self.queued._dropping is None
            return settled and len(self.queued.cluster.workers) == 3

        self.wait_until(is_so)

    def scale(self) -> None:
        workers = self.queued.cluster.scheduler_info["workers"]
        self.queued.scale(6, len(workers))

    def name(self, number: int) -> str:
        """Of the job of that number."""
        jobs: dict[str, Any] = self.queued.cluster.workers
        return next(name for name, job in jobs.items() if job.job_id == str(number))

    def let_workers_be(self, *jobs: str) -> None:
        workers = {f"tcp://{job}-{each}": {"name": f"{job}-{each}"} for job in jobs for each in (0, 1)}
        self.queued.cluster.scheduler_info["workers"] = workers


def test_jobs_that_wait_go_on_waiting_when_the_first_one_is_over(waiting: Waiting) -> None:
    waiting.ask(3)
    waiting.let_workers_be(waiting.name(2))
    waiting.scale()
    waiting.let_workers_be()
    waiting.ask(4)
    assert waiting.lines("cancelled") == ["2"]
    assert {job.job_id for job in waiting.queued.cluster.workers.values()} == {"1", "3", "4"}


def test_jobs_that_run_are_let_be_by_the_next_split(waiting: Waiting) -> None:
    waiting.ask(3)
    waiting.let_workers_be(waiting.name(1))
    waiting.scale()
    waiting.queued.scale(6, 0)  # a crew that has not looked yet
    waiting.ask(3)
    assert waiting.lines("cancelled") == []


def test_a_job_that_was_refused_is_asked_for_again_with_those_whose_time_is_over(waiting: Waiting) -> None:
    (waiting.folder / "refuse").write_text("2\n")
    waiting.ask(3)
    assert set(waiting.queued.refused.values()) != set()
    waiting.let_workers_be(waiting.name(1), waiting.name(3))
    waiting.scale()
    waiting.let_workers_be()
    waiting.ask(6)
    assert waiting.queued.refused == {}
    assert waiting.lines("jobs") == ["1", "refused", "3", "4", "5", "6"]
    (waiting.folder / "refuse").write_text("7\n8\n9\n")
    waiting.let_workers_be(*waiting.queued.cluster.workers)
    waiting.scale()
    waiting.let_workers_be()
    with pytest.raises(EngineError, match=r"slurm takes no jobs: .*QOSMaxSubmitJobPerUserLimit"):
        waiting.ask(10)  # never comes


@pytest.mark.slow
def test_jobs_whose_time_is_over_are_asked_for_again(
    bench: Any, slurm: Path, tmp_path: Path, onlooker: Callable[..., Any]
) -> None:
    ended: list[str] = []

    def end_all() -> None:
        if not ended and bench.traces("slow"):
            ended.extend((slurm / "jobs").read_text().split())
            for job in ended:
                subprocess.run([slurm / "scancel", job], check=True)

    models = bench.entrants("slow", seconds=1.5)
    result = api.run(**bench.arguments(models, cluster=file_for(tmp_path), progress=onlooker(end_all)))
    assert (result.computed, result.failed) == (2, 0)
    assert len((slurm / "jobs").read_text().split()) > len(ended)
