"""The pairs of a reader's and a writer's schema, each with values that the writer writes."""

MILLIS = {"type": "long", "logicalType": "timestamp-millis"}


def logical(kind, logical_type, **more):
    return {"type": kind, "logicalType": logical_type, **more}


def enum(*symbols, name="Kind", **more):
    return {"type": "enum", "name": name, "symbols": list(symbols), **more}


def record(*fields, name="Door", **more):
    return {"type": "record", "name": name, "fields": list(fields), **more}


def field(kind, name="x", **more):
    return {"name": name, "type": kind, **more}


def pairs():
    """Yields (name, reader, writer, values): whole records and whole values."""
    for name, reader, writer, values in [*promotions(), *unions(), *enums(), *logicals()]:
        yield name, record(field(reader)), record(field(writer)), [{"x": value} for value in values]
    yield from records()


SAMPLES = {
    "boolean": [True, False],
    "int": [0, -1, 7, 16777217, 2**31 - 1, -(2**31)],
    "long": [0, -1, 300, 2**31, 16777217, 2**45 + 1, -(2**51)],
    "float": [0.5, -0.125, 1e10, 3.4028234663852886e38],
    "double": [0.1, -1e300, 5e-324, 2.0],
    "string": ["", "a", "grün", "🚪", "\ufffd"],
    "bytes": [b"", b"abc", "grün".encode()],
}


def promotions():
    for writer, values in SAMPLES.items():
        for reader in ["boolean", "int", "long", "float", "double", "string"]:
            yield f"{writer} as {reader}", reader, writer, values
        yield f"{writer} as a time", MILLIS, writer, [v for v in values if writer != "int" or v != 16777217]


def unions():
    for kind, values in SAMPLES.items():
        if kind == "bytes":
            continue
        yield f"{kind} or null as {kind}", kind, ["null", kind], [*values, None]
        yield f"{kind} as {kind} or null", ["null", kind], kind, values
        yield f"{kind} or null, null last, as {kind} or null", ["null", kind], [kind, "null"], [*values, None]
    yield "int or null as double or null", ["null", "double"], ["null", "int"], [None, 7]
    yield "long or null as double", "double", ["null", "long"], [None, 7]
    yield "int, string as string", "string", ["int", "string"], [1, "a"]
    three = ["null", "string", "boolean"]
    yield "null, string, boolean as string or null", ["null", "string"], three, [None, "a", True]
    yield "int, long, double as double", "double", ["int", "double"], [1, 0.5]
    yield "a union of one as its type", "string", ["string"], ["a"]
    yield "a type as a union of one", ["string"], "string", ["a"]
    yield "only null as string or null", ["null", "string"], "null", [None]
    yield "only null as string", "string", "null", [None]
    yield "string or null as double or null", ["null", "double"], ["null", "string"], [None, "a"]
    yield "time or null as time", MILLIS, ["null", MILLIS], [1700000000123, None]
    yield "enum or null as enum", enum("a", "b"), ["null", enum("a", "b")], ["a", None]
    yield "enum as enum or null", ["null", enum("a", "b")], enum("a", "b"), ["a", "b"]


def enums():
    yield "an enum as itself", enum("a", "b"), enum("a", "b"), ["a", "b"]
    yield "an enum in another order", enum("a", "b"), enum("b", "a"), ["a", "b"]
    yield "an enum with a symbol less", enum("a", "b"), enum("a"), ["a"]
    yield "an enum with a symbol more", enum("a", "b"), enum("a", "b", "c"), ["a", "b", "c"]
    yield "an enum with a symbol more, and a default", enum("a", "b", default="b"), enum("a", "b", "c"), ["a", "c"]
    yield (
        "an enum or null with a symbol more, and a default",
        ["null", enum("a", "b", default="a")],
        ["null", enum("b", "c")],
        [None, "b", "c"],
    )
    yield "an enum of the writer with a default", enum("a"), enum("a", "b", default="a"), ["a", "b"]
    yield "an enum by an alias", enum("a", aliases=["Old"]), enum("a", name="Old"), ["a"]
    yield "an enum of another name", enum("a"), enum("a", name="Other"), ["a"]
    yield "an enum of another namespace", enum("a"), enum("a", name="com.shop.Kind"), ["a"]
    yield "an enum as string", "string", enum("a"), ["a"]
    yield "a string as enum", enum("a"), "string", ["a"]


def logicals():
    second = 1700000000
    for name, units in [("millis", 10**3), ("micros", 10**6), ("nanos", 10**9)]:
        values = [second * units, second * units + 1, -second * units - 1, 0]
        for reader, written in [("time", MILLIS), ("long", "long"), ("double", "double")]:
            given = values[:3] if units < 10**9 or reader == "time" else [7]
            yield f"timestamp-{name} as {reader}", written, logical("long", f"timestamp-{name}"), given
        nullable = ["null", logical("long", f"timestamp-{name}")]
        yield f"timestamp-{name} or null as time or null", ["null", MILLIS], nullable, [None, *values]
        yield f"local-timestamp-{name} as time", MILLIS, logical("long", f"local-timestamp-{name}"), values[:1]
    yield "date as time", MILLIS, logical("int", "date"), [0, 19676, -1]
    yield "date as int", "int", logical("int", "date"), [19676]
    yield "date as long", "long", logical("int", "date"), [19676]
    yield "time-millis as time", MILLIS, logical("int", "time-millis"), [1000]
    yield "time-micros as time", MILLIS, logical("long", "time-micros"), [1000]
    yield "time-millis as int", "int", logical("int", "time-millis"), [1000]
    yield "an unknown logical type as time", MILLIS, logical("long", "x-none"), [second * 1000]
    yield "timestamp-micros on an int as time", MILLIS, logical("int", "timestamp-micros"), [1000]
    for scale in [0, 2]:
        decimal = logical("bytes", "decimal", precision=20, scale=scale)
        fixed = logical("fixed", "decimal", precision=18, scale=scale, name="Money", size=8)
        for reader in ["double", "float"]:
            yield f"decimal({scale}) as {reader}", reader, decimal, [b"", b"\x01\x2c", b"\xff", b"\x00\x80"]
            yield f"fixed decimal({scale}) as {reader}", reader, fixed, [b"\0" * 6 + b"\x01\x2c", b"\xff" * 8]
        yield f"decimal({scale}) as string", "string", decimal, [b"12"]
        yield f"decimal({scale}) as long", "long", decimal, [b"12"]
    yield "uuid as string", "string", logical("string", "uuid"), ["6fa459ea-ee8a-3ca4-894e-db77e160355e"]
    yield "a fixed uuid as string", "string", logical("fixed", "uuid", name="Id", size=16), [b"0123456789abcdef"]
    yield "fixed as string", "string", {"type": "fixed", "name": "F", "size": 2}, [b"ab"]
    yield "fixed as double", "double", {"type": "fixed", "name": "F", "size": 8}, [b"\0" * 8]


def records():
    x, y = field("string"), field("long", "y")
    value = {"x": "a", "y": 7}
    yield "fields in another order", record(x, y), record(y, x), [value]
    renamed, old = record(field("string", aliases=["old"])), field("string", "old")
    yield "a field by an alias", renamed, record(old), [{"old": "a"}]
    yield "a field by its name although an alias exists too", renamed, record(old, x), [{"old": "b", "x": "a"}]
    yield "a record by an alias", record(x, aliases=["Gate"]), record(x, name="Gate"), [{"x": "a"}]
    yield "a record of another name", record(x), record(x, name="Window"), [{"x": "a"}]
    yield "a record of another namespace", record(x), record(x, name="com.shop.Door"), [{"x": "a"}]
    plain = [("string", "d"), ("long", 5), ("double", 0.5), ("boolean", True), ("float", 0.1)]
    for kind, default in [*plain, (["null", "string"], None), (enum("a"), "a")]:
        label = kind if isinstance(kind, str) else "enum" if isinstance(kind, dict) else "union"
        yield f"a missing {label} with a default", record(field(kind, "z", default=default), x), record(x), [{"x": "a"}]
    yield "a missing field without a default", record(x, y), record(x), [{"x": "a"}]
    yield "a missing field whose type has null", record(x, field(["null", "string"], "z")), record(x), [{"x": "a"}]
    inner = record(field("int", "n"), name="Inner")
    tree = record(field({"type": "array", "items": "Tree"}, "of"), name="Tree")
    extras = [
        ("a list", {"type": "array", "items": "string"}, [[], ["a", "b"]]),
        ("a map", {"type": "map", "values": ["null", "double"]}, [{}, {"k": 1.5, "m": None}]),
        ("bytes", "bytes", [b"ab"]),
        ("fixed", {"type": "fixed", "name": "F", "size": 3}, [b"abc"]),
        ("a record", inner, [{"n": 1}]),
        ("a record or null", ["null", inner], [None, {"n": 1}]),
        ("an enum", enum("p", "q", name="Extra"), ["q"]),
        ("a tree", tree, [{"of": [{"of": []}, {"of": [{"of": []}]}]}]),
        ("a list of nulls", {"type": "array", "items": "null"}, [[None, None]]),
        ("a default of the second branch", ["null", "string"], [None, "web"]),
        ("a null default of a string", "string", ["web"]),
        ("boolean and float", {"type": "array", "items": ["boolean", "float"]}, [[True, 0.5]]),
    ]
    defaults = {"a default of the second branch": {"default": "web"}, "a null default of a string": {"default": None}}
    for label, kind, values in extras:
        writer = record(field(kind, "extra", **defaults.get(label, {})), x)
        yield f"an extra field: {label}", record(x), writer, [{"extra": one, "x": "a"} for one in values]
