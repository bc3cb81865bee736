# Bash splits the line at the characters of COMP_WORDBREAKS, such as `:`, `@` and `=`, too. Parts without a blank between them
# are one word here. Bash then replaces only the last part ($2), so what comes before it is cut from the offers.
_clap_complete_vactor() {
    local words=() line=${COMP_LINE:0:${COMP_POINT:-0}} i part blanks is_joined current before
    for ((i = 0; i <= COMP_CWORD; i++)); do
        part=${COMP_WORDS[i]}
        if [[ -n $line ]]; then
            blanks=${line%%[![:space:]]*}
            line=${line#"$blanks"}
            [[ -z $blanks ]] && is_joined=1 || is_joined=
            [[ $i -eq $COMP_CWORD ]] && part=$line
            line=${line#"$part"}
        elif [[ $i -eq $COMP_CWORD && -n $COMP_LINE ]]; then
            is_joined=1 part=
        else
            # called by a script that gives no line
            [[ $part == [:=@]* || ${COMP_WORDS[i - 1]} == *[:=@] ]] && is_joined=1 || is_joined=
            [[ $i -eq $COMP_CWORD && -n $2 ]] && part=$2
        fi
        if [[ $i -gt 0 && -n $is_joined ]]; then
            words[${#words[@]} - 1]+=$part
        else
            words+=("$part")
        fi
    done
    current=${words[${#words[@]} - 1]}
    current=${current#[\"\']}
    [[ $current == *"$2" ]] && before=${current%"$2"} || before=
    words=("${words[@]#[\"\']}")
    words=("${words[@]%[\"\']}")
    words=("${words[@]//\\/}")

    IFS=$'\013' read -r -d '' -a COMPREPLY < <(
        _CLAP_IFS=$'\013' _CLAP_COMPLETE_INDEX=$((${#words[@]} - 1)) VACTOR_COMPLETE=bash vactor -- "${words[@]}"
    )
    for i in "${!COMPREPLY[@]}"; do
        COMPREPLY[i]=${COMPREPLY[i]#"$before"}
    done
    if compopt +o nospace 2> /dev/null && [[ ${COMPREPLY-} =~ [=/:]$ ]]; then
        compopt -o nospace
    fi
}
if [[ ${BASH_VERSINFO[0]} -gt 4 || ${BASH_VERSINFO[0]} -eq 4 && ${BASH_VERSINFO[1]} -ge 4 ]]; then
    complete -o nospace -o bashdefault -o nosort -F _clap_complete_vactor vactor
else
    complete -o nospace -o bashdefault -F _clap_complete_vactor vactor
fi
