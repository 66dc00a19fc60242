# awk -f header.awk kernels.def gradkern.h.in: prints gradkern.h. The template's @KERNELS@ becomes the struct and the function
# of every entry of the list, for float with the entry's comment and each field's shape and meaning, then those for double.

function fail(what) {
  print FILENAME ":" FNR ": " what >"/dev/stderr"
  exit failed = 1
}

# A field of the struct; REAL stands for the type.
function field(declaration, name, meaning) {
  place[name] = ++fields
  names[fields] = name
  declarations[fields] = declaration
  meanings[fields] = meaning
}
function add(name, meaning) {
  if (!(name in place)) fail("no field " name)
  meanings[place[name]] = meanings[place[name]] "; " meaning
}
function counts(dim, what, name) {
  if (!(dim in place)) fail("no GK_DIM(" dim ") before " name)
  uses[dim, what] = uses[dim, what] (uses[dim, what] == "" ? what " of " : ", ") name
}

function optional(flag) { return flag ~ /OPTIONAL/ ? "; may be NULL" : "" }

function matrix(type, name, rows, cols, flag, what, unit) {
  field(type " *" name, name, what rows " x " cols (flag ~ /WEIGHT/ ? ", with GK_OUT_IN " cols " x " rows : "") optional(flag))
  field("size_t ld_" name, "ld_" name, unit " from one row of " name " to the next; 0: tight")
  counts(rows, "rows", name)
  counts(cols, "columns", name)
}

function vector(type, name, len, flag, what) {
  field(type " *" name, name, what len " elements" optional(flag))
  counts(len, "length", name)
}

# One line of an entry: HOOK(a[1], a[2], ...).
function hook(name, a) {
  if (name == "GK_RENAME" && before !~ /^GK_(PART|RENAME)$/) fail("no GK_PART before GK_RENAME(" a[1] ", " a[2] ")")
  before = name
  if (name == "GK_DIM") field("size_t " a[1], a[1], "")
  else if (name == "GK_MATRIX_IN") matrix("const REAL", a[1], a[2], a[3], a[4], "", "elements")
  else if (name == "GK_MATRIX_OUT") matrix("REAL", a[1], a[2], a[3], a[4], "output, ", "elements")
  else if (name == "GK_MATRIX_INOUT") matrix("REAL", a[1], a[2], a[3], a[4], "input and output, ", "elements")
  else if (name == "GK_BITS_IN") matrix("const uint64_t", a[1], a[2], a[3], a[4], "bits, ", "words")
  else if (name == "GK_BITS_OUT") matrix("uint64_t", a[1], a[2], a[3], a[4], "output, bits, ", "words")
  else if (name == "GK_VECTOR_IN") vector("const REAL", a[1], a[2], a[3], "")
  else if (name == "GK_VECTOR_OUT") vector("REAL", a[1], a[2], a[3], "output, ")
  else if (name == "GK_VECTOR_INOUT") vector("REAL", a[1], a[2], a[3], "input and output, ")
  else if (name == "GK_SCALAR_OUT") field("REAL *" a[1], a[1], "output, one element" optional(a[2]))
  else if (name == "GK_ACCUMULATE")
    field("bool accumulate_" a[1], "accumulate_" a[1], "true: added to " a[1] "; false: " a[1] " is overwritten")
  else if (name == "GK_WEIGHT_LAYOUT") field("gk_layout layout", "layout", "of the weights: GK_IN_OUT or GK_OUT_IN")
  else if (name == "GK_REDUCTION")
    field("gk_reduction reduction", "reduction", "of the rows' losses: GK_MEAN, GK_SUM or GK_NONE")
  else if (name == "GK_LABELS") {
    vector("const int32_t", "labels", a[1], "", "classes from 0 to " a[2] " - 1, ")
    add("labels", "or NULL")
    vector("const int64_t", "labels64", a[1], "", "the same, as frameworks have them, ")
    add("labels64", "or NULL")
    field("bool use_ignore_index", "use_ignore_index", "true: a row whose label is ignore_index does not count")
    field("int64_t ignore_index", "ignore_index", "any number, also one that is a class")
    matrix("const REAL", "t", a[1], a[2], "", "one-hot or soft labels, ", "elements")
    add("t", "or NULL")
  } else if (name == "GK_REAL_OPTION") field("double " a[1], a[1], quoted)
  else if (name == "GK_DLOSS") {
    vector("const REAL", "dloss", a[1], "", "gradient of the loss, one element, with GK_NONE ")
    add("dloss", "NULL: 1")
  } else if (name == "GK_RESERVED") field("uint8_t reserved[" a[1] "]", "reserved", "must be 0")
  else if (name == "GK_IN_PLACE") add(a[1], "in place: may be " a[2])
  else if (name !~ /^GK_(FLOPS[23]|ROOF|EXACTNESS|ULP|GRADIENT|PART|RENAME)$/) fail("no such line of an entry: " name)
}

# What a dimension counts is known at the end of the entry.
function dimension(dim,   i, text) {
  for (i = 1; i <= 3; i++)
    if ((dim, ways[i]) in uses) text = text (text == "" ? "" : "; ") uses[dim, ways[i]]
  return text
}

# The struct and the function; what they are for is said once, for float.
function declare(real, args, called,   i, lines, width, text) {
  for (i = 1; i <= fields; i++) {
    lines[i] = declarations[i] ";"
    sub("REAL", real, lines[i])
    if (length(lines[i]) > width) width = length(lines[i])
  }
  for (i = 1; i <= fields; i++)
    text = text "    " (real == "float" ? sprintf("%-" width "s /* %s */", lines[i], meanings[i]) : lines[i]) "\n"
  return "typedef struct " args " {\n" text "} " args ";\nGK_API gk_status " called "(gk_context *ctx, const " args " *args);\n"
}

function finish(   i) {
  for (i = 1; i <= fields; i++) if (meanings[i] == "") meanings[i] = dimension(names[i])
  singles = singles "/* " formula (prose == "" ? "" : "\n *\n" prose) " */\n" declare("float", "gk_" id "_args", "gk_" id) "\n"
  doubles = doubles "\n" declare("double", "gk_" id "_args_f64", "gk_" id "_f64")
}

BEGIN { split("rows columns length", ways, " ") }

# The template.
FNR != NR && /^@KERNELS@$/ { printf "%s/* The same for double. */\n%s", singles, doubles; next }
FNR != NR { print; next }

# The list: the comment before an entry, the entry.
/^\/\*/ { inside = 1; prose = "" }
inside {
  last = sub(/[ \t]*\*\/$/, "")
  sub(/^(\/\*| \*) ?/, "")
  prose = prose (prose == "" ? "" : "\n") " * " $0
  if (last) inside = 0
  next
}
/^GK_KERNEL\(/ {
  id = substr($0, 11, index($0, ",") - 11)
  formula = substr($0, index($0, "\"") + 1)
  sub(/"\)$/, "", formula)
  split("", place); split("", uses)
  fields = 0
  before = ""
  next
}
/^GK_END\(/ { finish(); id = "" }
id != "" {
  rest = $0
  while (match(rest, /GK_[A-Z0-9_]+\(("[^"]*"|[^")])*\)/)) {
    call = substr(rest, RSTART, RLENGTH - 1)
    rest = substr(rest, 1, RSTART - 1) substr(rest, RSTART + RLENGTH)
    quoted = match(call, /".*"/) ? substr(call, RSTART + 1, RLENGTH - 2) : ""
    split(substr(call, index(call, "(") + 1), arguments, /, */)
    hook(substr(call, 1, index(call, "(") - 1), arguments)
  }
  if (rest ~ /[^ \t]/) fail("cannot read: " rest)
}
/^#/ { prose = "" }

END { if (!failed && id != "") fail(id " has no GK_END") }
