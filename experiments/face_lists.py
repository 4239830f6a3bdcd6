#!/usr/bin/env python3
"""Lists of real faces for experiments/faces.toml.    Usage: face_lists.py DATA OUT

DATA holds lfw-112, lists and gray/SET/PERSON/PICTURE. Writes into OUT, `path label` a line: lfw.txt, the people of LFW's View 1
training half who have two pictures or more, and orl.txt, umist.txt, yale.txt, imm.txt; and gt.csv: 3,000 pairs of one person
and as many of two, of the set gt, which nothing is trained on.
"""
import itertools
import pathlib
import random
import sys


def write_list(path, pictures_of):
    lines = [f"{picture} {label}" for label, pictures in enumerate(pictures_of) for picture in pictures]
    path.write_text("\n".join(lines) + "\n")


def people(root):
    return [[f"{person.name}/{p.name}" for p in sorted(person.iterdir())] for person in sorted(root.iterdir())]


def main():
    data, out = map(pathlib.Path, sys.argv[1:])
    out.mkdir(parents=True, exist_ok=True)
    lfw = []
    for line in (data / "lists/peopleDevTrain.txt").read_text().splitlines()[1:]:
        name, count = line.split("\t")
        if int(count) > 1:
            lfw.append([f"{name}/{name}_{i + 1:04}.jpg" for i in range(int(count))])
    write_list(out / "lfw.txt", lfw)
    for name in ("orl", "umist", "yale", "imm"):
        write_list(out / f"{name}.txt", people(data / "gray" / name))
    draw = random.Random(1)
    gt = people(data / "gray" / "gt")
    same = draw.sample([pair for pictures in gt for pair in itertools.combinations(pictures, 2)], 3000)
    different = set()
    while len(different) < 3000:
        a, b = sorted(draw.sample(range(len(gt)), 2))
        different.add((draw.choice(gt[a]), draw.choice(gt[b])))
    rows = [(a, b, 1) for a, b in same] + [(a, b, 0) for a, b in sorted(different)]
    (out / "gt.csv").write_text("fold,a,b,same\n" + "".join(f"{i % 10},{a},{b},{s}\n" for i, (a, b, s) in enumerate(rows)))


if __name__ == "__main__":
    main()
