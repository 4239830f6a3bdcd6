"""The processes that are compared: how each is built, started, held to threads and instruction sets, and spoken to."""
import os
import pathlib
import select
import subprocess
import sys
import sysconfig

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PYTHON_PEERS = ["torch", "onnxruntime", "openvino", "ncnn", "faiss", "torchvision"]
COMPILED_PEERS = ["openblas", "openblas-debian", "blis", "onednn", "onednn-openmp"]
NO_ISA = {"onnxruntime": "cannot be held to AVX2", "ncnn": "cannot be held to AVX2"}

# Every library at its own defaults for what its idle threads do: compare.py pauses until they sleep and measures what they
# take from the others.
AVX2 = {"PROSOPON_BACKEND": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "DNNL_MAX_CPU_ISA": "AVX2", "OPENBLAS_CORETYPE": "Haswell",
        "ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2", "FAISS_SIMD_LEVEL": "AVX2", "BLIS_ARCH_TYPE": "3"}
# BLIS 0.9 takes AVX2 on processors that it does not know: 0 is its AVX-512, 3 its AVX2.
AVX512 = {"BLIS_ARCH_TYPE": "0"}


class Unavailable(Exception):
    """This contender cannot take part; the message says why."""


def cores(n):
    """n processors on different cores, as far as there are that many."""
    allowed = sorted(os.sched_getaffinity(0))
    first = {}
    for cpu in allowed:
        path = pathlib.Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        first.setdefault(path.read_text() if path.exists() else str(cpu), cpu)
    chosen = list(first.values()) + [c for c in allowed if c not in first.values()]
    return set(chosen[:n])


def has_avx512():
    return "avx512dq" in pathlib.Path("/proc/cpuinfo").read_text()


def environment(venv, threads, isa):
    env = dict(os.environ, PYTHONWARNINGS="ignore", CUDA_VISIBLE_DEVICES="")
    env |= AVX2 if isa == "avx2" else AVX512 if has_avx512() else {}
    if isa == "avx512":
        env["PROSOPON_BACKEND"] = "avx512"
    for name in ("OMP", "MKL", "OPENBLAS", "BLIS"):
        env[f"{name}_NUM_THREADS"] = str(threads)
    env["OCL_ICD_FILENAMES"] = str(venv / "lib/libintelocl.so")  # the vendor's oneDNN runs on its OpenCL
    return env


def link_options(name, venv):
    """Where the library of a compiled peer is; None: nowhere."""
    packages = pathlib.Path(sysconfig.get_path("purelib", vars={"base": str(venv), "platbase": str(venv)}))
    scipy = packages / "scipy_openblas32"
    openmp = venv / "onednn-openmp"

    def at(folder, library, *more):
        return [f"-L{folder}", f"-l{library}", f"-Wl,--disable-new-dtags,-rpath,{folder}", *more]

    return {"openblas": ["-DPREFIX", f"-I{scipy}/include", *at(scipy / "lib", "scipy_openblas")],
            "openblas-debian": ["-lopenblas"], "blis": ["-lblis"],
            "onednn": [f"-I{venv}/include", *at(venv / "lib", "dnnl")],
            "onednn-openmp": [f"-I{openmp}/include", *at(openmp / "lib", "dnnl", "-fopenmp")]}[name]


def compiled(name, venv):
    """The peer's program, built when it is missing or older than its sources."""
    program = venv / "peers" / name
    source = HERE / ("peer_onednn.cpp" if "onednn" in name else "peer_blas.cpp")
    sources = [source, ROOT / "bench/worker/protocol.cpp"]
    newest = max(f.stat().st_mtime for f in [*sources, ROOT / "bench/worker/protocol.h"])
    if not program.exists() or program.stat().st_mtime < newest:
        program.parent.mkdir(exist_ok=True)
        command = [os.environ.get("CXX", "g++"), "-std=c++20", "-O2", f"-I{ROOT}", *map(str, sources),
                   *link_options(name, venv), "-o", str(program)]
        done = subprocess.run(command, env=dict(os.environ, LD_LIBRARY_PATH=str(venv / "lib")), capture_output=True, text=True)
        if done.returncode != 0:
            print(done.stderr, file=sys.stderr)
            raise Unavailable("does not compile here: " + done.stderr.strip().splitlines()[-1][:120])
    return program


class Contender:
    def __init__(self, name, options, threads):
        self.name = name
        if options.isa == "avx2" and name in NO_ISA and has_avx512():
            raise Unavailable(NO_ISA[name])
        env = environment(options.venv, threads, options.isa)
        if name == "ours":
            command = [options.worker, "--threads", threads]
        elif name in COMPILED_PEERS:
            command = [compiled(name, options.venv)]
            env["LD_LIBRARY_PATH"] = str(options.venv / "lib") if name == "onednn" else env.get("LD_LIBRARY_PATH", "")
        else:
            command = [options.venv / "bin/python", HERE / f"peer_{name}.py"]
        self.log = open(options.scratch / f"{name}.log", "a")
        self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.log, env=env, cwd=options.scratch,
                                        preexec_fn=lambda: os.sched_setaffinity(0, cores(threads)))

    def ask(self, line, timeout=1200):
        """The words of the answer after its first one. A process that skips, dies or hangs is unavailable."""
        try:
            self.process.stdin.write(f"{line}\n".encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Unavailable(f"died; see {self.log.name}") from None
        if not select.select([self.process.stdout], [], [], timeout)[0]:
            raise Unavailable(f"no answer to '{line.split()[0]}' within {timeout} s")
        answer = self.process.stdout.readline().decode().split(None, 1)
        if not answer:
            raise Unavailable(f"died; see {self.log.name}")
        if answer[0] == "skip":
            raise Unavailable(answer[1].strip() if len(answer) > 1 else "skipped")
        return answer[1].strip() if len(answer) > 1 else ""

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        self.process.kill()
        self.process.wait()
        self.log.close()
