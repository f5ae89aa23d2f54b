# sample --trajectory: the way of every row, beside the rows; what it refuses.
. "$(dirname "$0")/common.inc"

tiny law:moons m.st --rows 500 || not_ok 'train' 'no model'
tiny law:moons jko.st --rows 300 --method jko --steps 30 --blocks 2 --width 8 --batch 48 || not_ok 'train a flow' 'no model'
tiny law:moons gan.st --rows 500 --method wgan --steps 5 || not_ok 'train a generator' 'no model'

shape() { head -c 128 "$1" | grep -a -o "'shape': ([0-9, ]*)" | grep -o '(.*)'; }
# ends_alike NODES PATHS ROWS: 7 rows of 2 columns; row i ends where row i of ROWS is.
ends_alike() {
  tail -c $((7 * $1 * 16)) "$2" >body
  for row in 0 1 2 3 4 5 6; do
    dd if=body bs=16 skip=$((row * $1 + $1 - 1)) count=1 2>/dev/null
  done >ends
  tail -c 112 "$3" >rows
  cmp ends rows
}
# way NAME NODES MODEL OPTIONS...
way() {
  name=$1 nodes=$2 model=$3
  shift 3
  "$P" sample $model -n 7 "$@" --trajectory ways.npy -o rows.npy --quiet || { not_ok "$name" 'no trajectory'; return; }
  check "$name: shape" test "$(shape ways.npy)" = "(7, $nodes, 2)"
  check "$name: ends in the rows" ends_alike $nodes ways.npy rows.npy
  "$P" sample $model -n 7 "$@" -o alone.npy --quiet
  check "$name: the same rows as without" same rows.npy alone.npy
}
way 'one step' 2 m.st
way 'few steps' 5 m.st --steps 4
way 'teacher' 11 m.st --teacher --steps 10
way 'solver' 4 m.st --solver exponential-2m --steps 3
way 'generator alone' 2 gan.st
blocks=$("$P" sample jko.st -n 1 --steps 1 --trajectory one.npy -o one.csv --quiet; shape one.npy | cut -d, -f2)
way 'flow' $((3 * (blocks - 1) + 1)) jko.st --steps 3

"$P" sample m.st -n 4 --steps 4 --trajectory a.npy --quiet >/dev/null
"$P" sample m.st -n 3 --steps 4 --first 4 --trajectory b.npy --quiet >/dev/null
"$P" sample m.st -n 7 --steps 4 --threads 1 --trajectory whole.npy --quiet >/dev/null
tail -c $((4 * 5 * 16)) a.npy >pieces && tail -c $((3 * 5 * 16)) b.npy >>pieces && tail -c $((7 * 5 * 16)) whole.npy >body
check 'pieces equal one file' same pieces body
if "${PYTHON:-python3}" -c 'import numpy' 2>/dev/null; then
  check 'numpy reads it' "${PYTHON:-python3}" -c "import numpy; a = numpy.load('whole.npy'); assert a.shape == (7, 5, 2) and abs(a).max() < 9"
else
  skip 'numpy reads it' 'no numpy'
fi

rm -f ways.npy rows.npy
fails 'adaptive steps' 2 'dopri5' sample m.st -n 7 --solver dopri5 --trajectory ways.npy -o rows.npy
fails 'steps of a generator without any' 2 'steps is 3' sample gan.st -n 7 --steps 3 --trajectory ways.npy -o rows.npy
fails 'no velocity' 2 'velocity' sample gan.st -n 7 --teacher --trajectory ways.npy -o rows.npy
fails 'nowhere' 1 'nowhere' sample m.st -n 7 --trajectory nowhere/ways.npy -o rows.npy
fails 'rows nowhere' 1 'nowhere' sample m.st -n 7 --trajectory ways.npy -o nowhere/rows.npy
fails 'one file for both' 2 'are both' sample m.st -n 7 --trajectory ways.npy -o ways.npy
fails 'not on standard output' 2 'needs a file' sample m.st -n 7 --trajectory -
check 'nothing was written' test ! -e ways.npy -a ! -e rows.npy
if [ -e /dev/full ]; then fails 'full device' 1 '/dev/full' sample m.st -n 7000 --trajectory /dev/full -o rows.npy; fi
check 'no leftovers' no_leftovers
