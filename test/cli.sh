#!/usr/bin/env bash
# The programs as a person meets them: every exit code and its message, resume, determinism. Needs bin/* built.
set -u
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

ok()  { passed=$((passed + 1)); }
bad() { failed=$((failed + 1)); echo "FAIL $1"; [ -s "$work/err" ] && sed 's/^/     stderr: /' "$work/err" | tail -5; }

# expect NAME CODE PATTERN COMMAND...: the exit code, and a regular expression that stdout or stderr must match.
expect() {
  local name=$1 code=$2 pattern=$3 found
  shift 3
  "$@" >"$work/out" 2>"$work/err" </dev/null
  found=$?
  if [ "$found" != "$code" ]; then bad "$name: expected exit code $code, got $found"
  elif ! cat "$work/out" "$work/err" | grep -qE -- "$pattern"; then bad "$name: no line matches \"$pattern\""
  else ok; fi
}
same() { if cmp -s "$2" "$3"; then ok; else bad "$1: $2 and $3 differ"; fi; }

cat >"$work/tiny.ini" <<'INI'
[synthetic]
identities = 8
min_samples = 4
max_samples = 8
test_identities = 6
test_samples = 3
test_pairs = 40
[network]
depth = 4
embedding = 16
[loss]
name = a_softmax
[optimizer]
lr = 0.01
clip_norm = 5
[train]
batch = 8
steps = 6
log_every = 2
checkpoint_every = 2
INI
# In the background the program itself must be the child that signals reach, not a shell around it.
background() { local name=$1; shift; bin/train "$work/tiny.ini" run.folder="$work/runs" run.name="$name" "$@" >/dev/null 2>"$work/err" </dev/null & pid=$!; }
tiny() { bin/train "$work/tiny.ini" run.folder="$work/runs" "$@"; }
newest() { ls "$work/runs/$1"/checkpoint-*.safetensors | tail -n 1; }

# --- usage and configuration: 2 ---
expect "help" 0 "overrides" bin/train --help
expect "version" 0 "train [0-9]+\.[0-9]+" bin/train --version
expect "no configuration" 2 "no configuration file given" bin/train
expect "unknown option" 2 "bogus" bin/train --bogus
expect "a word that is none of the choices" 2 "bad not in .model,none,sum,mean,concatenate" bin/embed model pictures --flip bad
expect "a number out of range" 2 "not in range" bin/embed model pictures --batch 0
expect "missing file" 2 "nowhere.ini: no such configuration file" bin/train "$work/nowhere.ini"
expect "unknown key" 2 "unknown key 'loss.scal'; did you mean 'loss.scale'" tiny loss.scal=3
expect "multipliers without a number" 2 "optimizer.multipliers = head.weight lr: expected a number in" tiny "optimizer.multipliers=head.weight lr"
expect "multipliers of nobody" 2 "no parameter is called 'hed.weight'; the nearest: head.weight" tiny "optimizer.multipliers=hed.weight lr 10" --check
expect "half a person" 2 "train.batch = 8 is no multiple of data.per_identity = 3" tiny data.order=pk data.per_identity=3
expect "too many people" 2 "needs 16 people; the training data have 8" tiny data.order=pk data.per_identity=1 train.batch=16 --check
expect "doppelgangers without class scores" 2 "needs a loss that scores classes" tiny data.order=doppelganger loss.name=margin
expect "doppelgangers of too few people" 2 "may need 16 people; the training data have 8" tiny data.order=doppelganger mining.smallest=1 mining.largest=1 train.batch=16 --check
expect "too few pictures" 2 "train.batch = 1000 exceeds the [0-9]+ training pictures" tiny train.batch=1000 --check
expect "wrong type" 2 "optimizer.lr = fast: not a number; allowed: real in \[0, 1000\]" tiny optimizer.lr=fast
expect "trailing letters" 2 "train.batch = 12abc: not an integer" tiny train.batch=12abc
expect "out of range" 2 "loss.m = 5: out of range; allowed: integer in \[1, 4\]" tiny loss.m=5
expect "idx takes all classes" 2 "data.largest exist for data.source = folder" tiny data.source=idx data.root="$work" data.largest=3
expect "a domain classifier of one data set" 2 "domain tells data sets apart; expected several" tiny loss.name=softmax,domain
expect "crossing dropout without its loss" 2 "crossing dropout needs the dataset-aware loss" tiny dail.crossing=0.1
expect "weights for no data sets" 2 "data.weights has 2 numbers for 1 data sets" tiny data.weights=1,2
expect "centres alone" 2 "expected another term beside it" tiny loss.name=center
expect "unknown choice" 2 "did you mean 'cosface'" tiny loss.name=cosfase
expect "not an assignment" 2 "expected section.key=value" tiny lr
expect "missing folder" 2 "data.root = .*/nothing: no such folder" tiny data.source=folder data.root="$work/nothing"
export CUDA_VISIBLE_DEVICES=  # what follows must not depend on whether there is a card
expect "audit: what there is" 0 "CosFace s=30 m=0.35 .*h = cos\(theta\) - m .*Wang et al. 2018, Eq. 4" bin/audit --list losses
expect "audit: a line" 0 "CosFace s=30 m=0.35 .* ok" bin/audit cosface
expect "audit: for a program" 0 '"passed": true' bin/audit --json cosface
expect "audit: no such line" 2 "no line has any of these words" bin/audit nonsense
expect "audit: pages need every line" 2 "takes no words" bin/audit --docs docs/math cosface
expect "audit: help" 0 "Exit code 1 when anything fails" bin/audit --help
expect "audit: version" 0 "audit [0-9]+\.[0-9]+" bin/audit --version
expect "audit: everything, of the kernels the small rows" 0 "all ok" bin/audit --quick
expect "no card" 6 "device cuda: [a-zA-Z]" tiny train.device=cuda --check
expect "no card to evaluate on" 6 "device cuda: [a-zA-Z]" bin/embed model . --device cuda
expect "bf16 on the cpu" 2 "train.precision = bf16 needs a card" tiny train.device=cpu train.precision=bf16
expect "bf16 without a card" 2 "precision bf16 needs a card" tiny train.precision=bf16 --check
for broken in "[loss]\nm 4|broken.ini:2: expected key = value" "[loss]\nm = 4\nm = 3|loss.m is given twice, first in line 2" \
              "m = 4|a key before the first \[section\]" "[loss\nm = 4|broken.ini:1: expected \[section\]" \
              "[loss]\nm =|loss.m has no value" "[loss]\nscale = nan|loss.scale = nan" "[loss]\nscale = 1e400|out of range" \
              "[los]\nm = 4|broken.ini:2: unknown key 'los.m'; did you mean 'loss.m'"; do
  printf '%b' "${broken%|*}" >"$work/broken.ini"
  expect "broken: ${broken%|*}" 2 "${broken##*|}" bin/train "$work/broken.ini"
done
expect "evaluate without a list" 2 "protocol = pairs needs list = " bin/evaluate "$work/x"
expect "evaluate nothing" 2 "no model given" bin/evaluate protocol=lfw
expect "an unknown protocol" 2 "protocol = lwf: unknown choice; did you mean 'lfw'\?; allowed: one of: pairs, lfw" bin/evaluate "$work/x" protocol=lwf
expect "an unknown setting" 2 "unknown key 'thresold'; did you mean 'threshold'" bin/evaluate "$work/x" thresold=exact
expect "a setting of a section" 2 "bootstrap.replicates = -1: out of range" bin/evaluate "$work/x" bootstrap.replicates=-1
expect "documented keys" 0 "clip_norm" bin/train --document
bin/train --document >"$work/configuration.md"
same "docs/configuration.md is current (make docs)" "$work/configuration.md" docs/configuration.md
expect "documented settings" 0 "replicates" bin/evaluate --document
bin/evaluate --document >"$work/evaluation.md"
same "docs/evaluation.md is current (make docs)" "$work/evaluation.md" docs/evaluation.md
expect "describe" 0 "^total +22 666 944 " bin/train "$work/tiny.ini" --describe network.depth=20 network.embedding=512
expect "describe an IResNet" 0 "^total +24 025 600 " bin/train "$work/tiny.ini" --describe network.architecture=iresnet network.depth=18 network.embedding=512 network.width=112
expect "describe a ResNet as published" 0 "^total +11 439 168 " bin/train "$work/tiny.ini" --describe network.architecture=resnet_literal network.depth=18 network.embedding=512
expect "describe a MobileFaceNet" 0 "^total +1 003 264 " bin/train "$work/tiny.ini" --describe network.architecture=mobilefacenet network.depth=50 network.embedding=128 network.width=112
expect "describe what a picture must be" 0 "^pictures: 112 x 96 RGB, .p - 127.5. / 128, aligned to ArcFace's template, patch full, flip sum" bin/train "$work/tiny.ini" --describe test.flip=sum
expect "describe the memory of a step" 0 "^ +[0-9.]+ MiB +in all at the fullest moment" bin/train "$work/tiny.ini" --describe
expect "IDA's network on rendered people" 0 "^ok: .*600 people" bin/train configs/ida_small.ini --check
expect "DAIL on rendered data sets" 0 "^ok: .*style surveillance" bin/train configs/dail_small.ini --check
for row in A B C D E F G; do
  expect "Table 6, row $row" 0 "^ok: " bin/train configs/table6/$row.ini --check
done
expect "an option of another network" 2 "network.bias = false: exists for network.architecture = sphereface only" tiny network.architecture=iresnet network.depth=18 network.bias=false
expect "a depth of another network" 2 "network.depth = 20: IResNet has no such depth; allowed: one of: 18, 34, 50, 100" tiny network.architecture=iresnet network.depth=20

# --- a run ---
expect "check does nothing" 0 "ok: " tiny --check
[ ! -e "$work/runs" ] && ok || bad "--check wrote a run folder"
expect "train" 0 "accuracy" tiny run.name=a train.steps=50
for file in config.ini run.json metrics.jsonl scores.csv report.html; do
  [ -s "$work/runs/a/$file" ] && ok || bad "the run folder lacks $file"
done
[ "$(ls "$work"/runs/a/checkpoint-* | wc -l)" = 2 ] && ok || bad "expected the last two checkpoints"
expect "report of a run" 0 "^report  .*compare.html" bin/report "$work/runs/a" --out "$work/compare.html"
for file in compare.html compare.csv compare.json; do
  [ -s "$work/$file" ] && ok || bad "bin/report wrote no $file"
done
expect "report of nothing" 5 "neither result.json" bin/report "$work/nothing" --out "$work/compare.html"
expect "report under another name" 2 "ends in .html" bin/report "$work/runs/a" --out "$work/compare.txt"
printf '# Results\n\n<!-- runs -->\nold\n<!-- end of runs -->\n\n## By others\n' >"$work/results.md"
bin/results "$work/runs/a" --out "$work/results.md" 2>"$work/err" && ok || bad "results"
grep -q "^| a |" "$work/results.md" && ! grep -q "^old" "$work/results.md" && [ "$(tail -n 1 "$work/results.md")" = "## By others" ] && ok ||
  bad "results: expected the run in the place of the old one, and the part of others as it was"
cp "$work/results.md" "$work/once.md"
bin/results "$work/runs/a" --out "$work/results.md" 2>"$work/err" && ok || bad "results again"
same "results that are written again" "$work/once.md" "$work/results.md"
echo "notes of somebody" >"$work/notes.md"
expect "results over something else" 4 "the document has no lines <!-- runs -->" bin/results "$work/runs/a" --out "$work/notes.md"
expect "an older run is kept" 0 "moved to .*/a.1" tiny run.name=a train.steps=50
same "same seed, same weights" "$(newest a)" "$(newest a.1)"
expect "threads 1, prefetch 1" 0 "accuracy" tiny run.name=b train.steps=50 run.threads=1 data.prefetch=1 data.workers=1
same "1 thread and prefetch 1 give the same weights" "$(newest a)" "$(newest b)"
expect "threads 3, prefetch 8" 0 "accuracy" tiny run.name=c train.steps=50 run.threads=3 data.prefetch=8 data.workers=3
same "3 threads and prefetch 8 give the same weights" "$(newest a)" "$(newest c)"

# Adam, P x K batches and a patch, stopped and gone on in the middle of an epoch
recipe() { tiny optimizer.name=adamw schedule.kind=sgdr data.order=pk data.per_identity=2 data.patch=upper augment.crop=6 augment.channel_shift=10 augment.cutout=20 "optimizer.multipliers=head.weight lr 2, *prelu* decay 0" train.checkpoint_every=1 "$@"; }
expect "adamw, sgdr, pk, patch" 0 "accuracy" recipe run.name=r train.steps=5
cp -r "$work/runs/r" "$work/runs/s" && rm "$work/runs/s"/checkpoint-00000005.safetensors
expect "it goes on from step 4" 0 "resuming at step 4" recipe run.name=s train.steps=5 --resume
same "Adam, pk: resumed equals never stopped" "$(newest r)" "$(newest s)"

# --- stop and resume ---
tiny run.name=d train.steps=60 run.threads=1 >/dev/null 2>"$work/err" </dev/null
background e train.steps=60
for _ in $(seq 200); do ls "$work"/runs/e/checkpoint-0000000[4-9]* >/dev/null 2>&1 && break; sleep 0.05; done
kill -INT $pid
wait $pid
code=$?
if [ $code = 130 ] && grep -q -- "--resume" "$work/err"; then ok; else bad "Ctrl-C: expected 130 and how to go on, got $code"; fi
expect "resume" 0 "resuming at step" tiny run.name=e train.steps=60 --resume
same "stopped and resumed equals never stopped" "$(newest d)" "$(newest e)"
grep -q '"images": 480' "$work/runs/e/run.json" && ok || bad "a resumed run forgets the pictures seen before"
background f train.steps=60
for _ in $(seq 200); do ls "$work"/runs/f/checkpoint-0000002* >/dev/null 2>&1 && break; sleep 0.05; done
kill -KILL $pid
wait $pid 2>/dev/null
expect "resume after kill -9" 0 "resuming at step" tiny run.name=f train.steps=60 --resume
same "killed and resumed equals never stopped" "$(newest d)" "$(newest f)"
background n train.steps=60 train.checkpoint_every=100000
for _ in $(seq 200); do [ -s "$work/runs/n/metrics.jsonl" ] && break; sleep 0.05; done
kill -KILL $pid
wait $pid 2>/dev/null
[ -z "$(ls "$work"/runs/n/checkpoint-* 2>/dev/null)" ] && ok || bad "a checkpoint although none was due"
expect "resume before the first checkpoint" 0 "resuming at step 0" tiny run.name=n train.steps=60 --resume
same "begun again equals never stopped" "$(newest d)" "$(newest n)"
lines=$(grep -c '"step":20[,}]' "$work/runs/f/metrics.jsonl")
[ "$lines" = 1 ] && ok || bad "metrics.jsonl holds step 20 $lines times after a resume"

# --- state: 3 ---
expect "nothing to resume" 3 "no run to resume" tiny run.name=new --resume
expect "another configuration" 3 "loss.m: 4 in the checkpoint, 3 now" tiny run.name=a train.steps=50 loss.m=3 --resume

# --- data: 4 ---
mkdir -p "$work/pictures"
bin/synthesize --out "$work/faces" --identities 6 --samples 4 --seed 3 >/dev/null 2>"$work/err" && ok || bad "synthesize"
expect "train on a folder" 0 "report" tiny data.source=folder data.root="$work/faces" run.name=g
expect "train on a list" 0 "groups.txt names none of the classes" tiny data.source=list data.root="$work/faces" data.list="$work/faces/labels.txt" run.name=h
expect "a data set twice" 2 "data.root names .*/faces twice" tiny data.source=folder data.root="$work/faces,$work/faces"
bin/synthesize --out "$work/others" --identities 5 --samples 4 --seed 4 >/dev/null 2>"$work/err" && ok || bad "synthesize others"
expect "train on two folders" 0 "report" tiny data.source=folder data.root="$work/faces,$work/others" data.weights=sqrt loss.name=cosface,domain dail.classes=dataset dail.crossing=auto run.name=two
grep -q '"domain.entropy"' "$work/runs/two/metrics.jsonl" && ok || bad "metrics of the domain classifier"
expect "train on two data sets without a person in common" 0 "report" tiny synthetic.datasets=2 synthetic.shared=0 loss.name=cosface,domain dail.classes=dataset run.name=apart
mkdir -p "$work/lone" "$work/single"
cp -r "$work/others/$(ls "$work/others" | grep -v '\.' | head -n 1)" "$work/lone"
for person in $(cd "$work/faces" && ls -d */); do mkdir "$work/single/$person" && cp "$(find "$work/faces/$person" -name '*.jpg' | sort | head -n 1)" "$work/single/$person"; done
expect "train on a data set of one person" 0 "lone: one person, told from nobody" tiny data.source=folder data.root="$work/faces,$work/lone" loss.name=cosface,domain dail.classes=dataset run.name=lone
expect "train on one picture of each" 0 "report" tiny data.source=folder data.root="$work/single" train.batch=4 balancing.margin=true loss.name=cosface run.name=single
expect "mine among one picture of each" 0 "report" tiny data.source=folder data.root="$work/single" train.batch=4 data.order=doppelganger data.per_identity=1 loss.name=cosface run.name=mined
expect "more neighbours than classes" 0 "report" tiny data.source=folder data.root="$work/faces" balancing.margin=true balancing.neighbours=99 loss.name=cosface run.name=near
grep -q '"neighbours": 5' "$work/runs/near/run.json" && ok || bad "K is not one less than the classes"
expect "one data set is no several" 0 "there is one data set, whose classes all take part" tiny data.source=folder data.root="$work/faces" dail.classes=dataset loss.name=cosface --check
expect "weights of data sets, mined" 2 "pk and doppelganger are made by people" tiny data.source=folder data.root="$work/faces,$work/others" data.weights=sqrt data.order=doppelganger loss.name=cosface --check
evaluate() { bin/evaluate root="$work/faces" list="$work/faces/pairs.csv" bootstrap.replicates=50 "$@"; }
expect "evaluate" 0 "AUC" evaluate "$work/runs/a" --out "$work/once"
grep -q "angular Fisher score" "$work/out" && ok || bad "evaluate: no angular Fisher score"
for file in report.html result.json figures.csv scores.csv; do
  [ -s "$work/once/$file" ] && ok || bad "evaluate --out lacks $file"
done
expect "evaluate a run with a domain classifier" 0 "AUC" evaluate "$work/runs/two"
head -n 1 "$work/once/scores.csv" | grep -q "^fold,a,b,same,score" && ok || bad "scores.csv has no header"
sed '0,/,1$/s//,0/' "$work/faces/pairs.csv" >"$work/mixed.csv"  # two pictures in one folder said to be two people
expect "pairs that contradict the folders" 0 "AUC" evaluate "$work/runs/a" list="$work/mixed.csv"
grep -q "angular Fisher score" "$work/out" && bad "a score although the folders do not tell people apart" || ok
expect "pack pairs" 0 "faces.bin: [0-9]+ pairs" bin/pack_pairs "$work/faces/pairs.csv" --root "$work/faces" --out "$work/faces.bin"
[ "$(head -c 4 "$work/faces.bin" | od -An -tx1 | tr -d ' ')" = 80035d28 ] && ok || bad "pack pairs: no pickle of protocol 3"
expect "pack pairs of missing pictures" 4 "pictures missing" bin/pack_pairs "$work/faces/pairs.csv" --root "$work" --out "$work/none.bin"
expect "the mean of two copies" 0 "AUC" evaluate "$work/runs/a" "$work/runs/a" average=scores --out "$work/twice"
same "the mean of two copies scores as one" "$work/once/scores.csv" "$work/twice/scores.csv"
expect "three patches" 0 "accuracy" evaluate "$work/runs/a" "$work/runs/r" "$work/runs/a" patch=full,upper,centre flip=mean
expect "too few patches" 2 "2 patches for 3 models" evaluate "$work/runs/a" "$work/runs/a" "$work/runs/a" patch=full,upper
expect "an unknown patch" 2 "'lower' is none of full, upper, centre" evaluate "$work/runs/a" patch=lower
printf 'threshold = insightface\nflip = sum\n[bootstrap]\nreplicates = 50\n' >"$work/evaluate.ini"
expect "settings from a file" 0 "VAL at FAR 0.1 %" evaluate "$work/runs/a" --config "$work/evaluate.ini"
expect "the command line is stronger" 0 "AUC" evaluate "$work/runs/a" --config "$work/evaluate.ini" threshold=exact
grep -q "VAL at FAR" "$work/out" && bad "a setting of the command line was weaker than the file's" || ok
expect "a calibration without its file" 2 "calibration.file: this type of calibration needs a file" evaluate "$work/runs/a" calibration.type=s_norm
expect "not the published list" 0 "LFW has 6000 pairs in 10 folds" evaluate "$work/runs/a" protocol=lfw
expect "evaluate --check does nothing" 0 "^ok: .*, [0-9]+ pairs in [0-9]+ folds from pairs.csv" evaluate "$work/runs/a" --check --out "$work/never"
[ ! -e "$work/never" ] && ok || bad "evaluate --check wrote a folder"
awk -F, -v OFS=, 'NR == 1 { print $0, "group" } NR > 1 { print $0, NR % 2 ? "odd" : "even" }' "$work/faces/pairs.csv" >"$work/grouped.csv"
expect "groups at one threshold" 0 "^ *odd " evaluate "$work/runs/a" list="$work/grouped.csv"
expect "groups as verifications of their own" 0 "accuracy, even" evaluate "$work/runs/a" list="$work/grouped.csv" protocol=afw
expect "no groups" 4 "RFW has groups" evaluate "$work/runs/a" protocol=rfw
{ printf '\x3c\0\0\0\0\0\0\0{"test":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}'; head -c 16 /dev/zero; } >"$work/other.safetensors"
expect "not a checkpoint" 3 "expected metadata format" evaluate "$work/other.safetensors"
expect "embed" 0 "embeddings of size 32" bin/embed "$work/runs/a" "$work/faces" --out "$work/e.npy"
[ "$(wc -l <"$work/e.txt")" = "$(find "$work/faces" -name '*.jpg' | wc -l)" ] && ok || bad "embed: names do not match the pictures"
expect "calibrate" 0 "a cohort of [0-9]+" bin/calibrate "$work/runs/a" --cohort "$work/faces" --flip sum --out "$work/cohort.safetensors"
expect "calibrate without duplicates" 0 "[1-9][0-9]* left out as duplicates" bin/calibrate "$work/runs/a" --cohort "$work/faces" "$work/faces" --duplicates 0.9999 --top 5 --out "$work/cohort.safetensors"
expect "before and after a calibration" 0 "calibration s_norm|s_norm" evaluate "$work/runs/a" calibration.type=s_norm calibration.file="$work/cohort.safetensors" --out "$work/normed"
grep -q '"calibration": "none"' "$work/normed/result.json" && ok || bad "a calibrated evaluation does not tell the figures before"
expect "a cohort of another flip" 3 "flip concatenate, not none" evaluate "$work/runs/a" flip=none calibration.type=s_norm calibration.file="$work/cohort.safetensors"
expect "evaluate --check reads the calibration" 3 "flip concatenate, not none" evaluate "$work/runs/a" --check flip=none calibration.type=s_norm calibration.file="$work/cohort.safetensors"
expect "calibrate by one" 2 "the most similar one alone has no standard deviation" bin/calibrate "$work/runs/a" --cohort "$work/faces" --top 1 --out "$work/cohort.safetensors"
expect "anchors" 0 "a score: log DAO.*ida_r" bin/anchors "$work/runs/a" --k 3 --flip sum --duplicates 1 --out "$work/anchors" --report "$work/anchors.html"
grep -q "Sorted cosines" "$work/anchors.html" && ok || bad "anchors: no page"
expect "anchors of a folder" 0 "anchors of size" bin/anchors "$work/runs/a" --pictures "$work/faces" --k 3 --duplicates 1 --out "$work/folder.anchors"
expect "more neighbours than anchors" 2 "k = 1000000, but only" bin/anchors "$work/runs/a" --k 1000000 --out "$work/never"
expect "scores by anchors" 0 "ida_r" evaluate "$work/runs/a" flip=sum calibration.type=ida_r calibration.file="$work/anchors" calibration.tau=2
expect "anchors of another flip" 3 "flip sum, not none" evaluate "$work/runs/a" flip=none calibration.type=ida_r calibration.file="$work/anchors"
expect "anchors of another network" 3 "weights .*, not" evaluate "$work/runs/r" flip=sum calibration.type=ida_r calibration.file="$work/anchors"
expect "anchors of pictures that are not named" 2 "data.root" bin/anchors "$work/runs/g" --out "$work/never"
expect "anchors of pictures that are named" 0 "6 anchors" bin/anchors "$work/runs/g" data.root="$work/faces" --k 2 --duplicates 1 --out "$work/named"
expect "anchors of class weights" 0 "4 anchors .*4 random ones, seed 1: class weights of 6 people" bin/anchors "$work/runs/g" data.root="$work/faces" --from class_weights --count 4 --k 2 --flip sum --duplicates 1 --out "$work/named"
expect "class weights of people without names" 0 "nothing names the people" bin/anchors "$work/runs/g" --from class_weights --k 2 --flip sum --out "$work/named"
expect "class weights of other people" 3 "was trained on other pictures" bin/anchors "$work/runs/g" data.root="$work/others" --from class_weights --k 2 --flip sum --out "$work/never"
mkdir -p "$work/nobody"
expect "anchors of an empty folder" 4 "no readable picture among 0 candidates" bin/anchors "$work/runs/a" --pictures "$work/nobody" --out "$work/never"
expect "anchors from two places" 2 "says where the anchors come from" bin/anchors "$work/runs/a" --from training --pictures "$work/faces" --out "$work/never"
expect "a temperature for the cosine" 2 "calibration.type = none has none" evaluate "$work/runs/a" calibration.tau=2
expect "ssr" 0 "R.2 of log F" bin/ssr "$work/runs/a" --anchors "$work/anchors" --steps 60 --step-batch 8 --out "$work/ssr"
expect "scores without anchors" 0 "ida_l" evaluate "$work/runs/a" flip=sum calibration.type=ida_l calibration.file="$work/ssr"
expect "ssr has its own tau" 2 "cannot be chosen anew" evaluate "$work/runs/a" flip=sum calibration.type=ida_l calibration.file="$work/ssr" calibration.tau=2
pairs="data.order=pk data.per_identity=2 train.batch=8 train.steps=4"
expect "train an uncertainty module" 0 "report" tiny run.name=pfe pfe.model="$work/runs/a" $pairs
expect "evaluate by mutual likelihood" 0 "mutual likelihood score" evaluate "$work/runs/pfe" calibration.type=pfe calibration.fusion=minimum
expect "evaluate by mutual likelihood and anchors" 0 "log DAO of the mutual likelihood, variance .*, tau = 1\\)" evaluate "$work/runs/pfe" flip=sum calibration.type=pfe_ida calibration.file="$work/anchors"
expect "mutual likelihood and anchors without variances" 2 "its file has no uncertainty module" evaluate "$work/runs/a" flip=sum calibration.type=pfe_ida calibration.file="$work/anchors"
expect "mutual likelihood without variances" 2 "its file has no uncertainty module" evaluate "$work/runs/a" calibration.type=pfe
expect "an uncertainty module without pairs" 2 "needs data.order = pk" tiny run.name=pfe pfe.model="$work/runs/a"
expect "an uncertainty module on another network" 2 "network.embedding = 17: the network of pfe.model" tiny run.name=pfe pfe.model="$work/runs/a" network.embedding=17 $pairs
# --- the recogniser on aligned pictures ---
expect "enroll" 0 "24 rows of size [0-9]+; 0 pictures skipped" bin/enroll "$work/runs/a" "$work/faces" --out "$work/gallery"
one=$(find "$work/faces" -name '*.jpg' | sort | head -n 1)
other=$(find "$work/faces" -name '*.jpg' | sort | tail -n 1)
expect "identify" 0 "$(basename "$(dirname "$one")")	1.0000" bin/identify "$work/runs/a" "$work/gallery" "$one" --candidates 2 --csv "$work/probes.csv" --html "$work/probes.html"
head -n 1 "$work/probes.csv" | grep -q "^probe,rank,person,picture,score,accepted" && [ -s "$work/probes.html" ] && ok || bad "identify: no CSV or page"
expect "nobody is like that" 0 "	unknown	" bin/identify "$work/runs/a" "$work/gallery" "$one" --threshold 2
expect "another model's gallery" 3 "was made otherwise" bin/identify "$work/runs/r" "$work/gallery" "$one"
cp "$work/gallery" "$work/bent" && printf '\377' | dd of="$work/bent" bs=1 seek=$(($(stat -c %s "$work/gallery") - 9)) conv=notrunc 2>/dev/null
expect "a damaged gallery" 4 "is damaged" bin/identify "$work/runs/a" "$work/bent" "$one"
expect "a picture that cannot be read" 4 "1.0000" bin/identify "$work/runs/a" "$work/gallery" "$one" "$work/nobody.jpg"
expect "no gallery" 4 "not a gallery" bin/identify "$work/runs/a" "$work/cohort.safetensors" "$one"
expect "compare" 0 "none: give --card" bin/compare "$work/runs/a" "$one" "$other"
expect "compare by anchors" 0 "log DAO" bin/compare "$work/runs/a" "$one" "$other" --calibration ida_r --calibration-file "$work/folder.anchors" --calibration-tau 2
expect "compare by mutual likelihood and anchors" 0 "log DAO of the mutual likelihood" bin/compare "$work/runs/pfe" "$one" "$other" --calibration pfe_ida --calibration-file "$work/folder.anchors"
expect "compare by a card" 0 "same person; .*FAR 0.1 " bin/compare "$work/runs/a" "$one" "$one" --card "$work/once/result.json" --far 0.1 --html "$work/pair.html"
[ -s "$work/pair.html" ] && ok || bad "compare: no page"
expect "a FAR that the card lacks" 2 "the threshold card has no rate 0.5; it has" bin/compare "$work/runs/a" "$one" "$one" --card "$work/once/result.json" --far 0.5
expect "the card of another model" 3 "is the card of other embeddings" bin/compare "$work/runs/r" "$one" "$one" --card "$work/once/result.json" --far 0.1
expect "compare a missing picture" 5 "nobody.jpg" bin/compare "$work/runs/a" "$one" "$work/nobody.jpg"
head -c 300 "$one" >"$work/cut.jpg" && mkdir -p "$work/few/x" "$work/few/y" && cp "$one" "$work/few/x/" && cp "$work/cut.jpg" "$work/few/y/"
expect "enroll what can be enrolled" 4 "1 pictures skipped, 1 people left out" bin/enroll "$work/runs/a" "$work/few" --out "$work/few.gallery"
[ -s "$work/few.gallery" ] && ok || bad "enroll: nothing written because of one picture"
expect "empty folder" 4 "pictures" tiny data.source=folder data.root="$work/pictures"
printf 'a.jpg 0\nb.jpg x\n' >"$work/list.txt"
expect "bad label" 4 "list.txt:2" tiny data.source=list data.root="$work" data.list="$work/list.txt"
printf 'nobody/1.jpg nobody/2.jpg 1\nnobody/1.jpg nobody/3.jpg 0\n' >"$work/pairs.txt"
expect "missing pictures of pairs" 4 "nobody" bin/evaluate "$work/runs/a" root="$work" list="$work/pairs.txt"
{ cat "$work/faces/pairs.csv"; echo "0,nobody/1.jpg,nobody/2.jpg,0"; } >"$work/missing.csv"
expect "a missing picture" 4 "1 of [0-9]+ pairs need" evaluate "$work/runs/a" list="$work/missing.csv"
expect "a missing picture allowed" 0 "[0-9]+ of [0-9]+ pairs are used" evaluate "$work/runs/a" list="$work/missing.csv" --allow-missing
search_with() { model=$1; shift; bin/evaluate "$model" root="$work/faces" bootstrap.replicates=50 protocol="$@"; }
search() { search_with "$work/runs/a" "$@"; }
expect "identification in a folder" 0 "rank 1 " search identification identification.strangers=2 --out "$work/found"
grep -q "TPIR at FPIR 10 %" "$work/out" && [ -s "$work/found/report.html" ] && ok || bad "identification: no open set, or no report"
expect "no stranger" 4 "open_set = required, but each of [0-9]+ probes" search identification identification.open_set=required --check
(cd "$work/faces" && find . -name '*.jpg' | sed 's,^\./,,' | sort | awk -F/ '{ print $1, $0 > (seen[$1]++ ? "probes.txt" : "gallery.txt") }')
expect "identification by lists" 0 "rank 1 " search identification identification.gallery=gallery.txt identification.probes=probes.txt
expect "a gallery without probes" 2 "protocol = identification needs identification.probes" search identification identification.gallery=gallery.txt
expect "a list for identification" 2 "protocol = identification has no list; see identification.gallery" search identification list=x
sed -n '1{s,[^ ]*$,nobody.jpg,;p;}' "$work/faces/gallery.txt" | cat - "$work/faces/gallery.txt" >"$work/more.txt"
expect "enrolled twice" 4 "more.txt:2: .* is enrolled a second time, first in line 1" search identification identification.gallery="$work/more.txt" identification.probes=probes.txt identification.enrolled=one
expect "a missing picture of the gallery" 4 "more.txt: 1 of 7 pictures missing" search identification identification.gallery="$work/more.txt" identification.probes=probes.txt
expect "a missing picture of the gallery allowed" 0 "left out: 1 of 7 pictures missing" search identification identification.gallery="$work/more.txt" identification.probes=probes.txt --allow-missing
cut -d' ' -f1 "$work/faces/gallery.txt" | head -n 3 >"$work/novel.txt"
expect "coverage of a novel set" 0 "rank 1 of the base set" search coverage coverage.novel="$work/novel.txt" coverage.precision=0.5,0.99
echo nobody >>"$work/novel.txt"
expect "relearn" 0 "a classifier of 6 people" bin/relearn "$work/runs/a" --root "$work/faces" --gallery "$work/faces/gallery.txt" --steps 20 --out "$work/relearned"
expect "coverage of classes" 0 "coverage" search_with "$work/relearned" coverage coverage.scores=classes coverage.precision=0.5
cp -r "$work/faces" "$work/damaged"
head -c 500 "$work/faces/$(sed -n '2s/[^ ]* //p' "$work/faces/gallery.txt")" >"$work/damaged/$(sed -n '2s/[^ ]* //p' "$work/faces/gallery.txt")"
relearn_damaged() { bin/relearn "$work/runs/a" --root "$work/damaged" --gallery "$work/damaged/gallery.txt" --steps 2 --out "$work/relearned2" "$@"; }
expect "relearn with a damaged picture" 4 "skipped: .*damaged/" relearn_damaged
expect "relearn with a damaged picture allowed" 0 "a classifier of 5 people from 5 pictures" relearn_damaged --allow-skipped
expect "relearn upon variances" 0 "a classifier of 6 people" bin/relearn "$work/runs/pfe" --root "$work/faces" --gallery "$work/faces/gallery.txt" --steps 20 --out "$work/relearned"
expect "coverage of its classes" 0 "coverage" search_with "$work/relearned" coverage coverage.scores=classes coverage.precision=0.5
expect "learning rates that rise" 2 "last-lr 1 is above --lr" bin/relearn "$work/runs/a" --root "$work/faces" --gallery "$work/faces/gallery.txt" --last-lr 1 --out "$work/never"
expect "coverage by mutual likelihood" 0 "coverage" search_with "$work/runs/pfe" coverage coverage.precision=0.5 calibration.type=pfe flip=none
expect "an unknown novel person" 4 "novel.txt:4: nobody in gallery or probes is called 'nobody'" search coverage coverage.novel="$work/novel.txt"
rm "$work/faces/gallery.txt" "$work/faces/probes.txt"
bin/synthesize --out "$work/one_shot" --identities 4 --samples 3 --novel 3 --test-pictures 2 --size 56 --style 2 >/dev/null 2>"$work/err" && ok || bad "synthesize a one-shot benchmark"
expect "train on its base set" 0 "12 pictures of 4 people" tiny data.source=list data.root="$work/one_shot" data.list="$work/one_shot/base_train.txt" --check
expect "coverage of its novel people" 0 "measured probes +6$" bin/evaluate "$work/runs/a" protocol=coverage root="$work/one_shot" coverage.gallery=gallery.txt coverage.probes=probes.txt coverage.novel=novel.txt bootstrap.replicates=50
expect "balanced test groups" 0 "[0-9]+ genuine, [0-9]+ impostor" tiny synthetic.test_groups=balanced synthetic.test_identities=16 run.name=groups
expect "shares of two groups" 2 "synthetic.group_shares takes 4 numbers, got 2" tiny synthetic.group_shares=0.5,0.5
expect "no group" 2 "synthetic.group_shares are all 0" tiny synthetic.group_shares=0,0,0,0
expect "an unknown style" 2 "not in range" bin/synthesize --sheet "$work/sheet.png" --style 5
(cd "$work/faces" && find . -name '*.jpg' | sed 's,^\./,,' | sort | awk -F/ -v t="$work/trials.txt" '
  { if (!($1 in label)) label[$1] = ++people; print $0 "\t" label[$1] > "'"$work"'/images.txt"; p = label[$1]; n = ++seen[p]
    if (p == 1) print "1 train", NR > t; else { print "1 test", NR > t; print (p < 5 && n == 1 ? "1 gallery" : "1 probe"), NR > t } }')
expect "BLUFR" 0 "not the published protocol" search blufr list="$work" blufr.far=0.1 blufr.fpir=0.25
expect "BLUFR --check" 0 "^ok: .*, 1 trials of [0-9]+ pictures of 6 people" search blufr list="$work" --check
expect "BLUFR without lists" 5 "images.txt" search blufr list="$work/runs"
cp -r "$work/faces" "$work/damaged"
for f in $(find "$work/damaged" -name '*.jpg' | head -n 12); do head -c 300 "$f" >"$f.x" && mv "$f.x" "$f"; done
expect "too many damaged pictures" 4 "damaged" tiny data.source=folder data.root="$work/damaged" run.name=i
expect "some damaged pictures" 0 "report" tiny data.source=folder data.root="$work/damaged" run.name=i data.max_damaged=0.9
cp "$(newest a)" "$work/cut.safetensors" && truncate -s -100 "$work/cut.safetensors"
expect "truncated checkpoint" 4 "cut.safetensors" evaluate "$work/cut.safetensors"
truncate -s -100 "$(newest a)"
expect "a damaged newest checkpoint falls back" 0 "passed over" tiny run.name=a train.steps=50 --resume

# --- aligned copies ---
mkdir -p "$work/photos/ann"
cp "$(find "$work/faces" -name '*.jpg' | sort | head -n 1)" "$work/photos/ann/1.jpg"
cp "$work/photos/ann/1.jpg" "$work/photos/ann/2.jpg"
printf 'ann/1.jpg\t38\t52\t74\t52\t56\t72\t42\t92\t71\t92\n' >"$work/landmarks.txt"
align() { bin/align "$work/photos" --landmarks "$work/landmarks.txt" --out "$work/$@"; }
expect "align: a picture without landmarks is named" 4 "ann/2.jpg: no landmarks in .*landmarks.txt" align aligned
[ -s "$work/aligned/ann/1.jpg" ] && cmp -s "$work/landmarks.txt" "$work/aligned/landmarks.txt" && ok || bad "align: what it used is not there"
expect "align: allowed to be missing" 0 "1 pictures aligned in .*, 1 not" align narrow --size 112x96 --fit cp2tform --allow-missing
expect "align: nothing is replaced" 2 "ann/1.jpg exists already" align aligned
expect "align: unless told" 4 "1 pictures aligned" align aligned --overwrite
expect "align: where the landmarks come from" 2 "either --landmarks or --detect" bin/align "$work/photos" --out "$work/x"
expect "align: not MTCNN" 4 "is this MTCNN" bin/align "$work/photos" --out "$work/x" --detect "$(newest b)"

# --- input and output: 5 ---
echo file >"$work/file"
expect "output below a file" 5 "file" tiny run.folder="$work/file"
expect "missing model" 5 "nothing.safetensors" bin/embed "$work/nothing.safetensors" "$work/faces"

# --- memory: 6 ---
expect "out of memory" 6 "bytes" bash -c "ulimit -v 4000000; bin/train '$work/tiny.ini' run.folder='$work/runs' run.name=m network.embedding=65536"

# --- locked: 7 ---
background j train.steps=100000
for _ in $(seq 200); do [ -e "$work/runs/j/metrics.jsonl" ] && break; sleep 0.05; done
expect "a second run" 7 "$pid" tiny run.name=j
kill -TERM $pid
wait $pid
[ $? = 143 ] && ok || bad "SIGTERM: expected exit code 143"

# --- diverged: 8 ---
expect "diverged" 8 "first tensor that is not finite: .*network" tiny run.name=k optimizer.lr=1000 optimizer.clip_norm=0 loss.name=softmax train.steps=200 train.checkpoint_every=1
[ -n "$(ls "$work"/runs/k/checkpoint-* 2>/dev/null)" ] && ok || bad "no checkpoint is left after divergence"
expect "a loss that stays" 0 "stayed at its start value" tiny run.name=l optimizer.lr=0 train.steps=30

# --- weights of others ---
expect "import without weights" 2 "weights is required" bin/import
expect "import: no such file" 5 "nothing.safetensors" bin/import "$work/nothing.safetensors"
expect "import: what is ours already" 4 "not insightface's MobileFaceNet: [0-9]+ mismatches" bin/import "$(newest a)" --out "$work/import.safetensors"
[ ! -e "$work/import.safetensors" ] && ok || bad "a refused import wrote a file"
if [ -f ../shared/data/weights/mobilefacenet.safetensors ]; then
  expect "import" 0 "MobileFaceNet, 1003264 parameters, embeddings of size 128; pictures 112 x 112 RGB" bin/import ../shared/data/weights/mobilefacenet.safetensors --out "$work/import.safetensors"
  expect "an imported model is evaluated" 0 "^ok: " bin/evaluate "$work/import.safetensors" list=../shared/data/lists/pairsDevTest.txt root=../shared/data/lfw-112 --check
  expect "one that is not imported" 3 "bin/import makes a model" bin/evaluate ../shared/data/weights/mobilefacenet.safetensors list=../shared/data/lists/pairsDevTest.txt root=../shared/data/lfw-112 --check
else
  skipped=$((skipped + 1)); echo "SKIP import: ../shared/data/weights is absent"
fi

if [ -d ../shared/data/lfw-112 ]; then
  expect "LFW" 0 "9525 pictures of 4038 people" bin/train configs/lfw_view1.ini data.root=../shared/data/lfw-112 --check
else
  skipped=$((skipped + 1)); echo "SKIP LFW: ../shared/data/lfw-112 is absent"
fi

if python3 -c 'import tomllib' 2>/dev/null; then
  expect "experiments" 0 "^OK" python3 test/experiments_test.py
  for paper in dail balancing mining ida; do
    experiments/run.py $paper --seeds 1 --list | grep -o 'bin/train [^#]*' | grep -v pfe.model | sort -u >"$work/rows"
    while read -r row; do  # data that the preparation of the table writes are not there
      expect "experiments, $paper: $row" 0 "^ok: " bash -c "${row%% data.*} data.source=synthetic data.order=uniform --check"
    done <"$work/rows"
  done
else
  skipped=$((skipped + 1)); echo "SKIP experiments: needs Python 3.11"
fi

echo "command line: $passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
