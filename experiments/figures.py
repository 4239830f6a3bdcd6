"""What the runs of a table reached, and what that says of its claims."""
import functools
import json
import re

import verdict
from table import reference, sides


def look_up(value, at):
    """"a.b[0].c[key=x].d[a name with . in it]" in parsed JSON; None when it is not there."""
    for name, index in re.findall(r"([^.\[\]]+)|\[([^\]]+)\]", at):
        number = re.fullmatch(r"-?\d+", index)
        if name or not number and "=" not in index:
            value = value.get(name or index) if isinstance(value, dict) else None
        elif "=" in index:
            key, _, wanted = index.partition("=")
            value = next((v for v in value or [] if str(v.get(key)) == wanted), None)
        else:
            value = value[int(index)] if isinstance(value, list) and -len(value) <= int(index) < len(value) else None
    return value


@functools.lru_cache(8)  # the seeds of a row, for one figure after the other
def parts(path):
    """What a JSON file holds, or each line of a .jsonl; nothing where there is no file."""
    if not path.exists():
        return []
    text = path.read_text()
    return [json.loads(line) for line in (text.splitlines() if path.suffix == ".jsonl" else [text])]


def read_figure(folder, figure):
    """Of a run: from JSON, or from the last line of a .jsonl that has it. None when the run does not say."""
    for part in reversed(parts(folder / figure["file"])):
        value = look_up(part, figure["at"])
        if value is not None:
            return value * figure.get("times", 1)
    return None


def measured(paper, t):
    """{(row, figure): {seed: value}} of the finished runs."""
    out = {}
    for row in t["rows"]:
        for figure in t["figures"]:
            values = out[row["name"], figure["name"]] = {}
            for seed in paper.seeds:
                value = None
                if "waits" not in row and paper.finished(t, row, seed):
                    value = read_figure(paper.folder(seed) / row["name"], figure)
                if value is not None:
                    values[seed] = value
    return out


def by_seed(row, figure, values):
    """{seed: value} of a row's figure; a number is the same for every seed."""
    return values[row, figure] if isinstance(row, str) else row


def decide(claim, values):
    """(difference as text, verdict)."""
    first, second = (by_seed(*reference(s, claim), values) for s in sides(claim, ""))
    seeds = sorted(set.intersection(*(set(v) for v in (first, second) if isinstance(v, dict))))
    of = lambda v, seed: v[seed] if isinstance(v, dict) else v
    differences = [of(first, s) - of(second, s) for s in seeds]
    mean, half = verdict.interval(differences)
    within, margin = claim.get("within"), claim.get("by", 0)
    said = verdict.above(differences, margin) if within is None else verdict.equal(differences, within)
    if said == "undecided":
        said += f": {verdict.why_undecided(differences, within, margin)}"
    if mean is None:
        return "-", said
    return f"{mean:+.3g}" + ("" if half is None else f" +- {half:.2g}"), said
