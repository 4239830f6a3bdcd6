"""The losses as straight PyTorch in double, each from its paper's equations. Gradients are autograd's, but for the Caffe rule,
which is the derivative of nothing. Losses on pairs: pair_formulas.py."""
import math

import torch

from loss_common import gradient, length, seen, unit
from pair_formulas import center, contrastive, lifted, margin_based, triplet

SCALE = {"normface": 10, "l2_softmax": 16, "am_softmax": 30, "cosface": 64, "arcface": 64, "combined": 64}
MARGIN = {"am_softmax": 0.35, "cosface": 0.35, "arcface": 0.5}


def cross_entropy(z, labels):
    """(1/N) sum_n -log softmax(z_n)_label"""
    return (torch.logsumexp(z, 1) - z.gather(1, labels[:, None])[:, 0]).mean()


def scale_of(b, o):
    return b.p["head.scale"] if "head.scale" in b.p else o.number("loss.scale", SCALE[o.name])


# Losses on inner products.

def softmax(b, o):
    """Liu et al. 2017, Eq. 3 and 4"""
    return cross_entropy(b.x @ b.p["head.weight"].T + b.p.get("head.bias", 0), b.labels)


def l2_softmax(b, o):
    """Ranjan et al. 2017, Eq. 3: the embedding has length alpha, weights and bias are free"""
    return cross_entropy(scale_of(b, o) * unit(b.x) @ b.p["head.weight"].T + b.p["head.bias"], b.labels)


# Losses on cosines: h(theta) stands for cos(theta) at the label.

def annealing(b, o):
    """lambda of the step, counted from 1: Liu et al. 2017, App. G, with the numbers of the authors' solver"""
    base, gamma = o.number("loss.lambda_base", 1000), o.number("loss.lambda_gamma", 0.12)
    return max(o.number("loss.lambda_minimum", 5), base * (1 + gamma * (b.step + 1)) ** -o.number("loss.lambda_power", 1))


def sector(theta, m):
    """k with theta in [k pi/m, (k+1) pi/m]"""
    k = (theta * m / math.pi).floor().clamp(max=m - 1)
    seen[f"sector of m = {m}"] |= set(k.int().tolist())
    return k


def psi(theta, m):
    """Liu et al. 2017, Eq. 7"""
    k = sector(theta, m)
    return (-1) ** k * (m * theta).cos() - 2 * k


def annealed_target(theta, b, o, factor):
    t = annealing(b, o)
    return (t * theta.cos() + psi(theta, int(o.number("loss.m", 4)))) / (1 + t)


def cosface_target(theta, b, o, factor):
    """Wang et al. 2018, "CosFace", Eq. 4; "Additive margin softmax", Eq. 6"""
    return theta.cos() - factor * o.number("loss.margin", MARGIN[o.name])


def arcface_target(theta, b, o, factor):
    """Deng et al. 2019, Eq. 3, and the two rules of the authors' code for angles that the margin would push beyond pi"""
    m, rule = factor * o.number("loss.margin", MARGIN[o.name]), o.word("loss.rule", "threshold")
    h = (theta + m).cos()
    beyond = {"threshold": theta + m >= math.pi, "easy_margin": theta >= math.pi / 2, "none": theta > math.pi}[rule]
    if rule != "none":
        seen[f"ArcFace, {rule}"] |= set(beyond.tolist())
    return torch.where(beyond, theta.cos() - (m * torch.as_tensor(m).sin() if rule == "threshold" else 0), h)


def combined_target(theta, b, o, factor):
    """Deng et al. 2019, Eq. 4. Guard: beyond pi the line that goes on where the cosine ends."""
    m1, m2, m3 = o.number("loss.m1", 0.9), o.number("loss.m2", 0.4), o.number("loss.m3", 0.15)
    m1, m2, m3 = 1 + factor * (m1 - 1), factor * m2, factor * m3
    angle = m1 * theta + m2
    if o.word("loss.guard", "none") == "none":
        return angle.cos() - m3
    seen["combined, guard"] |= set((angle > math.pi).tolist())
    return torch.where(angle > math.pi, -1 - m3 - (angle - math.pi), angle.cos() - m3)


TARGETS = {"a_softmax": annealed_target, "l_softmax": annealed_target, "am_softmax": cosface_target, "cosface": cosface_target,
           "arcface": arcface_target, "combined": combined_target}


def on_cosines(b, o):
    w, y = b.p["head.weight"], b.labels
    c = unit(b.x) @ unit(w).T
    own = c.gather(1, y[:, None])[:, 0]
    if o.name in TARGETS:
        h = TARGETS[o.name](own.acos(), b, o, b.factor[y])
        if o.word("loss.gradient", "exact") == "detached":
            h = own + (h - own).detach()
        c = c.scatter(1, y[:, None], h[:, None])
    if o.name in ("modified_softmax", "a_softmax", "l_softmax"):
        scale = length(b.x)[:, None] * (length(w) if o.name == "l_softmax" else 1)
    else:
        scale = scale_of(b, o)
    return cross_entropy(scale * c, y)


def caffe_gradients(b, o):
    """The backward pass of the layer that Liu et al. published: rows of w are of unit length before, psi' is not scaled by
    lambda, and the part of the margin in dx is divided by its own size q."""
    with torch.no_grad():
        x, y, N = b.x, b.labels, len(b.x)
        wh, r, rows = unit(b.p["head.weight"]), length(b.x), torch.arange(len(b.x))
        c = unit(x) @ wh.T
        theta, m = c[rows, y].acos(), int(o.number("loss.m", 4)) if o.name == "a_softmax" else 1
        t = annealing(b, o) if m > 1 else 0
        value, slope = psi(theta, m), (-1) ** sector(theta, m) * m * (m * theta).sin() / theta.sin()
        z = r[:, None] * c
        z[rows, y] = r * (t * theta.cos() + value) / (1 + t)
        d = torch.softmax(z, 1)
        d[rows, y] -= 1
        d /= N
        e = (value - c[rows, y] * slope) / r
        q = torch.hypot(slope, e)
        own = (t * wh[y] + ((slope / q)[:, None] * wh[y] + (e / q)[:, None] * x)) / (1 + t)
        dx = d @ wh + d[rows, y][:, None] * (own - wh[y])
        return {"x.gradient": dx, "head.weight.gradient": d.T @ x, "head.weight.after": wh}


TERMS = {"softmax": softmax, "l2_softmax": l2_softmax, "center": center, "contrastive": contrastive, "triplet": triplet,
         "lifted": lifted, "margin": margin_based}


def evaluate(b, o):
    """Loss and gradients by the names that loss_worker gives them."""
    loss = sum(weight * TERMS.get(name, on_cosines)(b, o) for name, weight in o.terms)
    loss.backward()
    results = {"loss": loss.detach(), "x.gradient": gradient(b.x)}
    results |= {f"{name}.gradient": gradient(p) for name, p in b.p.items() if p.requires_grad}
    if o.word("loss.gradient", "exact") == "caffe_normalised":
        results |= caffe_gradients(b, o)
    return results | b.after


def unseen():
    """Branches that no batch reached."""
    wanted = {f"sector of m = {m}": set(range(m)) for m in (1, 2, 3, 4)}
    for name in ("ArcFace, threshold", "ArcFace, easy_margin", "combined, guard", "contrastive, two classes within the margin",
                 "semi-hard negative", "triplet with a loss", "lifted pair with a loss"):
        wanted[name] = {False, True}
    return [f"{name}: {sorted(branches - seen[name])}" for name, branches in wanted.items() if branches - seen[name]]
