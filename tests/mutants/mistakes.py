"""Small mistakes that a programmer makes, found in a text of C: each is a place and what stands there instead."""
import collections
import re

Mistake = collections.namedtuple("Mistake", "kind begin end text")
Token = collections.namedtuple("Token", "kind text begin end")

TOKEN = re.compile(
    r"""(?P<space>\s+|\\\n|//[^\n]*|/\*.*?\*/)
      | (?P<directive>^[ \t]*\#[ \t]*(?!define\b)(?:\\\n|[^\n])*)
      | (?P<string>L?"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
      | (?P<number>\.?[0-9](?:[eEpP][+-]|[0-9A-Za-z_.])*)
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<sign>->|\+\+|--|<<=|>>=|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|\#\#?|\.\.\.|.)""",
    re.X | re.S | re.M)

KEYWORDS = set("""auto break case char const continue default do double else enum extern float for goto if inline int long
    register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while bool
    define _Static_assert static_assert _Alignas alignas""".split())

TYPES = KEYWORDS - set("break case continue default define do else for goto if return sizeof switch while".split())

TURNED = {
    "<": ["<=", ">"], "<=": ["<", ">="], ">": [">=", "<"], ">=": [">", "<="], "==": ["!="], "!=": ["=="],
    "&&": ["||"], "||": ["&&"], "+": ["-"], "-": ["+"], "*": ["/"], "/": ["*"], "%": ["/"], "<<": [">>"], ">>": ["<<"],
    "|": ["&"], "&": ["|"], "+=": ["-="], "-=": ["+="], "*=": ["/="], "/=": ["*="], "|=": ["&="], "&=": ["|="],
}
# Whose first two arguments may change places: where the result is held against 0, and always.
EITHER_WAY = ("strcmp", "strncmp", "memcmp")
ALWAYS_EITHER_WAY = ("fmin", "fmax")

# What may stand after an operand that is left out together with the operator before it.
AFTER_TERM = {
    "+": ";),]?:<><=>===!=&&||+-", "-": ";),]?:<><=>===!=&&||+-", "*": ";),]?:<><=>===!=&&||+-*",
    "&&": ";),]?:&&||", "||": ";),]?:||",
}
AFTER_TERM = {sign: set(re.findall(r"&&|\|\||[<>=!]=|.", after)) for sign, after in AFTER_TERM.items()}


def tokens_of(text):
    """Without spaces, comments and directives; of `#define NAME(...)` what follows stays."""
    found = []
    for match in TOKEN.finditer(text):
        if match.lastgroup not in ("space", "directive"):
            found.append(Token(match.lastgroup, match.group(), match.start(), match.end()))
    return found


def partners_of(tokens):
    """The index of the bracket that closes each one that opens, and the other way round; which tokens are in round ones."""
    partners, open_, inside = {}, [], []
    for i, token in enumerate(tokens):
        inside.append(bool(open_) and tokens[open_[-1]].text == "(")
        if token.kind != "sign":
            continue
        if token.text in "([{":
            open_.append(i)
        elif token.text in ")]}" and open_:
            partners[i] = open_.pop()
            partners[partners[i]] = i
    return partners, inside


def siblings_of(texts):
    """For each name of a field those that one could take by mistake: of the same struct and type."""
    siblings = collections.defaultdict(list)
    for text in texts:
        bare = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
        for body in re.findall(r"struct(?:\s+\w+)?\s*\{([^{}]*)\}", bare):
            groups = collections.defaultdict(list)
            for line in body.split(";"):
                words = [re.findall(r"\w+", re.sub(r"\[[^]]*\]", "", part)) for part in line.split(",")]
                if "(" not in line and all(words) and len(words[0]) > 1:
                    groups[tuple(words[0][:-1])] += [part[-1] for part in words]
            for names in groups.values():
                for i, name in enumerate(names):
                    siblings[name] += names[i + 1:] + names[:i]
    return siblings


class Text:
    def __init__(self, text, siblings):
        self.text, self.siblings = text, siblings
        self.tokens = tokens_of(text)
        self.partners, self.inside = partners_of(self.tokens)
        self.mistakes = []

    def at(self, i):
        return self.tokens[i].text if 0 <= i < len(self.tokens) else ""

    def is_value(self, i):
        """Ends the token a value, so that an operator after it has two sides?"""
        if not 0 <= i < len(self.tokens):
            return False
        token = self.tokens[i]
        return token.kind in ("number", "string") or token.text in (")", "]") or (
            token.kind == "word" and token.text not in KEYWORDS)

    def add(self, kind, first, last, text):
        """Instead of tokens first to last; the lines keep their numbers."""
        begin, end = self.tokens[first].begin, self.tokens[last].end
        text += "\n" * (self.text.count("\n", begin, end) - text.count("\n"))
        self.mistakes.append(Mistake(kind, begin, end, text))

    def end_of_operand(self, i):
        """The last token of the operand that begins at i: a word, a number, or brackets, with what is applied to it; None."""
        while self.at(i) in ("!", "-", "&", "*", "~"):
            i += 1
        if self.at(i) == "(" and i in self.partners:
            i = self.partners[i]
            if self.is_value(i + 1) and self.at(i + 1) not in ")]":  # a cast
                return self.end_of_operand(i + 1)
        elif not self.is_value(i) or self.at(i) in (")", "]"):
            return None
        while True:
            if self.at(i + 1) in ("(", "[") and i + 1 in self.partners:
                i = self.partners[i + 1]
            elif self.at(i + 1) in (".", "->"):
                i += 2
            else:
                return i

    def signs(self, i):
        sign = self.at(i)
        if sign == "!" and self.at(i + 1) != "=":
            self.add("negation", i, i, "")
        if not self.is_value(i - 1) or sign not in TURNED:
            return
        if sign in ("*", "&") and (self.at(i - 2) in ("struct", "enum", "union") or self.at(i - 1).endswith("_t")):
            return  # a pointer's type
        for other in TURNED[sign]:
            self.add("comparison" if sign[0] in "<>=!" and sign not in ("<<", ">>") else "operator", i, i, other)
        last = self.end_of_operand(i + 1)
        if last is not None and self.at(last + 1) in AFTER_TERM.get(sign, ()):
            self.add("term", i, last, "")

    def number(self, i):
        text = self.at(i)
        if self.at(i - 1) == "[" and self.at(i + 1) == "]" and self.is_declaration(i):
            return  # room for a text or so
        match = re.fullmatch(r"([0-9]+)([uUlL]*)", text)
        if match and not (text[0] == "0" and len(match.group(1)) > 1):
            value, suffix = int(match.group(1)), match.group(2)
            self.add("constant", i, i, f"{value + 1}{suffix}")
            if value:
                self.add("constant", i, i, f"{value - 1}{suffix}")
            return
        match = re.fullmatch(r"(.*?)([0-9])([fFlLuU]*)", text)
        if match:
            self.add("constant", i, i, f"{match.group(1)}{(int(match.group(2)) + 1) % 10}{match.group(3)}")

    def word(self, i):
        text = self.at(i)
        if text in ("true", "false"):
            self.add("constant", i, i, "false" if text == "true" else "true")
        if text in ("break", "continue") and self.at(i + 1) == ";":
            self.add("statement", i, i, "(void)0")
        if self.at(i - 1) in (".", "->") and self.siblings.get(text):
            others = sorted(set(self.siblings[text]))
            self.add("field", i, i, others[i % len(others)])
        if self.at(i + 1) == "(" and text not in KEYWORDS:
            self.arguments(i + 1)

    def arguments(self, opening):
        """Two neighbours change places; not in a declaration, whose arguments have types."""
        closing = self.partners.get(opening)
        if closing is None:
            return
        parts, start, i = [], opening + 1, opening + 1
        while i < closing:
            if self.tokens[i].kind == "sign" and self.at(i) in "([{":
                i = self.partners.get(i, closing)
            elif self.at(i) == ",":
                parts.append((start, i - 1))
                start = i + 1
            i += 1
        parts.append((start, closing - 1))
        for first, last in parts:
            words = [self.tokens[k].kind == "word" for k in range(first, last + 1)]
            if first > last or self.at(first) in KEYWORDS or any(a and b for a, b in zip(words, words[1:])):
                return
        name, after = self.at(opening - 1), self.at(closing + 1)
        same = name in ALWAYS_EITHER_WAY or (name in EITHER_WAY and after in ("==", "!="))
        for (a, b), (c, d) in list(zip(parts, parts[1:]))[same:]:
            left = self.text[self.tokens[a].begin:self.tokens[b].end]
            right = self.text[self.tokens[c].begin:self.tokens[d].end]
            between = self.text[self.tokens[b].end:self.tokens[c].begin]
            if left != right and "\n" not in left + right:
                self.add("arguments", a, d, right + between + left)

    def is_declaration(self, i):
        """Does the statement around token i begin with a type, in C's words or in ours?"""
        while i > 0 and self.at(i - 1) not in (";", "{", "}"):
            i -= 1
        return self.at(i) in TYPES or (self.tokens[i].kind == "word" and self.tokens[i + 1].kind == "word")

    def statement(self, i):
        """An assignment or a call that begins here."""
        token = self.tokens[i]
        if self.inside[i]:
            return  # the head of a loop
        before = self.at(i - 1)
        opens = before == ")" and self.at(self.partners.get(i - 1, 0) - 1) in ("if", "for", "while")
        if before not in (";", "{", "}", "else", "do") and not opens:
            return
        if token.text in KEYWORDS or not (token.kind == "word" or token.text in ("*", "++", "--")):
            return
        if token.kind == "word" and self.tokens[i + 1].kind == "word" or self.at(i + 1) in ("*", ":"):
            return  # a declaration, or a label
        end = i
        while self.at(end) not in (";", "}", ""):
            if self.tokens[end].kind == "sign" and self.at(end) in "([{":
                end = self.partners.get(end, len(self.tokens))
            end += 1
        if self.at(end) == ";" and end > i:
            self.add("statement", i, end - 1, "(void)0")

    def find(self):
        skip = -1
        for i, token in enumerate(self.tokens):
            if token.text in ("__attribute__", "_Static_assert", "static_assert", "define"):
                skip = self.partners.get(i + 1, i + 1)  # their numbers are not code, and a macro's name is no call
            if i <= skip:
                continue
            self.statement(i)
            if token.kind == "sign":
                self.signs(i)
            elif token.kind == "number":
                self.number(i)
            elif token.kind == "word":
                self.word(i)
        return self.mistakes


def mistakes_of(text, siblings):
    return Text(text, siblings).find()


def planted(text, mistake):
    return text[:mistake.begin] + mistake.text + text[mistake.end:]
