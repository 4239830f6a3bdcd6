#!/usr/bin/env python3
"""Accuracy on folds of a score file, with thresholds on a grid of cosines, beside recorded figures.

    bin/evaluate MODEL protocol=lfw root=LFW list=lfw_pairs.txt flip=none --out lfw
    bench/peers/grid_accuracy.py lfw/scores.csv [GOLDEN.json]

Per fold: of the cosines -1, -0.999, ..., 1 the first with the highest accuracy on the other folds; a pair is accepted when
its cosine is above. GOLDEN.json has lfw_10_fold.folds; exit code 1 when a fold differs by more than 1e-6. No code of the
library takes part.
"""
import csv
import json
import statistics
import sys
from bisect import bisect_right

GRID = [i / 1000 - 1 for i in range(2001)]


def read_scores(path):
    with open(path, newline="") as f:
        return [(int(r["fold"]), r["same"] == "1", float(r["score"])) for r in csv.DictReader(f)]


def threshold_of(rows):
    genuine = sorted(s for _, same, s in rows if same)
    impostor = sorted(s for _, same, s in rows if not same)
    right = [len(genuine) - bisect_right(genuine, t) + bisect_right(impostor, t) for t in GRID]
    return GRID[right.index(max(right))]


def fold_accuracy(rows, fold):
    t = threshold_of([r for r in rows if r[0] != fold])
    return statistics.fmean((score > t) == same for k, same, score in rows if k == fold)


def main():
    rows = read_scores(sys.argv[1])
    folds = [fold_accuracy(rows, fold) for fold in sorted({r[0] for r in rows})]
    print(f"{len(rows)} pairs: {statistics.fmean(folds):.6f} +- {statistics.pstdev(folds):.4f}")
    print("folds:", ", ".join(f"{a:.7f}" for a in folds))
    if len(sys.argv) < 3:
        return 0
    with open(sys.argv[2]) as f:
        golden = json.load(f)["lfw_10_fold"]["folds"]
    largest = max(abs(a - b) for a, b in zip(folds, golden, strict=True))
    print(f"largest difference from the recorded folds: {largest:.1e}")
    return int(largest > 1e-6)


if __name__ == "__main__":
    sys.exit(main())
