# train --profile: a table of every stage on standard error, the same as JSON, and the very same model.
. "$(dirname "$0")/common.inc"

tiny law:moons plain.st --rows 1000 --seed 3
for threads in 1 3; do
  "$P" train law:moons -o profiled.st $TINY --quiet --rows 1000 --seed 3 --threads $threads --profile 2>table.txt
  check "the same bytes on $threads threads" same plain.st profiled.st
  check "two stages on $threads threads" sh -c 'test "$(grep -c "^profile of stage" table.txt)" = 2 &&
    grep -q "stage velocity: [0-9]* steps, '$threads' thread" table.txt && grep -q "stage generator:" table.txt'
done
check 'products by their weights' sh -c 'grep -q "^product 128x32x32 by layer1.weight " table.txt &&
  grep -q "^product 128x32x32 by layer1.weight^T " table.txt && grep -q "^outer 32x32x128 for layer1.weight " table.txt'
check 'groups by what they read and write' grep -q '^group 128x32, 1 in 2 out: silu,silu_slope ' table.txt
check 'the parts of a step' sh -c 'test "$(grep -c "^step [0-9.]* us = shared [0-9.]* + lanes [0-9.]* + sums [0-9.]* + \
optimiser [0-9.]* + host [0-9.]* + barrier [0-9.]*$" table.txt)" = 2'
check 'no colours, no wide lines' awk '/\033/ || length($0) > 100 { exit 1 }' table.txt
check 'aligned columns' awk '/x floor$/ { width = length($0) } /^profile/ || /^step/ { width = 0 }
  /^between/ { width = 0 } width && length($0) != width { exit 1 }' table.txt

"$P" train law:moons -o json.st $TINY --quiet --rows 1000 --seed 3 --profile --json >run.json 2>json.err
check 'JSON keeps the model too' same plain.st json.st
if command -v python3 >/dev/null 2>&1; then
  check 'parts add up in JSON' python3 -c '
import json
for p in json.load(open("run.json"))["profile"]:
    assert p["steps"] > 0 and p["threads"] > 0 and p["peak_gflops"] > 0 and p["copy_gbs"] > 0
    assert abs(sum(p["parts_us"].values()) - p["step_us"]) <= 1e-6 * p["step_us"], p["stage"]
    assert sum(l["wall_us"] for l in p["lines"]) <= p["step_us"] * (1 + 1e-6), p["stage"]
    assert any(l["name"].startswith("normal ") for l in p["lines"]) or p["stage"] != "velocity"
    assert all(l["calls"] > 0 and l["floor_us"] >= 0 for l in p["lines"])'
else
  skip 'parts add up in JSON' 'no python3'
fi
"$P" train law:moons -o none.st $TINY --quiet --rows 1000 --seed 3 --json >none.json 2>none.err
check 'no profile unasked' sh -c '! grep -q "\"profile\"" none.json && test ! -s none.err'

# stopped
"$P" train law:moons -o stopped.st --rows 1000 --steps 2000000 --width 32 --depth 2 --batch 128 --quiet --profile 2>stop.err &
child=$!
sleep 1
kill -TERM $child
wait $child
code=$?
check 'a stopped run has a profile' sh -c 'test '$code' = 130 && grep -q "^profile of stage velocity" stop.err'
rm -f stopped.st.checkpoint
