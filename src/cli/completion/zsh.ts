// Completion for zsh, as a function that its completion system loads by its name.

import { everyCommand, type GrammarCommand, type GrammarOption, type Operands } from "./grammar.ts";

export function zshScript(program: GrammarCommand): string {
  return `#compdef cc-relay
# zsh completion for cc-relay. Made from the commands themselves: cc-relay completion zsh

__cc_relay_account_ids() {
  local -a ids
  ids=(\${(f)"$(cc-relay __complete accounts 2>/dev/null)"})
  compadd -a ids
}

${[...everyCommand(program)].map(functionOf).join("\n\n")}

# Loaded by the completion system, or evaluated in a start-up file.
if [[ $funcstack[1] == _cc-relay ]]; then
  _cc_relay "$@"
else
  compdef _cc_relay cc-relay
fi
`;
}

function functionOf(command: GrammarCommand): string {
  const lines = command.options.map(optionSpec);
  if (command.commands.length === 0) {
    const operands = operandSpec(command.operands);
    const specs = [...lines, ...(operands === undefined ? [] : [`'1:${operands}'`])];
    return `${functionName(command.path)}() {\n  _arguments -s ${continued(specs)}\n}`;
  }
  const names = command.commands.map(({ name, description }) => `    ${quote(`${name}:${description}`)}`);
  const calls = command.commands.map(({ name, path }) => `        ${name}) ${functionName(path)} ;;`);
  return `${functionName(command.path)}() {
  local state line
  local -a commands
  _arguments -s -C ${continued([...lines, "'1:command:->command'", "'*::argument:->argument'"])}
  case $state in
    command)
      commands=(
${names.join("\n").replace(/^/gm, "    ")}
      )
      _describe command commands
      ;;
    argument)
      case $line[1] in
${calls.join("\n")}
      esac
      ;;
  esac
}`;
}

function functionName(path: string): string {
  return path === "" ? "_cc_relay" : `_cc_relay_${path.replaceAll(/[^a-z]+/g, "_")}`;
}

function continued(specs: readonly string[]): string {
  return specs.map((spec) => `\\\n    ${spec}`).join(" ");
}

/** `'(-h --help)'{-h,--help}'[print this help]'` */
function optionSpec({ names, description, value }: GrammarOption): string {
  const [first = ""] = names;
  const spec = value === undefined ? "" : `:value:${actionOf(value)}`;
  const text = quote(`[${description.replace(/[[\]]/g, "\\$&")}]${spec}`);
  return names.length === 1 ? `${quote(first)}${text}` : `'(${names.join(" ")})'{${names.join(",")}}${text}`;
}

function operandSpec(operands: Operands): string | undefined {
  return operands.kind === "none" ? undefined : `argument:${actionOf(operands)}`;
}

function actionOf(operands: Operands): string {
  switch (operands.kind) {
    case "none":
      return " ";
    case "words":
      return `(${operands.words.join(" ")})`;
    case "accounts":
      return "__cc_relay_account_ids";
    case "files":
      return "_files";
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
