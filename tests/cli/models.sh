# A model file is not trusted: cut, flipped or from the future, it is refused with exit 3.
. "$(dirname "$0")/common.inc"

tiny law:moons m.st --rows 500 || not_ok 'train' 'no model to damage'
size=$(wc -c <m.st)
survivors=
for cut in 0 1 7 8 9 100 $((size / 4)) $((size / 2)) $((size - 4096)) $((size - 1)); do
  [ "$cut" -ge 0 ] || continue
  head -c "$cut" m.st >cut.st
  "$P" sample cut.st -n 1 >cut.out 2>cut.err
  code=$?
  [ "$code" = 3 ] && [ ! -s cut.out ] && [ "$(wc -l <cut.err)" = 1 ] || survivors="$survivors $cut:$code"
done
check 'truncated anywhere' test -z "$survivors"
printf 'x' | cat m.st - >long.st
fails 'longer than it says' 3 'long.st' sample long.st -n 1

# flipped bits: the header and the weights are covered by a checksum
survivors=
for at in 0 3 8 40 200 $((size / 3)) $((size / 2)) $((size - 2)); do
  byte=$(od -An -tu1 -j "$at" -N 1 m.st | tr -d ' ')
  head -c "$at" m.st >flip.st
  printf "\\$(printf %03o $((byte ^ 16)))" >>flip.st
  tail -c +$((at + 2)) m.st >>flip.st
  "$P" info flip.st >flip.out 2>flip.err
  code=$?
  [ "$code" = 3 ] && [ ! -s flip.out ] || survivors="$survivors $at:$code"
done
check 'a flipped bit' test -z "$survivors" || :
[ -z "$survivors" ] || echo "flipped bits that went unnoticed:$survivors" >&2

sed 's/\\"format\\":1/\\"format\\":9/' m.st >future.st
if cmp -s m.st future.st; then skip 'future version' 'no version in plain text'; else
  fails 'future version' 3 'future.st' info future.st
fi
fails 'a table is not a model' 3 'concrete' info "$root/examples/data/concrete.csv"
fails 'no such model' 1 'absent.st' info absent.st
fails 'data without the columns' 3 'x1' eval m.st "$root/examples/data/concrete.csv"
check 'the sound one still loads' "$P" info m.st
