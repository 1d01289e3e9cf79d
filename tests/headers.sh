# Compiles each public header alone. usage: headers.sh INCLUDE LANGUAGE COMPILER STANDARD
set -eu
include=$1 language=$2 compiler=$3 standard=$4
count=0 failed=0
for header in "$include"/elman/*.h; do
    name=elman/${header##*/}
    printf '#include <%s>\n#include <%s>\nextern int not_empty;\n' "$name" "$name" |
        "$compiler" -x "$language" "$standard" -pedantic -Wall -Wextra -Werror -fsyntax-only \
            -I "$include" - || {
        echo "$name does not compile alone with $compiler $standard"
        failed=$((failed + 1))
    }
    count=$((count + 1))
done
echo "$count headers, $failed failed"
[ "$count" -gt 0 ] && [ "$failed" -eq 0 ]
