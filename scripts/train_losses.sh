#!/usr/bin/env bash
# Trains one small network on rendered faces with every family of losses (configs/losses.ini), checks that each reaches the
# accuracy stated here on people it has not seen (about three points below what it reached when the row was written), and
# writes the table docs/losses.md.
#   scripts/train_losses.sh [NAME...]       only these rows; then nothing is written
set -u
cd "$(dirname "$0")/.."
runs=runs/losses failed=0 rows=0 folders=()
pk="data.order=pk data.per_identity=4"

# row NAME ACCURACY OVERRIDES...: accuracy in percent that the run must reach
row() {
  local name=$1 wanted=$2
  shift 2
  [ ${#only[@]} = 0 ] || [[ " ${only[*]} " = *" $name "* ]] || return 0
  rows=$((rows + 1))
  if ! bin/train configs/losses.ini run.folder="$runs" run.name="$name" "$@" >"$runs/$name.out" 2>"$runs/$name.err"; then
    echo "$name: FAILED: $(tail -n 1 "$runs/$name.err")"
    failed=$((failed + 1))
    return
  fi
  local reached
  reached=$(sed -n 's/^accuracy[^%]*  \([0-9.]*\) %.*/\1/p' "$runs/$name.out")
  folders+=("$runs/$name")
  if awk "BEGIN { exit !($reached >= $wanted) }"; then echo "$name: $reached %"
  else echo "$name: FAILED: $reached %, expected at least $wanted %"; failed=$((failed + 1)); fi
}

only=("$@")
mkdir -p "$runs"
row softmax 83 loss.name=softmax
row softmax_bias 83 loss.name=softmax loss.bias=true
row modified_softmax 84 loss.name=modified_softmax
row a_softmax 84 loss.name=a_softmax
row a_softmax_caffe 83 loss.name=a_softmax loss.gradient=caffe_normalised
row l_softmax 84 loss.name=l_softmax loss.m=2
row normface 84 loss.name=normface
row l2_softmax 84 loss.name=l2_softmax
row am_softmax 83 loss.name=am_softmax
row cosface 77 loss.name=cosface
row arcface 80 loss.name=arcface
row arcface_detached 77 loss.name=arcface loss.gradient=detached
row combined 77 loss.name=combined
row center 84 loss.name=softmax,center:0.008
row contrastive 83 loss.name=contrastive $pk
row softmax_contrastive 75 loss.name=softmax,contrastive:0.1 $pk
row triplet 87 loss.name=triplet $pk
row softmax_triplet 83 loss.name=softmax,triplet:1 $pk
row lifted 86 loss.name=lifted $pk
row lifted_distance 81 loss.name=lifted lifted.form=distance $pk
row margin 86 loss.name=margin $pk
row margin_distance 86 loss.name=margin margin.sampling=distance $pk
row joint 83 loss.name=l2_softmax,lifted:0.1,margin:1 $pk

echo "$rows runs, $failed failed"
[ ${#only[@]} = 0 ] || [ "$rows" = ${#only[@]} ] || { echo "of ${#only[@]} names $rows are rows of this script" >&2; exit 2; }
[ "$failed" = 0 ] || exit 1
[ ${#only[@]} = 0 ] || exit 0
bin/results "${folders[@]}" --out docs/losses.md && echo docs/losses.md
