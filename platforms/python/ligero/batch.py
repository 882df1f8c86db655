# SPDX-License-Identifier: Apache-2.0
"""Archives of recordings: one person's voice out of each.

    python -m ligero.batch LIST.tsv -o FOLDER [--model NAME] [--samples KIND] [--jobs N] [--ray ADDRESS]

LIST.tsv: one line for each recording, "recording<TAB>enrolment", with paths relative to the list's folder.
An enrolment is a recording of the wanted person alone, or a profile (.profile). Empty lines and lines that
begin with # do not count. Writes FOLDER/<name of the recording>.wav, and FOLDER/failures.tsv with what
failed and why. An output that is there is not made again, even if --samples is now another. Ends with 1 where
something failed.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

from . import sound
from .extraction import chosen_model, extract_sound
from .library import BadArgument, LigeroError
from .model import find
from .voice import Voice, enroll

FAILURES = "failures.tsv"


@dataclass(frozen=True)
class Job:
    """One line of the list."""

    line: int
    recording: str
    enrolment: str
    output: str


@dataclass(frozen=True)
class Failure:
    line: int
    recording: str
    enrolment: str
    reason: str


def read_list(path: Path, folder: Path) -> Tuple[List[Job], List[Failure]]:
    """The jobs of a list, and the lines that are none. BadArgument: the list cannot be read, or is empty."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as e:
        raise BadArgument(f"cannot read '{path}': {e.strerror}") from None
    jobs: List[Job] = []
    failures: List[Failure] = []
    outputs: Dict[str, int] = {}
    for number, raw in enumerate(lines, 1):
        text = os.fsdecode(raw).rstrip("\r")
        if not text.strip() or text.startswith("#"):
            continue
        fields = text.split("\t")
        if len(fields) != 2 or not all(f.strip() for f in fields) or "\0" in text:
            failures.append(Failure(number, text.replace("\t", " "), "",
                                    f"{len(fields)} fields; expected recording<TAB>enrolment"))
            continue
        recording, enrolment = (str(path.parent / f.strip()) for f in fields)
        output = str(folder / (Path(recording).stem + ".wav"))
        if output in outputs:
            failures.append(Failure(number, recording, enrolment, f"its output '{output}' is that of "
                                    f"line {outputs[output]}; expected names that differ"))
            continue
        outputs[output] = number
        jobs.append(Job(number, recording, enrolment, output))
    if not jobs and not failures:
        raise BadArgument(f"'{path}' is an empty list; expected lines recording<TAB>enrolment")
    inputs = {os.path.realpath(p) for j in jobs for p in (j.recording, j.enrolment)}
    inputs.add(os.path.realpath(path))
    for job in [j for j in jobs if os.path.realpath(j.output) in inputs]:
        jobs.remove(job)
        failures.append(Failure(job.line, job.recording, job.enrolment,
                                f"its output '{job.output}' would overwrite an input"))
    return jobs, failures


_voices: Dict[Tuple[str, str], Voice] = {}
_lock = threading.Lock()


def _voice(enrolment: str, model: str) -> Voice:
    """Enrols each person once in a process."""
    with _lock:
        if (enrolment, model) not in _voices:
            if enrolment.endswith(".profile"):
                _voices[enrolment, model] = Voice.load(enrolment)
            else:
                _voices[enrolment, model] = enroll(enrolment, model=model)
        return _voices[enrolment, model]


def run_job(job: Job, model: str, samples: str = "auto") -> Optional[Failure]:
    """Makes one output, whole or not at all; the reason where that fails."""
    try:
        heard = sound.read(job.recording)
        if samples != "auto":
            heard.sixteen_bit = samples == "pcm16"
        voices = (_voice(job.enrolment, model),)
        made, = extract_sound(heard, voices, chosen_model(voices, model))
        sound.write_wav(Path(job.output), made, heard.rate_hz)
    except (LigeroError, OSError, MemoryError) as e:
        reason = " ".join(str(e).split()) or type(e).__name__
        return Failure(job.line, job.recording, job.enrolment, reason)
    return None


def run_here(jobs: Sequence[Job], model: str, workers: int, samples: str = "auto") -> Iterator[Optional[Failure]]:
    """On the cores of this machine: threads, as the C library computes without the interpreter's lock."""
    with ThreadPoolExecutor(workers) as pool:
        pending = [pool.submit(run_job, job, model, samples) for job in jobs]
        try:
            for done in as_completed(pending):
                yield done.result()
        finally:
            for future in pending:
                future.cancel()


def run_on_ray(jobs: Sequence[Job], model: str, address: str, samples: str = "auto") -> Iterator[Optional[Failure]]:
    """On a Ray cluster, which schedules the jobs and repeats those of a node that is lost."""
    try:
        import ray
    except ImportError:
        raise BadArgument("--ray needs the Python package ray: pip install ligero[ray]") from None
    ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    try:
        remote = ray.remote(num_cpus=1, max_retries=10)(run_job)
        pending = {remote.remote(job, model, samples): job for job in jobs}
        while pending:
            done, _ = ray.wait(list(pending), num_returns=1)
            job = pending.pop(done[0])
            try:
                yield ray.get(done[0])
            except ray.exceptions.RayError as e:
                yield Failure(job.line, job.recording, job.enrolment, str(e).splitlines()[0])
    finally:
        ray.shutdown()


def _progress(done: int, total: int, failed: int, began: float) -> None:
    if sys.stderr.isatty():
        bar = "#" * (30 * done // max(total, 1))
        rate = done / max(time.monotonic() - began, 1e-9)
        end = "\n" if done == total else ""
        print(f"\r[{bar:30}] {done}/{total}, {failed} failed, {rate:.2f} recordings/s", end=end,
              file=sys.stderr, flush=True)


def write_failures(folder: Path, failures: Iterable[Failure]) -> None:
    rows = [f"{f.line}\t{f.recording}\t{f.enrolment}\t{f.reason}\n"
            for f in sorted(failures, key=lambda f: f.line)]
    text = "".join(["line\trecording\tenrolment\treason\n", *rows])
    sound.replace_file(folder / FAILURES, os.fsencode(text))


Runner = Callable[[Sequence[Job]], Iterator[Optional[Failure]]]


def run_list(path: Path, folder: Path, runner: Runner) -> Tuple[int, int, List[Failure]]:
    """(made, already there, failures)."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise BadArgument(f"cannot make the folder '{folder}': {e.strerror}") from None
    jobs, failures = read_list(path, folder)
    write_failures(folder, failures)  # a folder that cannot be written is told before the work
    left = [j for j in jobs if not Path(j.output).exists()]
    began, bad = time.monotonic(), len(failures)
    try:
        for done, failure in enumerate(runner(left), 1):
            if failure is not None:
                failures.append(failure)
            _progress(done, len(left), len(failures) - bad, began)
    finally:
        write_failures(folder, failures)
    return len(left) - (len(failures) - bad), len(jobs) - len(left), failures


def main(argv: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m ligero.batch", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("list", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder")
    parser.add_argument("--model", help="a name of ligero.models(), or a path")
    parser.add_argument("--samples", choices=("auto", "pcm16", "float"), default="auto",
                        help="of the outputs; auto: 16-bit where the recording is, else float")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at a time; default: all cores")
    where.add_argument("--ray", metavar="ADDRESS", help="run on this Ray cluster; it sees the same files")
    args = parser.parse_args(argv)
    if args.jobs < 1:
        parser.error("--jobs must be at least 1")
    began = time.monotonic()
    try:
        model = str(find(args.model).resolve())
        made, there, failures = run_list(
            args.list.resolve(), args.output.resolve(),
            (lambda jobs: run_on_ray(jobs, model, args.ray, args.samples)) if args.ray else
            (lambda jobs: run_here(jobs, model, args.jobs, args.samples)))
    except LigeroError as e:
        print(f"ligero.batch: {e}", file=sys.stderr)
        return 1
    print(f"{made} made, {there} already there, {len(failures)} failed "
          f"({args.output / FAILURES}), {time.monotonic() - began:.1f} s")
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
