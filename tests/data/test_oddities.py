"""What is odd in files is counted, and goes through JSON."""

import json

from mtl_keras.data.oddities import Oddities


def test_oddities_add_up_and_go_through_json():
    first, second = Oddities(used={"1"}), Oddities(used={"2"}, first={"label": ["b"]})
    first.note("a:3", "hidden")
    second.note("b:5", "hidden")
    second.note("b:1", "sniffed", "csv")
    first.add(Oddities.from_json(json.loads(json.dumps(second.to_json()))))
    assert (first.rows["hidden"], first.places["hidden"]) == (2, "a:3")
    assert first.details == {"hidden": "", "sniffed": "csv"}
    assert (first.used, first.first) == ({"1", "2"}, {"label": ["b"]})
