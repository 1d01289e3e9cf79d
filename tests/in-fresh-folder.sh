# Runs a command in a new empty folder and removes the folder. usage: in-fresh-folder.sh COMMAND...
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
cd "$folder"
"$@"
