"""How a tape's records lie in memory: one flat list, five places to a record.

The places are (primitive, attributes, output, input, second input or None). That is the whole record
of an operation with one or two inputs and no attributes, which most are; then attributes is None. All
others have a dict of attributes, and the tuple of their inputs in the place of the first; several
outputs are a tuple too.

A list of tuples would read better. But Python's garbage collector visits every tuple it must keep, and
there are as many as operations (`python -m benchmarks growth`: a long tape against many short ones).
"""

WIDTH = 5


def fives(places):
    """The five places of each record in turn; of `reversed(records)`, from the last to the first."""
    return zip(*[iter(places)] * WIDTH)


def entries(records):
    """Each record as (primitive, attributes, outputs, inputs): a dict and two tuples."""
    for p, attrs, z, x, y in fives(records):
        if attrs is not None:
            inputs = x
        else:
            inputs = (x,) if y is None else (x, y)
        yield p, attrs or {}, z if type(z) is tuple else (z,), inputs


def last(records, n):
    """The last `n` records, as records."""
    return records[len(records) - n * WIDTH :]


def single(records, i):
    """Record number `i`, as records."""
    return records[i * WIDTH : (i + 1) * WIDTH]
