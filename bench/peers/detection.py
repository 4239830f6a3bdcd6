#!/usr/bin/env python3
"""Our MTCNN beside OpenCV's dnn running the same three networks.

    make build/detection_worker
    bench/peers/detection.py WEIGHTS PICTURES [--threads 2] [--rounds 30]

WEIGHTS is the safetensors file, PICTURES a folder of faces from which two pictures of 640 x 480 are made: one face enlarged,
and six side by side. OpenCV's networks are made of the same weights as ONNX; the proposal network once for each size, so that
it plans nothing twice. The same pyramid, thresholds, suppression and crops around them in numpy. The two take turns.

Prints our time over OpenCV's, whole and for its forward passes alone (which leaves out whatever Python costs), and how far the
landmarks lie apart. On a busy machine only the ratio of the processor's time is to be trusted. Needs numpy, onnx and opencv-python-headless.
"""
import argparse
import json
import pathlib
import statistics
import struct
import subprocess
import tempfile
import time

import cv2
import numpy as np
import onnx
from onnx import helper, numpy_helper

PLANS = {  # convolutions: name, slope, pool; then the dense layer and the heads
    "pnet": ([("conv1", "PReLU1", 2), ("conv2", "PReLU2", 0), ("conv3", "PReLU3", 0)], None, ["conv4-1", "conv4-2"]),
    "rnet": ([("conv1", "prelu1", 3), ("conv2", "prelu2", 3), ("conv3", "prelu3", 0)], ("conv4", "prelu4"),
             ["conv5-1", "conv5-2"]),
    "onet": ([("conv1", "prelu1", 3), ("conv2", "prelu2", 3), ("conv3", "prelu3", 2), ("conv4", "prelu4", 0)],
             ("conv5", "prelu5"), ["conv6-1", "conv6-2", "conv6-3"])}
THRESHOLDS, SMALLEST, PYRAMID = (0.6, 0.7, 0.7), 20, 0.709


def read_weights(path):
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    header.pop("__metadata__", None)
    return {name: np.frombuffer(data[8 + length:][slice(*entry["data_offsets"])], np.float32).reshape(entry["shape"])
            for name, entry in header.items()}


def network(weights, net, height, width):
    """The network for pictures as they are: both axes of the filters exchanged."""
    convolutions, dense, heads = PLANS[net]
    nodes, constants, at = [], [], "x"

    def constant(name, value):
        constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(kind, name, *inputs, **attributes):
        nonlocal at
        nodes.append(helper.make_node(kind, [at, *inputs], [name], name, **attributes))
        at = name

    channels = 3
    for name, slope, pool in convolutions:
        w = weights[f"{net}.{name}.weight"]
        channels = w.shape[0]
        add("Conv", name, constant(name + ".w", w.transpose(0, 1, 3, 2)),
            constant(name + ".b", weights[f"{net}.{name}.bias"]), kernel_shape=w.shape[2:])
        add("PRelu", slope, constant(slope + ".a", weights[f"{net}.{slope}.slope"].reshape(-1, 1, 1)))
        if pool:
            add("MaxPool", name + "-pool", kernel_shape=[pool, pool], strides=[2, 2], ceil_mode=1)
    w, b = (np.concatenate([weights[f"{net}.{head}.{part}"] for head in heads]) for part in ("weight", "bias"))
    if dense:
        name, slope = dense
        d = weights[f"{net}.{name}.weight"]
        d = d.reshape(len(d), channels, 3, 3).transpose(0, 1, 3, 2).reshape(d.shape)
        add("Flatten", "flatten", axis=1)
        add("Gemm", name, constant(name + ".w", d), constant(name + ".b", weights[f"{net}.{name}.bias"]), transB=1)
        add("PRelu", slope, constant(slope + ".a", weights[f"{net}.{slope}.slope"]))
        add("Gemm", "heads", constant("heads.w", w), constant("heads.b", b), transB=1)
    else:
        add("Conv", "heads", constant("heads.w", w), constant("heads.b", b), kernel_shape=[1, 1])
    batch, result = ("N", ["N", len(b)]) if dense else (1, [1, len(b), height // 2 - 5, width // 2 - 5])
    graph = helper.make_graph(nodes, net, [helper.make_tensor_value_info("x", 1, [batch, 3, height, width])],
                              [helper.make_tensor_value_info(at, 1, result)], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return cv2.dnn.readNetFromONNX(np.frombuffer(model.SerializeToString(), np.uint8))


def suppress(boxes, scores, threshold, smaller):
    order, kept = np.argsort(-scores, kind="stable"), []
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    while len(order):
        i, rest = order[0], order[1:]
        kept.append(i)
        width = np.minimum(boxes[i, 2], boxes[rest, 2]) - np.maximum(boxes[i, 0], boxes[rest, 0])
        height = np.minimum(boxes[i, 3], boxes[rest, 3]) - np.maximum(boxes[i, 1], boxes[rest, 1])
        common = np.maximum(width, 0) * np.maximum(height, 0)
        whole = np.minimum(area[i], area[rest]) if smaller else area[i] + area[rest] - common
        order = rest[common <= threshold * whole]
    return np.array(kept, int)


def corrected(boxes, by):
    sides = boxes[:, 2:] - boxes[:, :2]
    return boxes + by * np.c_[sides, sides]


class Detector:
    def __init__(self, weights, height, width):
        self.sizes, scale = [], 12 / SMALLEST
        while min(height, width) * scale >= 12:
            self.sizes.append((2 * int(width * scale / 2 + 0.5), 2 * int(height * scale / 2 + 0.5)))
            scale *= PYRAMID
        self.proposal = [network(weights, "pnet", h, w) for w, h in self.sizes]
        self.judges = [(24, network(weights, "rnet", 24, 24)), (48, network(weights, "onet", 48, 48))]
        self.forward_seconds = 0

    def run(self, net, pictures):
        net.setInput(cv2.dnn.blobFromImages(pictures, 1 / 128, mean=(127.5, 127.5, 127.5)))
        start = time.perf_counter()
        y = net.forward()
        self.forward_seconds += time.perf_counter() - start
        return y

    def propose(self, image):
        all_boxes, all_scores, all_corrections, levels = [], [], [], []
        for (width, height), net in zip(self.sizes, self.proposal):
            source = next((l for l in reversed(levels) if l.shape[1] >= 2 * width and l.shape[0] >= 2 * height), image)
            levels.append(cv2.resize(source, (width, height), interpolation=cv2.INTER_AREA))
            y = self.run(net, [levels[-1]])[0]
            scores = 1 / (1 + np.exp(y[0] - y[1]))
            p, q = np.nonzero(scores >= THRESHOLDS[0])
            scale = np.array([image.shape[1] / width, image.shape[0] / height] * 2)
            boxes = np.c_[2 * q, 2 * p, 2 * q + 12, 2 * p + 12] * scale - 0.5
            kept = suppress(boxes, scores[p, q], 0.5, smaller=False)
            all_boxes.append(boxes[kept]), all_scores.append(scores[p, q][kept]), all_corrections.append(y[2:, p, q].T[kept])
        boxes, scores, corrections = map(np.concatenate, (all_boxes, all_scores, all_corrections))
        kept = suppress(boxes, scores, 0.7, smaller=False)
        return corrected(boxes[kept], corrections[kept])

    def judge(self, image, boxes, stage):
        size, net = self.judges[stage - 1]
        if not len(boxes):
            columns = (4, 14)[stage - 1]
            return np.zeros((0, 4)), np.zeros(0), np.zeros((0, columns)), np.zeros((0, 2), int), np.zeros(0, int)
        sides = np.rint((boxes[:, 2:] - boxes[:, :2]).max(1)).astype(int)
        corners = np.rint((boxes[:, :2] + boxes[:, 2:] - sides[:, None]) / 2 + 0.5).astype(int)
        frame = int(max(sides.max(), -corners.min(), (corners + sides[:, None]).max() - min(image.shape[:2]), 1))
        framed = cv2.copyMakeBorder(image, frame, frame, frame, frame, cv2.BORDER_CONSTANT)
        crops = [cv2.resize(framed[y + frame:y + frame + s, x + frame:x + frame + s], (size, size),
                            interpolation=cv2.INTER_AREA if s > size else cv2.INTER_LINEAR)
                 for (x, y), s in zip(corners, sides)]
        y = self.run(net, crops)
        scores = 1 / (1 + np.exp(y[:, 0] - y[:, 1]))
        chosen = scores >= THRESHOLDS[stage]
        boxes = np.c_[corners - 0.5, corners + sides[:, None] - 0.5]
        return boxes[chosen], scores[chosen], y[chosen, 2:], corners[chosen], sides[chosen]

    def detect(self, image):
        boxes, scores, y, _, _ = self.judge(image, self.propose(image), 1)
        kept = suppress(boxes, scores, 0.7, smaller=False)
        boxes, scores, y, corners, sides = self.judge(image, corrected(boxes[kept], y[kept, :4]), 2)
        kept = suppress(corrected(boxes, y[:, :4]), scores, 0.7, smaller=True)
        landmarks = np.stack([y[:, 4:9], y[:, 9:14]], 2) * sides[:, None, None] + corners[:, None]
        return [(scores[i], landmarks[i]) for i in kept]


def pictures_of(folder):
    faces = [cv2.imread(str(p)) for p in sorted(folder.rglob("*.jpg"))[:6]]
    one = cv2.copyMakeBorder(cv2.resize(faces[0], (480, 480)), 0, 0, 80, 80, cv2.BORDER_REPLICATE)
    tiles = [cv2.resize(f, (240, 240))[:, 13:227] for f in faces]
    six = np.vstack([np.hstack(tiles[:3]), np.hstack(tiles[3:])])[:, :640]
    return {"one face": one, "six faces": six}


def compare(name, picture, arguments, weights, folder):
    file = pathlib.Path(folder, "picture.png")
    cv2.imwrite(str(file), picture)
    rgb = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
    worker = subprocess.Popen([arguments.worker, arguments.weights, file, str(arguments.threads)], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    ours = [np.array(line.split(), float) for line in iter(worker.stdout.readline, "\n")]
    detector = Detector(weights, *picture.shape[:2])
    theirs = detector.detect(rgb)
    apart = [min(np.abs(f[1:].reshape(5, 2) - l).max() for f in ours) for _, l in theirs] if ours else []
    times = []
    for _ in range(arguments.rounds):
        worker.stdin.write("\n")
        worker.stdin.flush()
        mine, mine_used = map(float, worker.stdout.readline().split())
        detector.forward_seconds, start, used = 0, time.perf_counter(), time.process_time()
        detector.detect(rgb)
        times.append((mine, time.perf_counter() - start, detector.forward_seconds, mine_used, time.process_time() - used))
    worker.stdin.close()
    worker.wait()
    mine, whole, forward, mine_used, used = (statistics.median(t) * 1e3 for t in zip(*times))
    ratio, pure, effort = (statistics.median(t[k] / t[j] for t in times) for j, k in ((0, 1), (0, 2), (3, 4)))
    print(f"{name}: ours {mine:.1f} ms, OpenCV {cv2.__version__} {whole:.1f} ms (forward passes {forward:.1f}); OpenCV takes "
          f"{ratio:.2f} times as long, its forward passes alone {pure:.2f} times; processor time {mine_used:.1f} and {used:.1f} ms, "
          f"{effort:.2f} times; {len(ours)} and {len(theirs)} faces, "
          f"landmarks at most {max(apart, default=0):.2f} pixels apart")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=pathlib.Path)
    parser.add_argument("pictures", type=pathlib.Path)
    parser.add_argument("--worker", default="build/detection_worker")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=30)
    arguments = parser.parse_args()
    cv2.setNumThreads(arguments.threads)
    weights = read_weights(arguments.weights)
    with tempfile.TemporaryDirectory() as folder:
        for name, picture in pictures_of(arguments.pictures).items():
            compare(name, picture, arguments, weights, folder)


if __name__ == "__main__":
    main()
