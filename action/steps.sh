#!/usr/bin/env bash
# The steps of action.yml: `steps.sh install`, `steps.sh check`, `steps.sh changes`, `steps.sh comment`.
# Input of the user comes in environment variables and is never inserted into a command.
set -euo pipefail

venv=$RUNNER_TEMP/convcalc-venv
page=$RUNNER_TEMP/convcalc-check.md
changes=$RUNNER_TEMP/convcalc-changes.md
pages=$RUNNER_TEMP/convcalc-pages
# Characters that a comment has at most.
longest=65000

convcalc() {
    # Windows has Scripts instead of bin.
    if [ -d "$venv/bin" ]; then "$venv/bin/convcalc" "$@"; else "$venv/Scripts/convcalc" "$@"; fi
}

# Installs the revision of convcalc that the workflow names, in its own environment.
install() {
    "$CONVCALC_PYTHON" -m venv "$venv"
    local bin=$venv/bin
    [ -d "$bin" ] || bin=$venv/Scripts
    "$bin/python" -m pip install --quiet --disable-pip-version-check "$GITHUB_ACTION_PATH"
    convcalc --version
}

# Runs the check with annotations and the step's summary; writes the comment's page and a SARIF report.
check() {
    local arguments=() line status=0
    while IFS= read -r line; do
        line=${line%$'\r'}
        [ -z "$line" ] || arguments+=("$line")
    done <<<"$CONVCALC_ARGUMENTS"
    # This expansion is for the bash of macOS, where an empty array is unset.
    set -- ${arguments[@]+"${arguments[@]}"}

    rm -f "$page"
    echo "comment-file=$page" >>"$GITHUB_OUTPUT"
    # The action sets format and output itself for the annotations, the comment and the SARIF report.
    for line; do
        case $line in
        --) break ;;
        --format | --format=* | --output | --output=*)
            echo "::error title=convcalc::'${line%%=*}' cannot be among the action's arguments: it" \
                "annotates, and writes the comment and, with 'sarif', a SARIF report. Run" \
                "'convcalc check' in a step of its own for another format."
            echo "status=2" >>"$GITHUB_OUTPUT"
            return 2
            ;;
        esac
    done

    convcalc check --format github "$@" || status=$?

    # The log has everything; these only write it in another format.
    convcalc check --format markdown --output "$page" "$@" >/dev/null 2>&1 || true
    if [ -n "$CONVCALC_SARIF" ]; then
        rm -f -- "$CONVCALC_SARIF"
        convcalc check --format sarif --output "$CONVCALC_SARIF" "$@" >/dev/null 2>&1 || true
        if [ -s "$page" ] && ! [ -s "$CONVCALC_SARIF" ]; then
            echo "::warning title=convcalc::the SARIF report could not be written: is its folder there?"
        fi
    fi

    echo "status=$status" >>"$GITHUB_OUTPUT"
    return "$status"
}

# Adds to the comment what changed since the base of the pull request, and writes a page about each
# network that did. A checkout may have only the newest commit: the base is fetched then.
changes() {
    rm -rf -- "$pages" "$changes"
    if ! git cat-file -e "$CONVCALC_BASE^{commit}" 2>/dev/null &&
        ! git fetch --quiet --depth=1 origin "$CONVCALC_BASE" 2>/dev/null; then
        echo "::notice title=convcalc::the base of the pull request cannot be fetched, so what changed is" \
            "not shown"
        return
    fi
    # What cannot be read was reported by the check.
    convcalc diff --base "$CONVCALC_BASE" --format markdown --draw --output "$changes" --pages "$pages" \
        >/dev/null 2>&1 || true
    if [ -d "$pages" ]; then echo "pages=$pages" >>"$GITHUB_OUTPUT"; fi
    [ -s "$page" ] && [ -s "$changes" ] || return 0
    local checked changed
    checked=$(<"$page")
    changed=$(<"$changes")
    if ((${#checked} + ${#changed} > longest)); then
        # The tables of what changed, without drawings; or none, in a comment that is full.
        convcalc diff --base "$CONVCALC_BASE" --format markdown --top 20 --output "$changes" \
            >/dev/null 2>&1 || true
        changed=$(<"$changes")
    fi
    if ((${#checked} + ${#changed} <= longest)); then
        printf '\n## What changed\n\n%s\n' "$changed" >>"$page"
    fi
}

# Writes the page as a comment, or replaces the comment of an earlier run: our own, with the marker.
comment() {
    if ! [ -s "$page" ]; then
        echo "::notice title=convcalc::nothing was checked, so there is nothing to comment"
        return
    fi
    if ! command -v gh >/dev/null; then
        echo "::warning title=convcalc::there is no gh on this runner to write the comment with"
        return
    fi
    local marker comments me ids
    marker=$(head -n 1 "$page")
    comments=repos/$GITHUB_REPOSITORY/issues/$CONVCALC_PULL_REQUEST/comments
    # A bot's name ends in [bot] in only one of GitHub's two interfaces.
    if ! { me=$(gh api graphql -f query='{viewer {login}}' --jq .data.viewer.login) &&
        ids=$(gh api --paginate "$comments?per_page=100" --jq \
            ".[] | select((.user.login | rtrimstr(\"[bot]\")) == \"${me%\[bot\]}\")
                 | select(.body | startswith(\"$marker\")) | .id") &&
        write "$comments" "${ids%%$'\n'*}"; }; then
        # A pull request from a fork may not write; the result of its check stays the same.
        echo "::warning title=convcalc::the comment could not be written: does the job have" \
            "'permissions: pull-requests: write'?"
    fi
}

# write COMMENTS ID: replaces the comment with that number by the page, or adds one if ID is empty.
write() {
    if [ -n "$2" ]; then
        gh api --method PATCH --silent "repos/$GITHUB_REPOSITORY/issues/comments/$2" -F "body=@$page"
    else
        gh api --method POST --silent "$1" -F "body=@$page"
    fi
}

"$1"
