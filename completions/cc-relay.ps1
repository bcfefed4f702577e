# PowerShell completion for cc-relay. Made from the commands themselves: cc-relay completion powershell

Register-ArgumentCompleter -Native -CommandName cc-relay -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $grammar = @{
        '' = @{
            Options = @('--config', '--help', '--version', '-V', '-h')
            Values = @{ '--config' = @() }
            Operands = @('serve', 'login', 'accounts', 'top', 'log', 'web', 'notify', 'usage', 'doctor', 'env', 'run', 'completion', 'service', 'help')
        }
        'serve' = @{
            Options = @('--demo', '--help', '--host', '--log-level', '--port', '-h')
            Values = @{ '--host' = @(); '--port' = @(); '--log-level' = @('trace', 'debug', 'info', 'warn', 'error') }
            Operands = @()
        }
        'login' = @{
            Options = @('--api-key', '--auth', '--compatible', '--help', '--id', '--model', '--name', '--no-browser', '--priority', '--project', '--proxy', '--setup-token', '--small-model', '--url', '--yes', '-h', '-y')
            Values = @{ '--id' = '<accounts>'; '--name' = @(); '--priority' = @(); '--url' = @(); '--auth' = @('x-api-key', 'bearer', 'none'); '--model' = @(); '--small-model' = @(); '--proxy' = @(); '--project' = @() }
            Operands = @('claude', 'gemini', 'openai')
        }
        'accounts' = @{
            Options = @('--help', '-h')
            Values = @{}
            Operands = @('list', 'enable', 'disable', 'remove', 'help')
        }
        'accounts list' = @{
            Options = @('--help', '--json', '-h')
            Values = @{}
            Operands = @()
        }
        'accounts enable' = @{
            Options = @('--help', '-h')
            Values = @{}
            Operands = '<accounts>'
        }
        'accounts disable' = @{
            Options = @('--help', '-h')
            Values = @{}
            Operands = '<accounts>'
        }
        'accounts remove' = @{
            Options = @('--help', '--yes', '-h', '-y')
            Values = @{}
            Operands = '<accounts>'
        }
        'accounts help' = @{
            Options = @()
            Values = @{}
            Operands = @('list', 'enable', 'disable', 'remove')
        }
        'top' = @{
            Options = @('--help', '--json', '-h')
            Values = @{}
            Operands = @()
        }
        'log' = @{
            Options = @('--account', '--client', '--failed', '--follow', '--help', '--json', '--limit', '--model', '--since', '-f', '-h', '-n')
            Values = @{ '--limit' = @(); '-n' = @(); '--since' = @(); '--account' = '<accounts>'; '--client' = @(); '--model' = @() }
            Operands = @()
        }
        'web' = @{
            Options = @('--help', '--print', '-h')
            Values = @{}
            Operands = @()
        }
        'notify' = @{
            Options = @('--help', '--test', '-h')
            Values = @{}
            Operands = @()
        }
        'usage' = @{
            Options = @('--by', '--csv', '--help', '--json', '--since', '--until', '-h')
            Values = @{ '--since' = @(); '--until' = @(); '--by' = @('day', 'account', 'model', 'client', 'family') }
            Operands = @()
        }
        'doctor' = @{
            Options = @('--help', '--json', '--offline', '-h')
            Values = @{}
            Operands = @()
        }
        'env' = @{
            Options = @('--help', '--key', '--no-websocket', '--own-login', '--shell', '--unset', '-h')
            Values = @{ '--shell' = @('sh', 'fish', 'powershell', 'cmd'); '--key' = @() }
            Operands = @('claude', 'gemini', 'codex', 'openai')
        }
        'run' = @{
            Options = @('--help', '--key', '--no-websocket', '--own-login', '-h')
            Values = @{ '--key' = @() }
            Operands = @('claude', 'gemini', 'codex')
        }
        'completion' = @{
            Options = @('--help', '-h')
            Values = @{}
            Operands = @('bash', 'zsh', 'fish', 'powershell')
        }
        'service' = @{
            Options = @('--help', '-h')
            Values = @{}
            Operands = @('print', 'help')
        }
        'service print' = @{
            Options = @('--help', '-h')
            Values = @{}
            Operands = @('systemd', 'launchd', 'docker-compose')
        }
        'service help' = @{
            Options = @()
            Values = @{}
            Operands = @('print')
        }
        'help' = @{
            Options = @()
            Values = @{}
            Operands = @('serve', 'login', 'accounts', 'top', 'log', 'web', 'notify', 'usage', 'doctor', 'env', 'run', 'completion', 'service')
        }
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
