"""What the figures say of a claim: reproduced, not reproduced, or undecided."""
import statistics

# Student's t that 5 % of draws exceed, for n - 1 degrees of freedom: n = 2, 3, ...
T_5_PERCENT = [6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833]

RULE = ("Rule: of each seed the difference of the two figures; both rows of a seed saw the same people and pairs. With the mean d "
        "of n differences, their standard deviation s and Student's t for 5 % on one side (n = 3: 2.92), the interval is "
        "d +- t s / sqrt(n). *A above B* is reproduced when the interval lies above 0 (or above the margin that is stated), not "
        "reproduced when it lies below, undecided otherwise and with fewer than two seeds. *A as B* is reproduced when the "
        "interval lies within the margin that is stated, not reproduced when it lies outside.")


def interval(differences):
    """(mean, half width); the half width is None for fewer than two."""
    n = len(differences)
    if n == 0:
        return None, None
    mean = statistics.fmean(differences)
    if n == 1:
        return mean, None
    t = T_5_PERCENT[min(n - 2, len(T_5_PERCENT) - 1)]
    return mean, t * statistics.stdev(differences) / n ** 0.5


def above(differences, margin):
    """Of differences A - B: is A above B by more than the margin?"""
    mean, half = interval(differences)
    if half is None:
        return "undecided"
    if mean - half > margin:
        return "reproduced"
    return "not reproduced" if mean + half < margin else "undecided"


def equal(differences, within):
    mean, half = interval(differences)
    if half is None:
        return "undecided"
    if abs(mean) + half <= within:
        return "reproduced"
    return "not reproduced" if abs(mean) - half > within else "undecided"


def why_undecided(differences, within, margin):
    """In a few words; `within` is None where the claim is that one is above the other."""
    if len(differences) < 2:
        return "one seed" if differences else "not measured"
    return "the interval crosses the margin" if within is not None else f"the interval holds {margin}"
