#!/bin/sh
# Look for the headers that the named parts need; install what is missing on Debian as root or with sudo, else print the
# exact command. Usage: scripts/dependencies.sh build [test] [bench]          (CXX names the compiler)
set -u
cxx=${CXX:-g++}
missing=""

tool()   { command -v "$1" >/dev/null 2>&1 || missing="$missing $2"; }
header() {  # header NAME PACKAGE [WORD that it must contain]
  text=$(echo "#include <$1>" | ${cxx#ccache } -std=c++20 -x c++ -E - 2>/dev/null) || text=""  # a part of it may come out first
  case $text in *"${3:-#}"*) ;; *) missing="$missing $2" ;; esac
}

for part in "$@"; do
  case $part in
    build)
      case $cxx in *clang*) tool clang++ clang; header omp.h libomp-dev ;; *) tool g++ g++ ;; esac
      header turbojpeg.h libturbojpeg0-dev
      header zlib.h zlib1g-dev
      header stb/stb_image.h libstb-dev
      header CLI/CLI.hpp libcli11-dev
      header nlohmann/json.hpp nlohmann-json3-dev ;;
    test) header gtest/gtest.h libgtest-dev ;;
    bench)
      header benchmark/benchmark.h libbenchmark-dev
      header cblas.h libopenblas-dev openblas_set_num_threads ;;  # not any other BLAS's
    *) echo "dependencies: unknown part '$part'" >&2; exit 2 ;;
  esac
done
[ -z "$missing" ] && exit 0

command="apt-get install -y --no-install-recommends$missing"
if ! command -v apt-get >/dev/null 2>&1; then
  echo "Missing:$missing (Debian's names). Install them with your package manager, then run make again." >&2
  exit 1
elif [ "$(id -u)" = 0 ]; then
  sudo=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
  sudo="sudo"
else
  echo "Missing:$missing. Run this, then make again:" >&2
  echo "    sudo apt-get update && sudo $command" >&2
  exit 1
fi
echo "Installing:$missing" >&2
$sudo apt-get update -qq >&2 && DEBIAN_FRONTEND=noninteractive $sudo $command -qq >/dev/null || {
  echo "The installation failed. Try: $sudo $command" >&2
  exit 1
}
