#!/usr/bin/env python3
"""Write BLUFR's blufr_lfw_config.mat as the two text files that read_blufr reads (docs/formats.md).

    blufr_to_text.py blufr_lfw_config.mat OUT      writes OUT/images.txt and OUT/trials.txt; needs scipy
"""
import pathlib
import sys

import scipy.io

SETS = {"trainIndex": "train", "testIndex": "test", "galIndex": "gallery", "probIndex": "probe"}


def main(config, out):
    mat = scipy.io.loadmat(config)
    images = [str(cell.item()) for cell in mat["imageList"].ravel()]
    labels = mat["labels"].ravel()
    if len(images) != len(labels):
        sys.exit(f"{config}: {len(images)} pictures, {len(labels)} labels")
    cells = {name: mat[key].ravel() for key, name in SETS.items()}
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    with open(out / "images.txt", "w", encoding="utf-8") as file:
        file.writelines(f"{image}\t{int(label)}\n" for image, label in zip(images, labels))
    with open(out / "trials.txt", "w", encoding="utf-8") as file:
        for trial in range(len(cells["train"])):
            for name, per_trial in cells.items():
                file.writelines(f"{trial + 1}\t{name}\t{int(i)}\n" for i in per_trial[trial].ravel())


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
