"""Logs in as every role of NEXUS and tries everything: `python3 Tests/Roles`.

The database is that of libpq's variables (PGHOST, PGDATABASE), the user a superuser; nothing
stays. Prints each deviation from the rules (rules.py); exit code 1 if there is one, 2 if the check
could not be made.
"""
import sys

sys.dont_write_bytecode = True
import matrix  # noqa: E402

try:
    deviations, ways, acts = matrix.check()
except matrix.CheckError as error:
    print(f"roles: {error}", file=sys.stderr)
    sys.exit(2)
for deviation in deviations:
    print(deviation)
logins = sum(way == "login" for way in ways.values())
print(f"{len(ways)} roles ({logins} by login) tried {acts} acts each: "
      f"{len(deviations) or 'no'} deviations")
sys.exit(1 if deviations else 0)
