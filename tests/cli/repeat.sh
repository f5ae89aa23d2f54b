# The same seed gives the same bytes: any number of threads, killed and resumed, in one piece or many.
. "$(dirname "$0")/common.inc"

for threads in 1 2 5; do tiny law:moons t$threads.st --rows 1000 --seed 3 --threads $threads; done
check '2 threads equal 1' same t1.st t2.st
check '5 threads equal 1' same t1.st t5.st
tiny law:moons other.st --rows 1000 --seed 4
check 'another seed is another model' sh -c '! cmp -s t1.st other.st'
check 'log, quiet and checkpoints leave the model alone' sh -c '"$0" train law:moons --rows 1000 --seed 3 -o logged.st \
  $1 --log run.jsonl --checkpoint-seconds 0.01 2>/dev/null && cmp t1.st logged.st' "$P" "$TINY"

# pieces of a sample
"$P" sample t1.st -n 1000 --seed 9 >whole.csv
{ "$P" sample t1.st -n 137 --seed 9; "$P" sample t1.st -n 863 --seed 9 --first 137 --threads 3 | tail -n +2; } >pieces.csv
check 'pieces equal one run' same whole.csv pieces.csv
"$P" sample t1.st -n 1000 --seed 9 --steps 4 --threads 1 >steps1.csv
"$P" sample t1.st -n 1000 --seed 9 --steps 4 --threads 3 >steps3.csv
check 'steps do not depend on threads' same steps1.csv steps3.csv
"$P" sample t1.st -n 50 --teacher --steps 10 >teacher.csv
check 'teacher' awk -F, 'NF != 2 { exit 1 } END { exit NR != 51 }' teacher.csv
for solver in $("$P" solvers | cut -d' ' -f1); do
  "$P" sample t1.st -n 300 --solver $solver --steps 5 --threads 3 --quiet >solver.csv
  { "$P" sample t1.st -n 77 --solver $solver --steps 5 --threads 1 --quiet
    "$P" sample t1.st -n 223 --first 77 --solver $solver --steps 5 --threads 2 --quiet | tail -n +2; } >pieces.csv
  check "solver $solver in pieces" cmp solver.csv pieces.csv
done
"$P" sample t1.st -n 50 --solver euler --steps 10 >solver.csv
check 'solver euler is the teacher' cmp solver.csv teacher.csv
fails 'unknown solver' 2 "unknown solver 'huen'; did you mean 'heun'; valid: euler, .*dopri5" sample t1.st -n 5 --solver huen
fails 'too many digits' 2 'steps is 40' sample t1.st -n 5 --solver dopri5 --steps 40

# bfloat16: as repeatable, its own numbers, and close to single precision
for threads in 1 3; do tiny law:moons narrow$threads.st --rows 1000 --seed 3 --precision bf16 --threads $threads; done
check 'bf16: 3 threads equal 1' same narrow1.st narrow3.st
check 'bf16 is another model' sh -c '! cmp -s t1.st narrow1.st'
check 'bf16 is recorded' sh -c '"$0" info narrow1.st | grep -q "^precision  *bf16"' "$P"
"$P" sample t1.st -n 500 --seed 9 --precision bf16 >narrow.csv
check 'bf16 samples are near' sh -c 'head -501 whole.csv | paste -d, - narrow.csv | awk -F, "NR > 1 {
  e += (\$1 - \$3) ^ 2 + (\$2 - \$4) ^ 2; s += \$1 ^ 2 + \$2 ^ 2 } END { exit !(e > 0 && e < 1e-3 * s) }"'

# interrupted
LONG='--rows 2000 --steps 20000 --width 32 --depth 2 --batch 128 --curve-points 2 --checkpoint-seconds 0.05 --quiet'
"$P" train law:moons -o straight.st $LONG
interrupt() { # SIGNAL DELAY: starts, signals, leaves the exit code in $code
  "$P" train law:moons -o again.st $LONG --resume 2>again.err &
  child=$!
  sleep "$2"
  kill -"$1" $child 2>/dev/null
  wait $child
  code=$?
}
# TERM, not INT: a background job of a shell ignores INT
for delay in 0.4 0.8 1.2; do
  rm -f again.st again.st.checkpoint
  interrupt TERM $delay
  [ "$code" = 0 ] || break
done
if [ "$code" = 0 ]; then skip 'stop' 'training ended before the signal'; else
  check 'stopped with exit 130' test "$code" = 130
  check 'one line that says how to go on' grep -q -- '--resume' again.err
  check 'no model yet' test ! -e again.st
  check 'resume' "$P" train law:moons -o again.st $LONG --resume
  check 'stopped and resumed equals straight' same straight.st again.st
  check 'checkpoint removed' test ! -e again.st.checkpoint
fi
rm -f again.st again.st.checkpoint
kills=0
for delay in 0.35 0.5 0.2 0.6 0.45; do
  interrupt KILL $delay
  [ "$code" = 0 ] && break
  kills=$((kills + 1))
done
[ "$code" = 0 ] || "$P" train law:moons -o again.st $LONG --resume 2>/dev/null
check "killed $kills times and resumed equals straight" same straight.st again.st
rm -f again.st
interrupt TERM 0.5
if [ "$code" = 130 ] && [ -e again.st.checkpoint ]; then
  fails 'a checkpoint of other settings' 3 'checkpoint' train law:moons -o again.st $LONG --seed 99 --resume
else
  skip 'a checkpoint of other settings' 'training ended before the signal'
fi

# SIGINT needs a child that does not ignore it
if command -v python3 >/dev/null 2>&1; then
  rm -f again.st again.st.checkpoint
  python3 - "$P" $LONG <<'PY' >int.code
import signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
child = subprocess.Popen([sys.argv[1], "train", "law:moons", "-o", "again.st"] + sys.argv[2:], stderr=subprocess.DEVNULL)
time.sleep(0.5)
child.send_signal(signal.SIGINT)
print(child.wait())
PY
  case $(cat int.code) in
    0) skip 'interrupt' 'training ended before the signal' ;;
    *) check 'interrupt exits 130' grep -qx 130 int.code ;;
  esac
else
  skip 'interrupt' 'no python3'
fi
check 'log is JSON lines that end well' sh -c 'grep -q "\"event\":\"begin\"" run.jsonl && tail -1 run.jsonl | grep -q "\"status\":\"ok\""'
