// Each script asks the program as it was typed, so that `./node_modules/.bin/hone` completes too: `complete -- WORD …`, the last word being
// the one at the cursor. It answers a line a candidate, value and description apart by a tab, or `:path` where the shell completes paths itself.

const bash = `# hone, completed in bash. In ~/.bashrc:  source <(hone completion bash)
_hone() {
  local line=\${COMP_LINE:0:COMP_POINT} current=\${COMP_WORDS[COMP_CWORD]} words value
  read -ra words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  # bash also parts words at = and : and completes what follows.
  [[ $current == [=:] ]] && current=
  local before=\${words[-1]%"$current"}
  COMPREPLY=()
  while IFS=$'\\t' read -r value _; do
    if [[ $value == :path ]]; then
      compopt -o default 2>/dev/null
    elif [[ $value == "\${words[-1]}"* ]]; then
      COMPREPLY+=("\${value#"$before"}")
      [[ $value == *= ]] && compopt -o nospace 2>/dev/null
    fi
  done < <("\${words[0]/#\\~\\//$HOME/}" complete -- "\${words[@]:1}" 2>/dev/null)
}
complete -F _hone hone
`

const zsh = `#compdef hone
# hone, completed in zsh. In ~/.zshrc, after compinit:  source <(hone completion zsh)
_hone() {
  local line value description
  local -a values shown open
  for line in "\${(@f)$("\${(Q)\${words[1]/#\\~\\//$HOME/}}" complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    value=\${line%%$'\\t'*} description=\${line#*$'\\t'}
    if [[ -z $value ]]; then
      continue
    elif [[ $value == :path ]]; then
      _files
    elif [[ $value == *= ]]; then
      open+=("$value")
    else
      values+=("$value") shown+=("$value\${description:+  -- $description}")
    fi
  done
  (( $#values )) && compadd -l -d shown -- "\${(@)values}"
  (( $#open )) && compadd -S '' -- "\${(@)open}"
  return 0
}
if [[ \${funcstack[1]} == _hone ]]; then _hone "$@"; else compdef _hone hone; fi
`

const fish = `# hone, completed in fish. In ~/.config/fish/config.fish:  hone completion fish | source
function __hone_complete
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    for line in ($before[1] complete -- $before[2..-1] "$current" 2>/dev/null)
        if test "$line" = ":path"
            __fish_complete_path "$current"
        else
            echo $line
        end
    end
end
complete -c hone -f -a '(__hone_complete)'
`

export const scripts: Readonly<Record<string, string>> = { bash, zsh, fish }
