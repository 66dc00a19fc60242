"""result_schema.py SCHEMA FILE...: validates result files, which may have no member that the schema does not name."""
import json, sys
import jsonschema

def close(part):
    if isinstance(part, dict):
        if "properties" in part: part.setdefault("additionalProperties", False)
        part = list(part.values())
    for inner in part if isinstance(part, list) else []: close(inner)

with open(sys.argv[1]) as file: schema = json.load(file)
jsonschema.Draft202012Validator.check_schema(schema)
close(schema)
bad = 0
for name in sys.argv[2:]:
    with open(name) as file: result = json.load(file)
    for error in jsonschema.Draft202012Validator(schema).iter_errors(result):
        print(f"{name}: {error.json_path}: {error.message[:200]}")
        bad += 1
sys.exit(bad > 0)
