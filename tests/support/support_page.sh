# Pages that show commands of the program with what they print: a line "    $ COMMAND", then its output, indented as well.

# page_again FILE: the page with what the commands print now. A command names the program gradbench, and runs by itself.
page_again() {
  local line inside=
  while IFS= read -r line; do
    if [[ $line == '    $ '* ]]; then
      inside=1
      printf '%s\n' "$line"
      (gradbench() { "$GRADBENCH" "$@"; }; eval "${line#    \$ }" </dev/null 2>&1) | sed 's/^./    &/'
    elif [ -z "$inside" ] || [[ $line != '    '* ]]; then
      inside=
      printf '%s\n' "$line"
    fi
  done <"$1"
}
