"""The losses that pytorch-metric-learning has too, in double, with what it takes to bring its conventions to ours. Each returns
loss and gradients by the names that loss_worker gives them, or None for a batch on which the conventions part."""
import math

import torch
from pytorch_metric_learning import distances, losses, miners, reducers

from loss_common import gradient, same_class, unit
from loss_formulas import MARGIN, SCALE, annealing
from pair_formulas import semi_hard, squares

MEAN = reducers.MeanReducer()  # the default of several losses leaves out the pairs without a loss


def results(loss, b, factor=1, **parameters):
    """factor: of the loss, ours / theirs. parameters: gradients by name, with _ for the dot."""
    (factor * loss).backward()
    out = {"loss": (factor * loss).detach(), "x.gradient": gradient(b.x)}
    return out | {name.replace("_", ".", 1) + ".gradient": gradient(p) for name, p in parameters.items()}


def of_classes(f, b):
    """Their weights are columns."""
    f.W = torch.nn.Parameter(b.p["head.weight"].detach().T.clone())
    out = results(f(b.x, b.labels), b, head_weight=f.W)
    return out | {"head.weight.gradient": out["head.weight.gradient"].T}


def cosface(b, o):
    margin, s = o.number("loss.margin", MARGIN[o.name]), o.number("loss.scale", SCALE[o.name])
    return of_classes(losses.CosFaceLoss(len(b.factor), b.x.shape[1], margin=margin, scale=s), b)


def arcface(b, o):
    """Degrees there."""
    margin, s = math.degrees(o.number("loss.margin", MARGIN[o.name])), o.number("loss.scale", SCALE[o.name])
    return of_classes(losses.ArcFaceLoss(len(b.factor), b.x.shape[1], margin=margin, scale=s), b)


def annealed(b, o):
    """Without lambda."""
    assert annealing(b, o) == 0
    of = {"a_softmax": losses.SphereFaceLoss, "l_softmax": losses.LargeMarginSoftmaxLoss}[o.name]
    return of_classes(of(len(b.factor), b.x.shape[1], margin=int(o.number("loss.m", 4)), scale=1), b)


def normface(b, o):
    """1/s is their temperature, a plain number; they leave the embedding to the distance."""
    s = b.p["head.scale"].item() if "head.scale" in b.p else o.number("loss.scale", SCALE[o.name])
    cosine = distances.CosineSimilarity()
    return of_classes(losses.NormalizedSoftmaxLoss(len(b.factor), b.x.shape[1], temperature=1 / s, distance=cosine), b)


class Squared(losses.ContrastiveLoss):
    """The pair losses d and max(margin - d, 0) squared: Hadsell's."""

    def get_per_pair_loss(self, pair_dists, pos_or_neg):
        return super().get_per_pair_loss(pair_dists, pos_or_neg).square()


def contrastive(b, o):
    """They add the means of the two kinds; ours is half the mean of the two means, or half the one there is. Or they add all
    ordered pairs."""
    form, balanced = o.word("contrastive.form", "distance"), o.word("contrastive.weights", "balanced") == "balanced"
    scale = o.word("contrastive.features", "unit") == "unit"
    distance = distances.LpDistance(power=2 if form == "squared" else 1, normalize_embeddings=scale)
    of = losses.ContrastiveLoss if form == "squared" else Squared
    reducer = MEAN if balanced else reducers.SumReducer()
    f = of(neg_margin=o.number("contrastive.margin", 1), distance=distance, reducer=reducer)
    genuine, pairs = int(same_class(b.labels).sum()) - len(b.x), len(b.x) * (len(b.x) - 1)
    if pairs == 0:
        return None
    kinds = 2 if 0 < genuine < pairs else 1
    return results(f(b.x, b.labels), b, 0.5 / (kinds if balanced else pairs))


def triplet(b, o):
    """Given the triplets. Where a class has two rows, their semi-hard miner is asked for those with a semi-hard negative."""
    distance, found = distances.LpDistance(power=2), semi_hard(squares(unit(b.x.detach())), b.labels)
    if found.shape[1] == 0:
        return None
    if b.labels.unique(return_counts=True)[1].max() == 2:
        a, p, _, n = miners.BatchEasyHardMiner(pos_strategy="easy", neg_strategy="semihard", distance=distance)(b.x, b.labels)
        assert {*zip(a.tolist(), p.tolist(), n.tolist())} <= {*map(tuple, found.T.tolist())}, "their miner finds other triplets"
    f = losses.TripletMarginLoss(margin=o.number("triplet.margin", 0.2), distance=distance, reducer=MEAN)
    return results(f(b.x, b.labels, tuple(found)), b)


class ScaledCosine(distances.CosineSimilarity):
    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def compute_mat(self, *pair):
        return self.scale * super().compute_mat(*pair)


class ScaledLength(distances.LpDistance):
    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def normalize(self, *args, **kwargs):
        return self.scale * super().normalize(*args, **kwargs)


def lifted(b, o):
    form, same = o.word("lifted.form", "cosine"), same_class(b.labels)
    if int(same.sum()) == len(same) or same.all():
        return None  # no pair, or no other class
    if form == "distance":
        f = losses.LiftedStructureLoss(neg_margin=o.number("lifted.distance_margin", 1))
        return results(f(b.x, b.labels), b)
    if form == "cosine":
        of, margins = ScaledCosine, {"neg_margin": 0, "pos_margin": o.number("lifted.cosine_margin", 0)}
    else:
        of, margins = ScaledLength, {"neg_margin": o.number("lifted.distance_margin", 1)}
    scale = torch.nn.Parameter(b.p["lifted.scale"].detach().clone())
    f = losses.LiftedStructureLoss(**margins, distance=of(scale))
    return results(f(b.x, b.labels), b, lifted_scale=scale)


def margin_based(b, o):
    """Given the pairs. They want triplets: an anchor without a chosen pair of one kind has none with a loss, and takes any."""
    same, triplets = same_class(b.labels), []
    for i, counts in enumerate(b.chosen.int()):
        counts, among = counts.tolist(), torch.arange(len(same)) != i
        kinds = [torch.nonzero(among & kind)[:, 0].tolist() for kind in (same[i], ~same[i])]
        chosen = [[j for j in kind for _ in range(counts[j])] for kind in kinds]
        n = max(map(len, chosen))
        if not all(kinds) or any(0 < len(c) < n for c in chosen):
            return None
        triplets += [(i, *pair) for pair in zip(*(c or kind[:1] * n for c, kind in zip(chosen, kinds)))]
    if not triplets:
        return None
    boundary = torch.nn.Parameter(b.p["margin.boundary"].detach().clone())
    f = losses.MarginLoss(margin=o.number("margin.margin", 0.1), learn_beta=True, distance=distances.CosineSimilarity())
    f.beta = boundary
    return results(f(b.x, b.labels, tuple(torch.tensor(triplets).T)), b, margin_boundary=boundary)
