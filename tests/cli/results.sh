# What the command prints: JSON others rely on, tables, the example program.
. "$(dirname "$0")/common.inc"

tiny law:moons m.st --rows 1000 || not_ok 'train' 'no model'
tiny "$root/examples/data/concrete.csv" concrete.st || not_ok 'train a table' 'no model'

# has NAME EXPRESSION FILE: python over the parsed object o.
has() {
  check "$1" python3 -c 'import json,sys,math
o = json.load(open(sys.argv[2]), parse_constant=lambda c: sys.exit("not JSON: " + c))
assert eval(sys.argv[1]), sys.argv[1]' "$2" "$3"
}
FAST='--rows 200 --pairs 2 --quiet'
check 'eval' sh -c '"$0" eval m.st law:moons $1 >eval.txt && grep -q "^w2 " eval.txt && grep -q "95% bound" eval.txt' "$P" "$FAST"
check 'no blanks at line ends' sh -c '! grep -q " $" eval.txt'
if command -v python3 >/dev/null 2>&1; then
  "$P" eval m.st law:moons $FAST --json >eval.json
  has 'eval JSON' 'o["steps"] == 1 and o["rows"]["data"] == 200 and o["rows"]["samples"] == 200 and "decomposition" in o' eval.json
  has 'eval JSON metric' 'abs(o["metrics"]["w2"]["value"] - o["metrics"]["w2"]["floor"] - o["metrics"]["w2"]["excess"]) < 1e-9' eval.json
  has 'eval JSON pairs' 'o["metrics"]["w2"]["pairs"] == 2 and "excess_hi95" in o["metrics"]["w2"]' eval.json
  "$P" eval concrete.st "$root/examples/data/concrete.csv" --pairs 1 --rows 100 --json 2>eval.err >table.json
  has 'eval of a table' 'o["metrics"]["w2"]["value"] > 0 and o["rows"]["data"] <= 103' table.json
  check 'the training file is cut as it was' grep -q 'held out' eval.err
  has 'eval JSON without a density' 'o["likelihood"] is None and "nll" not in o["metrics"]' eval.json
  "$P" info m.st --json >info.json
  has 'info JSON' 'o["facts"]["method"] == "characteristic" and o["facts"]["source"] == "law:moons"' info.json
  has 'info command' '"--steps 200" in o["facts"]["command"] and "threads" not in o["facts"]["command"] and "quiet" not in o["facts"]["command"]' info.json
  "$P" laws --json >laws.json
  has 'laws JSON' 'any(l["name"] == "moons" for l in o["laws"])' laws.json
  "$P" methods --json >methods.json
  has 'methods JSON' 'any(m["name"] == "characteristic" for m in o["methods"])' methods.json
  "$P" train law:moons --rows 500 -o j.st $TINY --quiet --json >train.json
  has 'train JSON' 'o["model"] == "j.st" and o["train_s"] > 0' train.json
else
  skip 'JSON' 'no python3'
fi

# The recorded command repeats the model.
command=$("$P" info m.st | sed -n 's/^command  *pushforward //p')
check 'the recorded command repeats the model' sh -c '"$0" $1 -o again.st --quiet && cmp m.st again.st' "$P" "$command"
check 'a budget' "$P" train law:moons --rows 500 -o budget.st --budget 4s --width 16 --depth 2 --batch 128 --trajectory-steps 4 --quiet
command=$("$P" info budget.st | sed -n 's/^command  *pushforward //p')
check 'a budget repeats as its steps' sh -c '"$0" $1 -o again.st --quiet && cmp budget.st again.st' "$P" "$command"

"$P" sample m.st -n 5 >cli.csv
embed=$(dirname "$P")/example_embed
if [ -x "$embed" ]; then
  "$embed" m.st >embed.csv
  # nine digits there, the fewest that give the same float here
  close_rows() {
    paste -d , "$1" "$2" | awk -F , 'NR > 1 { n++; if (!(($1 - $3)^2 + ($2 - $4)^2 < 1e-12)) bad = 1 }
                                     END { exit bad || n != 5 }'
  }
  check 'the example gives the same rows' close_rows cli.csv embed.csv
  "$embed" absent.st >/dev/null 2>&1
  check 'the example fails as it should' test $? = 1
else
  not_ok 'example' "no $embed"
fi
"$P" train law:moons --rows 500 -o plain.st $TINY 2>progress.err
check 'progress is plain lines in a file' sh -c 'test -s progress.err && ! grep -q "$(printf "\033")" progress.err && grep -q "^generator 100/100" progress.err'

"$P" report m.st law:moons --rows 60 --pairs 1 --seed 3 -o page.html --title 'a page' --quiet ||
  not_ok 'report' 'no page'
check 'the page says how to repeat it' grep -q \
  'pushforward report m.st law:moons --title .*a page.* --pairs 1 --rows 60 --seed 3<' page.html
check 'one --steps in the recorded command' sh -c \
  '"$0" train law:moons -o twice.st --rows 500 $1 --quiet && test "$("$0" info twice.st | grep -o -- "--steps" | wc -l)" = 1' \
  "$P" "$TINY"
