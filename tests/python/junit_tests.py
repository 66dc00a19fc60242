"""junit_tests.py XML JSON...: a suite a file, a test a row and one for the whole; what has no time, or no end, has failed."""
import json, sys
from xml.etree import ElementTree

suites = ElementTree.parse(sys.argv[1]).getroot()
assert suites.tag == "testsuites" and len(suites) == len(sys.argv) - 2
for suite, name in zip(suites, sys.argv[2:]):
    result = json.load(open(name))
    rows, tests = result["results"], suite.findall("testcase")
    assert suite.get("name") == name and suite.get("hostname") == result["context"]["host"]
    assert int(suite.get("tests")) == len(tests) == len(rows) + 1
    failed = [test for test in tests if test.find("failure") is not None]
    assert int(suite.get("failures")) == len(failed)
    assert (tests[0] in failed) == (not result["complete"])
    assert len({test.get("name") for test in tests}) == len(tests)
    for test, row in zip(tests[1:], rows):
        assert test.get("classname") == row["kernel"] and row["workload"] in test.get("name")
        if "median_ns" in row: assert abs(float(test.get("time")) * 1e9 - row["median_ns"]) < 1e-6 * row["median_ns"]
        else: assert test.find("failure").get("message") == row["failure"]
