# Modes that eval counts, and pages of several models.
. "$(dirname "$0")/common.inc"

WGF='--method w1fe --width 16 --depth 2 --batch 64 --critic-steps 2 --rows 2000 --curve-points 4 --quiet'
for k in 1 3; do
  "$P" train law:8gaussians -o k$k.st $WGF --steps 20 --persistence $k || not_ok 'train' 'no model'
done
FAST='--rows 500 --pairs 2 --metrics w2,modes --quiet'
"$P" eval k3.st law:8gaussians $FAST >eval.txt || not_ok 'eval' 'failed'
check 'a line about the modes' grep -Eq '^modes: (all 8 are covered|[1-8] of 8 modes (is|are) missing); [0-9.e-]+ of 1000 samples within 3 sd of a centre \(the law: [0-9.]+\); chi-square [0-9.e+]+ \(the law: [0-9.e+]+, expected 7\)$' eval.txt
check 'missing modes are said plainly' sh -c \
  '"$0" eval k3.st law:grid25 $1 | grep -Eq "^modes: [12]?[0-9] of 25 modes are missing; "' "$P" "$FAST"
check 'no modes, no line' sh -c '! "$0" eval k3.st law:moons $1 | grep -q "^modes"' "$P" "$FAST"
# a method that fails does not take the others with it
"$P" compare law:mix1d-2 --methods flow-matching,w1fe --coupling paired --steps 4 --width 16 --depth 1 --batch 64 --critic-steps 1 \
  --rows 500 --pairs 1 --json --quiet >some.json 2>some.err
check 'its exit code' test $? = 2
check 'named' grep -q "^pushforward: method 'flow-matching', seed 1: coupling is 'paired'" some.err
check 'the others are there' sh -c 'grep -q "\"method\": \"w1fe\"" some.json && grep -q "\"failed\"" some.json'
check 'only these metrics' sh -c '"$0" compare law:moons --methods w1fe --metrics energy --steps 4 --rows 500 --pairs 1 --quiet >only.txt &&
  grep -qw energy only.txt && ! grep -qw w2 only.txt' "$P"
fails 'a metric that there is not' 2 "unknown metric 'enrgy'" compare law:moons --methods w1fe --metrics enrgy --budget 1h
fails 'an option that none of them reads' 2 'blocks is of no use to any of these methods; it is an option of jko' \
  compare law:moons --methods w1fe,otflow --blocks 3 --steps 4
if command -v python3 >/dev/null 2>&1; then
  # has NAME EXPRESSION FILE: python over the parsed object o.
  has() {
    check "$1" python3 -c 'import json,sys
o = json.load(open(sys.argv[2]), parse_constant=lambda c: sys.exit("not JSON: " + c))
m = o["modes"]
assert eval(sys.argv[1]), sys.argv[1]' "$2" "$3"
  }
  "$P" eval k3.st law:8gaussians $FAST --json >modes.json
  "$P" eval k3.st law:moons $FAST --json >none.json
  has 'modes of JSON' 'set(m) == set("count covered rows high_quality law_high_quality chi_square law_chi_square counts law_counts expected".split())' modes.json
  has 'their counts' 'm["count"] == 8 and m["rows"] == 1000 == sum(m["counts"]) == sum(m["law_counts"]) and m["expected"] == [125] * 8' modes.json
  has 'what is covered' 'm["covered"] == sum(c >= 125 / 4 for c in m["counts"])' modes.json
  has 'no modes in JSON' 'm is None' none.json
else
  skip 'modes as JSON' 'no python3'
fi

PAGE='law:8gaussians --rows 60 --pairs 1 --quiet'
"$P" report k1.st $PAGE --beside k3.st -o page.html || not_ok 'report' 'no page'
check 'curves of two models' sh -c \
  'grep -q ">w1fe, K = 1, this model<" page.html && grep -q ">w1fe, K = 3<" page.html'
check 'the page says how to repeat it' grep -q 'pushforward report k1.st law:8gaussians --beside k3.st ' page.html
check 'modes, potential and flow' sh -c \
  'grep -q "<h2>Modes</h2>" page.html && grep -q "<h2>What the samples descend</h2>" page.html && grep -q "The flow of W1 itself" page.html'
rm page.html
fails 'a model that is not there' 1 'none.st' report k1.st $PAGE --beside k3.st,none.st -o page.html
fails 'too many models' 2 'names 6 models, at most 5' report k1.st $PAGE --beside a,b,c,d,e,f -o page.html
check 'no page after a failure' test ! -e page.html
