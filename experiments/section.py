"""The section of a paper in docs/results.md."""
import statistics

import verdict
from figures import decide, measured
from table import Mistake


def cell(values, figure):
    if not values:
        return "-"
    digits, numbers = figure.get("digits", 2), list(values.values())
    text = f"{statistics.fmean(numbers):.{digits}f}"
    return text + (f" +- {statistics.stdev(numbers):.{digits}f}" if len(numbers) > 1 else " (one seed)")


def table_lines(t, values):
    names = [f["name"] for f in t["figures"]]
    yield "| " + " | ".join(["row", "paper", *names]) + " |"
    yield "|" + "---|" * (len(names) + 2)
    for row in t["rows"]:
        ours = [cell(values[row["name"], f["name"]], f) for f in t["figures"]]
        if "waits" in row:
            ours[0] = f"not run: waits for {row['waits']}"
        yield "| " + " | ".join([row["label"], row.get("paper", "-"), *ours]) + " |"


def claim_lines(t, values):
    yield "| claim | difference | verdict |"
    yield "|---|---|---|"
    for claim in t["claims"]:
        difference, said = decide(claim, values)
        margins = {"by": "by more than", "within": "within"}
        extra = "".join(f" ({words} {claim[key]})" for key, words in margins.items() if key in claim)
        yield f"| {claim['says']}{extra} | {difference} | {said} |"


def lines(paper):
    text = paper.text
    seeds = ", ".join(map(str, paper.seeds))
    yield f"## {text['title']}"
    yield ""
    yield (f"Written by `experiments/run.py {paper.name}` from `experiments/{paper.name}.toml` and its run folders. "
           f"Paper: {text['source']}. Ours: mean +- standard deviation over the seeds {seeds}; a seed draws people, network and "
           f"batches. {text.get('task', '')}".strip())
    for t in text["tables"].values():
        values = measured(paper, t)
        yield from ("", f"### {t['title']}", "")
        if "note" in t:
            yield from (t["note"], "")
        yield from table_lines(t, values)
        if t.get("claims"):
            yield ""
            yield from claim_lines(t, values)
    yield from ("", verdict.RULE)


def write_section(document, paper):
    """In place of the section of this paper, or at the end; what others wrote stays."""
    begin, end = f"<!-- experiments: {paper.name} -->\n", f"<!-- end of experiments: {paper.name} -->\n"
    old = document.read_text(encoding="utf-8") if document.exists() else "# Results\n"
    new = begin + "\n".join(lines(paper)) + "\n" + end
    head, found, rest = old.partition(begin)
    if not found:
        text = old.rstrip("\n") + "\n\n" + new
    else:
        _, found, tail = rest.partition(end)
        if not found:
            raise Mistake(f"{document}: {begin.strip()} without {end.strip()}")
        text = head + new + tail
    temporary = document.with_suffix(".tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(document)
