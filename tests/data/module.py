# What gradkern.py promises; test_install.sh puts the README's lines before it.
import ctypes
import gc
import math

assert list(y) == [0, 0, 2], list(y)


def refused(kind, words, call, **fields):
    try:
        call(**fields)
    except kind as error:
        assert words in str(error), error
        return error
    raise AssertionError(f"no {kind.__name__}: {words}")


with gradkern.Context(isa="ref", threads=1) as context:
    library, pointer = context.library, context.pointer
    assert library.gk_context_isa(pointer) == b"ref" and library.gk_context_threads(pointer) == 1

    # Two rows of logits in double: labels, flags, numbers and enums arrive where they should.
    x, dx = (ctypes.c_double * 4)(0, 0, 1, 0), array.array("d", [9] * 4)
    row_loss, loss = array.array("d", [9, 9]), ctypes.c_double(9)
    labels = array.array("i", [1, 7])
    fields = dict(n=2, c=2, x=x, labels=labels, dx=dx, row_loss=row_loss, loss=loss, reduction=gradkern.GK_SUM)
    error = refused(gradkern.Error, "label", context.softmax_xent_f64, **fields)
    assert error.status == gradkern.GK_ERROR_LABEL and list(dx) == [9] * 4
    context.softmax_xent_f64(use_ignore_index=True, ignore_index=7, **fields)
    assert list(dx) == [0.5, -0.5, 0, 0] and abs(loss.value - math.log(2)) < 1e-15 and row_loss[1] == 0

    # An address, an offset of one, and a mask.
    x, mask = array.array("f", [3, -1, 2]), array.array("Q", [0])
    context.relu_forward(n=1, d=2, x=x.buffer_info()[0] + 4, y=y, mask=mask)
    assert list(y) == [0, 2, 2] and mask[0] == 2

    # A call that is prepared reads its operands each time, and keeps them alive.
    x, y = array.array("f", [3, -1]), array.array("f", [9, 9])
    again = context.prepare("relu_forward", n=1, d=2, x=x, y=y)
    again()
    assert list(y) == [3, 0]
    x[1] = 4
    del x
    gc.collect()
    again()
    assert list(y) == [3, 4]
    refused(gradkern.Error, "NULL", context.prepare("relu_forward", n=1, d=1))
    refused(TypeError, "no field z", context.prepare, kernel="relu_forward", z=1)

    f32, relu = array.array("f", [0]), context.relu_forward_f64
    refused(TypeError, "x: not a contiguous buffer of c_double", relu, n=1, d=1, x=f32, y=f32)
    refused(TypeError, "x: not a contiguous buffer of c_double", relu, n=1, d=1, x=array.array("q", [0]))
    refused(TypeError, "no field z", relu, n=1, d=1, z=f32)
    refused(gradkern.Error, "NULL", relu, n=1, d=1, x=None)
    refused(gradkern.Error, "instruction set", gradkern.Context, isa="abacus")

    # What is not what the field holds.
    swapped = (ctypes.c_float.__ctype_be__ * 1)(1)
    db = context.affine_db
    refused(TypeError, "dy: not a contiguous buffer", db, n=1, m=1, dy=swapped, db=array.array("f", [0]))
    refused(TypeError, "mask: not a contiguous buffer", context.relu_forward, n=1, d=1, mask=(ctypes.c_void_p * 1)())
    refused(TypeError, "n: cannot be", db, n=2**64 + 2)
    refused(TypeError, "layout: cannot be", context.affine_dx, layout=2**32)
    refused(TypeError, "accumulate_db: cannot be 'no'", db, accumulate_db="no")
    refused(TypeError, "dy: ", db, dy=True)
    refused(TypeError, "isa: not a text", gradkern.Context, isa=3)
    refused(TypeError, "isa: not a text", gradkern.Context, isa="avx2\0junk")
print("Python:", library.gk_version().decode())
