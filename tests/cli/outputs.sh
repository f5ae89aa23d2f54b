# Output errors come before the work, name the path, leave no file behind and the old one untouched.
. "$(dirname "$0")/common.inc"

fails 'folder that is not there' 1 'nowhere/m.st' train law:moons -o nowhere/m.st
mkdir folder
fails 'output is a folder' 1 'folder' train law:moons -o folder
long=$(printf '%0300d' 7)
fails 'name too long' 1 'name too long\|File name' train law:moons -o "$long"
fails 'no place for samples' 1 'nowhere' data moons -n 3 -o nowhere/x.csv
tiny law:moons m.st --rows 500
check 'checkpoint removed' test ! -e m.st.checkpoint
fails 'no place for a sample' 1 'nowhere' sample m.st -n 3 -o nowhere/x.npy
fails 'report nowhere' 1 'nowhere' report m.st law:moons -o nowhere/x.html

echo old >old.csv
"$P" sample absent.st -n 3 -o old.csv 2>/dev/null
check 'old file untouched' grep -qx old old.csv
if [ -e /dev/full ]; then
  "$P" sample m.st -n 5 >/dev/full 2>full.err
  check 'full device' test $? = 1 -a "$(grep -c '^pushforward: ' full.err)" = 1
  "$P" laws >/dev/full 2>full.err
  check 'full device for a list' test $? = 1 -a "$(grep -c '^pushforward: ' full.err)" = 1
else
  skip 'full device' 'no /dev/full'
fi
( "$P" sample m.st -n 100000; echo $? >pipe.code ) 2>pipe.err | head -1 >/dev/null
check 'reader that leaves' test "$(cat pipe.code)" = 1 -a ! -s pipe.err
"$P" laws >&- 2>closed.err
check 'closed standard output' test $? = 1

mkdir small
if mount -t tmpfs -o size=64k pushforward-test small 2>/dev/null; then
  echo old >small/x.csv
  fails 'full disk' 1 'small/x.csv' sample m.st -n 20000 -o small/x.csv
  check 'full disk keeps the old file' grep -qx old small/x.csv
  check 'full disk leaves nothing' test "$(ls -A small)" = x.csv
  "$P" train law:moons --rows 500 -o small/m.st $TINY --steps 20 --width 256 --depth 4 --quiet 2>full.err
  check 'full disk for a model' test $? = 1 -a ! -e small/m.st
  umount small
else
  skip 'full disk' 'mount not permitted'
fi
check 'no leftovers' no_leftovers
