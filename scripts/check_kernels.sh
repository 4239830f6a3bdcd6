#!/usr/bin/env bash
# Compiles every kernel of cuda/ to machine code for several cards and reads ptxas's report.
# Usage: scripts/check_kernels.sh [ARCH...]        default: 80 90a 120
# Fails where a file does not compile, where a kernel of the convolutions or products spills registers into memory, and
# where ptxas serialises wgmma or waits more than it is told to (C7510, C7517, C7519) or ignores setmaxnreg (C7508). Spills elsewhere are printed. Without nvcc nothing is checked: exit code 77.
set -u
cd "$(dirname "$0")/.."
nvcc=${NVCC:-$(command -v nvcc || ls /usr/local/cuda/bin/nvcc 2>/dev/null)}
[ -n "$nvcc" ] || { echo "check_kernels: no nvcc here, skipped"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

compile() {  # compile NVCC FOLDER ARCH FILE
  local name log
  name=$(basename "$4" .cu) log=$2/$(basename "$4" .cu).$3
  case $4 in *_sm90a.cu) [ "$3" = 90a ] || exit 0 ;; esac
  "$1" -std=c++20 -O2 --expt-relaxed-constexpr -I. -gencode="arch=compute_$3,code=sm_$3" -Xptxas -v -cubin "$4" \
    -o "$log.cubin" >"$log" 2>&1 || { echo "FAIL $4 for sm_$3:"; grep -v 'ptxas info' "$log" | head -20; exit 1; }
  ! grep -nE 'C75(08|10|17|19)' "$log" || { echo "FAIL $4 for sm_$3: wgmma is not what was written"; exit 1; }
  awk -v file="$4" -v arch="$3" -v strict="$(case $name in conv*|gemm*|product*) echo 1 ;; *) echo 0 ;; esac)" '
    /Compiling entry function/ { split($0, part, "\047"); kernel = part[2]; ++kernels }
    /bytes spill stores/ { for (i = 2; i <= NF; ++i) if ($i == "spill" && $(i - 2) > 0) spilled = 1
      if (spilled) { print (strict ? "FAIL" : "note") " " file " for sm_" arch ": " kernel ":" $0; failed += strict }
      spilled = 0 }
    END { print (failed ? "FAIL " : "ok   ") file " for sm_" arch ": " kernels + 0 " kernels" > "/dev/stderr"; exit failed > 0 }' "$log" |
    c++filt
  exit "${PIPESTATUS[0]}"
}
export -f compile
for arch in "${@:-80 90a 120}"; do for a in $arch; do for file in cuda/*.cu; do echo "$a $file"; done; done; done |
  xargs -P "$(nproc)" -L 1 bash -c 'compile "$@"' compile "$nvcc" "$work" 2>"$work/summary"
failed=$?
sort "$work/summary"
exit $((failed != 0))
