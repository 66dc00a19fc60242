"""What a compiled program knows of the library, from the generated gradkern.py.

abi.py list FOLDER      prints it: soname, structs, fields with type, offset and size, values, functions
abi.py asserts FOLDER   the same as a C and C++ program that does not compile where gradkern.h disagrees
abi.py breaks OLD NEW   of two such lists: what breaks a program that was built when OLD was true (gradkern.h states the rule)
"""

import ctypes
import os
import sys


def read(folder):
    sys.dont_write_bytecode = True
    sys.path.insert(0, folder)
    import gradkern

    return gradkern


def structs(gradkern):
    found = [s for s in vars(gradkern).values() if isinstance(s, type) and issubclass(s, ctypes.Structure)]
    return {s.__name__: [(name, kind, getattr(s, name)) for name, kind in s._fields_] for s in found}


def values(gradkern):
    return {name: value for name, value in vars(gradkern).items() if name.startswith("GK_")}


def type_name(kind):
    return "void" if kind is None else kind.__name__


def listed(gradkern):
    yield f"soname {os.path.basename(gradkern.load.__defaults__[0])}"
    for struct, fields in structs(gradkern).items():
        yield f"struct {struct} {ctypes.sizeof(getattr(gradkern, struct))}"
        for name, kind, at in fields:
            yield f"field {struct}.{name} {at.offset} {at.size} {type_name(kind)}"
    for name, value in values(gradkern).items():
        yield f"value {name} {value}"
    for name, (result, arguments) in gradkern.FUNCTIONS.items():
        yield f"function {name} {type_name(result)} {' '.join(map(type_name, arguments))}".rstrip()


def asserts(gradkern):
    conditions = [f"{name} == {value}" for name, value in values(gradkern).items()]
    for struct, fields in structs(gradkern).items():
        conditions.append(f"sizeof({struct}) == {ctypes.sizeof(getattr(gradkern, struct))}")
        for name, _, at in fields:
            conditions.append(f"offsetof({struct}, {name}) == {at.offset}")
            conditions.append(f"sizeof((({struct} *)0)->{name}) == {at.size}")
    yield "#include <gradkern.h>"
    for i, condition in enumerate(conditions):
        yield f"typedef char assert_{i}[{condition} ? 1 : -1];"
    yield "typedef void any(void);\nany *const functions[] = {"
    yield from (f"    (any *){name}," for name in list(gradkern.FUNCTIONS)[:-1])
    yield f"    (any *){list(gradkern.FUNCTIONS)[-1]}}};"
    yield "int main(void) {"
    for kernel in gradkern.KERNELS:
        struct = gradkern.FUNCTIONS["gk_" + kernel][1][1]._type_.__name__
        yield f"    {{ gk_status (*const function)(gk_context *, const {struct} *) = gk_{kernel}; (void)function; }}"
    yield "    return functions[0] ? 0 : 1;\n}"


def parsed(path):
    with open(path) as file:
        words = [line.split() for line in file if not line.startswith("#")]
    return {(word[0], word[1]): word[2:] for word in words}


def breaks(old, new):
    if next(iter(old)) != next(iter(new)):
        return  # another soname: no program that was built before meets this library
    reserved = {}
    for (kind, name), was in old.items():
        now = new.get((kind, name))
        if name.endswith(".reserved"):
            reserved[name.split(".")[0]] = int(was[0])
        elif now is None:
            yield f"{kind} {name} is gone"
        elif now != was and not (name.endswith("_COUNT") and int(now[0]) > int(was[0])):
            yield f"{kind} {name} is {' '.join(now)}, was {' '.join(was)}"
    for (kind, name), now in new.items():
        struct = name.split(".")[0]
        fresh = (kind, name) not in old or name.endswith(".reserved")
        if kind == "field" and fresh and struct in reserved and int(now[0]) < reserved[struct]:
            yield f"{name} takes bytes that programs do not set to 0: {now[0]}, reserved begins at {reserved[struct]}"


def main(what, *paths):
    made = {
        "list": lambda folder: listed(read(folder)),
        "asserts": lambda folder: asserts(read(folder)),
        "breaks": lambda old, new: breaks(parsed(old), parsed(new)),
    }[what](*paths)
    for line in made:
        print(line)


main(*sys.argv[1:])
