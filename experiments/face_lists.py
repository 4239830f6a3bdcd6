#!/usr/bin/env python3
"""Lists of real faces for experiments/faces.toml.    Usage: face_lists.py DATA OUT

DATA holds lfw-112, lists and gray/SET/PERSON/PICTURE. Writes into OUT, `path label` a line: lfw.txt, the people of LFW's View 1
training half who have two pictures or more, and orl.txt, umist.txt, yale.txt, imm.txt. Pairs for tests: gt.csv, 3,000 of one
person and as many of two, of the set gt, which nothing is trained on; lfw.csv, all of one person (of the first 20 pictures)
and 200,000 of two, of View 1's test half.
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


def genuine(pictures_of):
    return [pair for pictures in pictures_of for pair in itertools.combinations(pictures, 2)]


def impostors(pictures_of, count, draw):
    pairs = set()
    while len(pairs) < count:
        a, b = sorted(draw.sample(range(len(pictures_of)), 2))
        pairs.add((draw.choice(pictures_of[a]), draw.choice(pictures_of[b])))
    return sorted(pairs)


def write_pairs(path, same, different):
    rows = [(*pair, 1) for pair in same] + [(*pair, 0) for pair in different]
    path.write_text("fold,a,b,same\n" + "".join(f"{i % 10},{a},{b},{s}\n" for i, (a, b, s) in enumerate(rows)))


def view_1(path):
    """The pictures of each person of a list of LFW's View 1."""
    lines = (line.split("\t") for line in path.read_text().splitlines()[1:])
    return [[f"{name}/{name}_{i + 1:04}.jpg" for i in range(int(count))] for name, count in lines]


def main():
    data, out = map(pathlib.Path, sys.argv[1:])
    out.mkdir(parents=True, exist_ok=True)
    write_list(out / "lfw.txt", [p for p in view_1(data / "lists/peopleDevTrain.txt") if len(p) > 1])
    for name in ("orl", "umist", "yale", "imm"):
        write_list(out / f"{name}.txt", people(data / "gray" / name))
    draw = random.Random(1)
    gt = people(data / "gray" / "gt")
    write_pairs(out / "gt.csv", draw.sample(genuine(gt), 3000), impostors(gt, 3000, draw))
    test = view_1(data / "lists/peopleDevTest.txt")
    write_pairs(out / "lfw.csv", genuine([pictures[:20] for pictures in test]), impostors(test, 200_000, draw))


if __name__ == "__main__":
    main()
