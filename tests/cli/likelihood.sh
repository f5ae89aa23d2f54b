# What eval and report say about a flow with likelihood.
. "$(dirname "$0")/common.inc"

FLOW='--steps 8 --batch 256 --seed 3 --quiet'
FAST='--rows 100 --pairs 1 --quiet'
"$P" train law:8gaussians --rows 2000 -o flow.st --method otflow $FLOW || not_ok 'train' 'no model'
"$P" data 8gaussians -n 300 --seed 9 -o rows.csv
"$P" eval flow.st law:8gaussians $FAST >law.txt || not_ok 'eval' 'failed'
# says FILE WORDS...: every one of them stands at the begin of a line.
says() {
  says_file=$1
  shift
  for word in "$@"; do grep -q "^ *$word  *[-0-9.e]*\$" "$says_file" || return 1; done
}
check 'rows of a law' grep -q '^likelihood of 20000 real rows  *value$' law.txt
check 'the likelihood of a law' says law.txt 'NLL, nats' 'its standard error' \
  'entropy of the law, its floor' 'KL(data || model), row by row' "NLL in the encoder's units" 'NLL by adaptive steps' \
  "largest difference of a row's log p" 'network evaluations per row' 'inverse error, mean' 'root mean square' \
  'squared MMD' 'its floor'
check 'NLL among the metrics' grep -q '^nll  ' law.txt
check 'samples under the law' grep -q '^sample_nll  ' law.txt
"$P" eval flow.st rows.csv $FAST >table.txt || not_ok 'eval of a table' 'failed'
check 'no entropy of a table' sh -c '! grep -q entropy table.txt && grep -q "^NLL, nats" table.txt'
"$P" eval flow.st law:8gaussians $FAST --metrics w2 >w2.txt
check 'only the metrics asked for' sh -c '! grep -q "^nll  " w2.txt && grep -q "^w2  " w2.txt'

if command -v python3 >/dev/null 2>&1; then
  # has NAME EXPRESSION FILE: python over the parsed object o; l is its likelihood, m the metric nll.
  has() {
    check "$1" python3 -c 'import json,sys,math
o = json.load(open(sys.argv[2]), parse_constant=lambda c: sys.exit("not JSON: " + c))
l, m = o["likelihood"], o["metrics"]["nll"]
assert eval(sys.argv[1]), sys.argv[1]' "$2" "$3"
  }
  "$P" eval flow.st law:8gaussians $FAST --json >law.json
  "$P" eval flow.st rows.csv $FAST --json >table.json
  has 'its names' 'set(l) == set("rows nll nll_error entropy kl kl_error encoded_nll adaptive_nll largest_difference evaluations adaptive_evaluations inverse_mean inverse_rms mmd mmd_floor".split())' law.json
  has 'its numbers' 'l["rows"] == 20000 and l["nll_error"] > 0 and abs(l["kl"] - (l["nll"] - l["entropy"])) < 5 * (l["nll_error"] + l["kl_error"]) and 0 < l["kl_error"] < 1 and l["kl"] > 0' law.json
  has 'the metric' 'm["value"] == l["nll"] and m["floor"] == l["entropy"] and abs(m["excess"] - (l["nll"] - l["entropy"])) < 1e-9 and "sample_nll" in o["metrics"]' law.json
  has 'a table' 'l["rows"] == 300 and l["entropy"] is None and l["kl"] is None and m["floor"] is None and m["excess"] is None and m["value"] == l["nll"] and "sample_nll" not in o["metrics"]' table.json
  # eval's number is the mean of what density writes
  "$P" density flow.st rows.csv -o density.csv
  check 'eval and density agree' python3 -c 'import json
o = json.load(open("table.json"))
rows = [float(x) for x in open("density.csv").read().split()[1:]]
assert abs(o["likelihood"]["nll"] + sum(rows) / len(rows)) < 1e-6 * abs(o["likelihood"]["nll"]), o'
else
  skip 'JSON' 'no python3'
fi
"$P" report flow.st law:8gaussians -o flow.html $FAST || not_ok 'report' 'no page'
check 'a page of its density' sh -c 'grep -q "<h2>Likelihood</h2>" flow.html && grep -q "<h2>Density</h2>" flow.html &&
  grep -q "<h2>To noise and back</h2>" flow.html && grep -q "<dt>straightness</dt>" flow.html'
fails 'an unknown metric' 2 'nll' eval flow.st law:8gaussians --metrics nlll
