"""`convcalc completion`: the script that lets a shell complete command lines."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from convcalc.cli import options
from convcalc.cli.guard import guarded, refuse, write_error
from convcalc.cli.output import emit, reason
from convcalc.problems import printable

_BASH = r"""_convcalc_completion() {
    local line="${COMP_LINE:0:COMP_POINT}" word cut="" value rest
    word="${line##*[[:space:]]}"
    # What is before the last = is a word of its own for bash, and stands there already.
    [[ $COMP_WORDBREAKS == *=* && $word == *=* ]] && cut="${word%"${word##*=}"}"
    COMPREPLY=()
    while IFS=$'\t' read -r value rest; do
        value="${value#"$cut"}"
        COMPREPLY+=("$(printf '%q' "$value")")
    done < <(_CONVCALC_COMPLETE=line _CONVCALC_LINE="$line" "$1" 2>/dev/null)
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[/=.] ]] && compopt -o nospace 2>/dev/null
    return 0
}
complete -F _convcalc_completion convcalc
"""
_ZSH = r"""#compdef convcalc
_convcalc() {
    local -a whole begun lines
    local line value shown program="${(Q)words[1]}"
    lines=("${(@f)$(_CONVCALC_COMPLETE=words "$program" "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    for line in "${lines[@]}"; do
        value="${line%%$'\t'*}"
        [[ -n $value ]] || continue
        shown="${value//:/\\:}"
        [[ $line == *$'\t'* ]] && shown+=":${line#*$'\t'}"
        if [[ $value == *[/=.] ]]; then begun+=("$shown"); else whole+=("$shown"); fi
    done
    _describe -t values value whole -- begun -S ''
}
if [[ ${funcstack[1]} == _convcalc ]]; then
    _convcalc "$@"
else
    (( ${+functions[compdef]} )) || { autoload -Uz compinit && compinit }
    compdef _convcalc convcalc
fi
"""
_FISH = r"""function __convcalc_complete
    set --local words (commandline --tokenize --cut-at-cursor --current-process)
    env _CONVCALC_COMPLETE=words $words (commandline --cut-at-cursor --current-token) 2>/dev/null
end
complete --command convcalc --no-files --arguments '(__convcalc_complete)'
"""
_POWERSHELL = r"""Register-ArgumentCompleter -Native -CommandName convcalc -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $line = $commandAst.ToString()
    if ($wordToComplete -eq '') { $line += ' ' }
    $Env:_CONVCALC_COMPLETE = 'line'
    $Env:_CONVCALC_LINE = $line
    try {
        & $commandAst.CommandElements[0].Value 2>$null | ForEach-Object {
            $value, $meaning = $_ -split "`t", 2
            if (-not $meaning) { $meaning = $value }
            [System.Management.Automation.CompletionResult]::new(
                $value, $value, 'ParameterValue', $meaning)
        }
    } finally {
        Remove-Item Env:_CONVCALC_COMPLETE, Env:_CONVCALC_LINE
    }
}
"""
_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH, "powershell": _POWERSHELL}
SHELLS = tuple(_SCRIPTS)
#: Files that a shell reads when it starts, by what is written to them; from the home folder.
_STARTED = {"bash": ".bashrc", "zsh": ".zshrc"}


@guarded
def completion(
    shell: Annotated[
        str | None,
        typer.Argument(metavar="SHELL", help="Name the shell: bash, zsh, fish, powershell."),
    ] = None,
    install: Annotated[
        bool,
        typer.Option("--install", help="Install the script for bash, zsh or fish."),
    ] = False,
) -> int:
    """Print or install the script that completes command lines.

    Examples:
      convcalc completion --install
      convcalc completion zsh --install
      eval "$(convcalc completion bash)"       for this session only
      convcalc completion powershell >> $PROFILE

    It completes networks that ship, files, layers, kinds, formats, columns, metrics and the file's
    arguments. Without SHELL it is the shell of the environment variable SHELL.
    """
    shell = _named(shell)
    if not install:
        emit(_SCRIPTS[shell], None)
        return 0
    if shell == "powershell":
        refuse("--install is for bash, zsh and fish", "convcalc completion powershell >> $PROFILE")
    try:
        path = _install(shell)
    except OSError as error:
        refuse(f"the script cannot be written: {reason(error)}")
    write_error(f"{printable(path, 200)} written; it completes in every new {shell}\n")
    return 0


def _named(shell: str | None) -> str:
    """The shell that is named, or that the environment names."""
    if shell is not None:
        return options.read_word("SHELL", shell, SHELLS)
    found = os.path.basename(os.environ.get("SHELL", ""))
    if not found and sys.platform == "win32":
        return "powershell"
    if found not in SHELLS:
        refuse("which shell?", f"convcalc completion bash; one of {', '.join(SHELLS)}")
    return found


def _install(shell: str) -> str:
    """Writes the script, and where needed the line by which the shell finds it; its path."""
    from convcalc.safe_files import replace_file

    home = os.path.expanduser("~")
    if shell == "fish":
        settings = os.environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
        path = os.path.join(settings, "fish", "completions", "convcalc.fish")
    else:
        data = os.environ.get("XDG_DATA_HOME") or os.path.join(home, ".local", "share")
        path = os.path.join(data, "convcalc", f"completion.{shell}")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    replace_file(path, _SCRIPTS[shell])
    if shell in _STARTED:
        from shlex import quote

        _append(os.path.join(home, _STARTED[shell]), f"source {quote(path)}")
    return path


def _append(path: str, line: str) -> None:
    """Adds a line to a file, unless it is there."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
    except FileNotFoundError:
        text = ""
    if line not in text.splitlines():
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"{'' if not text or text.endswith(chr(10)) else chr(10)}{line}\n")
