"""Writes resolution.json: what fastavro and Apache Avro for Java read from each pair of schemas.

    python3 -m venv /tmp/avro && /tmp/avro/bin/pip install -r requirements.txt
    /tmp/avro/bin/python make.py

Needs Java 17 and Maven, which fetches Apache Avro.
"""

import copy
import io
import json
import subprocess
import sys
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

import fastavro

from pairs import pairs

HERE = Path(__file__).parent
AVRO = "org.apache.avro:avro:1.12.0"
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def bare(schema):
    """The schema for writing: without logical types, so that values are raw, and without defaults."""
    if isinstance(schema, list):
        return [bare(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    dropped = ("logicalType", "default", "precision", "scale")
    return {key: bare(one) for key, one in schema.items() if key not in dropped}


def written(schema, value):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(bare(copy.deepcopy(schema))), value)
    return out.getvalue()


def plain(value):
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
        return (aware - EPOCH) // (datetime(1970, 1, 1, 0, 0, 0, 1000) - datetime(1970, 1, 1))
    if isinstance(value, Decimal):
        return float(value)
    return value if isinstance(value, (str, int, float, bool, type(None))) else repr(value)


def by_fastavro(reader, writer, data):
    try:
        given = [fastavro.parse_schema(copy.deepcopy(one), _write_hint=False) for one in (writer, reader)]
        read = fastavro.schemaless_reader(io.BytesIO(data), *given)
        return {"value": {name: plain(one) for name, one in read.items()}}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}".split("\n")[0][:200]}


def by_java(rows):
    work = Path("/tmp/avro-resolution")
    work.mkdir(exist_ok=True)
    pom = work / "pom.xml"
    group, artifact, version = AVRO.split(":")
    pom.write_text(
        "<project><modelVersion>4.0.0</modelVersion><groupId>t</groupId><artifactId>t</artifactId><version>1</version>"
        f"<dependencies><dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>"
        f"<version>{version}</version></dependency></dependencies></project>"
    )
    path = work / "classpath"
    subprocess.run(["mvn", "-q", "-f", pom, "dependency:build-classpath", f"-Dmdep.outputFile={path}"], check=True)
    lines = "\n".join(json.dumps(row) for row in rows)
    command = ["java", "-cp", path.read_text(), HERE / "Resolve.java"]
    ran = subprocess.run(command, input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in ran.stdout.splitlines()]


def main():
    rows = []
    for name, reader, writer, values in pairs():
        for value in values:
            data = written(writer, value)
            rows.append({"name": name, "reader": reader, "writer": writer, "hex": data.hex()})
    for row, java in zip(rows, by_java(rows), strict=True):
        row["fastavro"] = by_fastavro(row["reader"], row["writer"], bytes.fromhex(row["hex"]))
        row["java"] = java
    text = ",\n".join(json.dumps(row, ensure_ascii=True) for row in rows)
    made = {"fastavro": fastavro.__version__, "java": AVRO}
    (HERE / "resolution.json").write_text(f'{{"made": {json.dumps(made)}, "rows": [\n{text}\n]}}\n')
    print(f"{len({row['name'] for row in rows})} pairs, {len(rows)} values", file=sys.stderr)


main()
