# Rows moved along transport plans: what is printed, what is written, and what is refused.
. "$(dirname "$0")/common.inc"

"$P" particles --to law:8gaussians -n 100 -o moved.csv --steps 40 --quiet >text.out 2>text.err
check 'moves a law' test $? = 0 -a ! -s text.err
check 'rows and head' test "$(wc -l <moved.csv)" = 101 -a "$(head -1 moved.csv)" = x1,x2
check 'at most 20 lines' test "$(wc -l <text.out)" -le 20
check 'first and last step' sh -c 'grep -q "^ *0  *0  " text.out && grep -q "^ *40  " text.out'
check 'floor' grep -q '^floor, between two samples of TARGET: [0-9.]*$' text.out
check 'the distance falls below the floor' awk '/^ *[0-9]/ { w = $3 } /^floor/ { exit !(w < $NF) }' text.out

"$P" particles --to law:8gaussians -n 100 -o again.csv --steps 40 --quiet >/dev/null
check 'repeats' same moved.csv again.csv
"$P" particles --to law:8gaussians -n 100 -o - --steps 40 --quiet >stream.csv
check 'standard output has the rows alone' same moved.csv stream.csv
"$P" particles --from law:8gaussians --to law:8gaussians -n 50 -o x.csv --steps 1 --quiet >text.out
check 'a law to itself starts at its floor, not at 0' awk '/^ *0 / { w = $3 } END { exit !(w > 0.1) }' text.out
"$P" data moons -n 30 -o target.csv
"$P" particles --to target.csv -n 30 -o moved.npy --distance w2 --move heun --step 0.5 --steps 3 --trajectory path.npy \
  --json --quiet >run.json
check 'json' grep -q '"distance": "w2"' run.json
check 'no floor is null' grep -q '"floor": null' run.json
check 'trajectory is steps x rows x columns' sh -c 'head -c 128 path.npy | grep -aq "(4, 30, 2)"'
check 'its last node is the output' sh -c 'tail -c 480 path.npy >a && tail -c 480 moved.npy >b && cmp a b'
check 'standard input' sh -c '"$0" particles --to - -n 30 -o in.csv --steps 2 --quiet <target.csv' "$P"
check 'sinkhorn' sh -c '"$0" particles --to target.csv -n 30 -o soft.csv --steps 2 --sinkhorn 0.05 --quiet | grep -q "Sinkhorn plans"' "$P"

fails 'no target' 2 'needs --to' particles -n 3 -o x
fails 'no rows' 2 'needs -n' particles --to target.csv -o x
fails 'no output' 2 'needs -o' particles --to target.csv -n 3
fails 'too many rows' 2 'between 1 and 8192' particles --to law:moons -n 8193 -o x
fails 'too few rows' 3 'target has 30 rows, 31' particles --to target.csv -n 31 -o x --quiet
fails 'other columns' 3 'source has 3 columns, the target 2' particles --from law:sphere-shell --to target.csv -n 9 -o x --quiet
fails 'unknown distance' 2 "did you mean 'w1'" particles --to target.csv -n 9 -o x --distance w --quiet
fails 'unknown move' 2 "did you mean 'heun'" particles --to target.csv -n 9 -o x --move heum --quiet
fails 'negative step' 2 'step is -1' particles --to target.csv -n 9 -o x --step -1 --quiet
fails 'step beyond numbers' 1 'NaN or infinite\|not finite\|1e300' particles --to target.csv -n 9 -o x --distance w2 --step 1e200 \
  --steps 9 --quiet
fails 'absent target' 1 'absent.csv' particles --to absent.csv -n 9 -o x
fails 'both from standard input' 2 'standard input' particles --from - --to - -n 9 -o x
fails 'json and rows on one stream' 2 'json needs -o' particles --to target.csv -n 9 -o - --json
fails 'no place for the rows' 1 'nowhere' particles --to target.csv -n 9 -o nowhere/x.csv
fails 'no place for the trajectory' 1 'nowhere' particles --to target.csv -n 9 -o x --trajectory nowhere/x.npy
check 'nothing was written' test ! -e x
check 'no leftovers' no_leftovers
