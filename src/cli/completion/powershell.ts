// Completion for PowerShell 5 and later.

import { everyCommand, type GrammarCommand, type Operands } from "./grammar.ts";

export function powershellScript(program: GrammarCommand): string {
  const entries = [...everyCommand(program)].map(entry).join("\n");
  return `# PowerShell completion for cc-relay. Made from the commands themselves: cc-relay completion powershell

Register-ArgumentCompleter -Native -CommandName cc-relay -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $grammar = @{
${entries}
    }
    $words = @($commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition } |
        Select-Object -Skip 1 | ForEach-Object { $_.ToString() })
    $command = ''
    $skip = $false
    foreach ($word in $words) {
        if ($skip) { $skip = $false; continue }
        if ($word -eq '--config') { $skip = $true; continue }
        $deeper = "$command $word".Trim()
        if ($grammar.ContainsKey($deeper)) { $command = $deeper }
    }
    $here = $grammar[$command]
    $previous = if ($words.Count -gt 0) { $words[-1] } else { '' }
    $candidates = if ($here.Values.ContainsKey($previous)) { $here.Values[$previous] }
        elseif ($wordToComplete.StartsWith('-')) { $here.Options }
        else { $here.Operands }
    if ($candidates -is [string] -and $candidates -eq '<accounts>') {
        $candidates = @(cc-relay __complete accounts 2>$null)
    }
    @($candidates) | Where-Object { $_ -and $_.StartsWith($wordToComplete) } | ForEach-Object {
        [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
    }
}
`;
}

function entry({ path, options, operands, commands }: GrammarCommand): string {
  const names = options.flatMap((option) => option.names).sort();
  const values = options.flatMap((option) => {
    const { value } = option;
    // Files are left to the shell, which completes them when it gets nothing.
    if (value === undefined) return [];
    return option.names.map((name) => `${quote(name)} = ${list(value)}`);
  });
  const words: Operands =
    commands.length > 0 ? { kind: "words", words: commands.map(({ name }) => name) } : operands;
  return [
    `        ${quote(path)} = @{`,
    `            Options = ${array(names)}`,
    `            Values = @{ ${values.join("; ")} }`.replace("{  }", "{}"),
    `            Operands = ${list(words)}`,
    "        }",
  ].join("\n");
}

function list(operands: Operands): string {
  switch (operands.kind) {
    case "words":
      return array(operands.words);
    case "accounts":
      return "'<accounts>'";
    case "none":
    case "files":
      return "@()";
  }
}

function array(words: readonly string[]): string {
  return `@(${words.map(quote).join(", ")})`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
