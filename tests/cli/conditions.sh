# Columns that are given: train --condition, sample --given, eval, report and export, and what is refused.
. "$(dirname "$0")/common.inc"

awk 'BEGIN { srand(3); print "x,energy,angle"; for (i = 0; i < 900; i++) { e = rand() * 4 + 1; a = rand() - .5;
  printf "%.6f,%.6f,%.6f\n", 2 * e + a + (rand() + rand() + rand() - 1.5) * .3, e, a } }' >rows.csv
check 'train' "$P" train rows.csv -o m.st --condition angle,energy $TINY --quiet --threads 1
check 'other threads, other order of names' "$P" train rows.csv -o n.st --condition energy,angle $TINY --quiet --threads 2
check 'the same numbers' sh -c '"$0" sample m.st -n 20 --given energy=2,angle=0 >a.csv && "$0" sample n.st -n 20 --given angle=0,energy=2 | cmp - a.csv' "$P"
check 'the given values stand in the samples' sh -c 'tail -n +2 a.csv | awk -F, "\$2 != 2 || \$3 != 0 { bad++ } END { exit bad > 0 }" && [ "$(wc -l <a.csv)" = 21 ]'
check 'info marks them' sh -c '"$0" info m.st | grep -q "3 columns: x, energy (given), angle (given)"' "$P"
command=$("$P" info m.st | sed -n 's/^command *pushforward //p')
check 'the recorded command' sh -c '"$1" $2 -o again.st --quiet && cmp m.st again.st' - "$P" "$command"

# rows of a file
printf 'name,angle,energy\nq,0.25,1.5\nr,-0.125,4.75\ns,0,3\n' >given.csv
check 'every row of a file' sh -c '"$0" sample m.st --given given.csv -o all.csv && [ "$(wc -l <all.csv)" = 4 ]' "$P"
check 'by name, as they are' sh -c 'cut -d, -f2,3 all.csv | tail -n +2 | tr "\n" " " | grep -q "^1.5,0.25 4.75,-0.125 3,0 $"'
check 'pieces equal the whole' sh -c '{ "$0" sample m.st --given given.csv -n 1; "$0" sample m.st --given given.csv --first 1 | tail -n +2; } | cmp - all.csv' "$P"
check 'after the last row the first' sh -c '"$0" sample m.st --given given.csv -n 1 --first 3 | tail -1 | grep -q ",1.5,0.25$"' "$P"
check 'the velocity' sh -c '"$0" sample m.st --given given.csv --teacher --steps 8 | tail -1 | grep -q ",3,0$"' "$P"
check 'a solver' sh -c '"$0" sample m.st --given given.csv --solver exponential --steps 8 | tail -1 | grep -q ",3,0$"' "$P"

check 'their ways' sh -c '"$0" sample m.st --given given.csv --solver exponential --steps 4 --trajectory ways.npy -o last.csv --quiet' "$P"
if "${PYTHON:-python3}" -c 'import numpy' >/dev/null 2>&1; then
  check 'conditions rest along them' "${PYTHON:-python3}" -c 'import numpy
w = numpy.load("ways.npy")
assert w.shape == (3, 5, 3) and (w[:, :, 1:] == numpy.array([[1.5, .25], [4.75, -.125], [3, 0]])[:, None]).all(), w'
else
  skip 'conditions rest along them' 'no numpy'
fi

# other files, other settings
awk -F, '{ print $3 "," $1 "," $2 }' rows.csv | sed -n '1p;700,$p' >turned.csv
check 'held-out rows in another order of columns' "$P" train rows.csv -o held.st --condition energy --holdout turned.csv $TINY --quiet
check 'chosen columns' "$P" train rows.csv -o two.st --columns x,energy --condition energy $TINY --quiet
fails 'a dropped column' 2 "unknown condition 'angle'" train rows.csv -o p.st --drop angle --condition angle $TINY --quiet
awk -F, -v OFS=, 'NR > 1 { $3 = 7 } { print }' rows.csv >constant.csv
check 'a warning of a constant' sh -c '"$0" train constant.csv -o c.st --condition angle "$@" 2>&1 | grep -q "warning: condition .angle. is 7 in every row"' "$P" $TINY

# measured
check 'eval within bins' sh -c '"$0" eval m.st rows.csv --metrics conditional --quiet >eval.out && [ "$(grep -c "^within bins of" eval.out)" = 2 ]' "$P"
check 'eval --json' sh -c '"$0" eval m.st rows.csv --metrics conditional --pairs 2 --json --quiet | tr -d " \n" | grep -q "\"energy\":\[{\"low\""' "$P"
check 'none of them when not asked for' sh -c '"$0" eval m.st rows.csv --metrics w2 --pairs 1 --json --quiet | grep -q "\"conditional\": null"' "$P"
check 'compare' sh -c '"$0" compare rows.csv --methods characteristic,flow-matching --condition energy $1 --pairs 1 --quiet 2>/dev/null | grep -q "^flow-matching *velocity"' "$P" "--steps 60 --width 16 --depth 2"
check 'report' "$P" report m.st rows.csv -o m.html --quiet --pairs 1 --rows 40
check 'its part' sh -c 'grep -q "<h2>Conditions" m.html && grep -q "<b>energy</b>" m.html'

# exported: the page's own program
page=$root/docs/embedding.md
"$P" train law:two-mode:d=2 --rows 800 -o given.st --condition x1 $TINY --quiet
"$P" export given.st --to c --name given -o given.c
"$P" sample given.st -n 5 --seed 1 --given x1=0.5 -o want.csv
if command -v cc >/dev/null 2>&1; then
  awk '/^```c$/ { n++; inside = n == 2; next } /^```/ { inside = 0 } inside' "$page" >draw.c
  check 'the page compiles' cc -std=c99 -O1 -Wall -Wextra -Wconversion -pedantic -Werror draw.c given.c -o draw -lm
  check 'the exported file draws the samples' sh -c './draw | paste -d, - want.csv | awk -F, "NR > 1 { d = \$2 - \$4; if (\$1 != .5 || \$3 != .5 ||
    d * d > 1e-10 * (1 + \$4 * \$4)) bad++ } END { exit bad > 0 || NR != 6 }"'
else
  skip 'the page compiles' 'no cc'
fi
python=${PYTHON:-python3}
if "$python" -c 'import numpy, torch' >/dev/null 2>&1; then
  "$P" export given.st --to weights -o given.w.st
  check 'the weights give the samples' sh -c '"$0" "$1/examples/load_in_torch.py" given.w.st 5 1 0.5 | paste -d, - want.csv | awk -F, "NR > 1 {
    d = \$2 - \$4; if (\$1 != .5 || d * d > 1e-10 * (1 + \$4 * \$4)) bad++ } END { exit bad > 0 || NR != 6 }"' "$python" "$root"
else
  skip 'the weights give the samples' "no numpy and torch in $python"
fi

# refused
fails 'no conditions' 2 'does not generate energy, angle' sample m.st -n 3
fails 'an unknown condition' 2 "does not begin with one of the model's conditions" sample m.st -n 3 --given mass=1,energy=2
fails 'a missing condition' 2 "no value of 'angle'" sample m.st -n 3 --given energy=2
fails 'a condition twice' 2 "names 'energy' twice" sample m.st -n 3 --given energy=2,energy=2
fails 'no number' 2 "'x' is no number" sample m.st -n 3 --given energy=x,angle=1
fails 'not a number' 2 "'nan' is no number" sample m.st -n 3 --given energy=nan,angle=1
fails 'infinity' 2 "'1e999' is no number" sample m.st -n 3 --given energy=1e999,angle=1
fails 'too large' 3 "column 'energy': 1e+300 is too large" sample m.st -n 3 --given energy=1e300,angle=1
fails 'how many' 2 'sample needs -n N' sample m.st --given energy=2,angle=1
printf 'energy\n1\n' >lacking.csv
fails 'a file without the column' 3 'angle' sample m.st --given lacking.csv -n 2
fails 'no such column' 2 "unknown condition 'nothing'" train rows.csv -o p.st --condition nothing $TINY --quiet
"$P" train rows.csv -o whole.st $TINY --steps 40 --quiet
fails 'conditions of an unconditional model' 2 'generates every column' sample whole.st -n 3 --given energy=2
fails 'another method' 2 "method 'w1fe' has no use for it; methods that have: characteristic, flow-matching" train rows.csv -o p.st --condition energy --method w1fe
fails 'another method among several' 2 "method 'w1fe', seed 1: condition is 'energy', but" compare rows.csv --condition energy --methods w1fe,flow-matching --steps 4 --width 8 --batch 32 --pairs 1 --quiet
fails 'with a source' 2 'cannot be together' train rows.csv --from rows.csv -o p.st --condition energy
fails 'nothing left' 2 'leaves none of the 3 columns' train rows.csv -o p.st --condition x,energy,angle
