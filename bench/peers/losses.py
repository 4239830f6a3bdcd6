#!/usr/bin/env python3
"""Losses and gradients beside two independent implementations: pytorch-metric-learning, where it has the loss, and each formula
written from its paper in PyTorch, whose autograd gives the gradients. Usage, from the repository:

  bench/peers/setup.sh && make build/loss_worker && ../prosopon-peers/bin/python bench/peers/losses.py [--only TEXT]

torch, numpy and pytorch-metric-learning are enough of setup.sh's environment. PROSOPON_BACKEND chooses the kernels of the float
runs. Random batches of fixed seeds; both sides read the same numbers, which float can hold. An array's error is the largest
difference from the other implementation, in double, over the largest number there. Prints the table, writes it into
docs/results.md (not with --only), and exits 1 when an error exceeds its goal, unless terms of the batch cancel and PyTorch's own
float is little better there, or when no batch reached some branch of a loss."""
import argparse
import dataclasses
import functools
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import pytorch_metric_learning
import torch

import loss_formulas
import report
from loss_common import Batch, Options
from loss_rows import all_rows

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOALS = {"float64": 1e-9, "float32": 2e-5}
WHAT = ["loss", "gradients"]
ROUGH = 4  # where float is beyond its goal: so many times the error of PyTorch's own float
STEP = 9  # of a run, counted from 0


class Worker:
    """bench/loss_worker, and the folder through which numbers go."""

    def __init__(self, program, folder):
        self.folder = pathlib.Path(folder)
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def give(self, name, values):
        values.detach().numpy().astype("<f8").tofile(self.folder / name)

    def run(self, b, type, keys):
        for old in self.folder.iterdir():
            old.unlink()
        for name, values in {"x": b.x, "labels": b.labels, "class_margin": b.factor, **b.p}.items():
            if name != "class_margin" or (values != 1).any():
                self.give(name, values)
        N, D = b.x.shape
        print(self.folder, type, N, D, len(b.factor), b.step, keys, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline().split(None, 1)
        if answer[0] != "done":
            raise RuntimeError(f"loss_worker: {' '.join(answer)}")
        self.backend = answer[1].strip()

    def result(self, name, like):
        return torch.from_numpy(np.fromfile(self.folder / name, "<f8")).reshape(like.shape)


def difference(ours, theirs):
    """The largest difference over the largest number; infinite for what is not a number."""
    error, size = float((ours - theirs).abs().max()), float(theirs.abs().max())
    return 0 if error == 0 else error / size if error == error and size > 0 else float("inf")


@dataclasses.dataclass
class Errors:
    """The worst of loss and gradients by type, over `batches` batches."""
    batches: int = 0
    worst: dict = dataclasses.field(default_factory=lambda: {(type, what): 0.0 for type in GOALS for what in WHAT})
    rough: set = dataclasses.field(default_factory=set)  # beyond the goal, but for the batch
    missed: dict = dataclasses.field(default_factory=dict)

    def add(self, type, batch, worker, theirs, pytorch_float):
        for name, expected in theirs.items():
            error, key = difference(worker.result(name, expected), expected), (type, WHAT[name != "loss"])
            self.worst[key] = max(self.worst[key], error)
            if error <= GOALS[type]:
                continue
            if type == "float32" and error < 1e-3 and error <= ROUGH * pytorch_float(name):
                self.rough.add(key)
            else:
                self.missed[f"{type} {name} of {tuple(batch.x.shape)}"] = error
        self.batches += type == "float64"

    def cells(self, row, peer):
        numbers = [(f"{error:.1e}" if error else "0") + "*" * (key in self.rough) for key, error in self.worst.items()]
        note = f": {row.note}" if row.note and peer != "formula" else ""
        return report.cells(row.title, peer + note, str(self.batches), *numbers)


def float_error(batch, options, name):
    """The largest error of PyTorch in float on batches that differ from this one in the last places."""
    def error(seed):
        rough = batch.nudged(seed).to(torch.float32)
        exact = loss_formulas.evaluate(rough.to(torch.float64).fresh(), options)
        return difference(loss_formulas.evaluate(rough.fresh(), options)[name].double(), exact[name])

    return max(map(error, range(5)))


def compare(row, worker):
    """Errors by the implementation they are measured against."""
    errors, options = {}, Options(row.keys)
    for seed, shape in enumerate(row.shapes):
        batch = dataclasses.replace(row.batch(options, shape, seed), step=STEP)
        for type in GOALS:
            worker.run(batch, type, row.keys)
            if "margin.boundary" in batch.p:
                chosen = worker.result("margin.chosen", batch.labels[:, None] + batch.labels)  # (N,N)
                batch = dataclasses.replace(batch, chosen=chosen)
            for name, evaluate in {"formula": loss_formulas.evaluate, "pytorch-metric-learning": row.peer}.items():
                theirs = evaluate(batch.fresh(), options) if evaluate else None
                if theirs is not None:
                    pytorch_float = functools.partial(float_error, batch, options)
                    errors.setdefault(name, Errors()).add(type, batch, worker, theirs, pytorch_float)
    return errors


HEAD = """## Losses beside independent implementations

Written by `bench/peers/losses.py`: loss and gradients with respect to embeddings, class weights, bias and trained scalars, of the
center loss also the moved centres. Random batches of 1 to 64 embeddings of 1 to 1000 numbers, with 1 to 33,000 classes. *formula*
is the paper's equation written in PyTorch {torch}, with its autograd; *pytorch-metric-learning* is version {peer}. Both compute
in double. An error is the largest difference in an array over the largest number there; goals: 1e-9 in double, 2e-5 in float.
Float runs on the {backend} kernels.

pytorch-metric-learning averages some losses over fewer terms, and has no lambda, class margins or trained s; the column says
what we asked of it. Left out are batches for which it has no answer: without a pair or another class, or, where it asks for
triplets, with rows that lack one of the two. It has no counterpart of the losses that stand beside their formula alone.

| loss | beside | batches | double: loss | gradients | float: loss | gradients |
|---|---|---|---|---|---|---|"""
FOOT = """
\\* Terms that cancel: on such a batch PyTorch in float is off by a quarter of this or more."""


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--only", default="", metavar="TEXT", help="rows whose title or keys contain this; nothing is written")
    p.add_argument("--worker", type=pathlib.Path, default=ROOT / "build/loss_worker")
    p.add_argument("--document", type=pathlib.Path, default=ROOT / "docs/results.md")
    return p.parse_args()


def main():
    options, lines, faults = arguments(), [], []
    with tempfile.TemporaryDirectory(prefix="prosopon-losses-") as folder:
        worker = Worker(options.worker, folder)
        for row in all_rows():
            if options.only not in f"{row.title} {row.keys}":
                continue
            for peer, e in compare(row, worker).items():
                lines.append(e.cells(row, peer))
                print(lines[-1], flush=True)
                faults += [f"{row.title}, {peer}: {where}: {error:.1e}" for where, error in e.missed.items()]
    if not options.only:
        faults += [f"no batch reached {branch}" for branch in loss_formulas.unseen()]
        head = HEAD.format(torch=torch.__version__, peer=pytorch_metric_learning.__version__, backend=worker.backend)
        report.insert(options.document, "\n".join([head, *lines, FOOT]), "losses")
    for fault in faults:
        print(f"losses: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    sys.exit(main())
