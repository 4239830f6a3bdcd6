"""The largest resident memory of a fresh process that trains."""
import report
from contenders import Contender, Unavailable


def memory_of(name, options, case):
    """Largest resident memory of a fresh process after three steps, and before the first."""
    contender = Contender(name, options, options.threads)
    try:
        before = int(contender.ask("peak"))
        contender.ask(f"case {case}")
        for _ in range(3):
            contender.ask("go")
        return int(contender.ask("peak")), before
    finally:
        contender.close()


def measure(row, options, case):
    """The whole process, or its growth since before the first step: libraries weigh before they work."""
    words = case.split()
    growth, case = words[-1] == "growth", " ".join(words[:-1])

    def figure(name, parameters):
        if (name, parameters) not in options.memory:
            options.memory[name, parameters] = memory_of(name, options, parameters)
        peak, before = options.memory[name, parameters]
        return peak - before if growth else peak

    try:
        ours = figure("ours", case)
    except Unavailable as e:
        return report.skipped(row, e)
    result = {"ours": report.summary([ours]), "note": "", "peers": {}}
    for peer in row.peers:
        try:
            found = {form: figure(peer, f"{case} {form}") for form in ("contiguous", "channels_last")}
            form = min(found, key=found.get)
            result["peers"][peer] = {"note": form, "value": report.summary([found[form]]), "verified": True,
                                     "ratio": report.summary([ours / found[form]])}
        except (Unavailable, OSError) as e:
            result["peers"][peer] = {"skip": str(e)}
    return result
