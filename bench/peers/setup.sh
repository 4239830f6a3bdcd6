#!/bin/sh
# Installs the peers of the benchmark outside the repository.    Usage: bench/peers/setup.sh [FOLDER, default ../prosopon-peers]
# FOLDER becomes a Python virtual environment of about 8 GB (2 GB where PyTorch's index of CPU wheels can be reached);
# FOLDER/versions.txt says what is in it. Run it again to update.
set -eu
cd "$(dirname "$0")/../.."
venv=${1:-../prosopon-peers}
case $(realpath -m "$venv")/ in
  "$(realpath .)"/*) echo "setup: $venv lies inside the repository" >&2; exit 2 ;;
esac

debian="libopenblas-dev libblis-dev"
missing=""
for package in $debian; do dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"; done
if [ -n "$missing" ]; then
  command="apt-get install -y -o DPkg::Lock::Timeout=60 --no-install-recommends$missing"
  if [ "$(id -u)" = 0 ]; then apt-get update -qq && $command -qq; else echo "Missing: run  sudo $command" >&2; fi
fi

[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
pip() { "$venv/bin/python" -m pip --disable-pip-version-check "$@"; }
cpu=https://download.pytorch.org/whl/cpu
if curl -sfm 20 -o /dev/null $cpu/torch/; then
  pip install -q -U --index-url $cpu torch torchvision
else
  pip install -q -U torch torchvision
fi
for package in onnx onnxscript onnxruntime openvino ncnn pnnx faiss-cpu onednn-devel scipy-openblas32 pytorch-metric-learning; do
  pip install -q -U "$package" || echo "setup: no $package here; its rows will say so" >&2
done

# oneDNN's current build runs on the run-time system of its vendor. The last build with plain OpenMP is older; compare.py
# measures both. Its wheels hold nothing for Python, so they are only unpacked.
openmp=$venv/onednn-openmp
if [ ! -d "$openmp/lib" ]; then
  mkdir -p "$openmp"
  pip download -q --no-deps -d "$openmp" onednn-cpu-gomp onednn-devel-cpu-gomp || echo "setup: no OpenMP build of oneDNN" >&2
  for wheel in "$openmp"/*.whl; do [ -e "$wheel" ] && "$venv/bin/python" -m zipfile -e "$wheel" "$openmp"; done
  for data in "$openmp"/*.data/data; do [ -e "$data" ] && cp -r "$data"/* "$openmp"; done
  rm -rf "$openmp"/*.data
fi

{
  "$venv/bin/python" --version
  pip freeze
  for info in "$openmp"/*.dist-info; do basename "$info" .dist-info; done
  dpkg-query -W -f '${Package} ${Version}\n' $debian 2>/dev/null || true
  ${CXX:-g++} --version | head -1
} > "$venv/versions.txt"
echo "setup: $(wc -l < "$venv/versions.txt") versions in $venv/versions.txt"
