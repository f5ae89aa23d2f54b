# From a source to a target: train --from, sample, eval and report --from, and what is refused.
. "$(dirname "$0")/common.inc"

SMALL="--steps 60 --width 16 --depth 2 --batch 64 --curve-points 1 --rows 800"
"$P" data moons -n 30 --seed 5 >rows.csv
sed 's/x1,x2/a,b/' rows.csv >renamed.csv
check 'from a law to a law' sh -c '"$@" 2>train.err' - "$P" train --from law:moons --to law:8gaussians -o law.st --method flow-matching --coupling optimal $SMALL --threads 1
check 'the path energy is told' sh -c 'grep -q "normalised path energy" train.err'
check 'DATA as before' "$P" train law:8gaussians --from law:moons -o again.st --method flow-matching --coupling optimal $SMALL --threads 2 --quiet
check 'the same bytes' same law.st again.st
command=$("$P" info law.st | sed -n 's/^command *pushforward //p')
check 'the recorded command' sh -c '"$1" $2 -o recorded.st --quiet && cmp law.st recorded.st' - "$P" "$command"
check 'info knows the source' sh -c '"$0" info law.st | grep -q "^from  *law:moons"' "$P"
check 'from a file to a law' "$P" train --from renamed.csv --to law:8gaussians -o file.st --method w2fe $SMALL --quiet
check 'from a law to a file' "$P" train --from law:8gaussians --to rows.csv -o back.st --method w1fe $SMALL --quiet
check 'train --json' sh -c '"$0" train --from law:moons --to law:8gaussians -o j.st --method w2fe --quiet --json '"$SMALL"' |
  grep -q "\"normalised_path_energy\": [0-9]"' "$P"

# independent draws of one law
"$P" train --from law:moons --to law:moons -o same.st --method flow-matching --coupling optimal $SMALL --json --quiet >same.json
check 'source and target of one law are other rows' sh -c 'sed -n "s/.*\"w2_squared\": \([0-9.e-]*\).*/\1/p" same.json | awk "{ exit !(\$1 > 1e-4) }"'

# samples
check 'every row of a file' sh -c '"$0" sample file.st --from rows.csv -o all.csv && [ "$(wc -l <all.csv)" = 31 ]' "$P"
check 'names need not agree' sh -c '"$0" sample file.st --from renamed.csv | cmp - all.csv' "$P"
check 'pieces equal the whole' sh -c '{ "$0" sample file.st --from rows.csv -n 7; "$0" sample file.st --from rows.csv --first 7 | tail -n +2; } |
  cmp - all.csv' "$P"
check 'after the last row the first' sh -c '"$0" sample file.st --from rows.csv -n 1 --first 30 | tail -1 >last && sed -n 2p all.csv | cmp - last' "$P"
check 'the seed does not matter to given rows' sh -c '"$0" sample file.st --from rows.csv --seed 8 | cmp - all.csv' "$P"
check 'a law by itself' sh -c '"$0" sample law.st -n 20 --seed 3 >whole.csv && [ "$(wc -l <whole.csv)" = 21 ]' "$P"
check 'its pieces' sh -c '{ "$0" sample law.st -n 9 --seed 3; "$0" sample law.st -n 11 --first 9 --seed 3 | tail -n +2; } | cmp - whole.csv' "$P"
check 'other seeds, other rows' sh -c '! "$0" sample law.st -n 20 --seed 4 | cmp -s - whole.csv' "$P"
check 'standard input' sh -c '"$0" sample file.st --from - <rows.csv | cmp - all.csv' "$P"

# measured
check 'eval of a law by itself' sh -c '"$0" eval law.st law:8gaussians --quiet --pairs 1 --rows 100 --metrics w2 >eval.out' "$P"
check 'its transport cost' sh -c 'grep -q "^transport cost" eval.out && grep -q "^normalised path energy" eval.out'
check 'eval --json' sh -c '"$0" eval file.st law:8gaussians --from rows.csv --quiet --pairs 1 --rows 100 --metrics w2 --json | grep -q "\"cost\": [0-9]"' "$P"
check 'report' "$P" report law.st law:8gaussians -o law.html --quiet --pairs 1 --rows 100
check 'its facts' sh -c 'grep -q "normalised path energy" law.html && grep -q "transported from" law.html'

# rows of two files that belong together: a rotation by a quarter turn cannot be learned from two round clouds alone
if command -v python3 >/dev/null 2>&1; then
  "$P" data gauss -n 400 -o round.csv --seed 5
  python3 -c 'rows = [line.split(",") for line in open("round.csv")][1:]
open("turned.csv", "w").write("x1,x2\n" + "".join("%r,%s\n" % (-float(b), a) for a, b in rows))'
  "$P" train --from round.csv --to turned.csv -o turn.st --method flow-matching --coupling paired --width 32 --depth 2 --batch 128 \
    --steps 1500 --encoder none --holdout-share 0.1 --quiet
  "$P" sample turn.st --from round.csv -o made.csv --quiet
  check 'paired rows keep their partners' python3 -c 'a, b = ([list(map(float, l.split(","))) for l in list(open(f))[1:]] for f in ("made.csv", "turned.csv"))
e = sum((p - q) ** 2 for r, s in zip(a, b) for p, q in zip(r, s)) / len(a)
assert e < 0.3, e'
else
  skip 'paired rows keep their partners' 'no python3'
fi
fails 'pairs of unlike numbers' 3 'paired rows: the source has 30, the data' train --from rows.csv --to law:moons -o m.st --coupling paired $SMALL
fails 'pairs without a source' 2 'needs the rows of a source' train law:moons -o m.st --coupling paired $SMALL
fails 'a picture of another size' 2 'pictures of 3 x 3, but a row has 2 columns' report law.st law:8gaussians --pictures 3x3 -o m.html --quiet
fails 'no size at all' 2 "must be like 28x28" report law.st law:8gaussians --pictures 3x -o m.html --quiet

# refusals
fails 'both DATA and --to' 2 'not both' train law:moons --to law:moons -o m.st
fails 'neither' 2 'DATA or --to' train -o m.st
fails 'columns of the source' 3 'source has 3 columns, the data it is carried to 2' train --from law:two-mode:d=3 --to law:moons -o m.st $SMALL
fails 'a flow with likelihood' 2 "'otflow' starts from N(0, I)" train --from law:moons --to law:8gaussians -o m.st --method otflow $SMALL
fails 'no such source' 1 'absent.csv' train --from absent.csv --to law:moons -o m.st $SMALL
fails 'unknown law' 2 'moons' train --from law:mons --to law:moons -o m.st $SMALL
fails 'standard input twice' 2 'both standard input' train --from - --to - -o m.st
fails 'unknown coupling' 2 "did you mean 'optimal'" train law:moons -o m.st --coupling optimall $SMALL
fails 'rows of two files' 2 'rows is for law' train --from renamed.csv --to rows.csv -o m.st --rows 5
fails 'sample without the file' 2 "trained from 'renamed.csv'" sample file.st -n 3
fails 'eval without the file' 2 'from SOURCE' eval file.st law:8gaussians --quiet
fails 'report without the file' 2 'from SOURCE' report file.st law:8gaussians -o m.html --quiet
fails 'a law needs a number' 2 'needs -n N' sample law.st --from law:moons
fails 'no number at all' 2 'needs -n N' sample law.st
fails 'past the last row' 2 'has 30 rows' sample file.st --from rows.csv --first 30
tiny law:moons noise.st --rows 500 --steps 20
fails 'a source for noise' 2 'starts from noise' sample noise.st --from rows.csv
fails 'other columns' 3 '3 columns, the model 2' sample law.st --from law:two-mode:d=3 -n 4
check 'nothing is left behind' no_leftovers
