#!/usr/bin/env python3
"""The frame of experiments/: verdicts on numbers worked out by hand; what is run, run again and taken up, with a stand-in for
bin/train."""
import importlib
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

FRAME = pathlib.Path(__file__).resolve().parent.parent / "experiments"
sys.path.insert(0, str(FRAME))
figures, section, table, verdict = map(importlib.import_module, ("figures", "section", "table", "verdict"))

TRAIN = '''#!/usr/bin/env python3
import json, os, pathlib, sys
set_ = dict(w.split("=", 1) for w in sys.argv[2:] if "=" in w)
run = pathlib.Path(set_["run.folder"]) / set_["run.name"]
run.mkdir(parents=True, exist_ok=True)
(run / "config.ini").write_text("")
with open("calls.log", "a") as log:
    log.write(f"{set_['run.name']} {set_['run.seed']}{' --resume' if '--resume' in sys.argv else ''}\\n")
if "--resume" in sys.argv and os.path.exists("older"):
    os.remove("older")
    sys.exit(3)
if os.path.exists("broken"):
    os.remove("broken")
    sys.exit("train: the power went out")
value = {"low": 0.80, "high": 0.85}[set_["run.name"]] + 0.01 * int(set_["run.seed"])
(run / "run.json").write_text(json.dumps({"test": {"accuracy": value, "rates": [{"far": 0.001, "tar": value - 0.1}]}}))
(run / "metrics.jsonl").write_text('{"figures": {"a.b": 1}}\\n{"figures": {"a.b": 2}}\\n{"kind": "evaluation"}\\n')
'''
PAPER = '''
title = "A paper"
source = "Somebody"
config = "experiments/base.ini"
seeds = [1, 2, 3]
prepare = ["touch {rows}/prepared"]
[tables.one]
title = "One"
figures = [
  { name = "accuracy %", file = "run.json", at = "test.accuracy", times = 100 },
  { name = "TAR %", file = "run.json", at = "test.rates[far=0.001].tar", times = 100, digits = 1 },
  { name = "last", file = "metrics.jsonl", at = "figures[a.b]" },
]
rows = [
  { name = "low", label = "low", paper = "99.1", set = ["a=b c"], then = ["touch {run}/then"] },
  { name = "high", label = "high" },
  { name = "after", label = "after low", train = false, then = ["cp {rows}/low/run.json {run}/copy.json"] },
  { name = "later", label = "later", waits = "something" },
]
claims = [
  { says = "high above low", above = "high", below = "low", figure = "accuracy %" },
  { says = "low above high", above = "low", below = "high", figure = "accuracy %" },
  { says = "as far as that", equal = ["high", "low"], within = 6, figure = "accuracy %" },
  { says = "above a number", above = "low/accuracy %", below = 81.5 },
  { says = "later above low", above = "later", below = "low", figure = "accuracy %" },
]
'''
TWICE = '[tables.zero]\ntitle = "Zero"\nfigures = []\nrows = [{ name = "low", label = "low" }]\n'


class Verdicts(unittest.TestCase):
    def test_interval(self):
        mean, half = verdict.interval([1.0, 2.0, 3.0])  # s = 1
        self.assertAlmostEqual(mean, 2)
        self.assertAlmostEqual(half, 2.920 / 3 ** 0.5)
        self.assertEqual(verdict.interval([]), (None, None))
        self.assertEqual(verdict.interval([4.0]), (4.0, None))

    def test_above(self):
        self.assertEqual(verdict.above([1, 2, 3], 0), "reproduced")
        self.assertEqual(verdict.above([-1, -2, -3], 0), "not reproduced")
        self.assertEqual(verdict.above([1, 2, 3], 0.5), "undecided")
        self.assertEqual(verdict.above([1, 2, 3], 4), "not reproduced")
        self.assertEqual(verdict.above([5], 0), "undecided")
        self.assertEqual(verdict.above([0, 0, 0], 0), "undecided")

    def test_equal(self):
        self.assertEqual(verdict.equal([-0.1, 0.1, 0], 0.5), "reproduced")
        self.assertEqual(verdict.equal([3, 3.1, 2.9], 0.5), "not reproduced")
        self.assertEqual(verdict.equal([-1, 1, 0], 0.5), "undecided")

    def test_why_undecided(self):
        self.assertEqual(verdict.why_undecided([], None, 0), "not measured")
        self.assertEqual(verdict.why_undecided([5], 0.5, 0), "one seed")
        self.assertEqual(verdict.why_undecided([-1, 1], 0.5, 0), "the interval crosses the margin")
        self.assertEqual(verdict.why_undecided([1, 2, 3], None, 0.5), "the interval holds 0.5")

    def test_look_up(self):
        value = {"a": [{"k": 0.01, "v": 5}, {"k": "x", "v": 6}], "b": {"c.d": 7}}
        for at, wanted in [("a[k=0.01].v", 5), ("a[k=x].v", 6), ("a[1].v", 6), ("a[-1].v", 6), ("b[c.d]", 7), ("a[2].v", None),
                           ("a[k=y].v", None), ("a.v", None), ("c.d", None), ("b[0]", None)]:
            self.assertEqual(figures.look_up(value, at), wanted, at)


class Runs(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)
        (self.root / "experiments").mkdir()
        (self.root / "bin").mkdir()
        for name in ("run.py", "table.py", "figures.py", "section.py", "verdict.py", "base.ini"):
            shutil.copy(FRAME / name, self.root / "experiments")
        self.put("bin/train", TRAIN).chmod(0o755)
        self.put("experiments/paper.toml", PAPER)
        self.put("results.md", "# Results\n\nBy others.\n")

    def put(self, name, text):
        (self.root / name).write_text(text)
        return self.root / name

    def run_paper(self, *words, code=0):
        done = subprocess.run([sys.executable, "experiments/run.py", "paper", "--document", "results.md", *words], cwd=self.root,
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def calls(self):
        path = self.root / "calls.log"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return sorted(lines)

    def test_everything_once(self):
        self.run_paper("--jobs", "2")
        self.assertEqual(self.calls(), [f"{row} {seed}" for row in ("high", "low") for seed in (1, 2, 3)])
        self.assertTrue((self.root / "runs/experiments/paper/s2/prepared").exists())
        self.assertTrue((self.root / "runs/experiments/paper/s2/low/then").exists())
        text = (self.root / "results.md").read_text()
        for line in ("By others.", "| low | 99.1 | 82.00 +- 1.00 | 72.0 +- 1.0 | 2.00 +- 0.00 |", "| high | - | 87.00 +- 1.00 |",
                     "| later | - | not run: waits for something | - | - |", "| high above low | +5 +- ", "| low above high | -5 +- ",
                     "| as far as that (within 6) | +5 +- ", "| later above low | - | undecided: not measured |"):
            self.assertIn(line, text)
        verdicts = [row.split(" | ")[-1] for row in text.splitlines() if "reproduced |" in row or "undecided:" in row]
        self.assertEqual(verdicts, ["reproduced |", "not reproduced |", "reproduced |", "undecided: the interval holds 0 |",
                                    "undecided: not measured |"])
        self.run_paper()
        self.assertEqual(self.calls(), [])
        self.assertEqual((self.root / "results.md").read_text(), text)

    def test_a_broken_run_is_taken_up(self):
        self.put("broken", "")
        self.assertIn("low: FAILED", self.run_paper("--seeds", "1", code=1))
        self.assertEqual(self.calls(), ["high 1", "low 1"])
        self.run_paper("--seeds", "1")
        self.assertEqual(self.calls(), ["low 1 --resume"])

    def test_a_run_of_other_defaults_begins_anew(self):
        self.put("broken", "")
        self.run_paper("--seeds", "1", code=1)
        self.put("older", "")
        self.calls()
        self.run_paper("--seeds", "1")
        self.assertEqual(self.calls(), ["low 1", "low 1 --resume"])

    def test_without_data_no_rows(self):
        self.put("experiments/paper.toml", PAPER.replace("touch {rows}/prepared", "touch /proc/nowhere"))
        self.assertIn("data: FAILED", self.run_paper("--seeds", "1", code=1))
        self.assertEqual(self.calls(), [])

    def test_what_changed_is_done_anew(self):
        self.run_paper("--seeds", "1")
        self.calls()
        self.put("experiments/paper.toml", PAPER.replace('"a=b c"', '"a=d"'))
        text = self.run_paper("--only-write") and (self.root / "results.md").read_text()
        self.assertIn("| low | 99.1 | - |", text)
        self.run_paper("--seeds", "1")
        self.assertEqual(self.calls(), ["low 1"])
        state = self.root / "runs/experiments/paper/s1/after.json"
        self.assertIn("a=d", (self.root / "runs/experiments/paper/s1/low.json").read_text())
        before = state.read_text()
        self.put("experiments/base.ini", "[train]\nsteps = 7\n")
        self.run_paper("--seeds", "1", "--rows", "high")
        self.assertEqual(self.calls(), ["high 1"])
        self.run_paper("--seeds", "1")  # low is another run now, and so is what is made of it
        self.assertEqual(self.calls(), ["low 1"])
        self.assertNotEqual(state.read_text(), before)

    def test_words_and_figures_of_all_tables(self):
        at, end = PAPER.index("figures ="), PAPER.index("rows =")
        words = '[words]\nname = "{run}/then"\ntouch = "touch {name}"\n[tables.one]'
        text = PAPER[:at] + PAPER[end:]
        text = text.replace("touch {run}/then", "{touch}").replace("[tables.one]", PAPER[at:end] + words)
        self.run_paper("--jobs", "3")
        before = (self.root / "results.md").read_text()
        self.calls()
        self.put("experiments/paper.toml", text)
        self.run_paper()  # the same commands in other words
        self.assertEqual(self.calls(), [])
        self.assertEqual((self.root / "results.md").read_text(), before)

    def test_mistakes(self):
        for change, message in [
            (('label = "low"', 'lable = "low"'), "unknown key 'lable'"),
            (('above = "high"', 'above = "hgih"'), "no row 'hgih'"),
            (("within = 6, ", ""), "needs 'above' and 'below', or 'equal' and 'within'"),
            (('title = "One"', ""), "'title' is missing"),
            (("figures = [", "note = ["), "'figures' is missing"),
            (("touch {run}/then", "touch {ran}/then"), "unknown {ran}"),
            (("seeds = [1, 2, 3]", "seeds = ["), "paper.toml: "),
            (("base.ini", "none.ini"), "no such configuration"),
            (("[tables.one]", TWICE + "[tables.one]"), "two rows 'low' that differ"),
        ]:
            self.put("experiments/paper.toml", PAPER.replace(*change, 1))
            self.assertIn(message, self.run_paper(code=1), change)
        self.put("experiments/paper.toml", PAPER)
        self.assertIn("no row later", self.run_paper("--rows", "later", code=1))
        self.put("results.md", "<!-- experiments: paper -->\n")
        self.assertIn("without <!-- end", self.run_paper("--only-write", code=1))


class Descriptions(unittest.TestCase):
    def test_every_paper_can_be_read(self):
        names = [p.stem for p in FRAME.glob("*.toml")]
        self.assertGreaterEqual(len(names), 4)
        for name in names:
            paper = table.Paper(FRAME.parent, name)
            list(section.lines(paper))
            paper.chosen([])


if __name__ == "__main__":
    unittest.main()
