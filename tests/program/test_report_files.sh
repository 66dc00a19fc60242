#!/usr/bin/env bash
# gradbench report: from result files to a page and to figures, which python reads again; what is refused, and leaves old files.
set -u
. "$(dirname "$0")/../support/support_script.sh" || exit 1
data=$SOURCE_DIR/tests/data/report
check=$SOURCE_DIR/tests/support/page_check.py

no() {
    failure "$@"
    sed 's/^/    /' err
}

# gives CODE ARGUMENTS...
gives() {
    "$GRADBENCH" report "${@:2}" > out 2> err
    code=$?
    holds "[ $code = $1 ]" # $*
}

# whole PAGE RESULT...: and the checks find what is wrong with it
whole() { holds "python3 '$check' $* > err 2>&1"; }

lowest=$("$GRADBENCH" list --plain variants | head -1 | cut -f1)
"$GRADBENCH" run --quick --rounds 6 --max-time 0.001 --threads 1 --isa "$lowest" --peers naive --json run.json \
    --shape 'affine n=3 d=4 m=5 name=net:first' --shape 'affine n=30 d=4 m=5' --shape 'affine n=300 d=4 m=5' > out 2> err
gives 0 run.json -o page.html
holds '[ ! -s out ] && [ ! -s err ]'
whole page.html run.json
gives 0 --output - "$data"/*.json run.json
mv out all.html
whole all.html "$data"/*.json run.json
gives 0 -o page.html run.json run.json run.json run.json run.json # a fleet
whole page.html run.json run.json run.json run.json run.json
gives 0 -o page.html "$SOURCE_DIR"/bench/records/*.json
whole page.html "$SOURCE_DIR"/bench/records/*.json
for figure in ratio runs roofline scaling sizes isas noise; do
    gives 0 --svg $figure "$data/ladder.json" "$data/ladder.json" -o figure.svg
    whole figure.svg
done

# Texts that are not the page's: elements, quotes, control characters.
python3 - "$data/ladder.json" <<'END'
import json, sys
texts = "<script>alert(1)</script>", "\" onload=\"alert(1)", "' x='", "a\nb\x01\x1b[31m\x7f", "&amp;<!--", "]]>", "</style>"
result = json.load(open(sys.argv[1]))
for i, row in enumerate(result["results"]):
    row["workload"] = texts[i % len(texts)] + row["workload"]
    row["note"] = texts[-1 - i % len(texts)]
for key in "cpu", "topology", "compiler", "flags", "revision", "date":
    result["context"][key] = "".join(texts)
result["context"]["warnings"] = list(texts)
json.dump(result, open("texts.json", "w"))
END
gives 0 texts.json texts.json -o page.html
whole page.html texts.json texts.json
holds '[ "$(grep -c "<script" page.html)" = 1 ] && grep -q "&lt;script&gt;alert(1)" page.html'
for figure in ratio roofline noise; do
    gives 0 --svg $figure texts.json -o figure.svg
    whole figure.svg
done

# Hundreds of rows stay a page: names are few, and so are samples.
python3 - "$data/ladder.json" <<'END'
import copy, json, sys
result = json.load(open(sys.argv[1]))
rows = result["results"]
result["results"] = []
for i in range(150):
    for row in copy.deepcopy(rows):
        row["workload"] += str(i)
        result["results"].append(row)
json.dump(result, open("many.json", "w"))
END
gives 0 many.json -o many.html
whole many.html many.json
holds '[ "$(stat -c %s many.html)" -lt 3000000 ] && [ "$(grep -c "<details>" many.html)" = 40 ]'
holds 'grep -q ">410 more<" many.html && grep -q "marks are not drawn" many.html && grep -q "of 410 more problems" many.html'

# What is bad is said in a line, and an old file stays.
cp page.html old.html
sed 's/"threads": 1,/"threads": [],/' run.json > broken.json
gives 3 run.json broken.json -o page.html
holds 'cmp -s page.html old.html && grep -q "^gradbench: broken.json:9:14: error: threads is not a count$" err'
gives 3 nowhere.json -o page.html
holds 'cmp -s page.html old.html'
gives 3 --svg scaling run.json -o page.html
holds 'cmp -s page.html old.html && grep -q "nothing to draw for scaling. No problem was timed on two numbers of threads." err'
cp run.json again.json
ln -s run.json link.json
gives 2 again.json run.json -o run.json
gives 2 run.json -o link.json
holds 'cmp -s run.json again.json && grep -q "^gradbench: error: -o link.json is one of the files that are read$" err'
gives 4 run.json -o nowhere/page.html
gives 4 run.json -o .
gives 2 run.json
holds 'grep -q "report needs -o FILE" err'
gives 2 -o page.html
gives 2 run.json -o
gives 2 run.json -o page.html -o other.html
holds 'grep -q "output is given twice" err'
gives 2 run.json -x page.html
gives 2 run.json --svg pie -o page.html
holds 'grep -q "allowed: ratio, runs, roofline, scaling, sizes, isas, noise" err && cmp -s page.html old.html'
holds '[ "$(ls | grep -c tmp)" = 0 ]'

# The checks themselves: each finds what is planted for it.
planted() { # WORD SED
    sed -E "$2" all.html > planted.html
    holds "! cmp -s planted.html all.html"
    holds "! python3 '$check' planted.html '$data'/*.json run.json > err 2>&1" # $1
}
planted row '0,/<tr class="new">/s//<tr class="new"><td>x<\/td>/'
planted script 's/<main>/<main><script>x<\/script>/'
planted outside 's/^body \{/body { background: url(x); /'
planted link 's/href="#rows"/href="http:\/\/a"/'
planted picture 's/<main>/<main><img src="x"\/>/'
planted open 's/<main>/<main><p>/'
planted contrast 's/color: #1f6fb4/color: #6fa8dc/'
planted name 's/ role="img"//'

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -ge 73 ]
