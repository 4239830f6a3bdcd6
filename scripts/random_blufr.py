#!/usr/bin/env python3
"""Draw trials of BLUFR's sizes from a folder NAME/NAME_0001.jpg: not the official split, whose .mat file not everybody has.

    random_blufr.py LFW OUT [SEED]     writes OUT/images.txt and OUT/trials.txt (docs/formats.md)

A trial trains on 1500 of 5749 people, of fewer people on as large a share. Of the others with two pictures or more, up to 1000
have one, drawn at random, in the gallery; every other picture is a probe.
"""
import pathlib
import random
import sys

TRIALS, TRAIN, ALL, ENROLLED = 10, 1500, 5749, 1000


def draw(people, rng):
    names = sorted(people)
    rng.shuffle(names)
    train = len(names) * TRAIN // ALL
    sets = {"train": [i for name in names[:train] for i in people[name]], "test": [], "gallery": [], "probe": []}
    enrolled = [name for name in names[train:] if len(people[name]) > 1][:ENROLLED]
    for name in enrolled:
        sets["gallery"].append(rng.choice(people[name]))
    for name in names[train:]:
        sets["test"] += people[name]
    known = set(sets["gallery"])
    sets["probe"] = [i for i in sets["test"] if i not in known]
    return sets


def main(root, out, seed=1):
    rng, out = random.Random(int(seed)), pathlib.Path(out)
    folders = sorted(p for p in pathlib.Path(root).iterdir() if p.is_dir())
    pictures = [(f"{f.name}/{p.name}", label) for label, f in enumerate(folders) for p in sorted(f.iterdir())]
    people = {}
    for i, (_, label) in enumerate(pictures):
        people.setdefault(label, []).append(i + 1)
    out.mkdir(parents=True, exist_ok=True)
    with open(out / "images.txt", "w", encoding="utf-8") as file:
        file.writelines(f"{name}\t{label}\n" for name, label in pictures)
    with open(out / "trials.txt", "w", encoding="utf-8") as file:
        for trial in range(1, TRIALS + 1):
            for name, places in draw(people, rng).items():
                file.writelines(f"{trial}\t{name}\t{i}\n" for i in sorted(places))


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(*sys.argv[1:])
