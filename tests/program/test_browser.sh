#!/usr/bin/env bash
# The page of gradbench report in a browser, where there is one: light and dark, on a phone, with and without scripts, printed.
set -u
. "$(dirname "$0")/../support/support_script.sh" || exit 1
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || {
    echo "skipped: there is no Chromium (Debian: apt-get install chromium)"
    exit 77
}
data=$SOURCE_DIR/tests/data/report

no() {
    failure "$@"
    cut -c1-2000 said
}

# says WORD...: what the browser found; the page's own facts are then in `said`.
says() { timeout 120 python3 "$SOURCE_DIR/tests/support/browser.py" "$browser" page.html "$@" > said 2>&1; }

# asks EXPRESSION: python, of what was said as s.
asks() { holds "python3 -c 'import json; s = json.load(open(\"said\")); assert $1' 2> /dev/null"; }

"$GRADBENCH" report "$data/ladder.json" "$data/full.json" "$SOURCE_DIR"/bench/records/*.json -o page.html || exit 1
for width in 390 1280; do
    for mode in '' --dark --no-script; do
        says --width $width $mode
        asks 's["window"] == s["page"] == '$width' and not s["wide"]'
        asks 'not s["console"] and len(s["requests"]) == 1'
    done
done
asks 's["buttons"] == 0' # the last was without scripts
says --width 390
asks 's["buttons"] > 20 and s["background"] == "rgb(255, 255, 255)"'
asks '(lambda v: v == sorted(v) and v[0] < v[-1])([float(x or "inf") for x in s["sorted"]])'
says --width 390 --dark --picture page.png --print page.pdf
asks 's["background"] == "rgb(20, 23, 27)"'
holds '[ -s page.png ] && head -c 5 page.pdf | grep -q "%PDF-"'

# A page that sticks out, and one that complains, are seen.
sed -i 's|<main>|<main><p style="width: 900px">x</p><script>console.log(1); x.y</script>|' page.html
says --width 390
asks 's["page"] > 390 and s["wide"]'
asks 'len(s["console"]) == 2'

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -ge 18 ]
