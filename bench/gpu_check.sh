#!/usr/bin/env bash
# Builds for the card of this machine, tests on it, then measures: one call of at most 9 minutes.
#   bench/gpu_check.sh [PART...]       parts: build test sanitize bench torch; default: all, in this order
#   bench/gpu_check.sh --prepare       on a machine with the packages of scripts/dependencies.sh: puts their headers and static
#                                      libraries, the commit and the two programs, built for CUDA_ARCH (90), into build/carry, for
#                                      a machine with a card that lacks them. Programs that start there are not built again:
#                                      after a change prepare once more.
#   bench/gpu_check.sh --here          without a card: shell syntax, and that every part says so instead of failing
# Writes to $OUT, or to bench/results/gpu: gpu_check.txt (what ran, what did not), tests.txt, sanitizer.txt, gpu_bench.jsonl
# and .md, torch_gpu.jsonl and .md (ratios). Each part has a time of its own, and what a part has written stays when it is cut off.
# MINUTES=9 changes the whole, CUDA_ARCH the card to compile for. Exit code: 0, 1 where a part failed, 77 without a card.
set -u
cd "$(dirname "$0")/.."
self=$PWD/bench/gpu_check.sh
carry=build/carry
programs="gpu_tests gpu_bench"
started=$SECONDS
minutes=${MINUTES:-9}

prepare() {
  mkdir -p $carry/include $carry/lib $carry/bin
  local header
  for header in turbojpeg.h zlib.h zconf.h stb CLI nlohmann gtest; do
    for folder in /usr/include /usr/include/"$(uname -m)"-linux-gnu /usr/local/include; do
      [ ! -e "$folder/$header" ] || cp -rL "$folder/$header" $carry/include/
    done
  done
  local library
  for library in turbojpeg z gtest; do cp -L "$(${CXX:-g++} -print-file-name=lib$library.a)" $carry/lib/ || return 1; done
  cp -L "$(command -v make)" $carry/bin/
  git describe --always --dirty=-changed --exclude '*' > $carry/commit
  LIBRARY_PATH=$PWD/$carry/lib make CUDA=1 CUDA_ARCH="${CUDA_ARCH:-90}" gpu || return 1
  for program in $programs; do strip -o $carry/bin/$program build/$program || return 1; done
  du -sh $carry
}

# What this machine lacks comes from build/carry.
use_carried() {
  [ -d $carry ] || return 0
  export CPATH=${CPATH:+$CPATH:}$PWD/$carry/include LIBRARY_PATH=${LIBRARY_PATH:+$LIBRARY_PATH:}$PWD/$carry/lib
  export PATH=$PATH:$PWD/$carry/bin
  commit=COMMIT=$(cat $carry/commit)
}

left() { echo $((minutes * 60 - (SECONDS - started))); }
say() { echo "$@" | tee -a "$out/gpu_check.txt"; }
# part NAME SECONDS COMMAND...: at most SECONDS and what is left of the whole.
part() {
  local name=$1 limit=$2 start=$SECONDS code
  shift 2
  case " $parts " in *" $name "*) ;; *) return 0 ;; esac
  [ "$limit" -lt "$(left)" ] || limit=$(left)
  [ "$limit" -gt 5 ] || { say "$name: not run: no time left"; failed=1; return 1; }
  timeout -k 5 "$limit" "$@"
  code=$?
  case $code in
    0) say "$name: passed, $((SECONDS - start)) s" ;;
    77) say "$name: skipped" ;;
    124 | 137) say "$name: cut off after $limit s"; failed=1 ;;
    *) say "$name: FAILED with exit code $code, $((SECONDS - start)) s"; failed=1 ;;
  esac
  return $code
}

build() {
  mkdir -p build/card
  ! carried || { echo "the programs of $carry start here: nothing is built"; return 0; }
  # another compiler than the one we develop with may warn of other things: warnings are no errors here
  make BUILD=build/card WARN=-w CUDA_WARN= CUDA=1 ${commit:-} gpu 2>&1 | tee "$out/build.txt" | tail -n 40
  return "${PIPESTATUS[0]}"
}
carried() {
  local program
  for program in $programs; do
    [ -x $carry/bin/$program ] && ! ldd $carry/bin/$program 2>&1 | grep -q "not found" || return 1
    cp $carry/bin/$program build/card/
  done
}
# What only Hopper has comes last and by itself: a fault or a copy that never arrives would take everything else with it.
tests() {
  local code hopper
  rm -f build/card/no_hopper
  build/card/gpu_tests --gtest_brief=1 --gtest_filter=-Hopper.* 2>&1 | tee "$out/tests.txt" | tail -n 60
  code=${PIPESTATUS[0]}
  timeout --foreground -k 5 40 build/card/gpu_tests --gtest_filter=Hopper.* 2>&1 | tee -a "$out/tests.txt" | tail -n 30
  hopper=${PIPESTATUS[0]}
  [ "$hopper" = 0 ] || { code=$hopper; touch build/card/no_hopper; echo "the convolutions for Hopper will not be measured"; }
  return "$code"
}
# Small rows only, each block of memory an allocation of its own: a check is many times slower than a run.
sanitize() {
  local code=0 tool=${SANITIZER:-$(command -v compute-sanitizer || ls /usr/local/cuda*/bin/compute-sanitizer 2>/dev/null | head -n 1)} check
  [ -n "$tool" ] || { echo "no compute-sanitizer here"; return 77; }
  : > "$out/sanitizer.txt"
  for check in memcheck racecheck; do
    echo "== $check" | tee -a "$out/sanitizer.txt"
    PROSOPON_CUDA_POOL=0 timeout 60 "$tool" --tool $check --error-exitcode 9 build/card/gpu_tests --quick --gtest_brief=1 \
      --gtest_filter='Card/*.Gemm:Card/*.Conv2d:Card/*.Channel:Card/*.Rows' >> "$out/sanitizer.txt" 2>&1 || code=$?
    tail -n 15 "$out/sanitizer.txt"
  done
  return $code
}
bench() {
  local later=10  # seconds for what comes after
  case " $parts " in *" torch "*) later=140 ;; esac
  [ ! -e build/card/no_hopper ] || export PROSOPON_HOPPER=0
  build/card/gpu_bench --out "$out" --seconds "$(($(left) - later < 60 ? 60 : $(left) - later))"
}
torch() {
  python3 -c 'import torch, sys; sys.exit(0 if torch.cuda.is_available() else 77)' 2>/dev/null || { echo "no PyTorch with CUDA here"; return 77; }
  PYTHONUNBUFFERED=1 python3 bench/peers/torch_gpu.py --seconds "$(($(left) - 10))" --out "$out/torch_gpu.jsonl" \
    --beside "$out/gpu_bench.jsonl"
}
# The parts are functions, and timeout wants programs.
if [ "${1:-}" = --run ]; then
  out=$2 minutes=$3 started=$((SECONDS - $4))
  use_carried
  "$5"
  exit
fi

case ${1:-} in
  --prepare) prepare; exit ;;
  --here)
    bash -n "$self" && python3 -m py_compile bench/peers/torch_gpu.py || exit 1
    for program in gpu_tests gpu_bench; do
      build/$program >/dev/null 2>&1
      code=$?
      [ $code = 77 ] || [ $code = 0 ] || { echo "build/$program: exit code $code"; exit 1; }
    done
    exit 0 ;;
esac
export parts=${*:-build test sanitize bench torch}
out=${OUT:-bench/results/gpu}
mkdir -p "$out"
failed=0
: > "$out/gpu_check.txt"
say "$(date -u '+%Y-%m-%d %H:%M') UTC, commit $(cat $carry/commit 2>/dev/null || git describe --always --dirty=-changed --exclude '*' 2>/dev/null)"
say "$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null || echo 'no NVIDIA driver')"
[ -n "$(nvidia-smi -L 2>/dev/null)" ] || { say "gpu_check: no card here: nothing was run"; exit 77; }

part build 240 "$self" --run "$out" "$minutes" 0 build || exit 1
part test 150 "$self" --run "$out" "$minutes" "$((SECONDS - started))" tests
part sanitize 130 "$self" --run "$out" "$minutes" "$((SECONDS - started))" sanitize
part bench "$(left)" "$self" --run "$out" "$minutes" "$((SECONDS - started))" bench
part torch "$(left)" "$self" --run "$out" "$minutes" "$((SECONDS - started))" torch
cat "$out/gpu_check.txt"
exit $failed
