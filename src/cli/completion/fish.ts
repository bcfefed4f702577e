// Completion for fish 3 and later.

import { everyCommand, type GrammarCommand, type GrammarOption, type Operands } from "./grammar.ts";

export function fishScript(program: GrammarCommand): string {
  const commands = [...everyCommand(program)];
  const lines = commands.flatMap((command) => [
    ...command.commands.map((child) => line(command.path, [`-a ${child.name}`], child.description)),
    ...operandLine(command),
    ...command.options.map((option) => optionLine(command.path, option)),
  ]);
  return `# fish completion for cc-relay. Made from the commands themselves: cc-relay completion fish

# Whether the words so far are exactly this command: its names, apart from options and their values.
function __cc_relay_at
    set -l words (commandline -opc)
    set -e words[1]
    set -l names
    set -l skip 0
    for word in $words
        if test $skip -eq 1
            set skip 0
        else if test "$word" = --config
            set skip 1
        else if not string match -q -- '-*' $word
            set -a names $word
        end
    end
    set -l wanted (string split -n ' ' -- "$argv[1]")
    test (count $names) -ge (count $wanted); or return 1
    if test (count $wanted) -gt 0
        test "$names[1..$(count $wanted)]" = "$wanted"; or return 1
    end
    # Deeper commands have completions of their own.
    test (count $names) -eq (count $wanted); or set -q argv[2]
end

complete -c cc-relay -f
${lines.join("\n")}
`;
}

function operandLine({ path, operands, commands }: GrammarCommand): string[] {
  if (commands.length > 0 || operands.kind === "none") return [];
  return [line(path, operands.kind === "files" ? ["-F"] : [`-a ${candidates(operands)}`])];
}

function optionLine(path: string, { names, description, value }: GrammarOption): string {
  const flags = names.map((name) => (name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  const takes = value === undefined ? [] : value.kind === "files" ? ["-r -F"] : ["-x"];
  const words =
    value === undefined || value.kind === "files" || value.kind === "none" ? [] : [`-a ${candidates(value)}`];
  return line(path, [...flags, ...takes, ...words], description);
}

function line(path: string, parts: readonly string[], description?: string): string {
  const condition = `-n ${quote(`__cc_relay_at ${quote(path)}`)}`;
  const described = description === undefined ? [] : [`-d ${quote(description)}`];
  return ["complete -c cc-relay", condition, ...parts, ...described].join(" ");
}

function candidates(operands: Operands): string {
  return operands.kind === "words"
    ? quote(operands.words.join(" "))
    : quote("(cc-relay __complete accounts 2>/dev/null)");
}

function quote(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
