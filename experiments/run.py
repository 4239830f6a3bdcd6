#!/usr/bin/env python3
"""Run the tables of a paper and write them into docs/results.md. Python 3.11 or newer, nothing else.

    experiments/run.py PAPER [--rows NAME ...] [--seeds N ...] [--jobs N] [--only-write | --list] [--document FILE]

PAPER is the name of experiments/PAPER.toml; experiments/README.md says what such a file holds. A row is trained once per seed in
runs/experiments/PAPER/sSEED/ROW. What is finished is not done again, a run that was stopped goes on where it was: start it in
the background, stop it at will, start it again. Seeds run side by side, --jobs of them. Exit code 1 when a command failed.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import threading

import section
import table

ROOT = pathlib.Path(__file__).resolve().parent.parent


class Stopped(Exception):
    pass


class Runner:
    """Runs commands one after the other, as many chains of them as there are jobs, until it is stopped."""

    def __init__(self, jobs):
        self.environment = dict(os.environ)
        if jobs > 1:
            self.environment["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // jobs))
        self.children, self.lock, self.stopped = set(), threading.Lock(), False

    def stop(self, *_):
        self.stopped = True
        for child in list(self.children):
            child.terminate()

    def call(self, words, log):
        """The exit code; output goes to the end of the file `log`."""
        with open(log, "ab") as out:
            with self.lock:
                if self.stopped:
                    raise Stopped
                child = subprocess.Popen(words, cwd=ROOT, env=self.environment, stdout=out, stderr=out,
                                         start_new_session=True)
                self.children.add(child)
            if self.stopped:  # between the question above and now
                child.terminate()
            code = child.wait()
            self.children.discard(child)
        if self.stopped:
            raise Stopped
        return code


def is_training(command):
    return shlex.split(command, comments=True)[0] == "bin/train"


def run_commands(runner, name, commands, state):
    """Those that `state` (a file) does not know as done; one that differs from what was done is done anew, with all behind it."""
    log = state.with_suffix(".log")
    record = json.loads(state.read_text()) if state.exists() else {"done": [], "begun": None}
    same = 0
    while same < min(len(commands), len(record["done"])) and commands[same] == record["done"][same]:
        same += 1
    record["done"] = record["done"][:same]
    if not is_training(commands[0]):  # bin/train makes its folder itself
        (state.parent / name).mkdir(exist_ok=True)
    for command in commands[same:]:
        words = shlex.split(command, comments=True)
        # bin/train refuses to resume what never began.
        if is_training(command) and record["begun"] == command and (state.parent / name / "config.ini").exists():
            words.append("--resume")
        record["begun"] = command
        save(state, record)
        code = runner.call(words, log)
        if code == 3 and words[-1] == "--resume":  # begun with other defaults, or by another program: from the start
            code = runner.call(words[:-1], log)
        if code != 0:
            last = log.read_text(errors="replace").strip().splitlines()[-1:]
            raise RuntimeError(f"{command}\n    exit code {code}: {' '.join(last)}\n    {log}")
        record["done"].append(command)
        save(state, record)


def save(path, record):
    new = path.with_suffix(".new")
    new.write_text(json.dumps(record, indent=1))
    new.replace(path)


def run_seed(runner, paper, rows, seed):
    """All rows of one seed in their order. Returns what failed."""
    folder = paper.folder(seed)
    folder.mkdir(parents=True, exist_ok=True)
    failed = []
    for name, commands in paper.chain(rows, seed):
        try:
            run_commands(runner, name, commands, folder / f"{name}.json")
            print(f"seed {seed}: {name}: done", flush=True)
        except Stopped:
            return failed
        except RuntimeError as e:
            failed.append(name)
            print(f"seed {seed}: {name}: FAILED: {e}", flush=True)
            if name == "data":
                return failed
    return failed


def arguments():
    line = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    line.add_argument("paper")
    line.add_argument("--rows", nargs="+", default=[])
    line.add_argument("--seeds", nargs="+", type=int, default=[])
    line.add_argument("--jobs", type=int, default=1)
    line.add_argument("--only-write", action="store_true", help="write the figures that there are, run nothing")
    line.add_argument("--list", action="store_true", help="print the commands, run nothing")
    line.add_argument("--document", type=pathlib.Path, default=ROOT / "docs/results.md")
    return line.parse_args()


def run_seeds(paper, rows, seeds, jobs):
    """Returns what failed."""
    runner = Runner(jobs)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, runner.stop)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        failed = sum(pool.map(lambda seed: run_seed(runner, paper, rows, seed), seeds), [])
    if runner.stopped:
        sys.exit("stopped; the same command goes on")
    return failed


def main():
    a = arguments()
    paper = table.Paper(ROOT, a.paper)
    rows, seeds = paper.chosen(a.rows), a.seeds or paper.seeds
    if a.list:
        for seed in seeds:
            for name, commands in paper.chain(rows, seed):
                print(*(f"{name}: {c}" for c in commands), sep="\n")
        return 0
    failed = [] if a.only_write else run_seeds(paper, rows, seeds, a.jobs)
    section.write_section(a.document, paper)
    print(a.document)
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except table.Mistake as e:
        sys.exit(f"run.py: {e}")
