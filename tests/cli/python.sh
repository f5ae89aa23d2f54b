# The Python package on the library of this build: its own tests, and the page's example as it stands there.
. "$(dirname "$0")/common.inc"

PUSHFORWARD_LIBRARY=$(dirname "$P")/libpushforward.so.0 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$root/bindings/python
export PUSHFORWARD_LIBRARY PYTHONDONTWRITEBYTECODE PYTHONPATH
python=
for candidate in "${PYTHON:-python3}" /usr/bin/python3; do # Debian's numpy is for Debian's python3
  if "$candidate" -c 'import numpy' >/dev/null 2>&1; then python=$candidate && break; fi
done

if [ -z "$python" ]; then
  skip 'python' 'no python3 with numpy'
else
  "$python" "$root/bindings/python/tests/run.py" || not_ok 'python' 'the tests ended early'
  awk '/^## / { title = $2 } /^```python$/ { inside = title == "Python"; next } /^```/ { inside = 0 } inside' \
    "$root/docs/embedding.md" >page.py
  check "the page's Python" sh -c '"$0" page.py >page.out' "$python"
  check "the page's rows lie on the ring" awk 'NR == 1 { exit !($1 > 0.97 && $1 < 1.03) }' page.out
  "$P" sample ring.safetensors -n 1 --seed 1 -o row.npy
  check 'the command draws the same row' "$python" -c 'import numpy
assert str(numpy.load("row.npy")[0].tolist()) == open("page.out").read().splitlines()[1]'
fi
