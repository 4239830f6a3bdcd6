"""What is compared: one row per piece of work, with the peers, the target and how closely the results must agree."""
import dataclasses
import math

NETS = ["sphereface20", "sphereface64", "iresnet50"]
BLAS = ["openblas", "openblas-debian", "blis", "onednn", "onednn-openmp"]
ONEDNN = ["onednn", "onednn-openmp"]
INFER = ["ncnn", "onnxruntime", "openvino", "torch"]

# name, M, N, K, storage of A and B, target, in the quick set
GEMMS = [
    ("cube 512", 512, 512, 512, "n n", 0.95, True), ("cube 1024", 1024, 1024, 1024, "n n", 0.95, True),
    ("cube 2048", 2048, 2048, 2048, "n n", 0.95, False),
    ("conv 64@56, a picture", 64, 3136, 576, "n n", 0.95, True), ("conv 128@28, a picture", 128, 784, 1152, "n n", 0.95, False),
    ("conv 256@14, a picture", 256, 196, 2304, "n n", 0.95, False),
    ("conv 512@7, a picture", 512, 49, 4608, "n n", 1.2, True),
    ("conv 128@28, batch 16", 128, 12544, 1152, "n n", 0.95, False),
    ("conv 256@14, batch 16", 256, 3136, 2304, "n n", 0.95, False),
    ("conv 512@7, batch 16", 512, 784, 4608, "n n", 0.95, False),
    ("conv 64@56, batch 16, pixels x 64", 50176, 64, 576, "n n", 1.2, False),
    ("filter gradient 128@28, batch 16", 128, 1152, 12544, "n n", 0.95, False),
    ("filter gradient 512@7, batch 16", 512, 4608, 784, "n n", 0.95, False),
    ("Winograd 256@14 tile", 256, 256, 256, "n n", 0.95, False), ("Winograd 128@28 tile", 128, 784, 128, "n n", 1.2, False),
    ("Winograd 64@56 tile", 64, 3136, 64, "n n", 1.2, True),
    ("head, batch 32", 32, 10575, 512, "n n", 1.2, False), ("head, batch 32, B'", 32, 10575, 512, "n t", 1.2, True),
    ("FC, batch 16", 16, 512, 21504, "n n", 1.2, False), ("FC, batch 16, B'", 16, 512, 21504, "n t", 1.2, True),
]
# name, C, H = W, K, R, stride, pad
PLAIN_CONVS = [("64@56", 64, 56, 64, 3, 1, 1), ("128@28", 128, 28, 128, 3, 1, 1), ("256@14", 256, 14, 256, 3, 1, 1),
               ("512@7", 512, 7, 512, 3, 1, 1), ("64@112", 64, 112, 64, 3, 1, 1)]
OTHER_CONVS = [("64@112 /2", 64, 112, 64, 3, 2, 1), ("64->128@56 /2", 64, 56, 128, 3, 2, 1),
               ("128->256@28 /2", 128, 28, 256, 3, 2, 1), ("256->512@14 /2", 256, 14, 512, 3, 2, 1),
               ("3->64@112", 3, 112, 64, 3, 1, 1), ("3->64@112 /2", 3, 112, 64, 3, 2, 1),
               ("1x1 64->128@56 /2", 64, 56, 128, 1, 2, 0), ("1x1 256@14", 256, 14, 256, 1, 1, 0)]
PASSES = {"fwd": "forward", "dx": "input gradient", "dw": "filter gradient"}


@dataclasses.dataclass
class Row:
    group: str
    name: str
    case: str  # of the protocol; FILE stands for a scratch file, JPEGS for a folder of pictures
    peers: list
    target: float  # peer's time / ours; of memory and start-up: ours / the peer's
    tolerance: float = 1e-4  # largest difference of a sampled result / largest result
    quick: bool = False
    threads: int = 0  # 0: as asked
    kind: str = "speed"  # or memory, startup

    def flop(self):
        """Additions and multiplications of the definition of a product or a convolution, otherwise 0."""
        kind, *words = self.case.split()
        if kind == "gemm":
            return 2 * math.prod(map(int, words[:3]))
        if kind == "conv":
            c, h, w, k, r, stride, pad, n = (int(words[i]) for i in (0, 1, 2, 3, 4, 5, 6, 8))
            return 2 * n * c * k * r * r * math.prod((side + 2 * pad - r) // stride + 1 for side in (h, w))
        return 0


def convolutions(group, layers, target, quick):
    for name, c, side, k, r, stride, pad in layers:
        for p, words in PASSES.items():
            if (c, p) != (3, "dx"):  # nobody asks for the gradient of the pictures
                yield Row(group, f"{name}, {words}", f"conv {c} {side} {side} {k} {r} {stride} {pad} {p} 16", ONEDNN, target,
                          quick=name in quick)


def all_rows():
    training, inference = "Training step, 10,575 classes", "Inference"
    rows = [Row(training, f"{net}, batch {n}", f"train {net} {n} FILE", ["torch"], 1.8, 1e-3, (net, n) == ("sphereface20", 16))
            for net in NETS for n in (16, 32)]
    rows += [Row(inference, f"{net}, batch {n}", f"infer {net} {n} FILE", INFER, 1.1, 1e-3, (net, n) == ("sphereface20", 1))
             for net in ("sphereface20", "iresnet50") for n in (1, 16)]
    rows += [Row("Matrix product", f"{name} ({m}, {n}, {k})", f"gemm {m} {n} {k} {form}", BLAS, target, 1e-5, quick)
             for name, m, n, k, form, target, quick in GEMMS]
    rows += convolutions("Convolution 3x3, batch 16", PLAIN_CONVS, 1.9, {"64@56"})
    rows += convolutions("Strided, 1x1 and first convolution, batch 16", OTHER_CONVS, 1.0, {"128->256@28 /2"})
    rows += [Row("Top 10 of 50,000 x 512", f"{q} queries" if q > 1 else "1 query", f"topk {q} 50000 512 10", ["faiss"], 1.0,
                 quick=q == 64) for q in (1, 64, 1024)]
    rows += [Row("Input pipeline, one core", "64 JPEG files of 112x112: decode, mirror, shift, to floats", "pipeline JPEGS",
                 ["torchvision"], 2.0, 0.05, True, threads=1)]
    rows += [Row("Peak memory of training", f"{net}, batch 32, {words}", f"train {net} 32 FILE {what}", ["torch"], 0.7,
                 quick=net == "sphereface20", kind="memory")
             for net in NETS for what, words in (("whole", "the process"), ("growth", "what the steps add"))]
    rows += [Row("Start", f"sphereface20, from the command to {end}", end, ["torch"], 0.1, quick=True, kind="startup")
             for end in ("the end of the first step", "the end of a run of one step")]
    return rows
