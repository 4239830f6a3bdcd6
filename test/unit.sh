#!/usr/bin/env bash
# Runs a unit test program as one process for each core. They share the tests in small portions, since some take much longer than
# others.    Usage: test/unit.sh build/unit_tests
# What passes is one line for each portion; a failure is shown in full.
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
export program=$1 logs GTEST_TOTAL_SHARDS=${SHARDS:-$((4 * $(nproc)))} OMP_WAIT_POLICY=passive
seq 0 $((GTEST_TOTAL_SHARDS - 1)) | xargs -P "$(nproc)" -I{} bash -c \
  'GTEST_SHARD_INDEX={} "$program" --gtest_brief=1 >"$logs/{}" 2>&1 || exit 1'
status=$?  # of xargs: that of a process which was killed, too
for ((i = 0; i < GTEST_TOTAL_SHARDS; ++i)); do cat "$logs/$i"; done
exit $status
