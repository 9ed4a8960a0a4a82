"""What `inspect` shows of the examples."""

import json

from mtl_keras.cli.main import main


def test_findings_are_under_the_table_and_in_the_json(tiny_recipe, capsys):
    folder = tiny_recipe.parent
    (folder / "test.csv").write_text((folder / "train.csv").read_text())
    assert main(["inspect", str(tiny_recipe)]) == 0
    lines = capsys.readouterr().out.splitlines()
    (line,) = (line for line in lines if "training texts too" in line)
    assert line.startswith("warning: topic, test: ")
    assert main(["inspect", str(tiny_recipe), "--json"]) == 0
    findings = json.loads(capsys.readouterr().out)["audit"]
    assert "shared_with_train" in {finding["about"] for finding in findings}
