"""The networks of fr/backbone in PyTorch, with the weights that bench_worker wrote (safetensors).

SphereFace: Liu et al. 2017, Table 2. IResNet: Deng et al. 2019, "ArcFace", section 3.1, in the form of their published code.
Modules are registered in our order: weights are matched by position, and their shapes are checked.
"""
import json
import struct

import numpy as np
import torch
from torch import nn

from protocol import values

UNITS = {"sphereface4": (0, 0, 0, 0), "sphereface10": (0, 1, 2, 0), "sphereface20": (1, 2, 4, 1),
         "sphereface36": (2, 4, 8, 2), "sphereface64": (3, 8, 16, 3),
         "iresnet18": (2, 2, 2, 2), "iresnet34": (3, 4, 6, 3), "iresnet50": (3, 4, 14, 3), "iresnet100": (3, 13, 30, 3)}
CHANNELS = (64, 128, 256, 512)
EMBEDDING, CLASSES = 512, 10575


class Unit(nn.Module):
    """x + PReLU(conv(PReLU(conv(x))))"""

    def __init__(self, c):
        super().__init__()
        self.branch = nn.Sequential(nn.Conv2d(c, c, 3, 1, 1, bias=False), nn.PReLU(c),
                                    nn.Conv2d(c, c, 3, 1, 1, bias=False), nn.PReLU(c))

    def forward(self, x):
        return x + self.branch(x)


class Block(nn.Module):
    """BN - conv - BN - PReLU - conv/stride - BN; the shortcut of a stage's first block is conv 1x1/stride - BN."""

    def __init__(self, c, k, stride):
        super().__init__()
        self.branch = nn.Sequential(nn.BatchNorm2d(c), nn.Conv2d(c, k, 3, 1, 1, bias=False), nn.BatchNorm2d(k), nn.PReLU(k),
                                    nn.Conv2d(k, k, 3, stride, 1, bias=False), nn.BatchNorm2d(k))
        self.shortcut = nn.Identity()
        if stride != 1:
            self.shortcut = nn.Sequential(nn.Conv2d(c, k, 1, stride, bias=False), nn.BatchNorm2d(k))

    def forward(self, x):
        return self.branch(x) + self.shortcut(x)


def sphereface(units):
    layers, c = [], 3
    for k, n in zip(CHANNELS, units):
        layers += [nn.Conv2d(c, k, 3, 2, 1), nn.PReLU(k), *(Unit(k) for _ in range(n))]
        c = k
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(512 * 7 * 6, EMBEDDING))


def iresnet(blocks):
    layers, c = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64)], 64
    for k, n in zip(CHANNELS, blocks):
        layers += [Block(c if i == 0 else k, k, 2 if i == 0 else 1) for i in range(n)]
        c = k
    last = nn.BatchNorm1d(EMBEDDING)
    last.weight.requires_grad = False
    return nn.Sequential(*layers, nn.BatchNorm2d(512), nn.Flatten(), nn.Linear(512 * 7 * 7, EMBEDDING), last)


def make(name):
    """A network and its input size."""
    if name.startswith("iresnet"):
        return iresnet(UNITS[name]), (112, 112)
    return sphereface(UNITS[name]), (112, 96)


def read_safetensors(path):
    """{name: array} in the order of names, and the metadata."""
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    metadata = header.pop("__metadata__", {})
    return {name: np.frombuffer(data[slice(*header[name]["data_offsets"])], np.float32).reshape(header[name]["shape"])
            for name in sorted(header)}, metadata


def in_torch_layout(ours):
    """(K,R,S,C) filters -> (K,C,R,S); the fully connected layer after an (H,W,C) map -> after (C,H,W)."""
    w = torch.from_numpy(ours.copy())
    if w.ndim == 4:
        w = w.permute(0, 3, 1, 2)
    elif w.ndim == 2 and w.shape[1] > 512:
        w = w.view(len(w), 7, -1, 512).permute(0, 3, 1, 2).flatten(1)
    return w.contiguous()


@torch.no_grad()
def load(net, path):
    """Fills net (or network and head as two children); returns optimiser groups: parameters with the same multipliers."""
    tensors, multipliers = read_safetensors(path)
    groups = {}
    ours = [name for name in tensors if name[0] == "p"]
    for name, p in zip(ours, net.parameters(), strict=True):
        p.copy_(in_torch_layout(tensors[name]).view_as(p))
        groups.setdefault(multipliers[name], []).append(p)
    buffers = [b for b in net.buffers() if b.is_floating_point()]
    for name, b in zip([name for name in tensors if name[0] == "b"], buffers, strict=True):
        b.copy_(torch.from_numpy(tensors[name].copy()))
    return [(*map(float, key.split()), parameters) for key, parameters in groups.items()]


def trained(name, file):
    """The network for inference with our weights, and its input size."""
    net, size = make(name)
    load(net, file)
    return net.eval(), size


def to_onnx(name, batch, file):
    """Writes FILE.onnx; returns its path and the pictures as the network wants them, (batch,3,H,W)."""
    net, size = trained(name, file)
    x = torch.from_numpy(values(1, batch, *size, 3)).permute(0, 3, 1, 2).contiguous()
    torch.onnx.export(net, (x,), f"{file}.onnx", input_names=["x"], output_names=["y"], dynamo=True, external_data=False)
    return f"{file}.onnx", x.numpy()
