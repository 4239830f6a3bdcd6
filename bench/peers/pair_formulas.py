"""The losses on pairs and on centres; see loss_formulas.py."""
import torch

from loss_common import same_class, seen, unit


def center(b, o):
    """Wen et al. 2016, Eq. 2; the update is Eq. 4"""
    c, y = b.p["center.centers"], b.labels
    moved = c.detach().clone()
    for j in y.unique():
        rows = b.x.detach()[y == j]
        moved[j] -= o.number("center.rate", 0.5) * (c[j] - rows).sum(0) / (1 + len(rows))
    b.after["center.centers.after"] = moved
    half_squares = 0.5 * (b.x - c[y].detach()).square().sum(1)
    return half_squares.mean() if o.word("center.form", "mean") == "mean" else half_squares.sum()


def squares(v):
    """|v_i - v_j|^2 of all pairs"""
    return (v[:, None] - v[None]).square().sum(2)


def distances(v):
    """|v_i - v_j|; the diagonal, which nobody reads, has no derivative"""
    return (squares(v) + torch.eye(len(v), dtype=v.dtype)).sqrt()


def contrastive(b, o):
    """Hadsell et al. 2006, Eq. 4, and the form with max(margin - d^2, 0)"""
    v = b.x if o.word("contrastive.features", "unit") == "raw" else unit(b.x)
    i, j = torch.triu_indices(len(v), len(v), 1)
    d2, same, margin = (v[i] - v[j]).square().sum(1), b.labels[i] == b.labels[j], o.number("contrastive.margin", 1)
    apart = (margin - d2).relu() if o.word("contrastive.form", "distance") == "squared" else (margin - d2.sqrt()).relu().square()
    genuine, impostor = d2[same], apart[~same]
    seen["contrastive, two classes within the margin"] |= set((impostor > 0).tolist())
    if o.word("contrastive.weights", "balanced") == "balanced" and len(genuine) and len(impostor):
        return 0.5 * (genuine.mean() + impostor.mean()) / 2
    return 0.5 * (genuine.sum() + impostor.sum()) / max(len(d2), 1)


def semi_hard(d2, labels):
    """(anchor, positive, negative) of every ordered pair of a class: the nearest negative beyond the positive, if there is none
    the farthest"""
    found, same = [], same_class(labels)
    for a in range(len(labels)):
        others = torch.nonzero(~same[a])[:, 0]
        for p in range(len(labels)):
            if a == p or not same[a, p] or not len(others):
                continue
            beyond = others[d2[a, others] > d2[a, p]]
            seen["semi-hard negative"].add(len(beyond) > 0)
            found.append((a, p, int(beyond[d2[a, beyond].argmin()] if len(beyond) else others[d2[a, others].argmax()])))
    return torch.tensor(found, dtype=torch.int64).reshape(-1, 3).T


def triplet(b, o):
    """Schroff et al. 2015, Eq. 3 and Sec. 3.2, mean over the pairs"""
    d2 = squares(unit(b.x))
    a, p, n = semi_hard(d2.detach(), b.labels)
    loss = (d2[a, p] - d2[a, n] + o.number("triplet.margin", 0.2)).relu()
    seen["triplet with a loss"] |= set((loss > 0).tolist())
    return loss.sum() / max(len(a), 1)


def lifted(b, o):
    """Song et al. 2016, Eq. 4: on distances of unit vectors or of vectors of length alpha, or with alpha cos in place of -d"""
    form, e, alpha = o.word("lifted.form", "cosine"), unit(b.x), b.p.get("lifted.scale", 1)
    if form == "cosine":
        pull, push = o.number("lifted.cosine_margin", 0) - alpha * e @ e.T, alpha * e @ e.T
    else:
        pull = distances(alpha * e)
        push = o.number("lifted.distance_margin", 1) - pull
    same, terms = same_class(b.labels), []
    for i, j in zip(*torch.triu_indices(len(e), len(e), 1).tolist()):
        if same[i, j]:
            others = torch.cat([push[i][~same[i]], push[j][~same[j]]])
            terms.append((pull[i, j] + torch.logsumexp(others, 0)).relu().square() if len(others) else 0 * pull[i, j])
    seen["lifted pair with a loss"] |= {bool(t > 0) for t in terms}
    return torch.stack(terms).sum() / (2 * len(terms)) if terms else 0 * e.sum()


def margin_based(b, o):
    """Wu et al. 2017 on cosines, Smirnov et al. 2017, Eq. 2, over the pairs that were chosen"""
    e, y = unit(b.x), torch.where(same_class(b.labels), 1.0, -1.0).double()
    loss = (o.number("margin.margin", 0.1) - y * (e @ e.T - b.p["margin.boundary"])).relu()
    check_choice(b, o, loss.detach(), y > 0, (e @ e.T).detach())
    active = b.chosen * (loss > 0)
    return (active * loss).sum() / active.sum().clamp(min=1)


def check_choice(b, o, loss, same, s):
    """The rules that hold for every draw; hardest leaves nothing to chance."""
    sampling, pairs = o.word("margin.sampling", "modified"), same & ~torch.eye(len(s), dtype=torch.bool)
    positive, negative = b.chosen * pairs, b.chosen * ~same
    assert (b.chosen == positive + negative).all(), "an anchor chose itself"
    if sampling == "distance":
        near = (~same & ((2 - 2 * s).clamp(min=0).sqrt() < o.number("margin.loss_cutoff", 1.4))).any(1)
        assert (positive == pairs).all() and (negative.sum(1) == pairs.sum(1) * near).all(), "not one negative for each positive"
        return
    for kind, among in ((positive, pairs), (negative, ~same)):
        assert (kind.sum(1) == ((loss > 0) & among).any(1)).all() and (loss[kind > 0] > 0).all(), "not one pair with a loss"
        if sampling == "hardest":
            assert ((kind * loss).sum(1) == (loss * among).max(1).values).all(), "not the pair with the largest loss"
