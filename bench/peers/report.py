"""Results as JSON, and as the table between two markers of docs/performance.md."""
import json
import statistics


def summary(values):
    """Median and quartiles."""
    v = sorted(values)
    return {"median": statistics.median(v), "low": v[len(v) // 4], "high": v[len(v) - 1 - len(v) // 4]}


def skipped(row, why):
    return {"skip": str(why), "peers": {p: {"skip": "ours was not measured"} for p in row.peers}}


def key(row):
    return row["group"], row["name"]


def place(row):
    """Rows of one machine, instruction set and thread count stand in one table."""
    return row["machine"], row["isa"], row["all_threads"]


def merged(old, new):
    """The new rows in place of the old ones of the same work and place, the others as they are."""
    fresh = {(key(r), place(r)) for r in new}
    return [r for r in old if (key(r), place(r)) not in fresh] + new


def amount(value, kind):
    """value: a summary; of_peak: its share of the peak of fused multiply-adds, where it was measured."""
    v = value["median"]
    share = f" ({value['of_peak']:.0%})" if "of_peak" in value else ""
    return f"{v / 2**20:,.0f} MiB" if kind == "memory" else f"{v * 1e3:.4g} ms{share}"


def ratio_text(p):
    r = p["ratio"]
    return f"{r['median']:.2f} ({r['low']:.2f} - {r['high']:.2f})"


def others_text(peers, best):
    def text(p):
        if "ratio" not in p:
            return f"not measured: {p['skip']}"
        return f"{p['ratio']['median']:.2f}" + ("" if p["verified"] else ", **results differ**")

    return "; ".join(f"{name} {text(p)}" for name, p in peers.items() if name != best)


def best_peer(row):
    """The hardest to beat: of times the lowest ratio peer / ours, of memory and start-up the highest ours / peer."""
    measured = [n for n, p in row["peers"].items() if "ratio" in p]
    sign = 1 if row["kind"] == "speed" else -1
    return min(measured, key=lambda n: sign * row["peers"][n]["ratio"]["median"], default=None)


def cells(*texts):
    return "| " + " | ".join(" ".join(t.replace("|", "/").split()) for t in texts) + " |"


def line(row):
    best = best_peer(row)
    target = f">= {row['target']}" if row["kind"] == "speed" else f"<= {row['target']}"
    ours = amount(row["ours"], row["kind"]) if "ours" in row else f"not measured: {row['skip']}"
    if best is None:
        return cells(row["name"], ours, "", "", "", target, others_text(row["peers"], None))
    p = row["peers"][best]
    note = f"{best} ({p['note'].split(';')[0]})" if p["note"] else best
    wrong = "" if p["verified"] else ", **results differ**"
    met = p["ratio"]["median"] >= row["target"] if row["kind"] == "speed" else p["ratio"]["median"] <= row["target"]
    ratio = f"**{ratio_text(p)}**" if met and p["verified"] else ratio_text(p)
    theirs = amount(p["value"], row["kind"])
    return cells(row["name"], ours, note + wrong, theirs, ratio, target, others_text(row["peers"], best))


def span(values):
    return " to ".join(dict.fromkeys([str(values[0]), str(values[-1])]))


def table(rows, order):
    """Markdown: a section per machine, instruction set and threads, in it a table per group."""
    out = []
    for where in dict.fromkeys(place(r) for r in rows):
        here = sorted((r for r in rows if place(r) == where), key=lambda r: order.get(key(r), len(order)))
        machine, isa, threads = where
        dates, rounds = sorted({r["date"] for r in here}), sorted({r["rounds"] for r in here})
        out += [f"### {machine}, {isa}, {threads} threads", "",
                f"Measured {span(dates)}, {span(rounds)} rounds, Prosopon "
                f"{', '.join(sorted({r['commit'] for r in here}))}; {'; or '.join(sorted({r['versions'] for r in here}))}.", ""]
        for group in dict.fromkeys(r["group"] for r in here):
            out += [f"**{group}**", "", "| work | ours | hardest peer | its result | ratio (quartiles) | target | other peers: ratio |",
                    "|---|---|---|---|---|---|---|"]
            out += [line(r) for r in here if r["group"] == group] + [""]
    return "\n".join(out)


def insert(document, text, name):
    """Between the markers of that name; a document without them gets them at its end."""
    begin, end, old = f"<!-- {name} -->", f"<!-- end of {name} -->", document.read_text()
    before, marked, rest = old.partition(begin)
    after = rest.partition(end)[2] if marked else "\n"
    before = before if marked else before.rstrip() + "\n\n"
    document.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def load(path):
    return json.loads(path.read_text())["rows"] if path.exists() else []


def save(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"rows": rows}, indent=1) + "\n")
