#!/usr/bin/env python3
"""Write AgeDB's MATLAB protocol, a struct `splits` of ten folds, as the CSV that read_pairs reads (docs/formats.md).

    agedb_to_csv.py AgeDB-30.mat pairs.csv         needs scipy
"""
import csv
import sys

import numpy as np
import scipy.io


def strings(cells):
    return [str(np.asarray(cell).item()) for cell in np.asarray(cells).ravel()]


def main(protocol, out):
    splits = scipy.io.loadmat(protocol)["splits"].ravel()
    with open(out, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["fold", "a", "b", "same"])
        for fold, split in enumerate(splits):
            fields = {name: split[name] for name in split.dtype.names}
            print(fields)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
