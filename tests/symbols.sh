# The libraries define no global symbol but elman_*. usage: symbols.sh NM SHARED STATIC
set -eu
nm=$1 shared=$2 static=$3

# The names on the input that are not ours. ELMAN_0 is the version node, __odr_asan* the sanitizer's.
foreign() {
    awk 'NF >= 3 {
             sub(/@@ELMAN_0$/, "", $3)
             if ($3 !~ /^elman_[a-z0-9_]+$/ && $3 != "ELMAN_0" && $3 !~ /^__odr_asan/) print $3
         }'
}

failed=0
check() {
    library=$1
    shift
    "$@" "$library" >list
    names=$(foreign <list)
    if [ -n "$names" ]; then
        echo "$library defines global symbols that are not elman_*:" "$names"
        failed=1
    fi
    if ! grep -q 'T elman_version_string' list; then
        echo "$library does not define elman_version_string"
        failed=1
    fi
}
check "$shared" "$nm" -D --defined-only
check "$static" "$nm" -g --defined-only
exit $failed
