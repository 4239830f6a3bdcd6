"""A paper's tables, read from PAPER.toml, and the commands that fill them."""
import hashlib
import json
import re
import shlex
import tomllib


class Mistake(Exception):
    """In a description; the message names the file and the place."""


KEYS = {
    "paper": {"title", "source", "task", "config", "seeds", "prepare", "words", "figures", "tables"},
    "table": {"title", "set", "then", "figures", "rows", "claims", "note"},
    "figure": {"name", "file", "at", "times", "digits"},
    "row": {"name", "label", "paper", "config", "set", "then", "train", "waits"},
    "claim": {"says", "figure", "above", "below", "by", "equal", "within"},
}


def digest(texts):
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:12]


def check_keys(place, kind, entry, needed):
    for key in entry:
        if key not in KEYS[kind]:
            raise Mistake(f"{place}: unknown key '{key}'; known: {', '.join(sorted(KEYS[kind]))}")
    for key in needed:
        if key not in entry:
            raise Mistake(f"{place}: '{key}' is missing")


class Paper:
    def __init__(self, root, name):
        self.root, self.name, self.file = root, name, root / "experiments" / f"{name}.toml"
        if not self.file.exists():
            known = ", ".join(sorted(p.stem for p in self.file.parent.glob("*.toml")))
            raise Mistake(f"no {self.file.name} in experiments/; there are: {known}")
        try:
            self.text = tomllib.loads(self.file.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as e:
            raise Mistake(f"{self.file.name}: {e}") from None
        self.check()
        self.seeds = self.text["seeds"]

    def check(self):
        check_keys(self.file.name, "paper", self.text, ["title", "source", "config", "seeds", "tables"])
        for key, t in self.text["tables"].items():
            t.setdefault("figures", self.text.get("figures"))
            place = f"{self.file.name}: tables.{key}"
            check_keys(place, "table", t, ["title", "figures", "rows"])
            if t["figures"] is None:
                raise Mistake(f"{place}: 'figures' is missing, here and above the tables")
            for figure in t["figures"]:
                check_keys(f"{place}: a figure", "figure", figure, ["name", "file", "at"])
            for row in t["rows"]:
                check_keys(f"{place}: a row", "row", row, ["name", "label"])
            names, figures = {r["name"] for r in t["rows"]}, {f["name"] for f in t["figures"]}
            for claim in t.get("claims", []):
                check_keys(f"{place}: a claim", "claim", claim, ["says"])
                for side in sides(claim, place):
                    row, figure = reference(side, claim)
                    if isinstance(row, str) and (row not in names or figure not in figures):
                        raise Mistake(f"{place}: claim '{claim['says']}': no row '{row}' with a figure '{figure}'")

    def folder(self, seed):
        return self.root / "runs/experiments" / self.name / f"s{seed}"

    def chosen(self, wanted):
        """(table, row) of the rows that can run, each name once. Rows of one name in two tables are one run."""
        out = {}
        for t, row in self.rows():
            if "waits" in row or wanted and row["name"] not in wanted:
                continue
            if self.commands(*out.setdefault(row["name"], (t, row)), 0) != self.commands(t, row, 0):
                raise Mistake(f"{self.file.name}: two rows '{row['name']}' that differ")
        unknown = [n for n in wanted if n not in out]
        if unknown:
            raise Mistake(f"{self.file.name}: no row {', '.join(unknown)} that can run")
        return list(out.values())

    def commands(self, t, row, seed):
        """Of a row. Behind the first stands the hash of what they do not show: a change there makes it another run."""
        places = self.places(row["name"], seed)
        rows = places["rows"]
        lines = self.filled(t.get("then", []) + row.get("then", []), places)
        beneath = list(self.text.get("prepare", []))
        if row.get("train", True):
            config = row.get("config", self.text["config"])
            settings = self.filled(t.get("set", []) + row.get("set", []), places)
            words = ["bin/train", config, f"run.folder={rows}", f"run.name={row['name']}", f"run.seed={seed}", *settings]
            lines.insert(0, shlex.join(words))
            beneath += self.configuration(config)
        for name in sorted(set(re.findall(re.escape(f"{rows}/") + r"(\w+)", " ".join(lines))) - {row["name"], "data"}):
            beneath += next((self.commands(*r, seed) for r in self.rows() if r[1]["name"] == name), [])
        return [f"{line}  # {digest(beneath)}" for line in lines[:1]] + lines[1:]

    def folders(self, name, seed):
        rows = self.folder(seed).relative_to(self.root)
        return {"rows": rows, "run": rows / name, "data": rows / "data", "seed": seed}

    def places(self, name, seed):
        """What stands in braces: folders, the seed, and the description's own words, which may hold those above them."""
        out = self.folders(name, seed)
        for word, text in self.text.get("words", {}).items():
            out[word], = self.filled([text], out)
        return out

    def filled(self, lines, places):
        try:
            return [line.format(**places) for line in lines]
        except (KeyError, IndexError, ValueError) as e:
            known = ", ".join(places)
            raise Mistake(f"{self.file.name}: unknown {{{e.args[0]}}} among the braces of {lines}; known: {known}") from None

    def rows(self):
        return ((t, row) for t in self.text["tables"].values() for row in t["rows"])

    def configuration(self, path):
        """Texts of a configuration file and those it is based on."""
        at = self.root / path
        while at:
            if not at.exists():
                raise Mistake(f"{self.file.name}: {at}: no such configuration")
            text = at.read_text(encoding="utf-8")
            yield text
            base = re.search(r"^\s*base\s*=\s*(\S+)", text, re.M)
            at = at.parent / base[1] if base else None

    def chain(self, rows, seed):
        """(name, commands) of the preparation and of every row, in order."""
        prepare = self.filled(self.text.get("prepare", []), self.folders("data", seed))  # without words: they are not in the hash
        return ([("data", prepare)] if prepare else []) + [(r["name"], self.commands(t, r, seed)) for t, r in rows]

    def finished(self, t, row, seed):
        state = self.folder(seed) / f"{row['name']}.json"
        return state.exists() and json.loads(state.read_text())["done"] == self.commands(t, row, seed)


def sides(claim, place):
    if "equal" in claim and "within" in claim:
        return claim["equal"]
    if "above" in claim and "below" in claim:
        return [claim["above"], claim["below"]]
    raise Mistake(f"{place}: claim '{claim['says']}' needs 'above' and 'below', or 'equal' and 'within'")


def reference(side, claim):
    """"row" or "row/figure" -> (row, figure); a number stands for itself."""
    if not isinstance(side, str):
        return side, None
    row, _, figure = side.partition("/")
    return row, figure or claim.get("figure", "")
