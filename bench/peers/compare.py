#!/usr/bin/env python3
"""Ours beside theirs, sample by sample in one run, results verified first. Usage, from the repository:

  bench/peers/setup.sh && make bench && bench/peers/compare.py [--only TEXT] [--rounds N] [--quick] [--isa avx2|avx512]
"""
import argparse
import datetime
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import memory
import report
import startup
from contenders import ROOT, Contender, Unavailable, cores
from rows import all_rows

PAUSE = 0.1  # seconds until the idle threads of the last contender sleep


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--only", default="", metavar="TEXT", help="rows whose group, name or case contains this")
    p.add_argument("--rounds", type=int, help="samples of each contender (15; quick: 3)")
    p.add_argument("--quick", action="store_true", help="a few rows of each group")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--isa", choices=["avx2", "avx512"], help="hold everyone to it")
    p.add_argument("--venv", type=pathlib.Path, default=ROOT.parent / "prosopon-peers", help="made by setup.sh")
    p.add_argument("--worker", type=pathlib.Path, default=ROOT / "build/bench_worker")
    p.add_argument("--json", type=pathlib.Path, default=ROOT / "bench/results/peers.json", help="rows are replaced, others kept")
    p.add_argument("--document", type=pathlib.Path, default=ROOT / "docs/performance.md")
    o = p.parse_args()
    o.rounds = o.rounds or (3 if o.quick else 15)
    o.venv, o.worker = o.venv.resolve(), o.worker.resolve()
    o.threads = len(cores(o.threads))
    if not o.worker.exists():
        p.error(f"{o.worker} is missing: run make bench")
    return o


def started(names, options, threads, case):
    """Contenders that are ready for the case, and why the others are not. Ours comes first: it writes FILE."""
    ready, missing = {}, {}
    for name in names:
        contender = None
        try:
            contender = Contender(name, options, threads)
            contender.note = contender.ask(f"case {case}")
            contender.results = [float(v) for v in contender.ask("check").split()]
            ready[name] = contender
        except (Unavailable, OSError) as e:
            missing[name] = str(e)
            if contender:
                contender.close()
            if name == "ours":
                break
    return ready, missing


def difference(ours, theirs):
    """Largest difference / largest result; infinite where they cannot be compared."""
    if len(ours) != len(theirs) or not ours:
        return float("inf")
    worst = max((abs(a - b) for a, b in zip(ours, theirs)), key=lambda d: d if d == d else float("inf"))
    return worst / (max(map(abs, ours)) or 1)


def speed(row, options, case):
    """Rounds of one sample each; the ratio is taken within a round."""
    ready, missing = started(["ours", *row.peers], options, row.threads or options.threads, case)
    result = {"peers": {name: {"skip": why} for name, why in missing.items() if name != "ours"}}
    try:
        if "ours" not in ready:
            return report.skipped(row, missing["ours"])
        if row.flop():
            ready["peak"] = Contender("ours", options, row.threads or options.threads)
            peak_flop = float(ready["peak"].ask("case peak"))
        times, stolen, spent = {name: [] for name in ready}, dict.fromkeys(ready, 0.0), 0.0
        for _ in range(options.rounds):
            for name, contender in ready.items():
                time.sleep(PAUSE)
                before, start = {n: c.cpu_seconds() for n, c in ready.items() if n != name}, time.perf_counter()
                times[name].append(float(contender.ask("go")))
                spent += time.perf_counter() - start
                for other, used in before.items():
                    stolen[other] += ready[other].cpu_seconds() - used
        result |= {"ours": report.summary(times["ours"]), "note": ready["ours"].note, "stolen": {n: s / spent for n, s in stolen.items()}}
        of_peak = {}  # flop a second / that of fused multiply-adds in registers, within a round
        if row.flop():
            of_peak = {name: statistics.median(row.flop() / t / (peak_flop / p) for t, p in zip(times[name], times["peak"]))
                       for name in times}
            result["ours"]["of_peak"] = of_peak["ours"]
        for name in ready.keys() - {"ours", "peak"}:
            error = difference(ready["ours"].results, ready[name].results)
            ratios = [theirs / ours for ours, theirs in zip(times["ours"], times[name])]
            result["peers"][name] = {"note": ready[name].note, "value": report.summary(times[name]), "error": error,
                                     "ratio": report.summary(ratios), "verified": error <= row.tolerance}
            if of_peak:
                result["peers"][name]["value"]["of_peak"] = of_peak[name]
        result["peers"] = {name: result["peers"][name] for name in row.peers}
        return result
    finally:
        for contender in ready.values():
            contender.close()


def jpegs(options):
    """A folder of pictures, drawn once."""
    folder = options.scratch / "jpegs"
    if not folder.exists():
        subprocess.run([ROOT / "bin/synthesize", "--out", folder, "--identities", "16", "--samples", "4", "--pairs", "20"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder


def measure(row, options):
    case = row.case.replace("FILE", str(options.scratch / "weights"))
    try:
        if "JPEGS" in case:
            case = case.replace("JPEGS", str(jpegs(options)))
        if row.kind == "startup":
            result = startup.measure(row, options, case, jpegs(options))
        else:
            result = {"speed": speed, "memory": memory.measure}[row.kind](row, options, case)
    except (OSError, subprocess.CalledProcessError) as e:
        result = report.skipped(row, e)
    return {"group": row.group, "name": row.name, "kind": row.kind, "target": row.target} | result


def circumstances(options):
    cpu = dict(re.findall(r"^([^\t:]+)\t*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text().split("\n\n")[0], re.M))
    machine = f"{cpu.get('model name', 'unknown CPU')} (family {cpu.get('cpu family')}, model {cpu.get('model')})"
    commit = subprocess.run(["git", "describe", "--always", "--dirty=-changed", "--exclude", "*"], cwd=ROOT,
                            capture_output=True, text=True).stdout.strip()
    versions = options.venv / "versions.txt"
    wanted = r"^(?:torch|torchvision|onnxruntime|openvino|ncnn|faiss-cpu|onednn|onednn_cpu_gomp|scipy-openblas32|lib\w+-dev)(?:==| |-[0-9]).*"
    found = re.findall(wanted, versions.read_text(), re.M) if versions.exists() else ["versions unknown: no versions.txt"]
    return {"machine": machine, "isa": options.isa or "all instruction sets",
            "all_threads": options.threads, "date": datetime.date.today().isoformat(), "commit": commit or "unknown",
            "versions": ", ".join(v.replace("==", " ") for v in found), "rounds": options.rounds}


def main():
    options = arguments()
    rows = [r for r in all_rows() if options.only in f"{r.group} {r.name} {r.case}" and (r.quick or not options.quick)]
    order = {(r.group, r.name): i for i, r in enumerate(all_rows())}
    options.memory = {}  # what memory_of() found
    options.scratch = pathlib.Path(tempfile.mkdtemp(prefix="prosopon-peers-"))
    wrong, place = 0, circumstances(options)
    for row in rows:
        result = measure(row, options) | place
        print(report.line(result), flush=True)
        for name, share in result.get("stolen", {}).items():
            if share > 0.02:
                print(f"  warning: {name} used {share:.0%} of a core while others were measured", file=sys.stderr)
        wrong += sum(not p.get("verified", True) for p in result["peers"].values())
        everything = report.merged(report.load(options.json), [result])
        report.save(options.json, everything)
        report.insert(options.document, report.table(everything, order), "ratios")
    if wrong:
        print(f"compare: {wrong} results differ; logs are in {options.scratch}", file=sys.stderr)
        return 1
    shutil.rmtree(options.scratch)
    return 0


if __name__ == "__main__":
    sys.exit(main())
