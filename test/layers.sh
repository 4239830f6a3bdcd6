#!/bin/sh
# Each folder may include only itself and the folders on its line. Prints the offending includes and fails.
bad=0
while read -r dir allowed; do
  [ -d "$dir" ] || continue
  names=$(echo "$dir" $allowed | tr ' ' '|')
  grep -rnE '#include "[a-z0-9_]+/' --include='*.h' --include='*.cpp' --include='*.cu' "$dir" |
    grep -vE "#include \"($names)/" | grep -vE '^cuda/(gpu|hopper)\.h:.*"test/emulator/words' && bad=1
done <<'RULES'
base
data base
tensor base
cuda base tensor
autograd base tensor
nn base tensor autograd
fr base tensor autograd nn data
audit base tensor autograd nn fr
bin base tensor autograd nn data fr audit
RULES
# Kernels are written in the words of cuda/gpu.h, so that the emulator can run them.
grep -nE '#include "' cuda/*.cu | grep -vE '"(cuda/|tensor/[a-z_]+_function\.h|base/error\.h")' && bad=1
grep -nE '#include <(cuda|mma|cooperative)|threadIdx|blockIdx|__shared__|__syncthreads|__shfl|asm( volatile)?\(|atomic[A-Z]' \
  cuda/*.cu && bad=1
[ $bad = 0 ] && echo "layers ok"
exit $bad
