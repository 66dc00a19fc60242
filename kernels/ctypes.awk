# awk -v library=PATH -f ctypes.awk gradkern.h gradkern.py.in: prints gradkern.py. The template's @DECLARATIONS@ becomes the
# enums, structs and functions of the header, its @LIBRARY@ the path. What it cannot read is an error.

function fail(what) {
  print FILENAME ":" FNR ": cannot read: " what >"/dev/stderr"
  exit failed = 1
}

# The ctypes type of `const float *x` or `uint8_t reserved[32]`; `name` becomes x or reserved.
function type_of(declaration,   type, stars, count) {
  gsub(/const /, "", declaration)
  if (!match(declaration, /[a-z0-9_]+(\[[0-9]+\])?$/)) fail(declaration)
  name = substr(declaration, RSTART)
  type = substr(declaration, 1, RSTART - 1)
  stars = gsub(/[*]/, "", type)
  gsub(/ /, "", type)
  if (stars && (type in pointers)) {
    type = pointers[type]
    stars--
  } else if (type in types) type = types[type]
  else fail(declaration)
  while (stars-- > 0) type = "ctypes.POINTER(" type ")"
  if (split(name, count, /[][]/) > 1) {
    name = count[1]
    type = type " * " count[2]
  }
  return type
}

function enumeration(type, list,   i, n, values) {
  types[type] = "ctypes.c_int"
  n = split(list, values, /, */)
  for (i = 1; i <= n; i++) declarations = declarations values[i] " = " i - 1 "\n"
  declarations = declarations "\n"
}

function structure(type, list,   i, n, fields, pairs) {
  types[type] = type
  n = split(list, fields, /; */) - 1
  for (i = 1; i <= n; i++) {
    list = type_of(fields[i])
    pairs = pairs "        (\"" name "\", " list "),\n"
  }
  declarations = declarations "\nclass " type "(ctypes.Structure):\n    _fields_ = [\n" pairs "    ]\n\n"
}

function prototype(result, list,   i, n, called, parameters, arguments) {
  result = type_of(result)
  called = name
  n = list == "void" ? 0 : split(list, parameters, /, */)
  for (i = 1; i <= n; i++) arguments = arguments (i > 1 ? ", " : "") type_of(parameters[i])
  functions = functions "    \"" called "\": (" result ", [" arguments "]),\n"
}

# What is between the first of one character and the first of another.
function between(text, first, last) {
  text = substr(text, index(text, first) + 1)
  text = substr(text, 1, index(text, last) - 1)
  gsub(/^ +| +$/, "", text)
  return text
}

BEGIN {
  n = split("bool double float int int32 int64 size_t uint8 uint64", plain, " ")
  for (i = 1; i <= n; i++) types[plain[i] (plain[i] ~ /[0-9]$/ ? "_t" : "")] = "ctypes.c_" plain[i]
  types["void"] = "None"
  pointers["void"] = "ctypes.c_void_p"
  pointers["char"] = "ctypes.c_char_p"
}

# The template.
FNR != NR && /^@DECLARATIONS@$/ {
  printf "%s\nFUNCTIONS = {\n%s}\n", declarations, functions
  next
}
FNR != NR { sub(/@LIBRARY@/, library); print; next }

# The header, without comments and preprocessor lines. A declaration ends where a line that is not indented ends in a semicolon.
{ gsub(/\/\*.*\*\//, "") }
/^ *\/\*/, /\*\/ *$/ { next }
/^ *$/ || /^#/ || /^extern "C" [{]$/ || /^}$/ { next }
{
  sub(/^ +/, " ")
  declaration = declaration $0
}
/^ / || !/; *$/ { next }
{
  type = declaration
  gsub(/^.* |;.*$/, "", type)
  if (declaration ~ /^typedef enum [a-z_]+ [{]/) enumeration(type, between(declaration, "{", "}"))
  else if (declaration ~ /^typedef struct [a-z0-9_]+ [{]/) structure(type, between(declaration, "{", "}"))
  else if (declaration ~ /^typedef struct [a-z_]+ [a-z_]+;/) pointers[type] = "ctypes.c_void_p"
  else if (declaration ~ /^GK_API [^(]+\([^()]*\);/) prototype(between(declaration, " ", "("), between(declaration, "(", ")"))
  else fail(declaration)
  declaration = ""
}
END { if (!failed && declaration != "") fail(declaration) }
