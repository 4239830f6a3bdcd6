"""From the command to the first training step: bin/train against a PyTorch script that does no more than that."""
import os
import subprocess
import time

import report
from contenders import HERE, ROOT, cores, environment

CONFIG = """[data]
source = folder
root = {jpegs}
[network]
depth = 20
[loss]
name = softmax
[train]
batch = 2
steps = 1
log_every = 1
"""


def timed(command, marker, env, folder, threads):
    """Seconds until the process prints the marker (None: ends)."""
    start = time.perf_counter()
    process = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, cwd=folder,
                               preexec_fn=lambda: os.sched_setaffinity(0, cores(threads)))
    text, seen = b"", None
    while piece := os.read(process.stdout.fileno(), 65536):
        text += piece
        if seen is None and marker in text:
            seen = time.perf_counter() - start
    code, end = process.wait(), time.perf_counter() - start
    if code != 0 or seen is None:
        raise OSError(f"{command[0]} failed with {code}: " + " ".join(text[-300:].decode(errors="replace").split()))
    return {"the end of the first step": seen, "the end of a run of one step": end}


def measure(row, options, end, jpegs):
    config = options.scratch / "start.ini"
    config.write_text(CONFIG.format(jpegs=jpegs))
    env = environment(options.venv, options.threads, options.isa)
    ours = [ROOT / "bin/train", config, f"run.folder={options.scratch}/runs"], b"loss"
    torch = [options.venv / "bin/python", HERE / "peer_startup.py"], b"loss"

    def run(contender):
        return timed(*contender, env, options.scratch, options.threads)[end]

    run(ours), run(torch)  # into the file cache
    pairs = [(run(ours), run(torch)) for _ in range(options.rounds)]
    peer = {"note": "", "value": report.summary([b for _, b in pairs]), "verified": True,
            "ratio": report.summary([a / b for a, b in pairs])}
    return {"ours": report.summary([a for a, _ in pairs]), "note": "", "peers": {"torch": peer}}
