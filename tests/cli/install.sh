# cmake --install into a clean folder: command, libraries, pages, and programs that link with them.
. "$(dirname "$0")/common.inc"

build=$(dirname "$P")
tiny law:8gaussians ring.safetensors --rows 500 || not_ok 'train' 'no model'
check 'install' cmake --install "$build" --prefix "$SCRATCH/prefix"
"$root/tools/install_check" "$SCRATCH/prefix" ring.safetensors
check 'the sampler library stands on jansson alone' sh -c 'readelf -d "$0"/lib/libpushforward-sampler.so | sed -n "s/.*NEEDED.*\[\(.*\)\]/\1/p" |
  { ! grep -vE "^(libjansson|libm|libc|libpthread|ld-linux-x86-64)\."; }' prefix

# What the small library leaves out is refused by name.
cat >adaptive.c <<'X'
#include <pushforward.h>
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv) {
  pf_error error = {0};
  pf_model *model = NULL;
  pf_sample_options options = pf_sample_options_default();
  options.solver = "dopri5";
  double *rows = calloc(64, sizeof *rows);
  if (argc != 2 || pf_model_load(argv[1], &model, &error) != PF_OK) return 9;
  pf_status status = pf_model_sample(model, &options, 1, rows, &error);
  puts(error.message);
  pf_model_free(model);
  free(rows);
  return pf_status_exit_code(status);
}
X
if command -v cc >/dev/null 2>&1; then
  cc -Iprefix/include adaptive.c -o adaptive -Lprefix/lib -lpushforward-sampler -Wl,-rpath,"$SCRATCH/prefix/lib" &&
    ./adaptive ring.safetensors >adaptive.out
  check 'adaptive steps are refused by name' test $? = 2 -a -n "$(grep 'need libpushforward' adaptive.out)"
else
  skip 'adaptive steps are refused by name' 'no cc'
fi

# ---- pages come from the option tables ----
"$P" help --completion bash >completion.bash
"$P" help --completion zsh >completion.zsh
page_is_whole() { # VERB: every option of --help stands in the page and in both completions
  "$P" "$1" --help | sed -n 's/^ *\(-., \)\{0,1\}\(--[a-z0-9-]*\) .*/\2/p' >options
  "$P" help --man "$1" | sed 's/\\-/-/g' >plain.1
  [ -s options ] || return 1
  while read -r option; do
    for page in plain.1 completion.bash completion.zsh; do
      grep -q -e "$option\\b" "$page" || { echo "$option is not in $page"; return 1; }
    done
  done <options
}
renders() { # VERB, or none for the command's own
  "$P" help --man $1 >page.1 && MANWIDTH=80 man --warnings -l page.1 >page.txt 2>page.err && [ -s page.txt ] && ! [ -s page.err ]
}
for verb in '' $("$P" help --names); do
  if command -v man >/dev/null 2>&1; then check "page of '$verb' without warnings" renders "$verb"; else skip "page of '$verb'" 'no man'; fi
  [ -z "$verb" ] || check "every option of $verb" page_is_whole "$verb"
done
check 'bash completion parses' bash -n completion.bash
complete() { # WORDS...: what bash would offer for the last one
  bash -c '. ./completion.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _pushforward; echo "${COMPREPLY[@]}"' bash "$@"
}
offers() { # NAME WANTED WORDS...
  name=$1 wanted=$2
  shift 2
  case " $(complete "$@") " in *" $wanted "*) ok "$name" ;; *) not_ok "$name" "$(complete "$@")" ;; esac
}
offers 'completes a verb' train pushforward tr
offers 'completes an option' --trajectory-steps pushforward train --tra
offers 'completes a method' otflow pushforward train law:moons --method ot
offers 'completes a law' moons pushforward data mo
offers 'completes a format' onnx pushforward export m --to o
if command -v zsh >/dev/null 2>&1; then
  check 'zsh completion parses' zsh -n completion.zsh
else
  skip 'zsh completion parses' 'no zsh'
fi
fails 'an unknown shell' 2 'bash or zsh' help --completion fish
