# Verbs, options and help: mistakes are one line and exit 2 with the nearest right word.
. "$(dirname "$0")/common.inc"

for verb in train sample density encode eval compare verify report particles data info methods laws solvers help version; do
  "$P" $verb --help >help.out 2>help.err
  code=$?
  check "help $verb" test "$code" = 0 -a -s help.out -a ! -s help.err
  "$P" help $verb >again.out
  check "help $verb by name" same help.out again.out
  check "help $verb width" awk 'length($0) > 130 { exit 1 }' help.out
done
check 'help lists every training option' sh -c '"$0" train --help | grep -q -- "--semigroup W"' "$P"
check 'version' sh -c '"$0" --version | grep -qx "pushforward [0-9.]*"' "$P"

fails 'no verb' 2 'no verb'
fails 'unknown verb' 2 "did you mean 'train'" trian
fails 'unknown option' 2 "did you mean '--steps'" train law:moons -o m --stpes 3
fails 'unknown letter' 2 "unknown option '-x'" sample m -x
fails 'missing value' 2 'needs a value' train law:moons -o
fails 'text for a number' 2 "'many', must be a whole number" train law:moons -o m --steps many
fails 'half a number' 2 'whole number' train law:moons -o m --steps 12x
fails 'nan for a number' 2 'must be a number' train law:moons -o m --clip nan
fails 'bad time' 2 'must be a time' train law:moons -o m --budget 3parsecs
fails 'negative time' 2 'must be a time' train law:moons -o m --budget -3s
fails 'value for a flag' 2 'takes no value' eval m law:moons --json=3
fails 'too many operands' 2 "unexpected 'more'" info m more
fails 'no operand' 2 'usage: pushforward info' info
fails 'no output' 2 'needs -o' train law:moons
fails 'no n' 2 'needs -n' sample m
fails 'n of zero' 2 'between' sample m -n 0
fails 'negative seed' 2 'between' sample m -n 1 --seed -1
fails 'unknown method' 2 "characteristic" train law:moons -o m --method charateristic
fails 'unknown precision' 2 "did you mean 'bf16'" train law:moons -o m --precision f16
fails 'unknown law' 2 "moons" train law:mons -o m
fails 'unknown law to draw' 2 "moons" data mons -n 3
fails 'unknown method to compare' 2 "did you mean 'characteristic'" compare law:moons --methods charcteristic
fails 'unknown method to verify' 2 "characteristic" verify charcteristic
fails 'rows of a file' 2 'rows is for law' train "$root/examples/data/concrete.csv" -o m --rows 7
check 'nothing was written' test ! -e m

# --config: the same names, the command line wins.
printf '{"steps": 200, "width": 16, "depth": 2, "batch": 128, "curve-points": 0, "seed": 5}' >good.json
check 'config' "$P" train law:moons --rows 500 -o config.st --config good.json --width 32 --quiet
check 'the same without config' "$P" train law:moons --rows 500 -o plain.st --steps=200 --width=32 --depth=2 --batch=128 \
  --curve-points=0 --seed=5 --quiet
check 'config is only another spelling' same config.st plain.st
printf '{"stepz": 200}' >bad.json
fails 'unknown key in config' 2 "did you mean '--steps'" train law:moons -o m --config bad.json
printf '{"steps": [200]}' >bad.json
fails 'wrong type in config' 3 "steps" train law:moons -o m --config bad.json
printf '{"steps": 200' >bad.json
fails 'broken config' 3 'line 1' train law:moons -o m --config bad.json
fails 'no config' 1 'cannot open' train law:moons -o m --config absent.json
