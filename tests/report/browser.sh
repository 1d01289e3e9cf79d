#!/bin/sh
# Loads the pages of reports from disk in a browser without a screen: the console stays empty, and
# at 390 and 1280 pixels, in light and in dark, nothing is cut off, covered, too pale or without
# data.
# usage: tests/report/browser.sh TEST_DIAGNOSE_REPORT FOLDER
#   TEST_DIAGNOSE_REPORT   the test program that writes the pages
#   FOLDER                 pages and pictures of them are left there, to be looked at
set -eu
test=$1
folder=$2
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT

ELMAN_WRITE_REPORTS=$folder "$test" >"$folder/test.log" 2>&1 || {
    cat "$folder/test.log"
    exit 1
}

# browse SCHEME ARGUMENT...: what the browser says goes to browser.log
browse() {
    scheme=$1
    shift
    chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$profile" \
        --blink-settings=preferredColorScheme="$([ "$scheme" = dark ] && echo 0 || echo 1)" \
        --enable-logging=stderr "$@" 2>"$folder/browser.log"
}

wrong=0
complain() {
    echo "$1" >&2
    wrong=1
}

for page in "$folder"/*.html; do
    name=$(basename "$page" .html)
    for scheme in light dark; do
        for width in 390 1280; do
            picture=$folder/$name-$width-$scheme.png
            browse "$scheme" --window-size=$width,2400 --screenshot="$picture" "file://$page"
            [ -s "$picture" ] || complain "$name: no picture at $width pixels"
            ! grep CONSOLE "$folder/browser.log" >&2 || complain "$name: the console is not empty"
            # The frame is as wide as asked, also where a window could not be.
            found=$(browse "$scheme" --window-size=1400,1000 --allow-file-access-from-files \
                --dump-dom "file://$here/measure.html?page=file://$page&width=$width" |
                sed -n '/<pre id="found">/,/<\/pre>/p' | sed '1d;$d')
            case $found in
            "measured $scheme "*) echo "$name at $width pixels: $found" ;;
            *) complain "$name at $width pixels, $scheme:
$found" ;;
            esac
        done
    done
done
exit $wrong
