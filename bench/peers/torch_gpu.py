#!/usr/bin/env python3
"""PyTorch on a CUDA card at its best, beside build/gpu_bench: the same networks, classes, batches and names of rows.

  torch_gpu.py [--out FILE.jsonl] [--beside gpu_bench.jsonl] [--seconds N] [--only GROUP] [--quick]

Training: channels_last, AMP bfloat16 (or TF32 for "float, TF32"), fused SGD; as it is, compiled, and the whole step as one
CUDA graph; the fastest form is the row, the others stand in its note. Convolutions: cuDNN's fastest for each layer. Writes
a JSON line for each row as it comes, and with --beside a table of ratios (time of PyTorch / our time) to FILE.md.
"""
import argparse
import json
import os
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import nets  # noqa: E402

START = time.time()
LAYERS = [  # H W C K R stride, as in bench/gpu/conv_bench.cpp
    (112, 112, 3, 64, 3, 1), (112, 112, 64, 64, 3, 1), (112, 112, 64, 64, 3, 2), (112, 112, 64, 64, 1, 2),
    (56, 56, 64, 64, 3, 1), (56, 56, 64, 128, 3, 1), (56, 56, 128, 128, 3, 2), (56, 56, 64, 128, 1, 2),
    (28, 28, 128, 128, 3, 1), (28, 28, 128, 256, 3, 1), (28, 28, 256, 256, 3, 2), (28, 28, 128, 256, 1, 2),
    (14, 14, 256, 256, 3, 1), (14, 14, 256, 512, 3, 1), (14, 14, 512, 512, 3, 2), (14, 14, 256, 512, 1, 2),
    (7, 7, 512, 512, 3, 1), (112, 96, 3, 64, 3, 2), (56, 48, 64, 64, 3, 1), (56, 48, 64, 128, 3, 2),
    (28, 24, 128, 128, 3, 1), (28, 24, 128, 256, 3, 2), (14, 12, 256, 256, 3, 1), (14, 12, 256, 512, 3, 2),
    (7, 6, 512, 512, 3, 1)]
NETWORKS = [("IResNet-50", "iresnet50"), ("IResNet-18", "iresnet18"), ("IResNet-100", "iresnet100"),
            ("SphereFace-20", "sphereface20"), ("SphereFace-64", "sphereface64")]
BF16, TF32 = "bfloat16", "float, TF32"


def synchronize():
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def timing(run, samples=7, least=0.02):
    """Median and quartiles of the seconds of one run()."""
    run(), run()
    synchronize()

    def seconds(calls):
        start = time.perf_counter()
        for _ in range(calls):
            run()
        synchronize()
        return (time.perf_counter() - start) / calls

    calls = 1 if OPTIONS.quick else max(1, int(least / max(seconds(1), 1e-6)))
    times = sorted(seconds(calls) for _ in range(1 if OPTIONS.quick else samples))
    n = len(times)
    return {"seconds": times[n // 2], "low": times[n // 4], "high": times[n - 1 - n // 4]}


def late():
    return time.time() - START > OPTIONS.seconds


def row(group, name, kind, measure):
    """One line of the output: what measure() returns, or why there is nothing."""
    if OPTIONS.only not in group:
        return
    entry = {"group": group, "name": name, "type": kind}
    try:
        entry.update({"note": "not run: out of time"} if late() else measure())
    except Exception as e:  # of PyTorch or the card: the row says why
        entry["note"] = f"not run: {type(e).__name__}: {e}".replace("\n", " ")[:300]
    ROWS.append(entry)
    line = json.dumps(entry)
    print(line, flush=True)
    if OPTIONS.out:
        with open(OPTIONS.out, "a") as f:
            print(line, file=f)
    if OPTIONS.beside and os.path.exists(OPTIONS.beside):  # anew after each row: the last may never come
        compare(OPTIONS.beside, os.path.splitext(OPTIONS.out or "torch_gpu.jsonl")[0] + ".md")
    if DEVICE == "cuda":
        torch.cuda.empty_cache()


class Training:
    """A step in one of the forms "plain", "graph", "compiled", "compiled, graph"."""

    def __init__(self, name, batch, classes, kind, form):
        net, (height, width) = nets.make(name)
        self.net = net.to(DEVICE).to(memory_format=torch.channels_last).train()
        self.head = nn.Parameter(torch.randn(classes, nets.EMBEDDING, device=DEVICE) * 0.01)
        self.x = torch.rand(batch, 3, height, width, device=DEVICE).to(memory_format=torch.channels_last) * 2 - 1
        self.label = (torch.arange(batch, device=DEVICE) * 7919 + 13) % classes
        trained = [p for p in self.net.parameters() if p.requires_grad] + [self.head]
        self.optimizer = torch.optim.SGD(trained, lr=1e-6, momentum=0.9, weight_decay=5e-4, fused=DEVICE == "cuda")
        self.kind = kind
        self.loss = torch.compile(self.loss_of) if "compiled" in form else self.loss_of
        self.run = self.step
        if "graph" in form:
            self.record()

    def loss_of(self):
        # The cache of rounded weights would be filled while recording and empty when replayed.
        with torch.autocast(DEVICE, torch.bfloat16, enabled=self.kind == BF16, cache_enabled=False):
            return margin_loss(self.net(self.x), self.head, self.label)

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        self.loss().backward()
        self.optimizer.step()

    def record(self):
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.step()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.step()
        self.run = graph.replay


def margin_loss(embedding, weight, label, s=64.0, m=0.35):
    """CosFace: s (cos - m [label])."""
    cosine = F.linear(F.normalize(embedding), F.normalize(weight)).float()
    rows = torch.arange(len(label), device=cosine.device)
    target = cosine[rows, label] - m
    return F.cross_entropy(s * cosine.index_put((rows, label), target), label)


def training(name, batch, classes, kind):
    times, notes, memory = {}, [], {}
    forms = ["plain"] if DEVICE == "cpu" else ["graph", "compiled, graph", "compiled", "plain"]
    for form in forms:
        if times and late():
            notes.append(f"{form}: no time left")
            continue
        try:
            if DEVICE == "cuda":
                torch._dynamo.reset()
                torch.cuda.reset_peak_memory_stats()
            t = Training(name, batch, classes, kind, form)
            times[form] = timing(t.run, samples=10, least=0)
            memory[form] = torch.cuda.max_memory_allocated() if DEVICE == "cuda" else 0
            del t
        except Exception as e:
            notes.append(f"{form} fails: {e}"[:120])
        if DEVICE == "cuda":
            torch.cuda.empty_cache()
    if not times:
        raise RuntimeError("; ".join(notes))
    best = min(times, key=lambda form: times[form]["seconds"])
    others = [f"{form} {t['seconds'] / times[best]['seconds']:.2f}" for form, t in times.items() if form != best]
    return {**times[best], "images": batch, "memory": memory[best], "note": "; ".join([best, *others, *notes])}


def convolution(layer, batch, kind, which):
    H, W, C, K, R, stride = layer
    dtype = torch.bfloat16 if kind == BF16 else torch.float32

    def filled(*shape):
        return (torch.rand(*shape, device=DEVICE) * 2 - 1).to(dtype).to(memory_format=torch.channels_last)

    x, w = filled(batch, C, H, W), filled(K, C, R, R)
    y = F.conv2d(x, w, None, stride, R // 2)
    result = {"flop": 2 * y.numel() * R * R * C}
    if which == "forward":
        return {**timing(lambda: F.conv2d(x, w, None, stride, R // 2)), **result}
    dy = filled(*y.shape)
    mask = [which == "input gradient", which == "filter gradient", False]
    pad = [R // 2, R // 2]
    return {**timing(lambda: torch.ops.aten.convolution_backward(
        dy, x, w, None, [stride, stride], pad, [1, 1], False, [0, 0], 1, mask)), **result}


def head(classes, batch, kind):
    if DEVICE == "cuda":
        torch.cuda.reset_peak_memory_stats()
    embedding = torch.randn(batch, nets.EMBEDDING, device=DEVICE, requires_grad=True)
    weight = nn.Parameter(torch.randn(classes, nets.EMBEDDING, device=DEVICE) * 0.01)
    optimizer = torch.optim.SGD([weight], lr=1e-6, momentum=0.9, weight_decay=5e-4, fused=DEVICE == "cuda")
    label = (torch.arange(batch, device=DEVICE) * 7919 + 13) % classes

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(DEVICE, torch.bfloat16, enabled=kind == BF16):
            loss = margin_loss(embedding, weight, label)
        loss.backward()
        optimizer.step()

    return {**timing(step), "memory": torch.cuda.max_memory_allocated() if DEVICE == "cuda" else 0}


def product(n, kind):
    dtype = torch.bfloat16 if kind == BF16 else torch.float32
    a, b = (torch.rand(n, n, device=DEVICE).to(dtype) for _ in range(2))
    return {**timing(lambda: a @ b), "flop": 2 * n**3}


def everything():
    quick = OPTIONS.quick
    classes, batches = (30, [2]) if quick else (93000, [512, 256])
    for kind in (BF16, TF32):
        n = 64 if quick else 8192
        row("products", f"square {n}x{n}x{n}", kind, lambda: product(n, kind))
    networks = [("SphereFace-4", "sphereface4")] if quick else NETWORKS

    def train(of, batch, kind):
        for title, name in of:
            row("training steps", f"{title}, batch {batch}, {classes} classes", kind,
                lambda: training(name, batch, classes, kind))

    train(networks[:1], batches[0], BF16)
    for kind in (BF16, TF32):
        for layer in LAYERS[-1:] if quick else LAYERS:
            H, W, C, K, R, stride = layer
            N = 2 if quick else 512
            for which in ["forward", "filter gradient"] + (["input gradient"] if C > 3 else []):
                row(f"convolution, {which}", f"{C} -> {K} on {H}x{W}, {R}x{R} stride {stride}, batch {N}", kind,
                    lambda: convolution(layer, N, kind, which))
        for M in [40] if quick else [100000, 1000000]:
            N = 8 if quick else 512
            row("margin head", f"{M} classes, batch {N}, embedding {nets.EMBEDDING}", kind, lambda: head(M, N, kind))
    train(networks[1:], batches[0], BF16)
    for batch, kind in [] if quick else [(512, TF32), (256, BF16), (256, TF32)]:
        train(networks, batch, kind)


def compare(ours_file, table_file):
    """The table of ratios, of the rows that both have."""
    with open(ours_file) as f:
        ours = {(r["group"], r["name"], r["type"]): r for r in map(json.loads, f) if r.get("seconds")}
    groups = {}
    for theirs in ROWS:
        mine = ours.get((theirs["group"], theirs["name"], theirs["type"]))
        if mine and theirs.get("seconds"):
            groups.setdefault(theirs["group"], []).append((mine, theirs))
    with open(table_file, "w") as out:
        print(f"# Beside PyTorch {torch.__version__}\n\n{HEADING}\n", file=out)
        for group, pairs in groups.items():
            print(f"\n## {group}\n\n| what | type | ours, ms | PyTorch, ms | ratio | PyTorch's form |\n|---|---|---|---|---|---|", file=out)
            for mine, theirs in pairs:
                print(f"| {mine['name']} | {mine['type']} | {mine['seconds'] * 1e3:.4g} | {theirs['seconds'] * 1e3:.4g} | "
                      f"{theirs['seconds'] / mine['seconds']:.2f} | {theirs.get('note', '')} |", file=out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", default="")
    parser.add_argument("--beside", default="")
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--only", default="")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, on the CPU if need be: to see that it runs")
    OPTIONS = parser.parse_args()
    DEVICE, ROWS = "cuda" if torch.cuda.is_available() else "cpu", []
    if DEVICE == "cpu" and not OPTIONS.quick:
        print("torch_gpu: skipped: PyTorch finds no card")
        sys.exit(77)
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    HEADING = f"{torch.cuda.get_device_name() if DEVICE == 'cuda' else 'CPU'}, cuDNN {torch.backends.cudnn.version()}"
    if OPTIONS.out:
        with open(OPTIONS.out, "w") as file:
            print(json.dumps({"torch": torch.__version__, "card": HEADING}), file=file)
    everything()
