"""csv_table.py CSV JSON...: the table holds the rows of the result files, in order, each number as the file has it."""
import csv, json, sys

with open(sys.argv[1], newline="") as file: table = list(csv.DictReader(file, strict=True))
rows = [(name, row) for name in sys.argv[2:] for row in json.load(open(name))["results"]]
assert len(table) == len(rows), (len(table), len(rows))
for line, (name, row) in zip(table, rows):
    assert None not in line and None not in line.values(), line
    assert line["file"] == name and line["kernel"] == row["kernel"] and line["variant"] == row["variant"], line
    assert line["workload"].removeprefix("'") == row["workload"], line
    assert line["state"] == row.get("state", "timed"), line
    for dimension, size in row["shape"].items(): assert int(line[dimension]) == size, line
    for key, of in [("median_ns", "median_ns"), ("traffic_bytes", "bytes"), ("rate_gflop_per_s", "gflops")]:
        assert (float(line[key]) if line[key] else None) == row.get(of), (line, row)
    assert not any(value[:1] in ("=", "+", "-", "@") for value in line.values()), line
try: import pandas
except ImportError: sys.exit()
frame = pandas.read_csv(sys.argv[1])
assert len(frame) == len(rows) and frame["median_ns"].dtype == float
