# bash completion for cc-relay. Made from the commands themselves: cc-relay completion bash

_cc_relay() {
  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command="" index
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; index++)); do
    case "$command:${COMP_WORDS[index]}" in
      ":serve") command="serve" ;;
      ":login") command="login" ;;
      ":accounts") command="accounts" ;;
      "accounts:list") command="accounts list" ;;
      "accounts:enable") command="accounts enable" ;;
      "accounts:disable") command="accounts disable" ;;
      "accounts:remove") command="accounts remove" ;;
      "accounts:help") command="accounts help" ;;
      ":top") command="top" ;;
      ":log") command="log" ;;
      ":web") command="web" ;;
      ":notify") command="notify" ;;
      ":usage") command="usage" ;;
      ":doctor") command="doctor" ;;
      ":env") command="env" ;;
      ":run") command="run" ;;
      ":completion") command="completion" ;;
      ":service") command="service" ;;
      "service:print") command="service print" ;;
      "service:help") command="service help" ;;
      ":help") command="help" ;;
      :--config) ((index++)) ;;
    esac
  done
  case "$command:$previous" in
    ":--config") COMPREPLY=($(compgen -f -- "$word")); return ;;
    "serve:--host") :; return ;;
    "serve:--port") :; return ;;
    "serve:--log-level") COMPREPLY=($(compgen -W "trace debug info warn error" -- "$word")); return ;;
    "login:--id") _cc_relay_words "$(cc-relay __complete accounts 2>/dev/null)" "$word"; return ;;
    "login:--name") :; return ;;
    "login:--priority") :; return ;;
    "login:--url") :; return ;;
    "login:--auth") COMPREPLY=($(compgen -W "x-api-key bearer none" -- "$word")); return ;;
    "login:--model") :; return ;;
    "login:--small-model") :; return ;;
    "login:--proxy") :; return ;;
    "login:--project") :; return ;;
    "log:--limit" | "log:-n") :; return ;;
    "log:--since") :; return ;;
    "log:--account") _cc_relay_words "$(cc-relay __complete accounts 2>/dev/null)" "$word"; return ;;
    "log:--client") :; return ;;
    "log:--model") :; return ;;
    "usage:--since") :; return ;;
    "usage:--until") :; return ;;
    "usage:--by") COMPREPLY=($(compgen -W "day account model client family" -- "$word")); return ;;
    "env:--shell") COMPREPLY=($(compgen -W "sh fish powershell cmd" -- "$word")); return ;;
    "env:--key") :; return ;;
    "run:--key") :; return ;;
  esac
  case "$word" in
    -*)
      case "$command" in
        "") COMPREPLY=($(compgen -W "--config --help --version -V -h" -- "$word")) ;;
        "serve") COMPREPLY=($(compgen -W "--demo --help --host --log-level --port -h" -- "$word")) ;;
        "login") COMPREPLY=($(compgen -W "--api-key --auth --compatible --help --id --model --name --no-browser --priority --project --proxy --setup-token --small-model --url --yes -h -y" -- "$word")) ;;
        "accounts") COMPREPLY=($(compgen -W "--help -h" -- "$word")) ;;
        "accounts list") COMPREPLY=($(compgen -W "--help --json -h" -- "$word")) ;;
        "accounts enable") COMPREPLY=($(compgen -W "--help -h" -- "$word")) ;;
        "accounts disable") COMPREPLY=($(compgen -W "--help -h" -- "$word")) ;;
        "accounts remove") COMPREPLY=($(compgen -W "--help --yes -h -y" -- "$word")) ;;
        "accounts help") COMPREPLY=($(compgen -W "" -- "$word")) ;;
        "top") COMPREPLY=($(compgen -W "--help --json -h" -- "$word")) ;;
        "log") COMPREPLY=($(compgen -W "--account --client --failed --follow --help --json --limit --model --since -f -h -n" -- "$word")) ;;
        "web") COMPREPLY=($(compgen -W "--help --print -h" -- "$word")) ;;
        "notify") COMPREPLY=($(compgen -W "--help --test -h" -- "$word")) ;;
        "usage") COMPREPLY=($(compgen -W "--by --csv --help --json --since --until -h" -- "$word")) ;;
        "doctor") COMPREPLY=($(compgen -W "--help --json --offline -h" -- "$word")) ;;
        "env") COMPREPLY=($(compgen -W "--help --key --no-websocket --own-login --shell --unset -h" -- "$word")) ;;
        "run") COMPREPLY=($(compgen -W "--help --key --no-websocket --own-login -h" -- "$word")) ;;
        "completion") COMPREPLY=($(compgen -W "--help -h" -- "$word")) ;;
        "service") COMPREPLY=($(compgen -W "--help -h" -- "$word")) ;;
        "service print") COMPREPLY=($(compgen -W "--help -h" -- "$word")) ;;
        "service help") COMPREPLY=($(compgen -W "" -- "$word")) ;;
        "help") COMPREPLY=($(compgen -W "" -- "$word")) ;;
      esac
      return
      ;;
  esac
  case "$command" in
    "") COMPREPLY=($(compgen -W "serve login accounts top log web notify usage doctor env run completion service help" -- "$word")) ;;
    "serve") : ;;
    "login") COMPREPLY=($(compgen -W "claude gemini openai" -- "$word")) ;;
    "accounts") COMPREPLY=($(compgen -W "list enable disable remove help" -- "$word")) ;;
    "accounts list") : ;;
    "accounts enable") _cc_relay_words "$(cc-relay __complete accounts 2>/dev/null)" "$word" ;;
    "accounts disable") _cc_relay_words "$(cc-relay __complete accounts 2>/dev/null)" "$word" ;;
    "accounts remove") _cc_relay_words "$(cc-relay __complete accounts 2>/dev/null)" "$word" ;;
    "accounts help") COMPREPLY=($(compgen -W "list enable disable remove" -- "$word")) ;;
    "top") : ;;
    "log") : ;;
    "web") : ;;
    "notify") : ;;
    "usage") : ;;
    "doctor") : ;;
    "env") COMPREPLY=($(compgen -W "claude gemini codex openai" -- "$word")) ;;
    "run") COMPREPLY=($(compgen -W "claude gemini codex" -- "$word")) ;;
    "completion") COMPREPLY=($(compgen -W "bash zsh fish powershell" -- "$word")) ;;
    "service") COMPREPLY=($(compgen -W "print help" -- "$word")) ;;
    "service print") COMPREPLY=($(compgen -W "systemd launchd docker-compose" -- "$word")) ;;
    "service help") COMPREPLY=($(compgen -W "print" -- "$word")) ;;
    "help") COMPREPLY=($(compgen -W "serve login accounts top log web notify usage doctor env run completion service" -- "$word")) ;;
  esac
}

_cc_relay_words() {
  local word
  while IFS= read -r word; do
    [[ $word == "$2"* ]] && COMPREPLY+=("$(printf '%q' "$word")")
  done <<<"$1"
}

complete -F _cc_relay cc-relay
