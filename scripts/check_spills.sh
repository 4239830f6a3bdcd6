#!/usr/bin/env bash
# Compiles kernels for the cards that matter and prints what each takes: registers, spilled bytes. Fails where one spills,
# where ptxas lets wgmma wait for each other (C7510) or adds waits and fences (C7517, C7519), and where it ignores setmaxnreg
# (C7508). *_sm90a.cu: for 90a only.
#   scripts/check_spills.sh [file.cu...]      default: cuda/gemm.cu cuda/conv2d*.cu;  ARCHS="80 90a 120", NVCC=nvcc
set -euo pipefail
cd "$(dirname "$0")/.."
files=("$@")
((${#files[@]})) || files=(cuda/gemm.cu cuda/conv2d*.cu)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0
for arch in ${ARCHS:-80 90a 120}; do
  for file in "${files[@]}"; do
    if [[ $file == *_sm90a.cu && $arch != 90a ]]; then continue; fi
    "${NVCC:-nvcc}" -std=c++20 --expt-relaxed-constexpr -I. "-gencode=arch=compute_$arch,code=sm_$arch" \
      -Xptxas -v -c "$file" -o /dev/null >"$log" 2>&1 || { cat "$log"; exit 1; }
    if grep -iE 'warning|C75(08|10|17|19)' "$log"; then failed=1; fi
    c++filt <"$log" | awk -v arch="$arch" -v file="$file" '
      /Compiling entry function/ { name = $0; sub(/.*entry function ./, "", name); sub(/. for .sm_.*/, "", name)
        gsub(/\(anonymous namespace\)::|fr::cuda::|fr::|void /, "", name); gsub(/\(Contiguous\)0/, "k", name); gsub(/\(Contiguous\)1/, "side", name)
        gsub(/\((Access|Arithmetic)\)/, "", name); gsub(/\(int\)/, "", name); sub(/>\(.*/, ">", name) }
      /spill stores/ { spilled = $5 + $9 }
      /Used [0-9]+ registers/ { for (i = 1; i < NF; ++i) if ($i == "Used") registers = $(i + 1)
        printf "sm_%s %s %4d registers %4d bytes spilled  %s\n", arch, file, registers, spilled, name
        if (spilled) bad = 1 }
      END { exit bad }' || failed=1
  done
done
exit $failed
