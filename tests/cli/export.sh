# Exports: files that compile, run and load elsewhere give the samples of the command.
. "$(dirname "$0")/common.inc"

"$P" train law:8gaussians -o ring.safetensors $TINY --rows 500 --quiet || not_ok 'train' 'no model to export'
"$P" train "$root/examples/data/concrete.csv" -o concrete.safetensors $TINY --quiet || not_ok 'train a table' 'no model'
"$P" sample ring.safetensors -n 5 --seed 1 -o want.csv
"$P" sample concrete.safetensors -n 200 --seed 7 -o table.csv

# near NAME A B: two CSV files of the same head agree to a millionth.
near() {
  if awk -F, 'NR == FNR { line[FNR] = $0; rows = FNR; next }
      FNR == 1 { bad = $0 != line[1]; next }
      { n = split(line[FNR], a); for (i = 1; i <= n; i++) { d = a[i] - $i; if (d < 0) d = -d; if (!(d <= 1e-5 * (1 + (a[i] < 0 ? -a[i] : a[i])))) bad++ } }
      END { exit bad > 0 || FNR != rows }' "$2" "$3"; then ok "$1"; else not_ok "$1" "$(head -3 "$3")"; fi
}

# ---- C: the page's own commands, copied out of it ----
page=$root/docs/embedding.md
block() { # N: the N-th C block of the page
  awk -v want="$1" '/^```c$/ { n++; inside = n == want; next } /^```/ { inside = 0 } inside' "$page"
}
check 'export c' "$P" export ring.safetensors --to c --name ring -o ring.c
if command -v cc >/dev/null 2>&1; then
  block 1 >draw.c
  check 'the page compiles' cc -std=c99 -O2 -Wall -Wextra -Wconversion -pedantic -Werror draw.c ring.c -o draw -lm
  ./draw >draw.csv && near 'the page prints the samples' want.csv draw.csv
else
  skip 'the page compiles' 'no cc'
fi
for form in f16 i8; do
  check "export c in $form" "$P" export ring.safetensors --to c --weights "$form" -o "$form.c"
  check "$form says what it costs" grep -q 'a value moves by [0-9.e-]* (root mean square)' "$form.c"
done
"$P" export ring.safetensors --to c --name ring -o again.c
check 'the same bytes again' same ring.c again.c

# ---- ONNX: the page's programs, from the noise of the command, which the C file makes ----
check 'export the ring as onnx' "$P" export ring.safetensors --to onnx -o ring.onnx
python=${PYTHON:-python3}
cat >noise.c <<'X'
#include "ring.c"
#include <stdio.h>
int main(void) {
  float z[ring_NOISE];
  for (uint64_t i = 0; i < 5; i++) {
    ring_normals(1, i, z);
    printf("%.9g,%.9g\n", (double)z[0], (double)z[1]);
  }
  return 0;
}
X
if ! command -v cc >/dev/null 2>&1 || ! "$python" -c 'import onnxruntime' >/dev/null 2>&1; then
  skip 'ONNX Runtime gives the samples' 'no cc or no onnxruntime'
else
  awk '/^## / { title = $2 } /^```python$/ { inside = title == "ONNX"; next } /^```/ { inside = 0 } inside' "$page" >page.py
  check "the page's ONNX program" "$python" page.py
  check 'its rows' test "$(wc -l <samples.csv)" = 1001
  sed 's/^noise = .*/noise = np.loadtxt("noise.csv", np.float32, delimiter=",")/' page.py >same.py
  check 'the noise of the command' sh -c 'cc -O2 noise.c -o noise -lm && ./noise >noise.csv && "$0" same.py' "$python"
  near 'ONNX Runtime gives the samples' want.csv samples.csv
fi
cat >vino.py <<'X'
import sys, re, numpy, openvino
noise = numpy.loadtxt("noise.csv", numpy.float32, delimiter=",")
samples = eval(re.search(r"`(openvino\.compile_model.*)`", open(sys.argv[1]).read()).group(1))
numpy.savetxt("openvino.csv", samples, fmt="%.9g", delimiter=",", header="x1,x2", comments="")
X
if [ ! -s noise.csv ] || ! "$python" -c 'import openvino' >/dev/null 2>&1; then
  skip 'OpenVINO gives the samples' 'no cc, onnxruntime or openvino'
else
  check "the page's line for OpenVINO" "$python" vino.py "$page"
  near 'OpenVINO gives the samples' want.csv openvino.csv
fi

# ---- refusals ----
fails 'a format is needed' 2 'to c' export ring.safetensors -o x.c
fails 'a file is needed' 2 'FILE' export ring.safetensors --to c
fails 'an unknown format' 2 "did you mean 'onnx'" export ring.safetensors --to onyx -o x
fails 'an unknown form of weights' 2 'f32, f16, i8' export ring.safetensors --to c --weights q -o x.c
fails 'an odd prefix' 2 "'a-b'" export ring.safetensors --to c --name a-b -o x.c
fails 'a prefix for onnx' 2 'for C files' export ring.safetensors --to onnx --name a -o x.onnx
fails 'no such folder' 1 'nowhere' export ring.safetensors --to c -o nowhere/x.c
fails 'not a model' 3 'concrete' export "$root/examples/data/concrete.csv" --to c -o x.c
head -c 5000 ring.safetensors >cut.safetensors
fails 'a model cut short' 3 'cut' export cut.safetensors --to c -o x.c
"$P" train law:moons --method flow-matching -o velocity.safetensors $TINY_NET --rows 500 --quiet
fails 'a velocity alone' 2 'velocity' export velocity.safetensors --to onnx -o x.onnx
"$P" train --from law:moons --to law:8gaussians -o moved.safetensors $TINY --rows 500 --quiet
fails 'a model that starts from rows' 2 'source' export moved.safetensors --to c -o x.c
check 'its weights' "$P" export moved.safetensors --to weights -o moved.w.safetensors
check 'nothing left of failures' test ! -e x.c -a ! -e x.onnx
no_leftovers && ok 'no temporary files' || not_ok 'no temporary files' "$(ls)"

# ---- weights and ONNX, where Python has the means ----
check 'export weights' "$P" export concrete.safetensors --to weights -o concrete.w.safetensors
check 'export onnx' "$P" export concrete.safetensors --to onnx -o concrete.onnx
if "$python" -c 'import numpy, torch' >/dev/null 2>&1; then
  "$python" "$root/examples/load_in_torch.py" concrete.w.safetensors 200 7 >torch.csv && near 'torch prints the samples' table.csv torch.csv
else
  skip 'torch prints the samples' 'no torch'
fi
if "$python" -c 'import onnx' >/dev/null 2>&1; then
  check 'onnx.checker' "$python" -c "import onnx; onnx.checker.check_model(onnx.load('concrete.onnx'), full_check=True)"
else
  skip 'onnx.checker' 'no onnx'
fi
