"""What losses.py, the formulas and the peer share: a batch, and the keys of a configuration."""
import collections
import dataclasses

import torch

seen = collections.defaultdict(set)  # which branches of the piecewise functions the batches reached


@dataclasses.dataclass
class Batch:
    x: torch.Tensor  # (N,D)
    labels: torch.Tensor  # (N)
    p: dict  # parameters and centres by the names of a model
    factor: torch.Tensor  # (M), of the margins
    step: int = 0
    chosen: torch.Tensor = None  # (N,N), margin-based loss
    after: dict = dataclasses.field(default_factory=dict)  # what a step changes beside its gradients

    def fresh(self):
        """The same numbers as leaves without gradients."""
        p = {name: v.detach().clone().requires_grad_(name != "center.centers") for name, v in self.p.items()}
        return dataclasses.replace(self, x=self.x.detach().clone().requires_grad_(), p=p, after={})

    def to(self, type):
        p = {name: v.to(type) for name, v in self.p.items()}
        return dataclasses.replace(self, x=self.x.to(type), p=p, factor=self.factor.to(type))

    def nudged(self, seed):
        """Another batch that float can hardly tell from this one."""
        g = torch.Generator().manual_seed(seed)

        def nudge(v):
            return v * (1 + 2.0**-22 * (2 * torch.rand(v.shape, generator=g) - 1))

        return dataclasses.replace(self, x=nudge(self.x), p={name: nudge(v) for name, v in self.p.items()})


class Options:
    """KEY=VALUE KEY=VALUE ... as on the command line of bin/train."""

    def __init__(self, keys):
        self.keys = dict(k.split("=") for k in keys.split())
        terms = [t.split(":") for t in self.keys["loss.name"].split(",")]
        self.terms = [(t[0], float(t[1]) if len(t) > 1 else 1) for t in terms]
        self.name = self.terms[0][0]

    def number(self, key, default):
        return float(self.keys.get(key, default))

    def word(self, key, default):
        return self.keys.get(key, default)


def gradient(v):
    return torch.zeros_like(v) if v.grad is None else v.grad


def length(v):
    return v.square().sum(1).sqrt()


def unit(v):
    return v / length(v)[:, None]


def same_class(labels):
    return labels[:, None] == labels[None]
