#!/bin/sh
# Each folder may include only itself and the folders on its line. Prints the offending includes and fails.
bad=0
while read -r dir allowed; do
  [ -d "$dir" ] || continue
  names=$(echo "$dir" $allowed | tr ' ' '|')
  grep -rnE '#include "[a-z0-9_]+/' --include='*.h' --include='*.cpp' --include='*.cu' "$dir" |
    grep -vE "#include \"($names)/" && bad=1
done <<'RULES'
base
data base
tensor base
autograd base tensor
nn base tensor autograd
fr base tensor autograd nn data
bin base tensor autograd nn data fr
RULES
[ $bad = 0 ] && echo "layers ok"
exit $bad
