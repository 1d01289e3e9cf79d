# What the tests of the command share. A test begins with
#     . "$(dirname "$0")/support/expect.sh"
# in an empty folder, with the program as its argument, and ends with finish. It then stands in the
# empty folder work; what a command printed is in ../out and ../err.
elman=$1
source=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
checks=0
failed=0
mkdir work && cd work || exit 1
unset ELMAN_ISA NO_COLOR

problem() {
    failed=$((failed + 1))
    echo "FAILED: $*"
    sed 's/^/    stderr: /' ../err | head -n 5
}

# expect STATUS COMMAND...
expect() {
    wanted=$1
    shift
    checks=$((checks + 1))
    ran="$*"
    "$@" >../out 2>../err </dev/null
    got=$?
    [ "$got" -eq "$wanted" ] || problem "$ran: exit status $got, expected $wanted"
}

# What the last command wrote, as a basic regular expression.
prints() {
    checks=$((checks + 1))
    grep -q -e "$1" ../out || problem "$ran: nothing like '$1' on stdout"
}

says() {
    checks=$((checks + 1))
    grep -q -e "$1" ../err || problem "$ran: nothing like '$1' on stderr"
}

prints_nothing() {
    checks=$((checks + 1))
    [ ! -s ../out ] || problem "$ran: something on stdout"
}

says_nothing() {
    checks=$((checks + 1))
    [ ! -s ../err ] || problem "$ran: something on stderr"
}

# true_that WHAT COMMAND...: a condition.
true_that() {
    what=$1
    shift
    checks=$((checks + 1))
    "$@" || problem "$what"
}

# Every file here with its contents, one a line.
folder_state() {
    for file in * .[!.]*; do
        if [ -f "$file" ]; then cksum "$file"; elif [ -e "$file" ]; then echo "$file"; fi
    done
}

# refuses STATUS PATTERN COMMAND...: one sentence that matches, no output, no file changed.
refuses() {
    refusal=$1
    pattern=$2
    shift 2
    before=$(folder_state)
    expect "$refusal" "$@"
    says "$pattern"
    prints_nothing
    checks=$((checks + 1))
    [ "$(wc -l <../err)" -eq 1 ] || problem "$ran: not one line on stderr"
    checks=$((checks + 1))
    [ "$(folder_state)" = "$before" ] || problem "$ran: changed a file"
}

finish() {
    echo "$checks checks, $failed failed"
    [ "$failed" -eq 0 ] && [ "$checks" -gt 0 ]
    exit
}
