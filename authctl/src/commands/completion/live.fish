
# Names that there are, asked of the daemon.
function __authctl_live
    authctl __complete $argv[1] (commandline -ct) 2>/dev/null
end
# Whether noun and verb stand, and the verb is none that makes or lists something.
function __authctl_names
    set -l words (commandline -opc)
    test (count $words) -ge 3; and __fish_seen_subcommand_from $argv
    and not __fish_seen_subcommand_from create define list
end
complete -c authctl -s t -l tenant -x -a '(__authctl_live tenants)'
complete -c authctl -l role -l reassign -x -a '(__authctl_live roles)'
complete -c authctl -n '__authctl_names tenant' -f -a '(__authctl_live tenants)'
complete -c authctl -n '__authctl_names user lockout' -f -a '(__authctl_live users)'
complete -c authctl -n '__authctl_names role' -f -a '(__authctl_live roles)'
complete -c authctl -n '__authctl_names session' -f -a '(__authctl_live sessions)'
complete -c authctl -n '__authctl_names permission' -f -a '(__authctl_live permissions)'
