#!/usr/bin/env python3
"""The figures of bin/evaluate --out beside scikit-learn's, from the score file alone.    Usage: evaluation.py FOLDER...

    python3 -m venv ../sklearn && ../sklearn/bin/pip install scikit-learn
    bin/evaluate MODEL protocol=lfw root=LFW list=lfw_pairs.txt threshold=exact --out lfw
    ../sklearn/bin/python bench/peers/evaluation.py lfw

AUC: roc_auc_score. TAR at FAR f: of roc_curve(drop_intermediate=False) the highest TPR with FPR <= f. EER: where FPR and 1 - TPR
cross on that curve, linear in between. Accuracy: accuracy_score on each fold at the threshold that does best on the others:
the midpoint of neighbouring scores with the widest gap, then the lowest. Exit code 1 when a figure differs by more than 1e-6.
"""
import csv
import json
import pathlib
import sys

import numpy as np
from sklearn.metrics import accuracy_score, roc_auc_score, roc_curve

TOLERANCE = 1e-6


def read_scores(path):
    with open(path, newline="") as f:
        rows = list(csv.DictReader(f))
    columns = [("fold", int), ("same", int), ("score", float)]
    return [np.array([kind(r[name]) for r in rows]) for name, kind in columns]


def exact_threshold(same, score):
    values, place = np.unique(score, return_inverse=True)
    genuine, impostor = (np.bincount(place, same == s, len(values)) for s in (1, 0))
    below = np.append(0, np.cumsum(impostor)[:-1])  # impostors that fall below each value
    right = np.append(genuine[::-1].cumsum()[::-1] + below, impostor.sum())
    gap = np.concatenate(([0], np.diff(values), [0]))
    best = [i for i in range(len(right)) if right[i] == right.max()]
    i = max(best, key=lambda k: (gap[k], -k))
    return values[0] - 1 if i == 0 else values[-1] + 1 if i == len(values) else (values[i - 1] + values[i]) / 2


def fold_accuracy(fold, same, score):
    accuracies = []
    for k in np.unique(fold):
        test = fold == k
        accepted = score[test] >= exact_threshold(same[~test], score[~test])
        accuracies.append(accuracy_score(same[test], accepted))
    return np.mean(accuracies)


def eer(fpr, tpr):
    difference = fpr - (1 - tpr)
    i = int(np.argmax(difference >= 0))
    if i == 0:
        return fpr[0]
    share = -difference[i - 1] / (difference[i] - difference[i - 1])
    return fpr[i - 1] + share * (fpr[i] - fpr[i - 1])


def figures(folder):
    fold, same, score = read_scores(folder / "scores.csv")
    fpr, tpr, _ = roc_curve(same, score, drop_intermediate=False)
    yield "auc", roc_auc_score(same, score)
    yield "eer", eer(fpr, tpr)
    yield "accuracy", fold_accuracy(fold, same, score)
    for far in (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6):
        yield f"tar_at_far_{far:g}", tpr[fpr <= far + 1e-12].max()


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    failed = compared = 0
    for folder in map(pathlib.Path, sys.argv[1:]):
        result = json.loads((folder / "result.json").read_text())["results"][0]
        ours = {f["key"]: f["value"] for f in result["figures"]}
        for key, theirs in figures(folder):
            ours_key = next((k for k in ours if same_key(k, key)), None)
            if ours_key is None:
                print(f"{folder.name:20} {key:18} not among ours")
                continue
            difference = abs(ours[ours_key] - theirs)
            wrong = not difference <= TOLERANCE
            compared, failed = compared + 1, failed + wrong
            print(f"{folder.name:20} {key:18} {ours[ours_key]:.9f} {theirs:.9f}  {difference:.1e} {'WRONG' if wrong else 'ok'}")
    print(f"{compared} figures, {failed} differ by more than {TOLERANCE:g}")
    return int(failed > 0 or compared == 0)


def same_key(a, b):
    """tar_at_far_1e-05 and tar_at_far_1e-5 are one."""
    split = [k.rpartition("_") for k in (a, b)]
    try:
        return split[0][0] == split[1][0] and float(split[0][2]) == float(split[1][2])
    except ValueError:
        return a == b


if __name__ == "__main__":
    sys.exit(main())
