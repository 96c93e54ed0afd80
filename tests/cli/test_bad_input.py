"""Bad input: exit code 2, one line that says what to do, nothing overwritten, nothing left behind."""

import pandas as pd
import pytest

QUICK = ("--hidden", "4", "--epochs", "2")

# what is wrong: (the table, options, what the line must name)
TABLES = {
    "empty file": ("", ("-t", "y"), "empty"),
    "header only": ("x,y\n", ("-t", "y"), "no rows"),
    "no such column": ("x,y\n1,a\n2,b\n", ("-t", "z"), "'z'"),
    "no such position": ("x,y\n1,a\n2,b\n", ("-t", "3"), "'3'"),
    "mistyped column": ("size,price\n1,a\n2,b\n", ("-t", "prise"), "'price'"),
    "no target": ("x,y\n1,a\n2,b\n", (), "--target"),
    "one class": ("x,y\n" + "".join(f"{i},a\n" for i in range(30)), ("-t", "y"), "one class"),
    "target all missing": ("x,y\n1,\n2,?\n3,NA\n", ("-t", "y"), "all 3 rows"),
    "only the target": ("y\n" + "a\nb\n" * 20, ("-t", "y"), "left to learn"),
    "every column missing": ("x,y\n" + ",a\n?,b\n" * 20, ("-t", "y"), "all missing"),
    "constant columns": ("x,y\n" + "1,a\n1,b\n" * 20, ("-t", "y"), "constant"),
    "text for a number": (
        "x,y\n" + "".join(f"{i % 7},w{i % 3}\n" for i in range(30)),
        ("-t", "y", "--task", "regression"),
        "'w0'",
    ),
    "a class per row": (
        "x,y\n" + "".join(f"{i % 7},name{i}\n" for i in range(30)),
        ("-t", "y"),
        "30 classes",
    ),
    "classes of two columns": (
        "x,y,z\n" + "1,a,c\n2,b,d\n" * 9,
        ("-t", "y", "-t", "z", "--task", "classification"),
        "one target",
    ),
    "rows too few to split": ("x,y\n1,a\n2,b\n", ("-t", "y"), "rows"),
    "ragged rows": ("x,y\n1,a\n2,b,c,d\n3,a\n", ("-t", "y"), "t.csv"),
    "binary": ("\0\1\2\3" * 50, ("-t", "y"), "binary"),
    "bad sql": ("", ("-t", "y"), "cannot be read"),
}
GOOD = "x,c,y\n" + "".join(f"{i % 19},{'uv'[i % 2]},{'ab'[i % 2]}\n" for i in range(60))
OPTIONS = {
    "drop of no column": (("--drop", "q"), "'q'"),
    "text as numeric": (("--numeric", "c"), "'c'"),
    "two roles": (("--numeric", "x", "--categorical", "x"), "'x'"),
    "drop of everything": (("--drop", "x,c"), "left to learn"),
    "hidden that is no number": (("--hidden", "64,x"), "--hidden"),
    "negative hidden": (("--hidden", "-3"), "--hidden"),
    "unknown activation": (("--activation", "reluu"), "'relu'"),
    "softmax inside": (("--activation", "softmax"), "softmax"),
    "unknown solver": (("--solver", "addam"), "'adam'"),
    "unknown schedule": (("--schedule", "cosin"), "'cosine'"),
    "dropout": (("--dropout", "1"), "--dropout"),
    "alpha": (("--alpha", "-1"), "--alpha"),
    "alpha that is no number": (("--alpha", "nan"), "--alpha"),
    "l1 ratio": (("--l1-ratio", "1.5"), "--l1-ratio"),
    "weight decay": (("--weight-decay", "-1"), "--weight-decay"),
    "learning rate": (("--learning-rate", "0"), "--learning-rate"),
    "batch size": (("--batch-size", "0"), "--batch-size"),
    "epochs": (("--epochs", "0"), "--epochs"),
    "patience": (("--patience", "0"), "--patience"),
    "validation": (("--validation", "1.5"), "--validation"),
    "no such test table": (("--test-table", "nowhere.csv"), "nowhere.csv"),
    "divergence": (("--solver", "sgd", "--learning-rate", "1e30", "--validation", "0"), "learning rate"),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder to work in, with a model of an earlier day."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.safetensors").write_text("old")
    return tmp_path


def assert_untouched(folder, *others: str) -> None:
    assert (folder / "model.safetensors").read_text() == "old"
    assert sorted(path.name for path in folder.iterdir()) == sorted(["model.safetensors", *others])


@pytest.mark.parametrize("name", TABLES)
def test_bad_tables(chainrule, folder, name):
    text, options, said = TABLES[name]
    (folder / "t.csv").write_text(text)
    source = "SELECT nothing FROM nowhere" if name == "bad sql" else "t.csv"
    assert said in chainrule("train", source, *options).error
    assert_untouched(folder, "t.csv")


@pytest.mark.parametrize("name", OPTIONS)
def test_bad_options(chainrule, folder, name):
    (folder / "t.csv").write_text(GOOD)
    options, said = OPTIONS[name]
    outcome = chainrule("train", "t.csv", "-t", "y", "--quiet", *options)
    assert said in outcome.error
    assert outcome.stdout == ""
    assert_untouched(folder, "t.csv")


def test_strict_refuses_what_is_left_out_otherwise(chainrule, folder):
    (folder / "t.csv").write_text(GOOD + "1,u,\n2,v,?\n")
    assert "2 rows" in chainrule("train", "t.csv", "-t", "y", "--strict").error
    assert_untouched(folder, "t.csv")


@pytest.mark.parametrize("source", ["no.csv", "no/such/folder/t.csv", "*.parquet", "."])
def test_no_such_file(chainrule, folder, source):
    assert source in chainrule("train", source, "-t", "y").error
    assert_untouched(folder)


def test_a_test_table_must_fit(chainrule, folder):
    (folder / "t.csv").write_text(GOOD)
    (folder / "u.csv").write_text("c,y\nu,a\nv,b\n")
    assert "'x'" in chainrule("train", "t.csv", "-t", "y", "--test-table", "u.csv").error
    (folder / "u.csv").write_text("x,c\n1,u\n2,v\n")
    assert "'y'" in chainrule("train", "t.csv", "-t", "y", "--test-table", "u.csv").error
    (folder / "u.csv").write_text("x,c,y\n1,u,a\n2,v,zebra\n")
    assert "'zebra'" in chainrule("train", "t.csv", "-t", "y", "--test-table", "u.csv").error
    assert_untouched(folder, "t.csv", "u.csv")


@pytest.mark.parametrize("place", [".", "no/m.safetensors", "t.csv/m.safetensors"])
def test_places_where_no_model_can_be(chainrule, folder, place):
    (folder / "t.csv").write_text(GOOD)
    outcome = chainrule("train", "t.csv", "-t", "y", "-m", place, *QUICK)
    assert "cannot write" in outcome.error
    assert outcome.stdout == ""  # known before the training, not after it
    assert_untouched(folder, "t.csv")


@pytest.mark.parametrize("command", ["predict", "evaluate", "summary"])
@pytest.mark.parametrize(
    "content", [None, b"", b"x,y\n1,2\n", b"\x80\x04\x95pickle", b"\xff" * 64, "truncated", "flipped"]
)
def test_bad_model_files(chainrule, folder, classes, command, content):
    model = folder / "bad.safetensors"
    good = classes.model.read_bytes()
    if content == "truncated":
        content = good[: len(good) // 2]
    elif content == "flipped":
        content = good[:-5] + bytes([good[-5] ^ 1]) + good[-4:]
    if content is not None:
        model.write_bytes(content)
    table = [] if command == "summary" else [classes.table]
    assert "bad.safetensors" in chainrule(command, model, *table).error


def test_usage_errors_have_exit_code_2(chainrule, folder):
    for arguments in (["frobnicate"], ["train"], ["train", "t.csv", "--hiden", "3"], ["train", "t.csv", "--test", "2"]):
        outcome = chainrule(*arguments)
        assert outcome.code == 2
        assert outcome.stderr.splitlines()[-1].startswith("Error: ")
    assert chainrule("train", "t.csv", "-t", "y", "--seed", "-1").code == 2


def test_a_process_ends_the_same_way(process, folder):
    outcome = process("train", "no.csv", "-t", "y")
    assert "no.csv" in outcome.error
    assert outcome.stdout == ""


def test_small_tables_work(chainrule, folder):
    """Thirty rows are a table, too."""
    pd.DataFrame({"x": range(0, 60, 2), "y": ["a", "b", "c"] * 10}).to_csv("t.csv", index=False)
    outcome = chainrule("train", "t.csv", "-t", "y", "--numeric", "x", "--json", *QUICK)
    assert outcome.code == 0, outcome.stderr
