/**
 * What `tsbox completion SHELL` prints. Each script hands the words to `tsbox __complete`, whose answer is a line `WORD<TAB>WHAT` for
 * each candidate and a last line `:none`, `:any` or `:folder`: which paths to offer as well.
 */

/**
 * Bash cuts words at "=" and ":", but says of the line where there were spaces; of a candidate it wants what follows the last cut.
 * Needs Bash 4.4 (2016) and not the package bash-completion.
 */
const BASH = `# bash completion of tsbox; to use it: source <(tsbox completion bash)
_tsbox() {
  local rest=\${COMP_LINE:0:COMP_POINT} words=() word i line prefix
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ $i -eq 0 || $rest == [[:space:]]* ]]; then
      words+=("")
      rest=\${rest#"\${rest%%[![:space:]]*}"}
    fi
    ((\${#rest} < \${#word})) && word=$rest
    words[-1]+=$word
    rest=\${rest#"$word"}
  done
  # what stands before the last cut is not to be repeated
  prefix=\${words[-1]}
  if [[ $COMP_WORDBREAKS == *=* && $COMP_WORDBREAKS == *:* ]]; then prefix=\${prefix%"\${prefix##*[=:]}"}
  elif [[ $COMP_WORDBREAKS == *=* ]]; then prefix=\${prefix%"\${prefix##*=}"}
  elif [[ $COMP_WORDBREAKS == *:* ]]; then prefix=\${prefix%"\${prefix##*:}"}
  else prefix=; fi
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :none) ;;
      :any) compopt -o default ;;
      :folder) compopt -o dirnames ;;
      *)
        line=\${line%%$'\\t'*}
        [[ $line == *[=,:/] ]] && compopt -o nospace
        COMPREPLY+=("\${line#"$prefix"}")
        ;;
    esac
  done < <("\${words[0]/#\\~/$HOME}" __complete "\${words[@]:1}" 2>/dev/null)
}
complete -F _tsbox tsbox
`;

const ZSH = `#compdef tsbox
# zsh completion of tsbox; to use it: tsbox completion zsh > FOLDER/_tsbox, with a FOLDER of your fpath, or source <(tsbox completion zsh)
_tsbox() {
  local -a values shown
  local line word what directive
  while IFS= read -r line; do
    if [[ $line == :* ]]; then directive=$line; continue; fi
    word=\${line%%$'\\t'*} what=\${line#*$'\\t'}
    values+=("$word")
    shown+=("$word\${what:+  -- $what}")
  done < <("\${(Q)words[1]}" __complete "\${(@Q)words[2,CURRENT]}" 2>/dev/null)
  local -a glued=(\${(M)values:#*[=,:/]}) apart=(\${values:#*[=,:/]})
  if ((\${#values})); then
    if ((\${#glued})); then
      ((\${#glued})) && compadd -S '' -a glued
      ((\${#apart})) && compadd -a apart
    else
      compadd -l -d shown -a values
    fi
  fi
  case $directive in
    :any) compset -P '--[a-z0-9-]#='; _files ;;
    :folder) compset -P '--[a-z0-9-]#='; _files -/ ;;
  esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _tsbox "$@"; else compdef _tsbox tsbox; fi
`;

const FISH = `# fish completion of tsbox; to use it: tsbox completion fish > ~/.config/fish/completions/tsbox.fish
function __tsbox_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    # of --flag=path, the path
    set -l path (string replace --regex -- '^--[a-z0-9-]+=' '' "$current")
    set -l before (string replace --regex -- '^(--[a-z0-9-]+=)?.*' '$1' "$current")
    for line in ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case ':none'
            case ':any'
                printf "$before%s\\n" (__fish_complete_path "$path")
            case ':folder'
                printf "$before%s\\n" (__fish_complete_directories "$path" '')
            case '*'
                echo $line
        end
    end
end
complete -c tsbox -f -a '(__tsbox_complete)'
`;

export const SCRIPTS = { bash: BASH, zsh: ZSH, fish: FISH } as const;

export type Shell = keyof typeof SCRIPTS;
