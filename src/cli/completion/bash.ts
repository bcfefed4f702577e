// Completion for bash 3.2 and later, without the bash-completion package.

import { everyCommand, type GrammarCommand, type Operands } from "./grammar.ts";

export function bashScript(program: GrammarCommand): string {
  const commands = [...everyCommand(program)];
  return `# bash completion for cc-relay. Made from the commands themselves: cc-relay completion bash

_cc_relay() {
  local word=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} command="" index
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; index++)); do
    case "$command:\${COMP_WORDS[index]}" in
${commands
  .filter(({ path }) => path !== "")
  .map(step)
  .join("\n")}
      :--config) ((index++)) ;;
    esac
  done
  case "$command:$previous" in
${commands.flatMap(valueCases).join("\n")}
  esac
  case "$word" in
    -*)
      case "$command" in
${commands.map(optionCase).join("\n")}
      esac
      return
      ;;
  esac
  case "$command" in
${commands.map(operandCase).join("\n")}
  esac
}

_cc_relay_words() {
  local word
  while IFS= read -r word; do
    [[ $word == "$2"* ]] && COMPREPLY+=("$(printf '%q' "$word")")
  done <<<"$1"
}

complete -F _cc_relay cc-relay
`;
}

function step({ path, name }: GrammarCommand): string {
  const parent = path.slice(0, Math.max(0, path.length - name.length - 1));
  return `      "${parent}:${name}") command="${path}" ;;`;
}

function valueCases({ path, options }: GrammarCommand): string[] {
  return options.flatMap(({ names, value }) => {
    if (value === undefined) return [];
    const pattern = names.map((name) => `"${path}:${name}"`).join(" | ");
    return [`    ${pattern}) ${reply(value)}; return ;;`];
  });
}

function optionCase({ path, options }: GrammarCommand): string {
  const names = options.flatMap((option) => option.names).sort();
  return `        "${path}") ${wordList(names)} ;;`;
}

function operandCase({ path, operands, commands }: GrammarCommand): string {
  const action = commands.length > 0 ? wordList(commands.map(({ name }) => name)) : reply(operands);
  return `    "${path}") ${action} ;;`;
}

function reply(operands: Operands): string {
  switch (operands.kind) {
    case "none":
      return ":";
    case "words":
      return wordList(operands.words);
    case "accounts":
      return '_cc_relay_words "$(cc-relay __complete accounts 2>/dev/null)" "$word"';
    case "files":
      return 'COMPREPLY=($(compgen -f -- "$word"))';
  }
}

function wordList(words: readonly string[]): string {
  return `COMPREPLY=($(compgen -W "${words.join(" ")}" -- "$word"))`;
}
