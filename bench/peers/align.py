#!/usr/bin/env python3
"""Our alignment beside OpenCV's: the same landmarks, the same template, cv2.warpAffine.

    bench/peers/align.py PICTURES LANDMARKS [--program ./bin/align]

PICTURES is a folder, LANDMARKS lines "name x1 y1 ... x5 y5", by tabs or blanks. The program aligns to lossless files; each is compared with
OpenCV's warp of the same decoded pixels by the closed form of Umeyama 1991. Prints the mean and the largest difference in
gray levels, and the figures of test/fr/lfw_alignment_test.cpp: the means of the quarters of OpenCV's pictures, sorted by name.

Needs numpy and opencv-python-headless. OpenCV decodes JPEG by its own copy of libjpeg-turbo, so pictures are handed to both
as PNG files.
"""
import argparse
import pathlib
import subprocess
import tempfile

import cv2
import numpy as np

TEMPLATE = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])


def umeyama(p, q):
    """2 x 3 matrix of the similarity that brings p nearest to q."""
    mp, mq = p.mean(0), q.mean(0)
    u, v = p - mp, q - mq
    a = (u * v).sum() / (u * u).sum()
    b = (u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]).sum() / (u * u).sum()
    m = np.array([[a, -b], [b, a]])
    return np.c_[m, mq - m @ mp]


def read_landmarks(path):
    rows = (line.split("\t" if "\t" in line else None) for line in path.read_text().splitlines() if line.strip())
    return {name: np.array(values, float).reshape(5, 2) for name, *values in rows}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", type=pathlib.Path)
    parser.add_argument("landmarks", type=pathlib.Path)
    parser.add_argument("--program", default="./bin/align")
    arguments = parser.parse_args()
    known = read_landmarks(arguments.landmarks)
    names = sorted(str(p.relative_to(arguments.pictures)) for p in arguments.pictures.rglob("*.jpg"))
    with tempfile.TemporaryDirectory() as folder:
        source, out, chosen = pathlib.Path(folder, "source"), pathlib.Path(folder, "out"), pathlib.Path(folder, "list")
        lines = []
        for name in names:
            to = source / pathlib.Path(name).with_suffix(".png")
            to.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(to), cv2.imread(str(arguments.pictures / name)))
            lines.append("\t".join([str(to.relative_to(source)), *(f"{v:g}" for v in known[name].ravel())]))
        chosen.write_text("\n".join(lines) + "\n")
        subprocess.run([arguments.program, source, "--out", out, "--landmarks", chosen], check=True)
        means, largest = [], 0
        for name in names:
            file = str(pathlib.Path(name).with_suffix(".png"))
            theirs = cv2.warpAffine(cv2.imread(str(source / file)), umeyama(known[name], TEMPLATE), (112, 112))
            difference = np.abs(theirs.astype(float) - cv2.imread(str(out / file)))
            means.append(difference.mean())
            largest = max(largest, difference.max())
            quarters = theirs.reshape(2, 56, 2, 56, 3).mean((1, 3, 4)).ravel()
            print(f"{{{', '.join(f'{v:.1f}' for v in quarters)}}},")
    print(f"OpenCV {cv2.__version__}, {len(names)} pictures: mean difference {np.mean(means):.4f} gray levels, of the worst "
          f"picture {max(means):.4f}, of the worst pixel {largest:.0f}")


if __name__ == "__main__":
    main()
