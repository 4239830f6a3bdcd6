"""The rows of losses.py: each loss with the keys of its configuration, its batches, and what the peer says about it."""
import dataclasses
import typing

import torch

from loss_common import Batch
from loss_formulas import SCALE, TARGETS
from metric_learning import annealed, arcface, contrastive, cosface, lifted, margin_based, normface, triplet

# (N, D, M): one row, two classes, odd numbers, many classes, long embeddings
CLASSES = [(1, 7, 3), (3, 2, 5), (1, 2, 2), (13, 64, 10), (33, 512, 1000), (4, 1000, 17)]
SHORT, MANY = [(5, 1, 4)], [(3, 512, 33000)]  # so many class weights leave their gradient by rows
# no pair; one pair and nobody else; nobody twice; odd numbers; everybody twice; full batches
PAIRS = [(1, 4, 1), (2, 3, 1), (5, 2, 5), (7, 2, 3), (20, 30, 10), (23, 17, 6), (64, 512, 16), (40, 1000, 9)]


@dataclasses.dataclass
class Row:
    title: str
    keys: str
    shapes: list
    peer: typing.Callable = None
    note: str = ""  # how the peer's convention is met
    class_margins: bool = False

    def batch(self, o, shape, seed):
        return Draw(shape, seed).batch(o, self.class_margins)


class Draw:
    """Numbers that float can hold. Embeddings lie at all angles from the weights of their class, or around their class; their
    lengths differ."""

    def __init__(self, shape, seed):
        (self.N, self.D, self.M), self.g = shape, torch.Generator().manual_seed(seed)

    def normal(self, *shape):
        return torch.randn(*shape, generator=self.g)

    def uniform(self, low, high, *shape):
        return low + (high - low) * torch.rand(*shape, generator=self.g)

    def rows(self, n):
        return self.normal(n, self.D) / self.D**0.5

    def of_classes(self, w):
        y = torch.randint(self.M, (self.N,), generator=self.g)
        wh = w / w.norm(dim=1, keepdim=True)
        x = self.uniform(-4, 4, self.N, 1) * wh[y] + self.rows(self.N)
        y[0] = (wh @ x[0]).argmin()  # far from its class: no loss is as small as the rounding of its scores
        return x, y

    def of_pairs(self):
        y = torch.arange(self.N) % self.M
        spread = self.uniform(0.3, 1.5, self.N, 1)
        return self.rows(1) + self.rows(self.M)[y] + spread * self.rows(self.N), y

    def parameters(self, o, w):
        p, names = {}, [name for name, _ in o.terms]
        if any(name in CLASS_LOSSES for name in names):
            p["head.weight"] = w
            if o.name == "l2_softmax" or o.word("loss.bias", "") == "true":
                p["head.bias"] = 0.3 * self.normal(self.M)
            usual = "trained" if o.name in ("normface", "l2_softmax") else "fixed"
            if o.name in SCALE and o.word("loss.scale_is", usual) == "trained":
                p["head.scale"] = o.number("loss.scale", SCALE[o.name]) * self.uniform(0.8, 1.2, 1)
        if "lifted" in names and o.word("lifted.form", "cosine") != "distance":
            p["lifted.scale"] = self.uniform(8, 16, 1)
        if "margin" in names:
            p["margin.boundary"] = self.uniform(0.4, 0.6, 1)
        if "center" in names:
            p["center.centers"] = self.rows(self.M)
        return p

    def batch(self, o, class_margins):
        w = self.rows(self.M) * self.uniform(0.5, 2, self.M, 1)
        looks_at_pairs = o.terms[-1][0] in ("contrastive", "triplet", "lifted", "margin")
        x, y = self.of_pairs() if looks_at_pairs else self.of_classes(w)
        x, p = x * self.uniform(0.5, 3, self.N, 1), self.parameters(o, w)
        factor = self.uniform(0.5, 1.5, self.M) if class_margins else torch.ones(self.M)
        return Batch(x.float().double(), y, {name: v.float().double() for name, v in p.items()}, factor.float().double())


CLASS_LOSSES = {*TARGETS, "softmax", "modified_softmax", "normface", "l2_softmax"}
LAMBDA = "loss.lambda_base=0 loss.lambda_minimum="


def class_rows():
    yield Row("softmax", "loss.name=softmax", CLASSES + SHORT + MANY)
    yield Row("softmax with bias", "loss.name=softmax loss.bias=true", CLASSES + SHORT)
    yield Row("modified softmax", "loss.name=modified_softmax", CLASSES)
    for name, title in (("a_softmax", "A-Softmax"), ("l_softmax", "L-Softmax")):
        for m in (1, 2, 3, 4):
            yield Row(f"{title}, m = {m}, lambda = 0", f"loss.name={name} loss.m={m} {LAMBDA}0", CLASSES, annealed, "scale = 1")
            yield Row(f"{title}, m = {m}, lambda = 5", f"loss.name={name} loss.m={m} {LAMBDA}5", CLASSES)
        yield Row(f"{title}, m = 4, lambda of step 10", f"loss.name={name}", CLASSES + MANY)
    yield Row("A-Softmax, detached", f"loss.name=a_softmax loss.gradient=detached {LAMBDA}1", CLASSES)
    yield Row("A-Softmax, Caffe gradient", f"loss.name=a_softmax loss.gradient=caffe_normalised {LAMBDA}5", CLASSES + MANY)
    yield Row("modified softmax, Caffe gradient", "loss.name=modified_softmax loss.gradient=caffe_normalised", CLASSES)
    yield Row("NormFace, s trained", "loss.name=normface", CLASSES, normface, "temperature = 1/s, not trained")
    yield Row("NormFace, s fixed", "loss.name=normface loss.scale_is=fixed loss.scale=20", CLASSES, normface, "temperature = 1/s")
    yield Row("L2-Softmax, alpha trained", "loss.name=l2_softmax", CLASSES + MANY)
    yield Row("L2-Softmax, alpha fixed", "loss.name=l2_softmax loss.scale_is=fixed", CLASSES)
    yield Row("AM-Softmax", "loss.name=am_softmax", CLASSES, cosface)
    yield Row("CosFace", "loss.name=cosface", CLASSES + MANY, cosface)
    yield Row("CosFace, s trained", "loss.name=cosface loss.scale_is=trained loss.scale=30", CLASSES)
    yield Row("CosFace, margins of classes", "loss.name=cosface", CLASSES, class_margins=True)
    for rule in ("threshold", "easy_margin", "none"):
        peer = arcface if rule == "threshold" else None
        yield Row(f"ArcFace, {rule}", f"loss.name=arcface loss.rule={rule}", CLASSES, peer, "margin in degrees")
    yield Row("ArcFace, detached", "loss.name=arcface loss.gradient=detached", CLASSES)
    yield Row("ArcFace, margins of classes", "loss.name=arcface", CLASSES, class_margins=True)
    yield Row("combined (0.9, 0.4, 0.15)", "loss.name=combined", CLASSES)
    yield Row("combined (1.35, 0, 0)", "loss.name=combined loss.m1=1.35 loss.m2=0 loss.m3=0", CLASSES)
    yield Row("combined (1.2, 0.4, 0.1), guard", "loss.name=combined loss.m1=1.2 loss.m3=0.1 loss.guard=monotone", CLASSES)
    yield Row("combined, detached", "loss.name=combined loss.gradient=detached", CLASSES)
    yield Row("combined, margins of classes", "loss.name=combined", CLASSES, class_margins=True)


def pair_rows():
    for form in ("mean", "sum"):
        yield Row(f"center, {form}", f"loss.name=center center.form={form} center.rate=0.3", CLASSES + SHORT)
    for form, note in (("distance", "their losses squared; "), ("squared", "")):
        title, keys = f"contrastive, {form}", f"loss.name=contrastive contrastive.form={form} contrastive.margin=1.3"
        yield Row(title, keys, PAIRS, contrastive, note + "the mean of the kinds")
        yield Row(f"{title}, every pair alike", f"{keys} contrastive.weights=pairs", PAIRS, contrastive, note + "the mean of all")
    yield Row("contrastive, raw embeddings", "loss.name=contrastive contrastive.features=raw contrastive.margin=3", PAIRS + SHORT,
              contrastive, "their losses squared; the mean of the kinds")
    yield Row("triplet, semi-hard", "loss.name=triplet", PAIRS, triplet, "given the triplets; their mean of all")
    for form in ("distance", "cosine", "euclid_scaled"):
        note = {"distance": "", "cosine": "their distance is alpha cos", "euclid_scaled": "embeddings of length alpha"}[form]
        yield Row(f"lifted structured, {form}", f"loss.name=lifted lifted.form={form}", PAIRS, lifted, note)
    yield Row("lifted structured, cosine, margin 0.5", "loss.name=lifted lifted.cosine_margin=0.5", PAIRS, lifted,
              "their distance is alpha cos")
    for sampling in ("hardest", "modified", "distance"):
        keys = f"loss.name=margin margin.sampling={sampling}"
        yield Row(f"margin-based, {sampling}", keys, PAIRS, margin_based, "given the pairs")
    yield Row("softmax + 0.1 center + 0.5 contrastive", "loss.name=softmax,center:0.1,contrastive:0.5", PAIRS)
    yield Row("L2-Softmax + 0.1 lifted + margin-based", "loss.name=l2_softmax,lifted:0.1,margin", PAIRS[3:])


def all_rows():
    return [*class_rows(), *pair_rows()]
