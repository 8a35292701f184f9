# SPDX-License-Identifier: Apache-2.0
# Completion of profilerctl(1) for bash.

# Units that profilerd knows, from the bus; none where it is not running.
__profilerctl_units() {
    # Of each unit: name, state, active state, path of a profile, path of its object; in quotes.
    busctl --system --auto-start=no --no-pager call org.profilerd1 /org/profilerd1 \
        org.profilerd1.Manager ListUnits 2>/dev/null | grep -o '"[^"]*"' | awk 'NR % 5 == 1' |
        sed 's/^"//; s/"$//; s/\\\\/\\/g'
}

_profilerctl() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local verbs='status list info report diff symbols flame export merge verify disk-usage vacuum compact monitor
        uploads reload flush top pause resume set record sessions trigger doctor web help'
    local options='--help --version --since= --until= -n -1 --reverse --type= --by= --peek= --lines= --all
        --base-since= --base-until= --restart --boot --normalize --focus= --hide= --invert --size= --time=
        --files= --for= --frequency= --pid= --cgroup= --host --children --no-kernel --no-user --store
        --delay= --sort= --output= --format= --directory= --root= --json= --no-pager --no-legend --quiet'
    local verb='' word values=''

    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        if [[ " ${verbs//[$'\n']/ } " == *" $word "* ]]; then
            verb=$word
            break
        fi
    done

    # bash takes '=' for a word of its own.
    [[ $cur == = ]] && cur=''
    [[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD - 2]}
    case $prev in
        --json) values='short pretty off' ;;
        --by) values='function line binary thread pid day' ;;
        --format) values='pprof folded speedscope firefox json otlp' ;;
        --type) values='cpu offcpu cpu,offcpu cpu-session offcpu-session cpu-offcpu-session cpu-before' ;;
        --for) values='10s 30s 1min 5min' ;;
        --frequency) values='49 99 199 499 1000' ;;
        --pid)
            mapfile -t COMPREPLY < <(compgen -W "$(ps -eo pid=)" -- "$cur")
            return
            ;;
        --cgroup)
            mapfile -t COMPREPLY < <(cd /sys/fs/cgroup 2>/dev/null && compgen -d -- ".$cur" | cut -c2-)
            compopt -o nospace
            return
            ;;
        --sort) values='self cum' ;;
        -S | -U | --since | --until | --base-since | --base-until)
            values='boot restart today yesterday now -10min -1h -1d'
            ;;
        -o | --output)
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            compopt -o filenames
            return
            ;;
        -D | --directory | --root)
            mapfile -t COMPREPLY < <(compgen -d -- "$cur")
            compopt -o filenames
            return
            ;;
        -n | -d | --delay | --lines | --size | --time | --files | --focus | --hide | --peek) return ;;
    esac
    if [[ $values ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$values" -- "$cur")
        return
    fi
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
        [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace
        return
    fi
    case $verb in
        '') mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$cur") ;;
        reload | pause | resume | uploads | sessions | help) ;;
        *)
            # Names of units hold backslashes: they must not be unquoted on the way.
            while IFS= read -r word; do
                [[ $word == "$cur"* ]] && COMPREPLY+=("$(printf %q "$word")")
            done < <(__profilerctl_units)
            case $verb in
                info | report | diff | symbols | flame | export | merge | verify)
                    while IFS= read -r word; do
                        COMPREPLY+=("$word")
                    done < <(compgen -f -- "$cur")
                    compopt -o filenames
                    ;;
            esac
            ;;
    esac
}

complete -F _profilerctl profilerctl
