"""What `inspect` and `check` show of the examples."""

import json
import re

from mtl_keras.cli.main import main


def test_findings_are_under_the_table_and_in_the_json(tiny_recipe, capsys):
    folder = tiny_recipe.parent
    (folder / "test.csv").write_text((folder / "train.csv").read_text())
    assert main(["inspect", str(tiny_recipe)]) == 0
    lines = capsys.readouterr().out.splitlines()
    (line,) = (line for line in lines if "also training texts" in line)
    assert line.startswith("warning: topic, test: ")
    assert main(["inspect", str(tiny_recipe), "--json"]) == 0
    findings = json.loads(capsys.readouterr().out)["audit"]
    assert "shared_with_train" in {finding["about"] for finding in findings}


def test_blocks_that_no_head_reads_are_said_to_be_saved(tiny_recipe, capsys):
    assert main(["inspect", str(tiny_recipe), "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert whole["left_out"] is None
    text = re.sub("  (topic|entities):", r"  \1:\n    reads: block_0", tiny_recipe.read_text())
    tiny_recipe.write_text(text)
    assert main(["inspect", str(tiny_recipe), "--json"]) == 0
    cut = json.loads(capsys.readouterr().out)
    saved = cut["left_out"]
    before, after = (sum(row["parameters"] for row in plan["groups"]) for plan in (whole, cut))
    assert saved["parameters"] >= before - after > 0  # the pooler, which no head reads, is none's
    assert saved["bytes"] == 4 * saved["parameters"]
    assert [saved["blocks"], saved["of_blocks"], saved["computation"]] == [1, 2, 0.5]
    assert main(["inspect", str(tiny_recipe)]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "No head reads" in line)
    assert line.startswith("No head reads above block_0: the encoder goes without 1 of its 2")
    assert line.endswith("and about 50% of its computation.")


def test_check_reports_all_faults_and_exits_with_2_if_there_are_any(tiny_recipe, capsys):
    assert main(["check", str(tiny_recipe)]) == 0
    assert "wrong: 0; suspicious: " in capsys.readouterr().out
    folder = tiny_recipe.parent
    for name in ("train.csv", "test.csv"):
        with (folder / name).open("a") as file:
            file.write(",x\nlast\n")
    assert main(["check", str(tiny_recipe), "--json"]) == 2
    result = json.loads(capsys.readouterr().out)
    assert [(fault["split"], len(fault["messages"])) for fault in result["faults"]] == [
        ("train", 1),
        ("train", 1),
        ("test", 1),
        ("test", 1),
    ]
    assert f"{folder}/train.csv:202: the text is empty" in result["faults"][0]["messages"][0]
    assert main(["check", str(tiny_recipe), "--set", "encoder=nowhere/at_all"]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert lines[4].startswith("recipe: ")
    assert "wrong: 5; " in lines[-1]
