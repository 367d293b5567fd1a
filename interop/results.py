"""Results of a script's checks: a line each, and a count at the end."""

passed, failed = 0, 0


def check(name, good, detail=""):
    """Notes one check. detail helps to fix a failure."""
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    print(f"ok {name}" if good else f"FAILED {name}\n{str(detail)[-3000:]}", flush=True)


def clean(name, errors):
    """Notes one check, which passes if there is no error."""
    more = f"\n... and {len(errors) - 10} more" if len(errors) > 10 else ""
    check(name, not errors, "\n".join(str(e)[:400] for e in errors[:10]) + more)


def finish(name):
    """Prints the count, and ends the script."""
    print(f"{name}: {passed} passed, {failed} failed")
    raise SystemExit(1 if failed else 0)
