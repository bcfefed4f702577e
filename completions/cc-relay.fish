# fish completion for cc-relay. Made from the commands themselves: cc-relay completion fish

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
complete -c cc-relay -n '__cc_relay_at \'\'' -a serve -d 'run the relay until it is stopped'
complete -c cc-relay -n '__cc_relay_at \'\'' -a login -d 'add an account, by API key or OAuth'
complete -c cc-relay -n '__cc_relay_at \'\'' -a accounts -d 'show, switch and remove the accounts'
complete -c cc-relay -n '__cc_relay_at \'\'' -a top -d 'watch the running relay: accounts, windows, requests'
complete -c cc-relay -n '__cc_relay_at \'\'' -a log -d 'show the last requests, or one with each of its attempts'
complete -c cc-relay -n '__cc_relay_at \'\'' -a web -d 'open the page that shows accounts, usage and requests'
complete -c cc-relay -n '__cc_relay_at \'\'' -a notify -d 'test the receivers of notifications'
complete -c cc-relay -n '__cc_relay_at \'\'' -a usage -d 'show the tokens used and what they cost by list price'
complete -c cc-relay -n '__cc_relay_at \'\'' -a doctor -d 'check everything, and name the command that fixes what is not fine'
complete -c cc-relay -n '__cc_relay_at \'\'' -a env -d 'print the lines that point this shell\'s clients at the relay'
complete -c cc-relay -n '__cc_relay_at \'\'' -a run -d 'start a client against the relay for one run, changing none of its files'
complete -c cc-relay -n '__cc_relay_at \'\'' -a completion -d 'print the completion script of a shell'
complete -c cc-relay -n '__cc_relay_at \'\'' -a service -d 'describe the relay to a service manager'
complete -c cc-relay -n '__cc_relay_at \'\'' -a help -d 'print the help of a command'
complete -c cc-relay -n '__cc_relay_at \'\'' -l version -s V -d 'print the version'
complete -c cc-relay -n '__cc_relay_at \'\'' -l config -r -F -d 'read this configuration file'
complete -c cc-relay -n '__cc_relay_at \'\'' -l help -s h -d 'print this help'
complete -c cc-relay -n '__cc_relay_at \'serve\'' -l host -x -d 'listen on this address instead of server.host'
complete -c cc-relay -n '__cc_relay_at \'serve\'' -l port -x -d 'listen on this port; 0 picks a free one'
complete -c cc-relay -n '__cc_relay_at \'serve\'' -l log-level -x -a 'trace debug info warn error' -d 'how much to log'
complete -c cc-relay -n '__cc_relay_at \'serve\'' -l demo -d 'answer from a simulated provider: no account, no network, nothing kept'
complete -c cc-relay -n '__cc_relay_at \'serve\'' -l help -s h -d 'print this help'
complete -c cc-relay -n '__cc_relay_at \'login\'' -a 'claude gemini openai'
complete -c cc-relay -n '__cc_relay_at \'login\'' -l id -x -a '(cc-relay __complete accounts 2>/dev/null)' -d 'the account\'s id; of an account that is there, its credential is replaced'
complete -c cc-relay -n '__cc_relay_at \'login\'' -l name -x -d 'a name for people'
complete -c cc-relay -n '__cc_relay_at \'login\'' -l priority -x -d 'higher is tried first, 100 is usual'
complete -c cc-relay -n '__cc_relay_at \'login\'' -l api-key -d 'an API key: asked for without echo, or the first line of standard input'
complete -c cc-relay -n '__cc_relay_at \'login\'' -l setup-token -d 'asked for as a key is: a token of `claude setup-token`, good for a year'
complete -c cc-relay -n '__cc_relay_at \'login\'' -l compatible -d 'another host that speaks the API (GLM, Kimi, OpenRouter, Ollama …): a last resort'
complete -c cc-relay -n '__cc_relay_at \'login\'' -l url -x -d 'the compatible host\'s address, as its guide for Claude Code or Codex gives it'
complete -c cc-relay -n '__cc_relay_at \'login\'' -l auth -x -a 'x-api-key bearer none' -d 'how the key is sent there, when it is not as the host usually wants it'
complete -c cc-relay -n '__cc_relay_at \'login\'' -l model -x -d 'the compatible host\'s model that serves every request'
complete -c cc-relay -n '__cc_relay_at \'login\'' -l small-model -x -d 'its model that serves Claude\'s small ones (Haiku) instead'
complete -c cc-relay -n '__cc_relay_at \'login\'' -l proxy -x -d 'reach the provider through it, now and later: socks5://USER:PASSWORD@HOST:1080'
complete -c cc-relay -n '__cc_relay_at \'login\'' -l project -x -d 'Google Cloud project of a Gemini login (else $GOOGLE_CLOUD_PROJECT)'
complete -c cc-relay -n '__cc_relay_at \'login\'' -l no-browser -d 'open none here: the address is shown, and the code it leads to is pasted'
complete -c cc-relay -n '__cc_relay_at \'login\'' -l yes -s y -d 'say yes beforehand: to the provider\'s terms, and to replacing a credential'
complete -c cc-relay -n '__cc_relay_at \'login\'' -l help -s h -d 'print this help'
complete -c cc-relay -n '__cc_relay_at \'accounts\'' -a list -d 'show how each account is doing: its state, its windows, its last 24 hours'
complete -c cc-relay -n '__cc_relay_at \'accounts\'' -a enable -d 'use an account again: switch it on, and end its cooldown'
complete -c cc-relay -n '__cc_relay_at \'accounts\'' -a disable -d 'send nothing more to an account until it is enabled again'
complete -c cc-relay -n '__cc_relay_at \'accounts\'' -a remove -d 'take an account out of the configuration and forget its login; its usage stays'
complete -c cc-relay -n '__cc_relay_at \'accounts\'' -a help -d 'print the help of a command'
complete -c cc-relay -n '__cc_relay_at \'accounts\'' -l help -s h -d 'print this help'
complete -c cc-relay -n '__cc_relay_at \'accounts list\'' -l json -d 'print JSON'
complete -c cc-relay -n '__cc_relay_at \'accounts list\'' -l help -s h -d 'print this help'
complete -c cc-relay -n '__cc_relay_at \'accounts enable\'' -a '(cc-relay __complete accounts 2>/dev/null)'
complete -c cc-relay -n '__cc_relay_at \'accounts enable\'' -l help -s h -d 'print this help'
complete -c cc-relay -n '__cc_relay_at \'accounts disable\'' -a '(cc-relay __complete accounts 2>/dev/null)'
complete -c cc-relay -n '__cc_relay_at \'accounts disable\'' -l help -s h -d 'print this help'
complete -c cc-relay -n '__cc_relay_at \'accounts remove\'' -a '(cc-relay __complete accounts 2>/dev/null)'
complete -c cc-relay -n '__cc_relay_at \'accounts remove\'' -l yes -s y -d 'do not ask'
complete -c cc-relay -n '__cc_relay_at \'accounts remove\'' -l help -s h -d 'print this help'
complete -c cc-relay -n '__cc_relay_at \'accounts help\'' -a 'list enable disable remove'
complete -c cc-relay -n '__cc_relay_at \'top\'' -l json -d 'print one JSON object instead, that of GET /status'
complete -c cc-relay -n '__cc_relay_at \'top\'' -l help -s h -d 'print this help'
complete -c cc-relay -n '__cc_relay_at \'log\'' -l follow -s f -d 'go on with each request that ends'
complete -c cc-relay -n '__cc_relay_at \'log\'' -l limit -s n -x -d 'how many of the last requests'
complete -c cc-relay -n '__cc_relay_at \'log\'' -l since -x -d 'only since then: 30m, 24h, 7d, 4w, a day, or a time'
complete -c cc-relay -n '__cc_relay_at \'log\'' -l account -x -a '(cc-relay __complete accounts 2>/dev/null)' -d 'only what this account answered, or was asked for'
complete -c cc-relay -n '__cc_relay_at \'log\'' -l client -x -d 'only of this client key'
complete -c cc-relay -n '__cc_relay_at \'log\'' -l model -x -d 'only for these models: \'*opus*\''
complete -c cc-relay -n '__cc_relay_at \'log\'' -l failed -d 'only what failed or was truncated'
complete -c cc-relay -n '__cc_relay_at \'log\'' -l json -d 'print JSON, a line for each request'
complete -c cc-relay -n '__cc_relay_at \'log\'' -l help -s h -d 'print this help'
complete -c cc-relay -n '__cc_relay_at \'web\'' -l print -d 'print the address instead of opening it'
complete -c cc-relay -n '__cc_relay_at \'web\'' -l help -s h -d 'print this help'
complete -c cc-relay -n '__cc_relay_at \'notify\'' -l test -d 'send a test message through each [[notify]] of config.toml'
complete -c cc-relay -n '__cc_relay_at \'notify\'' -l help -s h -d 'print this help'
complete -c cc-relay -n '__cc_relay_at \'usage\'' -l since -x -d 'from when on: 30m, 24h, 7d, 4w, a day, or a time'
complete -c cc-relay -n '__cc_relay_at \'usage\'' -l until -x -d 'until when, a day included; now when left out'
complete -c cc-relay -n '__cc_relay_at \'usage\'' -l by -x -a 'day account model client family' -d 'what the rows are grouped by'
complete -c cc-relay -n '__cc_relay_at \'usage\'' -l json -d 'print JSON'
complete -c cc-relay -n '__cc_relay_at \'usage\'' -l csv -d 'print CSV, without the total'
complete -c cc-relay -n '__cc_relay_at \'usage\'' -l help -s h -d 'print this help'
complete -c cc-relay -n '__cc_relay_at \'doctor\'' -l offline -d 'leave out what needs a network: the accounts and the clock'
complete -c cc-relay -n '__cc_relay_at \'doctor\'' -l json -d 'print JSON'
complete -c cc-relay -n '__cc_relay_at \'doctor\'' -l help -s h -d 'print this help'
complete -c cc-relay -n '__cc_relay_at \'env\'' -a 'claude gemini codex openai'
complete -c cc-relay -n '__cc_relay_at \'env\'' -l shell -x -a 'sh fish powershell cmd' -d 'write for this shell; guessed when left out'
complete -c cc-relay -n '__cc_relay_at \'env\'' -l unset -d 'print the lines that undo it'
complete -c cc-relay -n '__cc_relay_at \'env\'' -l key -x -d 'use this one of api_keys instead of the first'
complete -c cc-relay -n '__cc_relay_at \'env\'' -l own-login -d 'keep the client\'s own login, for an account of type client'
complete -c cc-relay -n '__cc_relay_at \'env\'' -l no-websocket -d 'let Codex use HTTP alone'
complete -c cc-relay -n '__cc_relay_at \'env\'' -l help -s h -d 'print this help'
complete -c cc-relay -n '__cc_relay_at \'run\'' -a 'claude gemini codex'
complete -c cc-relay -n '__cc_relay_at \'run\'' -l key -x -d 'use this one of api_keys instead of the first'
complete -c cc-relay -n '__cc_relay_at \'run\'' -l own-login -d 'keep the client\'s own login, for an account of type client'
complete -c cc-relay -n '__cc_relay_at \'run\'' -l no-websocket -d 'let Codex use HTTP alone'
complete -c cc-relay -n '__cc_relay_at \'run\'' -l help -s h -d 'print this help'
complete -c cc-relay -n '__cc_relay_at \'completion\'' -a 'bash zsh fish powershell'
complete -c cc-relay -n '__cc_relay_at \'completion\'' -l help -s h -d 'print this help'
complete -c cc-relay -n '__cc_relay_at \'service\'' -a print -d 'print a unit or compose file with this machine\'s paths'
complete -c cc-relay -n '__cc_relay_at \'service\'' -a help -d 'print the help of a command'
complete -c cc-relay -n '__cc_relay_at \'service\'' -l help -s h -d 'print this help'
complete -c cc-relay -n '__cc_relay_at \'service print\'' -a 'systemd launchd docker-compose'
complete -c cc-relay -n '__cc_relay_at \'service print\'' -l help -s h -d 'print this help'
complete -c cc-relay -n '__cc_relay_at \'service help\'' -a 'print'
complete -c cc-relay -n '__cc_relay_at \'help\'' -a 'serve login accounts top log web notify usage doctor env run completion service'
