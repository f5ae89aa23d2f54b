# cmake --install into a clean folder: command, libraries, pages, and programs that link with them.
. "$(dirname "$0")/common.inc"

build=$(dirname "$P")
tiny law:8gaussians ring.safetensors --rows 500 || not_ok 'train' 'no model'
check 'install' cmake --install "$build" --prefix "$SCRATCH/prefix"
"$root/tools/install_check" "$SCRATCH/prefix" ring.safetensors

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
