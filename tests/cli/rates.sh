# verify --rates: what it prints and writes, that it repeats and goes on after a kill, and what is refused.
. "$(dirname "$0")/common.inc"

E="--rates --only early-stopping --quiet"
mkdir charts
"$P" verify characteristic $E -o once --charts charts >text.out 2>text.err
check 'holds' test $? = 0
check 'says what it wrote' grep -q '^pushforward: once.json and once.html written$' text.err
check 'a line a check' test "$(grep -c ' yes$' text.out)" = 7
if command -v python3 >/dev/null 2>&1; then
  check 'json' python3 -c 'import json
e = json.load(open("once.json"))["experiments"]
assert len(e) == 1 and len(e[0]["cells"]) == 42 and all(c["holds"] for c in e[0]["checks"])'
else
  skip 'json' 'no python3'
fi
check 'page is whole' sh -c 'head -c 15 once.html | grep -q "<!doctype html>" && tail -1 once.html | grep -q "</html>"'
check 'page says how to repeat it' grep -q 'pushforward verify characteristic --rates --only early-stopping' once.html
check 'charts' sh -c 'grep -q "^<svg xmlns" charts/characteristic-early-stopping-1.svg && grep -q "</svg>" charts/characteristic-early-stopping-2.svg'
check 'no journal stays' test ! -e once.journal

"$P" verify characteristic $E -o again --threads 1 --json >again.out 2>again.err
check 'the same bytes with another number of threads' same once.json again.json
check 'json on standard output is the file' same again.json again.out

# killed when it has measured something, as nothing can be cleaned up then
"$P" verify characteristic $E -o killed --threads 1 >/dev/null 2>&1 &
victim=$!
while [ "$(cat killed.journal 2>/dev/null | wc -l)" -lt 5 ] && kill -0 $victim 2>/dev/null; do sleep 0.05; done
kill -KILL $victim
wait $victim 2>/dev/null
check 'killed half way' test -s killed.journal -a ! -e killed.json
fails 'an old journal is not overwritten' 3 'killed.journal: holds cells of an earlier run' verify characteristic $E -o killed
fails 'nor taken for another seed' 3 'holds another study' verify characteristic $E -o killed --resume --seed 2
"$P" verify characteristic $E -o killed --resume >/dev/null 2>&1
check 'goes on' test $? = 0
check 'and ends with the same bytes' same once.json killed.json

fails 'unknown method' 2 "unknown study 'characteristics'; did you mean 'characteristic'" verify characteristics --rates
fails 'unknown experiment' 2 "did you mean 'early-stopping'" verify characteristic --rates --only early-stoping
fails 'without --rates' 2 'belong to --rates' verify characteristic --only early-stopping
fails 'no folder' 1 'nowhere: not a folder' verify characteristic $E -o x --charts nowhere
fails 'output cannot be made' 1 'nowhere/x.json' verify characteristic $E -o nowhere/x
check 'nothing is left behind' no_leftovers
