# Flows with likelihood: densities, noise and back, wrong settings.
. "$(dirname "$0")/common.inc"

FLOW='--width 8 --batch 64 --steps 36 --curve-points 2 --rows 500 --quiet'
"$P" data moons -n 60 --seed 5 >rows.csv
for method in jko otflow cnf; do
  case $method in jko) more='--blocks 2 --ode-steps 3' ;; *) more='--ode-steps 3' ;; esac
  check "$method trains" "$P" train law:moons -o $method.st --method $method $FLOW $more --threads 1
  check "$method: the same with 2 threads" "$P" train law:moons -o again.st --method $method $FLOW $more --threads 2
  check "$method: the same bytes" same $method.st again.st
  check "$method has a density" "$P" density $method.st rows.csv -o density.csv
  check "$method: a density a row" awk 'NR == 1 { bad = $0 != "log_density" } NR > 1 && !($1 < 5 && $1 > -99) { bad = 1 }
    END { exit bad || NR != 61 }' density.csv
  check "$method encodes" "$P" encode $method.st rows.csv -o noise.csv --steps 16
  check "$method: noise has its own names" sh -c 'head -1 noise.csv | grep -qx "z1,z2"'
  check "$method decodes" "$P" encode $method.st noise.csv --inverse -o back.csv --steps 16
  check "$method: the rows are back" sh -c 'paste -d, rows.csv back.csv | awk -F, "NR > 1 && (!((\$1 - \$3) ^ 2 < 1e-8) ||
    !((\$2 - \$4) ^ 2 < 1e-8)) { bad = 1 } END { exit bad || NR != 61 }"'
  "$P" density $method.st rows.csv --tolerance 1e-6 -o adaptive.csv
  "$P" density $method.st rows.csv --steps 30 >fine.csv
  check "$method: adaptive steps agree" sh -c 'paste -d, adaptive.csv fine.csv | awk -F, "NR > 1 && !((\$1 - \$2) ^ 2 < 1e-6) {
    bad = 1 } END { exit bad || NR != 61 }"'
  "$P" sample $method.st -n 40 --seed 9 >whole.csv
  { "$P" sample $method.st -n 11 --seed 9; "$P" sample $method.st -n 29 --seed 9 --first 11 | tail -n +2; } >pieces.csv
  check "$method: pieces equal one sample" same whole.csv pieces.csv
  check "$method is evaluated" "$P" eval $method.st rows.csv --quiet
done

# Where the steps double, an iteration counts as two: what was done at 1, 2 and 4 steps adds up to what was asked for.
check 'steps double' sh -c '"$0" train law:2spirals -o doubled.st --method cnf --ode-steps 1 --learning-rate 1e-2 --width 32 --batch 256 \
  --rows 20000 --steps 1500 --threads 1 2>doubled.err' "$P"
tr '\r' '\n' <doubled.err | sed -n 's/.*step \([0-9]*\): .* with \([0-9]*\) of them, to iteration \([0-9]*\)/\1 \2 \3/p' >doubled
check 'what doubling costs is taken off the iterations' awk 'NR == 1 { steps = 1 } { work += ($1 - at) * steps; at = $1; steps = $2; end = $3 }
  END { work += (end - at) * steps; exit !(NR > 0 && work >= 1500 && work < 1500 + steps) }' doubled
check 'the facts agree' sh -c '"$0" info doubled.st --json | grep -q "\"steps_done\": $(tail -1 doubled | cut -d" " -f3)," &&
  "$0" info doubled.st --json | grep -q "\"training_ode_steps\": $(tail -1 doubled | cut -d" " -f2),"' "$P"

# other tables
check 'standard input, standard output' sh -c '"$0" density otflow.st - <rows.csv >piped.csv && "$0" density otflow.st rows.csv -o - |
  cmp - piped.csv' "$P"
awk -F, 'BEGIN { OFS = "," } { print $2, "other" NR, $1 }' rows.csv | sed '1s/other1/id/;s/other//' >shuffled.csv
check 'columns are found by name' sh -c '"$0" density otflow.st shuffled.csv | cmp - piped.csv' "$P"
head -2 rows.csv >one.csv
check 'one row is enough' sh -c '"$0" density otflow.st one.csv | tail -1 >one.out && sed -n 2p piped.csv | cmp - one.out' "$P"
check 'one row of noise is enough' sh -c 'head -2 noise.csv >one.csv && "$0" encode cnf.st one.csv --inverse | awk "END { exit NR != 2 }"' "$P"
check 'npy' sh -c '"$0" density otflow.st rows.csv -o d.npy && head -c 6 d.npy | grep -q NUMPY' "$P"

# refusals
tiny law:moons map.st --rows 500 --steps 20
fails 'no density' 2 'no density' density map.st rows.csv
fails 'no encoding' 2 'no density' encode map.st rows.csv
printf 'a,b\n1,2\n3,4\n' >wrong.csv
fails 'other columns' 3 "unknown column 'x1'" density otflow.st wrong.csv
printf 'z1\n1\n2\n' >narrow.csv
fails 'too little noise' 3 'the noise has 1 columns' encode otflow.st narrow.csv --inverse
fails 'no such model' 1 'cannot open' density absent.st rows.csv
fails 'not a model' 3 'not a model' density rows.csv rows.csv
fails 'tolerance of two' 2 'tolerance is 2' density otflow.st rows.csv --tolerance 2
fails 'negative tolerance' 2 'tolerance is -1' density otflow.st rows.csv --tolerance -1
fails 'no steps' 2 'steps is 0' density otflow.st rows.csv --steps 0
fails 'too many steps' 2 'steps is 1001' encode otflow.st rows.csv --steps 1001
fails 'inverse of a density' 2 "unknown option '--inverse'" density otflow.st rows.csv --inverse
fails 'no data' 2 'usage: pushforward density' density otflow.st
fails 'unknown law' 2 'moons' density otflow.st law:mons

fails 'step size of zero' 2 'step-size is 0' train law:moons -o m --method jko $FLOW --step-size 0
fails 'negative step size' 2 'step-size is -2' train law:moons -o m --method jko $FLOW --step-size -2
fails 'no blocks' 2 'blocks is 0' train law:moons -o m --method jko $FLOW --blocks 0
fails 'negative alpha' 2 'alpha is -1.5' train law:moons -o m --method otflow $FLOW --alpha -1.5
fails 'negative residual' 2 'hjb is -2' train law:moons -o m --method otflow $FLOW --hjb -2
fails 'no integrator steps' 2 'ode-steps is 0' train law:moons -o m --method otflow $FLOW --ode-steps 0
fails 'steer of one' 2 'steer is 1' train law:moons -o m --method cnf $FLOW --steer 1
fails 'residual of a network' 2 'hjb is 2' train law:moons -o m --method cnf $FLOW --hjb 2
fails 'activation of a potential' 2 "activation is 'tanh'" train law:moons -o m --method otflow $FLOW --activation tanh
fails 'an option of another method' 2 "blocks is 3, but method 'otflow' has no use for it; methods that have: jko" train law:moons -o m --method otflow $FLOW --blocks 3
check 'options by method' sh -c '"$0" train --help | sed -n "/^options of jko:/,/^$/p" | grep -q "^ *--blocks N "' "$P"
fails 'unknown divergence' 2 "did you mean 'exact'" train law:moons -o m --method cnf $FLOW --divergence exat
fails 'budget too short' 2 'too short' train law:moons -o m --method jko --rows 500 --quiet --budget 0.001s
check 'nothing was written' test ! -e m
check 'no leftovers' no_leftovers
