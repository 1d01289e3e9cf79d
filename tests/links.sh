# Every file that a page of the documentation links to or shows exists. usage: links.sh ROOT
set -eu
cd "$1"
count=0 failed=0
for page in *.md docs/*.md docs/*/*.md; do
    for target in $(grep -o '](\([^)#]*\)' "$page" | cut -c 3- | grep -v -e '^[a-z]*:' -e ' ' || true); do
        [ -e "$(dirname "$page")/$target" ] || {
            echo "$page: $target is not there"
            failed=$((failed + 1))
        }
        count=$((count + 1))
    done
done
echo "$count links, $failed failed"
[ "$count" -gt 0 ] && [ "$failed" -eq 0 ]
