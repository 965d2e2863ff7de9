
# Names that there are, asked of the daemon; whatever it does not know is completed as above.
_authctl() {
    local what='' noun='' verb='' last='' skip='' word cur=${words[CURRENT]}
    local -a scope found
    for word in ${words[2,CURRENT-1]}; do
        last=$word
        if [[ -n $skip ]]; then
            [[ $skip == other ]] || scope+=($skip $word)
            skip=''
            continue
        fi
        case $word in
        -t | --tenant) skip=--tenant ;;
        --socket) skip=--socket ;;
        -o | --output | --columns | --sort | --color | --confirm | --timeout | --reason) skip=other ;;
        -*) ;;
        *) if [[ -z $noun ]]; then noun=$word; elif [[ -z $verb ]]; then verb=$word; fi ;;
        esac
    done
    case $last in
    -t | --tenant) what=tenants ;;
    --user) what=users ;;
    --role | --reassign) what=roles ;;
    --permission) what=permissions ;;
    esac
    if [[ -z $what && $cur != -* ]]; then
        case "$noun $verb" in
        *' create' | *' define' | *' list') ;;
        'who-can ') what=permissions ;;
        'permission check') what=users ;;
        'permission '?*) what=permissions ;;
        'tenant '?*) what=tenants ;;
        'user '?* | 'lockout '?*) what=users ;;
        'role '?*) what=roles ;;
        'session '?*) what=sessions ;;
        esac
    fi
    if [[ -n $what ]]; then
        found=(${(f)"$(authctl $scope __complete $what $cur 2>/dev/null)"})
        if (( $#found )); then
            compadd -- $found
            return 0
        fi
    fi
    _authctl_words "$@"
}

