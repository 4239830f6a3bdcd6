#!/bin/sh
# Usage: test/isa_symbols.sh BUILD_DIR
# An inline function compiled with -mavx512f and left as a weak symbol can become the linker's copy for everybody, and
# then the program dies on a CPU without AVX-512. So no object of tensor/cpu/simd may define a weak or unique symbol.
# (Allowed: DW.ref.*, pointers to the exception personality, and clang's __clang_call_terminate, which only calls
# std::terminate: neither holds a vector instruction.)
build=${1:?usage: $0 BUILD_DIR}
objects=$(find "$build/tensor/cpu/simd" -name '*.o' 2>/dev/null)
[ -n "$objects" ] || { echo "$0: no objects in $build/tensor/cpu/simd" >&2; exit 1; }
bad=0
for object in $objects; do
  weak=$(nm -C --defined-only "$object" | grep -E '^[0-9a-f]+ [WVu] ' | grep -vE ' (DW\.ref\.|__clang_call_terminate$)')
  if [ -n "$weak" ]; then
    echo "$object defines weak symbols:" >&2
    echo "$weak" >&2
    bad=1
  fi
done
[ $bad = 0 ] && echo "ok: no weak symbols in $(echo "$objects" | wc -l) objects"
exit $bad
