# Data that is not a table: exit 3 and one line that says where; data that is one, however odd, trains.
. "$(dirname "$0")/common.inc"

bad() { # NAME PATTERN, the file on standard input
  cat >bad.csv
  fails "$1" 3 "$2" train bad.csv -o m.st $TINY
  check "$1 leaves nothing" test ! -e m.st -a ! -e m.st.checkpoint
}

printf 'a,b\n1,2\n3\n5,6\n' | bad 'ragged row' 'bad.csv.*3'
printf 'a,b\n1,2\n3,red\n5,6\n7,8\n' | bad 'text in a numeric column' 'red'
printf 'a,b\n1,x\n2,y\n3,z\n' | bad 'text column' "'b'"
printf 'a,b\n1,2\n3,nan\n5,6\n' | bad 'nan' 'b'
printf 'a,b\n1,2\n3,inf\n5,6\n' | bad 'inf' 'b'
printf 'a,b\n1,2\n3,\n5,6\n' | bad 'empty cell' 'b'
printf '' | bad 'empty file' 'bad.csv'
printf 'a,b\n' | bad 'header only' 'row'
printf 'a,b\n1,2\n' | bad 'one row' 'row'
printf 'a,b\n1,"2\n3,4\n' | bad 'open quote' 'quote'
printf '\223NUMPY\001\000\377\377' | bad 'broken npy' 'bad.csv'
fails 'no such file' 1 'absent.csv' train absent.csv -o m.st
fails 'a folder' 1 'cannot' train . -o m.st
fails 'no such column' 2 'wheight' train "$root/examples/data/concrete.csv" -o m.st --columns wheight

"$P" data gaussian -n 300 >wide.tmp 2>/dev/null || "$P" data moons -n 300 >wide.tmp
cut -d, -f1 wide.tmp >one.csv
check 'one column' tiny one.csv one.st
check 'one column samples' sh -c '"$0" sample one.st -n 10 | awk -F, "NF != 1 { exit 1 } END { exit NR != 11 }"' "$P"
awk 'BEGIN { srand(1); for (i = 0; i <= 120; i++) { for (j = 1; j <= 500; j++)
  printf "%s%s", i ? rand() : "c" j, j < 500 ? "," : "\n" } }' >wide.csv
check '500 columns' tiny wide.csv wide.st --trajectory-steps 2 --encoder standard
check '500 columns sample' sh -c '"$0" sample wide.st -n 3 | awk -F, "NF != 500 { exit 1 } END { exit NR != 4 }"' "$P"
printf 'a,b\n1,2\n1,3\n1,4\n1,5\n1,2\n1,9\n' >constant.csv
check 'constant column' tiny constant.csv constant.st
check 'standard input' sh -c '"$0" train - -o stdin.st --steps 50 --width 32 --depth 2 --batch 128 --quiet <one.csv' "$P"
check 'real table' tiny "$root/examples/data/concrete.csv" concrete.st --drop age
check 'its names' sh -c '"$0" sample concrete.st -n 1 | head -1 | grep -q "^cement,.*compressive_strength$"' "$P"

# law draws
check 'law to csv' sh -c '"$0" data moons -n 50 | awk "END { exit NR != 51 }"' "$P"
"$P" data law:moons -n 50 -o law.npy
check 'law to npy' tiny law.npy npy.st

# a picture as a law: dark at its top left and bottom right, white elsewhere
printf 'P2 4 4 9\n0 9 9 9\n9 9 9 9\n9 9 9 9\n9 9 9 3\n' >mask.pgm
check 'picture to csv' sh -c '"$0" data mask.pgm -n 2000 | awk -F, "NR > 1 { n++; if (\$1 * \$2 < 0) o++ }
  END { exit !(n == 2000 && o > 1990) }"' "$P"
check 'picture to model' tiny law:mask.pgm mask.st --rows 500
check 'model against its picture' sh -c '"$0" eval mask.st law:mask.pgm --pairs 1 --rows 100 2>eval.err | grep -q "^sample_nll "' "$P"
check 'report on a picture' "$P" report mask.st law:mask.pgm --pairs 1 --rows 100 -o mask.html --quiet
check 'laws tells of pictures' sh -c '"$0" laws | grep -q "FILE.png"' "$P"
cp mask.pgm renamed
check 'picture by another name' sh -c '"$0" data mask=renamed -n 20 | awk "END { exit NR != 21 }"' "$P"
printf 'P2 2 2 9 4 4 4 4\n' >flat.pgm
fails 'white picture' 3 'flat.pgm: every pixel is 4' data flat.pgm -n 5
printf 'P2 2 2 9 4 4 4\n' >short.pgm
fails 'truncated picture' 3 'short.pgm' train law:short.pgm -o m.st
fails 'no picture' 1 'absent.png' data absent.png
