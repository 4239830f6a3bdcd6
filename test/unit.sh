#!/usr/bin/env bash
# Runs a unit test program as one process for each core, which share the tests.    Usage: test/unit.sh build/unit_tests
# What passes is one line; a failure is shown in full.
program=$1 shards=${SHARDS:-$(nproc)}
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
export GTEST_TOTAL_SHARDS=$shards OMP_WAIT_POLICY=passive
processes=()
for ((i = 0; i < shards; ++i)); do
  GTEST_SHARD_INDEX=$i "$program" --gtest_brief=1 >"$logs/$i" 2>&1 &
  processes+=($!)
done
failed=0
for ((i = 0; i < shards; ++i)); do
  wait "${processes[$i]}" || failed=1
  cat "$logs/$i"
done
exit $failed
