#!/usr/bin/env bash
# Trains the figures of "SphereFace" and writes runs/figures/circle.html and runs/figures/sphere.html.
#   configs/figures/draw.sh [MNIST] [FACES]     MNIST: a folder of idx files; FACES: FOLDER/PERSON/PICTURE. Without them, or
#                                               with "-": rendered digits, rendered people.
set -eu
cd "$(dirname "$0")/../.."
digits=() faces=()
[ "${1:--}" = - ] || digits=(data.source=idx data.root="$1")
[ "${2:--}" = - ] || faces=(data.source=folder data.root="$2")
runs=runs/figures

train() {  # train NAME CONFIG OVERRIDES...
  local name=$1 config=$2
  shift 2
  bin/train "configs/figures/$config.ini" run.folder="$runs" run.name="$name" "$@"
}

for loss in softmax modified_softmax; do train "circle_$loss" circle loss.name=$loss ${digits[@]+"${digits[@]}"}; done
for m in 1 2 3 4; do train "circle_m$m" circle loss.m=$m ${digits[@]+"${digits[@]}"}; done
for m in 1 2 3 4; do train "sphere_m$m" sphere loss.m=$m ${faces[@]+"${faces[@]}"}; done
bin/results "$runs"/circle_{softmax,modified_softmax,m1,m2,m3,m4} --features "$runs/circle.html"
bin/results "$runs"/sphere_m{1,2,3,4} --features "$runs/sphere.html"
echo "$runs/circle.html"
echo "$runs/sphere.html"
